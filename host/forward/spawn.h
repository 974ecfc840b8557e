/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - the programs that serve runs, one for each connection.
 */
#ifndef FORWARD_SPAWN_H
#define FORWARD_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Start (argv) in a process group of its own, with pipes for standard input and output, of which
 * *in reads what it writes and *out writes what it reads, and with standard error as we have it.
 * It inherits no other descriptor, and no signal that is ignored or blocked. 0; or errno.
 */
int spawn_start(char *const *argv, pid_t *child, int *in, int *out);

/* The connection of (child) has ended. (is_lost): not as it should: end the child's group. */
void spawn_left(pid_t child, bool is_lost);

/* How many run. */
uint32_t spawn_count(void);

/* Take the statuses of those that have ended, and print a line for each. */
void spawn_reap(void);

/* End all of them, and wait until they have ended. */
void spawn_end(void);

#endif
