/* SPDX-License-Identifier: MIT */
/*
 * work.h - what is measured: messages between two processes, by the library's own code.
 */
#ifndef TUNE_WORK_H
#define TUNE_WORK_H

#include <ivsh/geometry.h>

#include <stdbool.h>
#include <stdint.h>

enum work_kind {
	WORK_ROUNDTRIP, /* there and back; the time of both */
	WORK_STREAM,    /* one by one, one way */
	WORK_BATCH,     /* WORK_TOGETHER in one call, one way */
};

#define WORK_TOGETHER 32u
#define WORK_SIZE_MOST 65536u /* bytes of a message; of all in a batch, too */

/* A cell of the table: a kind, and a size of its messages. */
struct work {
	enum work_kind kind;
	uint32_t size; /* bytes of a message, a multiple of 8 */
};

/* One side of it, in one of the two processes. */
struct work_side {
	void *memory;   /* shared, formatted, of 2 slots */
	uint64_t bytes; /* of it */
	uint32_t side; /* 0: sends, and measures a round trip; 1: receives, and measures the rest */
	uint32_t warm; /* messages before the clock starts; a multiple of WORK_TOGETHER */
	uint32_t count; /* and while it runs; likewise */
	double ns;      /* answer of the side that measures: for each message */
};

/* Copies of the bytes that the other side has sent, and of those that it should have. */
extern uint8_t work_in[WORK_SIZE_MOST], work_out[WORK_SIZE_MOST];

/* Whether side (side) measures (work). */
bool work_measures(const struct work *work, uint32_t side);

/* Fill work_out, before the processes part. */
void work_prepare(void);

/* Do it. NULL, or what failed. */
const char *work_run(const struct work *work, struct work_side *side);

#endif
