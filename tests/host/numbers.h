/* SPDX-License-Identifier: MIT */
/*
 * numbers.h - a peer that sends numbers to all others, checks theirs, and may be killed at any time.
 *
 * A sender notes the number that it tries before the call, and that it was accepted behind it; the
 * next life goes on with the next number. A receiver notes a number before it gives it back. The
 * notes are in memory that the region knows nothing of. For kill_test.c, whose peers have eventfds
 * of their own, and numbers_peer.c, whose peers have a server; test_kill.py knows the layout.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <ivsh/mem.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NUMBERS_PEERS_MOST 16u
#define NUMBERS_DESCS IVSH_FIT_DESCS
#define NUMBERS_WINDOW 65536u /* more than can be on its way, and what nobody accepted */

/* What two peers note, one way. */
struct numbers_notes {
	_Atomic uint32_t tried; /* the highest number that the sender tried, from 1 */
	_Atomic uint32_t last;  /* the highest one that the receiver took */
	_Atomic uint32_t again; /* taken once more, marked */
	_Atomic uint8_t accepted[NUMBERS_WINDOW];
};

/* The memory of all processes: this, then the notes, [sender * peers + receiver]. */
struct numbers {
	_Atomic uint32_t stop;    /* send no more */
	_Atomic uint32_t news;    /* told of by survivors */
	_Atomic uint32_t nonce;   /* the last one used */
	_Atomic uint32_t retries; /* handshakes that were begun again */
	uint32_t peers;
	uint32_t mesh; /* at a pace, and through ivsh_region_next() */
	char wrong[200];
	struct numbers_notes notes[];
};

static inline uint64_t numbers_size(uint32_t peers)
{
	return sizeof(struct numbers) + sizeof(struct numbers_notes) * peers * peers;
}

/* One life; it ends when it is killed, or when something is wrong. */
_Noreturn void numbers_live(struct numbers *numbers, const struct ivsh_mem *mem);

#endif
