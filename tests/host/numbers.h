/* SPDX-License-Identifier: MIT */
/*
 * numbers.h - a peer that sends numbers to all others, checks theirs, and may be killed at any
 * time.
 *
 * A sender notes a number before it sends it, and notes after the call that it was accepted; its
 * next incarnation goes on with the next number. A receiver notes a number before it releases the
 * message. The notes are in memory of their own, outside of the region. The peers of kill_test.c
 * have eventfds of their own, those of numbers_peer.c a server; test_kill.py knows the layout.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <ivsh/mem.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NUMBERS_PEERS_MAX 16u
#define NUMBERS_DESCS IVSH_FIT_DESCS
#define NUMBERS_WINDOW 65536u /* more numbers than can be tried and not yet received */

/* The notes of two peers, one way. */
struct numbers_notes {
	_Atomic uint32_t tried; /* the highest number that the sender tried, from 1 */
	_Atomic uint32_t last;  /* the highest one that the receiver got */
	_Atomic uint32_t again; /* received once more, and marked so */
	_Atomic uint8_t accepted[NUMBERS_WINDOW];
};

/* The memory of all processes: this, then the notes, [sender * peers + receiver]. */
struct numbers {
	_Atomic uint32_t stop;     /* nobody sends any more */
	_Atomic uint32_t restarts; /* of other peers, as events reported them */
	_Atomic uint32_t nonce;    /* the last one used */
	_Atomic uint32_t retries;  /* handshakes that began again */
	uint32_t peers;
	uint32_t mesh; /* at a pace, and through ivsh_region_next() */
	char wrong[200];
	struct numbers_notes notes[];
};

static inline uint64_t numbers_size(uint32_t peers)
{
	return sizeof(struct numbers) + sizeof(struct numbers_notes) * peers * peers;
}

/* Run one incarnation. It ends when it is killed, or when something is wrong. */
_Noreturn void numbers_run(struct numbers *numbers, const struct ivsh_mem *mem);

#endif
