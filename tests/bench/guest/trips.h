/* SPDX-License-Identifier: MIT */
/*
 * trips.h - what tests/bench/bridge says to the guests of tests/bench/guest/trips.c, and they to
 * each other.
 */
#ifndef TESTS_BENCH_GUEST_TRIPS_H
#define TESTS_BENCH_GUEST_TRIPS_H

#include <stdint.h>

#define TRIPS_PORT_ORDER 20u /* struct trips_order; the answer, when all are made, is empty */
#define TRIPS_PORT_BEGIN 21u /* of the guest that was told, to the other one: likewise */
#define TRIPS_PORT_ECHO 22u
#define TRIPS_SIZE_MOST 4096u

/* (count) round trips of (size) bytes with slot (peer); both ends wait by (mode), of <ivsh/wait.h>.
 */
struct trips_order {
	uint32_t peer, mode, size, count;
};

#endif
