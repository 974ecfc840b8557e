/* SPDX-License-Identifier: MIT */
/*
 * slice.h - one slice of work: two new processes on two processors, for about a millisecond.
 */
#ifndef SLICE_H
#define SLICE_H

#include "tests/bench/native/bench.h"

struct slice {
	const struct contender *contender;
	enum mode mode;
	uint32_t size;
	uint32_t count; /* messages */

	/* Answers. */
	double ns;            /* per message, or per round trip */
	double before, after; /* a bare ping-pong in the same two processes, ns per round trip */
	bool fifo;            /* both had a real-time priority */
};

/* The two processors, and what there is to share: for the largest of all cells. False: said why. */
bool slice_prepare(const int cpus[2], uint64_t bytes);

/* False if it failed or took too long; a message that did not arrive whole says so. */
bool slice_run(struct slice *slice);

#endif
