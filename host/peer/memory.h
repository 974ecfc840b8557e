/* SPDX-License-Identifier: MIT */
/*
 * memory.h - a memory file that somebody left: what it holds, and who uses it, without a trace.
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

struct memory {
	const char *path;
	struct entry entry; /* the name in its folder */
	int fd;             /* open for reading */
	struct stat st;
	void *base; /* mapped for reading; NULL: not */
	struct ivsh_mem mem;

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

/*
 * Open the file (path) and find out what it holds. Without (follows), a link is refused. The exit
 * status: STATUS_DONE; STATUS_NO_DEVICE: there is no such file; another one. After a line, unless
 * done.
 */
int memory_open(struct memory *memory, const char *path, bool follows);

/* Find out who has mapped it. */
void memory_users(struct memory *memory);

/*
 * See which peers live, for IVSH_HEARTBEAT_LIMIT_NS at the most: of a sound region. How many
 * heartbeats moved, the server's among them.
 */
uint32_t memory_watch(struct memory *memory);

void memory_close(struct memory *memory);

#endif
