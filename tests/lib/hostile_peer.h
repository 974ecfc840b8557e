/* SPDX-License-Identifier: MIT */
/*
 * hostile_peer.h - a peer that writes any value to any word that it may write, between any two
 * accesses of ours.
 *
 * It works in the hook of lib/core/atomic.h, so a program with it is built under IVSH_HOOK. Its
 * writes follow from a seed. A case that fails is run again with fewer and fewer of its writes, in
 * processes of their own, until none can be left out; those that are left are printed, and can be
 * passed as an argument. Host only.
 */
#ifndef HOSTILE_PEER_H
#define HOSTILE_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Where it may write: (size) bytes at (offset) of the memory. */
struct hostile_range {
	uint64_t offset, size;
};

struct hostile_peer {
	uint8_t *memory;
	uint64_t (*offset)(const void *word); /* in (memory), whoever has mapped it where */
	const struct hostile_range *ranges;
	unsigned range_count;
	uint32_t rate; /* it writes before or after one of so many accesses; 0: never */

	/* A value that is likely to go deep at (offset), or 0: the peer has values of its own. */
	uint64_t (*guess)(uint64_t offset, uint32_t dice);

	/* Called before each load of (size) bytes at (offset): it may write what is wanted there.
	 * Not recorded, so it follows from what we do alone. NULL: nothing. */
	void (*tempt)(uint64_t offset, uint32_t size);
};

/* Let (peer) loose on the calls that follow; NULL: leave us alone. */
void hostile_set(const struct hostile_peer *peer);

/* A call of the library begins: how many accesses the last one made is forgotten. */
void hostile_call(void);

/* Accesses of shared memory since hostile_call(). */
uint32_t hostile_accesses(void);

/* Another number that follows from the case's seed, and from nothing that the peer does. */
uint32_t hostile_random(void);

/* The case has failed: (what), got (got). Does not return. */
_Noreturn void hostile_fail(const char *what, long long got);

/*
 * Run cases from seed (seed) on until (steps) were counted by hostile_step(). False if one failed,
 * crashed, or took longer than 20 s; it has been shrunk and printed then.
 */
bool hostile_run(const char *name, void (*run)(void), uint32_t seed, uint64_t steps);
void hostile_step(void);

/*
 * Run one case again: (words) are those that were printed, "SEED ACCESS:OFFSET:SIZE:VALUE...". It
 * crashes or fails in this process, for a debugger to see.
 */
void hostile_replay(void (*run)(void), char **words);

#endif
