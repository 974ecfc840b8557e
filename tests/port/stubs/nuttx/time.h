/* SPDX-License-Identifier: MIT */
/*
 * time.h - what lib/port/nuttx uses of the header of this name.
 */
#ifndef STUB_NUTTX_TIME_H
#define STUB_NUTTX_TIME_H

#include <stdint.h>

#define CLOCK_MONOTONIC 1

typedef uint32_t time_t;
typedef int clockid_t;

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};

int clock_gettime(clockid_t clockid, struct timespec *tp);

#endif
