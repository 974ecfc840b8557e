/* SPDX-License-Identifier: MIT */
/*
 * exchange.c - lengths, contents and checksums of numbered messages.
 */
#include "app/exchange.h"

#include <string.h>

/*
 * Most of the time of demo and stress is spent in the two loops below. Guests are compiled with
 * -fno-builtin, where memcpy() is a call for every eight bytes; __builtin_memcpy() is one move.
 */

/* Marsaglia's xorshift, 64 bits: "Xorshift RNGs", Journal of Statistical Software 8(14), 2003. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t seed_of(const struct exchange_id *id)
{
	uint64_t state = ((uint64_t)id->sender << 48 | (uint64_t)id->receiver << 32 | id->number) +
			 UINT64_C(0x9e3779b97f4a7c15);

	(void)next(&state);
	return next(&state);
}

uint32_t exchange_size(const struct exchange_id *id, uint32_t max)
{
	const uint32_t head = sizeof(struct exchange_head);
	uint64_t seed = seed_of(id), last = id->count > 1 ? id->count - 1 : 1, room = max - head;

	if (id->random) {
		/* Every magnitude is as likely as every other. */
		uint64_t most = UINT64_C(2) << (seed >> 32) % 16;

		return head + (uint32_t)((seed & UINT32_MAX) % (most < room ? most : room));
	}
	/* The third power makes most messages small, as applications do. The product is built in
	 * steps, so that it does not overflow. */
	room = room * id->number / last;
	room = room * id->number / last;
	return head + (uint32_t)(room * id->number / last);
}

void exchange_fill(const struct exchange_id *id, uint8_t *bytes, uint32_t size)
{
	uint64_t state = seed_of(id);

	while (size >= sizeof(state)) {
		(void)next(&state);
		__builtin_memcpy(bytes, &state, sizeof(state));
		bytes += sizeof(state);
		size -= (uint32_t)sizeof(state);
	}
	(void)next(&state);
	memcpy(bytes, &state, size);
}

uint64_t exchange_sum(const uint8_t *bytes, uint32_t size)
{
	uint64_t sum = size, word = 0;

	for (; size >= sizeof(word); size -= (uint32_t)sizeof(word), bytes += sizeof(word)) {
		__builtin_memcpy(&word, bytes, sizeof(word));
		sum = (sum << 7 | sum >> 57) + word;
	}
	word = 0;
	memcpy(&word, bytes, size);
	return (sum << 7 | sum >> 57) + word;
}
