/* SPDX-License-Identifier: MIT */
/*
 * tune.h - measure geometries on this machine's processors, and choose one.
 */
#ifndef TUNE_TUNE_H
#define TUNE_TUNE_H

#include "tune/choose.h"
#include "tune/pairs.h"

#include <stdbool.h>
#include <stdint.h>

/* What the region is for: which cells are measured. */
enum tune_use {
	TUNE_LATENCY,
	TUNE_THROUGHPUT,
	TUNE_BALANCED,
	TUNE_USES,
};

struct tune {
	enum tune_use use;
	uint64_t time_ns; /* for all of it */

	/* Whether to end before the end; asked after each slice. */
	bool (*stopped)(void);
	/* What goes on, a phrase, and how many hundredths of the time are over. May be NULL. */
	void (*progress)(const char *what, unsigned percent);

	/* Answers. */
	struct contest contest;
	uint32_t chosen; /* of contest.geometries; 0: the library's own */
	struct work cells[TABLE_CELLS];
	uint32_t cpus;              /* that this process may use */
	struct pair pairs[CLASSES]; /* of each class that was met */
	double pingpong[CLASSES];   /* ns there and back; 0: the class was not met */
	uint32_t dropped, slices;   /* of all */
	char error[192];
};

enum tune_result {
	TUNE_DONE,
	TUNE_FAILED, /* tune->error has the reason */
	TUNE_STOPPED,
	TUNE_ALONE, /* there is one processor, and two are needed */
};

const char *tune_use_name(enum tune_use use);
const char *tune_work_name(const struct work *work, char text[32]);

enum tune_result tune_run(struct tune *tune);

#endif
