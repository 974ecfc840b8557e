/* SPDX-License-Identifier: MIT */
/*
 * finding.h - what an observer finds wrong in a region, and how sure it can be.
 *
 * Theory of operation: memory changes while it is read, and peers may stop at any instruction. So a
 * word is called broken only if no peer that keeps SPEC.md can leave it so at any instruction, and
 * if a second look, after a pause, finds it and all words that decide about it as the first one
 * did: two looks at the same words have the same digest. What one of the two does not hold for is
 * unsure.
 */
#ifndef OBSERVE_FINDING_H
#define OBSERVE_FINDING_H

#include <stddef.h>
#include <stdint.h>

#define OBSERVE_FINDINGS 32u /* kept of one part of a region; the others are counted */

enum observe_grade {
	OBSERVE_BROKEN, /* nobody who keeps SPEC.md leaves this */
	OBSERVE_UNSURE, /* damage, or something under way, or a peer that ended at a bad moment */
	OBSERVE_NOTE,   /* no damage, and worth a line */
};

struct observe_finding {
	enum observe_grade grade;
	const char *rule; /* of SPEC.md: "R7.5.4" */
	const char *word; /* "receiver.read" */
	const char *why;  /* what is wrong with it */
	uint64_t offset;  /* of the word, in its memory */
	uint64_t value;   /* as it was read */
	uint32_t size;    /* of the word, in bytes */
	uint32_t memory;  /* its number */
};

/*
 * The number of a memory: 0 is the region's only one, or the common one of a split region, and 1 +
 * the slot is a part.
 */
#define OBSERVE_PART(slot) ((slot) + 1u)

struct observe_findings {
	uint32_t kept; /* of (list) */
	uint32_t broken, unsure, notes;
	struct observe_finding list[OBSERVE_FINDINGS];
};

/* Add one; beyond OBSERVE_FINDINGS it is counted only. */
void observe_add(struct observe_findings *findings, const struct observe_finding *finding);

/* The second look differs from the first one: what is broken in (findings) is unsure. */
void observe_unsure(struct observe_findings *findings);

/* All words from number (first) of the list on are in that memory. */
void observe_in(struct observe_findings *findings, uint32_t first, uint32_t memory);

/* A digest that goes on with (value). It begins with any number. */
uint64_t observe_digest(uint64_t digest, uint64_t value);

/* Loads of words that others may be storing: each is one access, with acquire. */
static inline uint32_t observe_load32(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* On a machine with registers of 4 bytes the high half comes first. SPEC R1.3.2. */
static inline uint64_t observe_load64(const uint64_t *word)
{
	const uint32_t *half = (const uint32_t *)(const void *)word;
	uint64_t high;

	if (sizeof(size_t) == 8)
		return __atomic_load_n(word, __ATOMIC_ACQUIRE);
	high = observe_load32(&half[1]);
	return high << 32 | observe_load32(&half[0]);
}

/* Copy (size) bytes, a multiple of 4, word by word. */
void observe_copy(void *to, const void *from, size_t size);

#endif
