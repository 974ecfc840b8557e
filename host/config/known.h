/* SPDX-License-Identifier: MIT */
/*
 * known.h - what was looked up when the configuration was read, for servers that come later.
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

/* It was looked up before, by us or by who handed it on. */
bool known_find(enum known_kind kind, const char *name, uint32_t *number);

/* It was looked up now. What cannot be remembered is looked up again. */
void known_add(enum known_kind kind, const char *name, uint32_t number);

/*
 * All of it, for the next server: a descriptor that what is executed inherits; -1 after one line.
 */
int known_keep(void);

/* Take what known_keep() wrote. Without (fd), -1, nothing is known. 0, or -1 after one line. */
int known_read(int fd);

#endif
