/* SPDX-License-Identifier: MIT */
/*
 * slice.h - slices of work: two processes on two processors, for about a millisecond each.
 */
#ifndef TUNE_SLICE_H
#define TUNE_SLICE_H

#include "tune/work.h"

#include <ivsh/geometry.h>

#include <stdbool.h>
#include <stdint.h>

#define CPUS_MOST 8192u /* processors that a kernel may have: CONFIG_NR_CPUS of x86_64 */

/* Where two processors stand to each other, by what a bare ping-pong between them takes. */
enum slice_class {
	CLASS_SIBLING, /* two threads of one core */
	CLASS_CLUSTER, /* two cores with a cache in common */
	CLASS_FAR,     /* two cores without */
	CLASSES,
};

struct slice {
	const struct ivsh_geometry *geometry; /* NULL: the ping-pong alone */
	struct work work;
	uint32_t count; /* messages */

	/* Answers. */
	double ns;       /* for each message */
	double pingpong; /* a bare one, there and back, which the two processes played before and
	                    after the work */
	enum slice_class class;
};

enum slice_result {
	SLICE_GOOD,
	SLICE_DROPPED, /* the host moved the processors meanwhile, or something else ran there */
	SLICE_LOST,    /* likewise, for so long that a process ended itself: begin again */
	SLICE_FAILED,  /* slice_error() has the reason */
};

const char *slice_class_name(enum slice_class class);

/*
 * Make two processes on these processors, with pages of their own: where those stand in the caches
 * is luck, and no geometry shall have one alone. (bytes): of the largest region. Ends those that
 * there are. 0, or -1: slice_error() has the reason.
 */
int slice_begin(const int cpu[2], uint64_t bytes);
void slice_end(void);

enum slice_result slice_run(struct slice *slice);
const char *slice_error(void);

#endif
