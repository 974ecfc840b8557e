/* SPDX-License-Identifier: MIT */
/*
 * follow.h - one ring, as an observer without a slot follows it.
 *
 * Theory of operation: a sender stores into a descriptor, or into the payload of a message, only
 * when the receiver's read index has passed that message (SPEC R7.5). So the observer copies a
 * message and then, behind an acquire fence, loads the descriptor and the read index again. While
 * the index has not passed the message and the descriptor is the same, the copy is whole: proven. A
 * sender that had stored into what was copied would have loaded a later read index before, and on
 * processors that show a store to all others at once (x86, Armv8, RISC-V) the observer's load,
 * behind its fence, finds that index, too.
 *
 * Once the index has passed it, nothing is proven: the sender may store into the payload, in any
 * order, before it stores a descriptor that says so. Such a message counts as missed. How many
 * there were is known: indices count them.
 *
 * In a new generation of the ring the read index goes to its start, which is the index of no
 * message of the old one (SPEC R6.3.1): so the proof holds across resets, too.
 */
#ifndef CAPTURE_FOLLOW_H
#define CAPTURE_FOLLOW_H

#include <ivsh/channel.h>
#include <ivsh/region.h>

#include "capture/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* Messages that were not seen. */
struct missed {
	uint64_t messages; /* the least number */
	bool at_least;     /* there may be more */
	enum packet_reason reason;
};

struct follow {
	uint32_t from, to;
	const struct ivsh_wire_sender *sender;
	const struct ivsh_wire_receiver *receiver;
	const struct ivsh_wire_desc *desc;
	struct ivsh_area area[IVSH_AREAS]; /* (known): (now) says where the next payload may be */
	struct ivsh_record now;
	uint32_t mask, shift; /* of the descriptors */
	uint32_t generation;  /* that the receiver has followed */
	uint32_t next;        /* index of the next message */
	uint32_t read;        /* the read index as last seen */
	uint64_t tail;        /* the control word at (tail_index) when no message was there */
	uint32_t tail_index;
	struct {
		uint32_t generation, reset_ack, reset_request;
	} steps;              /* as the round found them */
	bool is_used;         /* this round has copied something */
	struct missed missed; /* since the last one that was taken */
};

/* A descriptor as it was copied: a message, or a packed record. */
struct sight {
	uint32_t index;
	uint64_t control, body;
	const char *broken; /* the rule of SPEC.md that it breaks; NULL: none */
	bool released;      /* the read index had passed it before it was copied */
};

enum proof {
	PROOF_WHOLE,    /* what was copied is what the sender stored */
	PROOF_RELEASED, /* the descriptor is the same, and the receiver has released it */
	PROOF_GONE,     /* another message is there */
};

/*
 * What is done with each descriptor, in order. It answers false to end the look: then this
 * descriptor comes again. What it does not keep it gives to follow_miss().
 */
typedef bool follow_take(void *context, struct follow *follow, const struct sight *sight);

/* Begin at the oldest message that the receiver has not released. False: there is no such ring. */
bool follow_begin(struct follow *f, const struct ivsh_region *region, uint32_t from, uint32_t to);

/* Whether a side has ever opened the ring. */
bool follow_is_open(const struct follow *f);

/* A round begins. */
void follow_round(struct follow *f);

/*
 * Whether the ring is where the round found it, or nothing was copied: else its copies may be of a
 * memory that went back, whose peers have noticed it and begun anew; then a mark says so. Behind an
 * acquire fence.
 */
bool follow_is_same(struct follow *f);

/* Take what is new, two turns of the ring at most. False: (take) ended it. */
bool follow_look(struct follow *f, follow_take *take, void *context);

/* No look follows: a reset may be under way, before which something may have been missed. */
void follow_end(struct follow *f);

/*
 * Begin anew at the read index, or behind what is in flight in a memory that went back: what is in
 * between, and perhaps more, was missed.
 */
void follow_skip(struct follow *f, enum packet_reason reason);

/* How many messages (sight) stands for, and the bytes of each. */
uint32_t sight_messages(const struct sight *sight, uint32_t *size);

/* Where message (i) of (sight), not a broken one, has its bytes: in the memory, or in (sight). */
const uint8_t *follow_payload(const struct follow *f, const struct sight *sight, uint32_t i);

/* Whether what was copied of (sight) is whole. Behind the copy. */
enum proof follow_prove(const struct follow *f, const struct sight *sight);

/* The messages of (sight) were not seen. */
void follow_miss(struct follow *f, const struct sight *sight);

/* (sight) was taken. (whole): it is proven, and the next payload of its area follows it. */
void follow_advance(struct follow *f, const struct sight *sight, bool whole);

#endif
