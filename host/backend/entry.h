/* SPDX-License-Identifier: MIT */
/*
 * entry.h - a name in a folder, and the folder held: what is looked at and what is then done to it
 * are in one place, whatever becomes of the path meanwhile.
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

/* Hold the folder of (path), which need not exist itself. 0; or -1 with errno. */
int entry_open(struct entry *entry, const char *path);

void entry_close(struct entry *entry);

/* What has the name, links not followed. 0, or -1 with errno. */
int entry_stat(const struct entry *entry, struct stat *st);

/* The name still leads to the file that (st) is about. */
bool entry_is(const struct entry *entry, const struct stat *st);

/*
 * Remove the name (path), if it leads to the file of this device and number. Only who may write in
 * that folder can put another there in between, and could remove that himself.
 */
void entry_remove(const char *path, dev_t device, ino_t inode);

#endif
