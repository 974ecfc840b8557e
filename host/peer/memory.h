/* SPDX-License-Identifier: MIT */
/*
 * memory.h - a memory file that somebody left, or the files of a split region in their folder: what
 * they hold, and who uses them, without a trace.
 */
#ifndef PEER_MEMORY_H
#define PEER_MEMORY_H

#include "app/probe.h"
#include "backend/entry.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define MEMORY_USERS 8u /* processes that are named */

enum memory_kind {
	MEMORY_REGION, /* formatted, or damaged behind the magic: ours */
	MEMORY_EMPTY,  /* all zeros: as slot 0 and a server want it */
	MEMORY_OTHER,  /* something else */
};

/* The file of a slot of a split region. */
struct memory_part {
	int fd;    /* open for reading; -1: it is not there, or no memory */
	int error; /* why; 0: no regular file, or too small */
	struct stat st;
	struct ivsh_mem_part mem;
};

struct memory {
	const char *path;
	struct entry entry; /* the name in its folder */
	int fd;             /* open for reading; of a split region what all read; -1: not there */
	struct stat st;
	void *base; /* mapped for reading; NULL: not */
	struct ivsh_mem mem;

	/* Of a split region; -1: one memory for all. What it is on the disk, and its parts, by
	 * slot: as many as the header says, or as there are files. */
	int folder;
	struct stat folder_st;
	struct memory_part part[IVSH_WIRE_SLOTS_MAX];
	struct ivsh_mem_part parts[IVSH_WIRE_SLOTS_MAX]; /* those that are mapped */
	uint32_t part_count;

	enum memory_kind kind;
	int error;                 /* of the probe; 0: the region is sound, and (probe) has it */
	struct ivsh_attach attach; /* what belongs to it */
	struct probe probe;

	/* Who has mapped the file, as far as /proc shows. */
	struct {
		pid_t pid;
		char name[32];
	} user[MEMORY_USERS];
	uint32_t users;
	uint32_t hidden; /* processes whose mappings this user may not see */
};

/* Cut the slashes at the end of the path of a folder. Answers (path). */
char *memory_folder(char *path);

/*
 * Open the file, or folder, (path) and find out what it holds. Without (follows), a link is
 * refused. The exit status: STATUS_DONE; STATUS_NO_DEVICE: there is no such file; another one.
 * After a line, unless done.
 */
int memory_open(struct memory *memory, const char *path, bool follows);

/* Find out who has mapped it. */
void memory_users(struct memory *memory);

/*
 * See which peers live, for IVSH_HEARTBEAT_LIMIT_NS at the most: of a sound region. How many
 * heartbeats moved, the server's among them.
 */
uint32_t memory_watch(struct memory *memory);

/* Bytes of it that are allocated. */
uint64_t memory_allocated(const struct memory *memory);

void memory_close(struct memory *memory);

/* --- memory_parts.c: the files of a split region in their folder ---------------------------- */

/*
 * Open what is in memory->folder: the common memory as memory->fd, and each part. The exit status,
 * after a line unless done: a part that cannot be used is none.
 */
int memory_parts_open(struct memory *memory);

/*
 * The first name in the folder that is none of a split region's; NULL: there is none. Empty: the
 * folder could not be read, and errno says why.
 */
const char *memory_parts_stranger(const struct memory *memory);

/* Whether it has a magic of its own, or nothing in its first eight bytes. */
bool memory_part_is_ours(const struct memory_part *part);

void memory_parts_close(struct memory *memory);

#endif
