/* SPDX-License-Identifier: MIT */
/*
 * process.h - what this machine knows of a client: its command line, its user's name.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stddef.h>
#include <stdint.h>

#define PROCESS_COMMAND 4096 /* bytes of a command line; the rest is cut off */
#define PROCESS_USER 64

/*
 * The command line of process (pid), its words with blanks between, any bytes else. (pid) is who
 * connected; it may have ended since, and its number be another's.
 *
 * NULL if there is none, or (command).
 */
const char *process_command(uint64_t pid, char command[PROCESS_COMMAND]);

/* The name of user (uid). NULL if there is none, or (user). */
const char *process_user(uint64_t uid, char user[PROCESS_USER]);

#endif
