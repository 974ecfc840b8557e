/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the time on CLOCK_MONOTONIC, which all processes of a machine share.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Milliseconds until (end_ns), rounded up; 0: it has passed. At most 1000 s, for poll(2). */
static inline int clock_left_ms(uint64_t end_ns)
{
	uint64_t now = clock_now_ns();
	uint64_t ms = now < end_ns ? (end_ns - now + 999999) / 1000000 : 0;

	return ms < 1000000 ? (int)ms : 1000000;
}

#endif
