/* SPDX-License-Identifier: MIT */
/*
 * parts.h - the memories of a split region: DIR/common, DIR/part-N, and a common memory for each
 * slot. SPEC 17.
 *
 * A part is a file, since QEMU opens it by its name, and others open it for reading alone. The
 * common memory of a slot is none: QEMU maps a doorbell's BAR2 for writing, so what it is given is
 * what its guest can forge. DIR/common is for observers, and no client can write there.
 */
#ifndef PARTS_H
#define PARTS_H

#include "backend/backend.h"
#include "config/options.h"
#include "wire/state.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct parts {
	char path[PATH_MAX]; /* DIR */
	bool is_made;        /* DIR, by us: close removes it */
	dev_t device;        /* of DIR */
	ino_t inode;
	uint32_t count;
	struct state_memory *memory; /* (count) of them; a descriptor is -1 where there is none */
	bool *is_created;            /* of each part's file: close removes it */
	int reader;                  /* of DIR/common, for reading alone; -1 */
	int common;     /* for writing: parts_open() has opened it, and does not close it */
	uint32_t mode;  /* of the files; BACKEND_KEEP: 0600, unless a user is named */
	uint32_t *user; /* of each part, by user=; OPTIONS_NONE: nobody is named */
	/* The requests of a server that has not begun: */
	uint32_t *wanted; /* likewise */
	bool is_given;    /* they are done, and may have to be undone */
	bool is_opened;   /* likewise: all users can read the files, which none could */
};

/*
 * Open DIR, make it if it is missing, and in it, as (common), DIR/common, and the parts; format
 * them, or keep the region that is there already: then *kept is set. Give each part to the user of
 * its slot. Make the common memories of the slots.
 *
 * 0, or -1 after one line. parts_close() is to be called in both cases.
 */
int parts_open(
    struct parts *parts, struct backend *common, const struct options *options, bool *kept);

/* Write them to (state), for a server that begins. */
void parts_write_down(const struct parts *parts, const struct state *state);

/* A server wants the part of (slot) to be the (user)'s. Harmless where there is none. */
void parts_want(struct parts *parts, uint32_t slot, uint32_t user);

/*
 * The server is ready: give each part to the user that it wants, and let all users read all parts,
 * if one is named. 0, or -1 after one line, and all is as it was.
 */
int parts_give(struct parts *parts);

/* The server begins: it stays like that. Or it does not, and all is as it was. */
void parts_settle(struct parts *parts, bool begins);

/* Close all, and remove what parts_open() has made. (common) is to be closed before. */
void parts_close(struct parts *parts);

#endif
