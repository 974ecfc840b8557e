/* SPDX-License-Identifier: MIT */
/*
 * feed.c - a fuzzer's input, taken byte by byte.
 */
#include "tests/fuzz/feed.h"

#include <string.h>

static const uint8_t *at, *end;

void feed_set(const uint8_t *data, size_t size)
{
	at = data;
	end = data + size;
}

bool feed_left(void)
{
	return at != end;
}

uint8_t feed_byte(void)
{
	return at != end ? *at++ : 0;
}

uint64_t feed_number(unsigned bytes)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < bytes; i++)
		number |= (uint64_t)feed_byte() << (8 * i);
	return number;
}

size_t feed_bytes(void *to, size_t size)
{
	if (size > (size_t)(end - at))
		size = (size_t)(end - at);
	if (size != 0)
		memcpy(to, at, size);
	at += size;
	return size;
}
