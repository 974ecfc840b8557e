/* SPDX-License-Identifier: MIT */
/*
 * known.h - the names that were resolved when the configuration was read, for later servers.
 *
 * A server that takes over reads the same configuration as the last one. It must come to the same
 * numbers, also when the name service is away by then, or a limit has changed.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <stdbool.h>
#include <stdint.h>

enum known_kind {
	KNOWN_USER,    /* by name */
	KNOWN_GROUP,   /* by name */
	KNOWN_PRIMARY, /* the group of a user, by number */
	KNOWN_SLOTS,   /* as many as descriptors allow, by what each peer takes */
	KNOWN_KINDS
};

/* Find a name that this process or an earlier server has resolved. */
bool known_find(enum known_kind kind, const char *name, uint32_t *number);

/* Record a name that was just resolved. One that cannot be recorded is resolved again. */
void known_add(enum known_kind kind, const char *name, uint32_t number);

/*
 * All of it, for the next server: a descriptor that what is executed inherits; -1 after one line.
 */
int known_keep(void);

/* Take what known_keep() wrote. Without (fd), -1, nothing is known. 0, or -1 after one line. */
int known_read(int fd);

#endif
