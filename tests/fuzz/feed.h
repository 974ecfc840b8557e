/* SPDX-License-Identifier: MIT */
/*
 * feed.h - a fuzzer's input, taken byte by byte. Behind its end stand zeroes.
 */
#ifndef FEED_H
#define FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The function that libFuzzer calls: each target has one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void feed_set(const uint8_t *data, size_t size);

bool feed_left(void);
uint8_t feed_byte(void);
uint64_t feed_number(unsigned bytes); /* little-endian */

/* Up to (size) bytes, as many as are left, to (to): how many. */
size_t feed_bytes(void *to, size_t size);

/* Report a broken condition as a crash. */
#define FUZZ_MUST(condition)              \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#endif
