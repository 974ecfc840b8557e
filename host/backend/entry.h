/* SPDX-License-Identifier: MIT */
/*
 * entry.h - a name in a folder that is held open: all calls concern the same folder, even if its
 * path changes meanwhile.
 */
#ifndef ENTRY_H
#define ENTRY_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct entry {
	int folder; /* -1: none */
	char name[NAME_MAX + 1];
};

/* Open the folder of (path), which need not exist itself. 0, or -1 with errno. */
int entry_open(struct entry *entry, const char *path);

/* The same where its folder, whatever (path) calls it, is held open as (folder). */
int entry_open_in(struct entry *entry, int folder, const char *path);

void entry_close(struct entry *entry);

/* The file of that name; links are not followed. 0, or -1 with errno. */
int entry_stat(const struct entry *entry, struct stat *st);

/* Whether the name is still that of the file (st). */
bool entry_is(const struct entry *entry, const struct stat *st);

/*
 * Remove the name (path), if it is that of the file with this device and number. A user who may
 * write in that folder can replace the file in between; that user could also remove the name.
 */
void entry_remove(const char *path, dev_t device, ino_t inode);

#endif
