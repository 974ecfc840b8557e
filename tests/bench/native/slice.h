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
	int cpus[2];    /* one for each process; -1: any, and without a real-time priority */
	bool calibrate; /* play a ping-pong before and after */

	/* Answers. */
	double ns;            /* per message, or per round trip */
	double before, after; /* a bare ping-pong in the same two processes, ns per round trip */
	bool fifo;            /* both had a real-time priority */
	bool wrong;           /* a message did not arrive whole */
};

/* What there is to share: enough for the largest of all cells. False: said why. */
bool slice_prepare(uint64_t bytes);

/* False if it failed or took too long, or a message did not arrive whole. */
bool slice_run(struct slice *slice);

#endif
