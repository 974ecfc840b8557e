/* SPDX-License-Identifier: MIT */
/*
 * target.h - the file that get writes: there as a whole, or as it was.
 */
#ifndef TARGET_H
#define TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct target {
	const char *path; /* as it was given; "stdout" */
	int fd;           /* what is written; -1: none */
	int folder;       /* where the file will stand; -1: (fd) is the target itself */
	char name[NAME_MAX + 1];
	char temporary[32]; /* in (folder), empty: the file has no name yet */
	bool is_replaced;   /* (old) is what stands under the name now */
	struct stat old;
};

/*
 * Get ready to write the file (path): beside it, in a file that has no name, or a temporary one
 * where the file system cannot do without. A pipe, a device, and what is a descriptor of ours
 * already, as /dev/stdout, are written as they come. (path) "-" is standard output.
 *
 * 0, or -1 after one line on stderr. Nothing of an existing file was changed.
 */
int target_open(struct target *target, const char *path);

/* Write (size) bytes. 0, or -1 after one line on stderr. */
int target_write(struct target *target, const void *data, uint32_t size);

/*
 * All is written: give the file its name, with the mode and, where we may, the owner of the one
 * that it replaces. 0, or -1 after one line on stderr.
 */
int target_keep(struct target *target);

/* Close what is open; what was not kept is gone. */
void target_close(struct target *target);

#endif
