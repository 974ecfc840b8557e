/* SPDX-License-Identifier: MIT */
/*
 * entry.c - a name in a folder that is held open.
 */
#include "backend/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int entry_open(struct entry *entry, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[PATH_MAX];

	entry->folder = -1;
	errno = ENOENT;
	if (!*name)
		return -1;
	errno = ENAMETOOLONG;
	if (strlen(name) >= sizeof(entry->name) || (slash && slash - path >= PATH_MAX - 1))
		return -1;
	strcpy(entry->name, name);
	/* With its slash, since the path of the root is nothing else. */
	snprintf(
	    folder, sizeof(folder), "%.*s", slash ? (int)(name - path) : 1, slash ? path : ".");
	entry->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return entry->folder < 0 ? -1 : 0;
}

int entry_open_in(struct entry *entry, int folder, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	entry->folder = -1;
	errno = *name ? ENAMETOOLONG : ENOENT;
	if (!*name || strlen(name) >= sizeof(entry->name))
		return -1;
	strcpy(entry->name, name);
	entry->folder = fcntl(folder, F_DUPFD_CLOEXEC, 3);
	return entry->folder < 0 ? -1 : 0;
}

void entry_close(struct entry *entry)
{
	if (entry->folder >= 0)
		close(entry->folder);
	entry->folder = -1;
}

int entry_stat(const struct entry *entry, struct stat *st)
{
	return fstatat(entry->folder, entry->name, st, AT_SYMLINK_NOFOLLOW);
}

bool entry_is(const struct entry *entry, const struct stat *st)
{
	struct stat named;

	return entry_stat(entry, &named) == 0 && named.st_dev == st->st_dev &&
	       named.st_ino == st->st_ino;
}

void entry_remove(const char *path, dev_t device, ino_t inode)
{
	const struct stat ours = {.st_dev = device, .st_ino = inode};
	struct entry entry;

	if (entry_open(&entry, path))
		return;
	if (entry_is(&entry, &ours))
		unlinkat(entry.folder, entry.name, 0);
	entry_close(&entry);
}
