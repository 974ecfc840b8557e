/* SPDX-License-Identifier: MIT */
/*
 * drain.h - where a capture goes: a file that grows, a pipe, or standard output.
 *
 * Whole blocks are collected in a buffer. So a reader that follows the file finds whole blocks, but
 * for the one that is being written; and a file whose disk is full is cut behind its last whole
 * block.
 */
#ifndef CAPTURE_DRAIN_H
#define CAPTURE_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* How an output failed, each after one line on stderr. */
enum drain_error {
	DRAIN_FAILED = -1,  /* as the line says */
	DRAIN_CLOSED = -2,  /* nobody reads the pipe any more; without a line */
	DRAIN_STOPPED = -3, /* a signal came before a reader, or while the pipe was full */
};

struct drain {
	const char *path; /* as it was given; "stdout" */
	int fd;
	bool is_file;
	bool (*stopped)(void); /* whether this program is to end */
	uint8_t *buffer;
	size_t capacity, used;
	uint64_t kept; /* bytes of the file in whole blocks */
	int error;     /* the first DRAIN_*: nothing is written any more */
	size_t cut;    /* then what the buffer has from here to (used) is not in a file */
};

/*
 * Open (path), "-" for standard output, with a buffer of (capacity) bytes. A file is emptied. (out)
 * is cleared but for (stopped). is_memory: whether a file is the region itself. 0, or DRAIN_*.
 */
int drain_open(struct drain *out, const char *path, size_t capacity,
    bool (*is_memory)(const struct stat *file));

/* Room for (size) bytes in the buffer, at its end. NULL: flush first. */
uint8_t *drain_room(struct drain *out, size_t size);

/* A block of (size) bytes was written where drain_room() said. */
void drain_add(struct drain *out, size_t size);

/* Write what is in the buffer. 0, or DRAIN_*. */
int drain_flush(struct drain *out);

/* Bytes of the block at (at) in the buffer. */
uint32_t drain_block(const struct drain *out, size_t at);

/*
 * After drain_flush(): write the last block, of (size) bytes, to a file whose disk has become full
 * as well, if it finds room where the last packet was cut off.
 */
void drain_last(struct drain *out, const void *block, size_t size);

void drain_close(struct drain *out);

#endif
