/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - what this machine knows of a client's numbers: its command line, its user's name.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#define LOOKUP_COMMAND 4096 /* bytes of a command line; the rest is cut off */
#define LOOKUP_USER 64      /* bytes of a user's name */

/*
 * Write the command line of process (pid) to (command): its words, of any bytes, with blanks
 * between. (pid) is the process that connected. It may have ended, and another process may have its
 * number.
 *
 * Returns (command), or NULL: there is none.
 */
const char *lookup_command(uint64_t pid, char command[LOOKUP_COMMAND]);

/* Write the name of user (uid) to (user). Returns (user), or NULL: there is none. */
const char *lookup_user(uint64_t uid, char user[LOOKUP_USER]);

#endif
