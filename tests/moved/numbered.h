/* SPDX-License-Identifier: MIT */
/*
 * numbered.h - messages that carry a number and a pattern, and what their receiver counts.
 *
 * The first eight bytes of a message are its number (bits 31:0), a tag of the incarnation that sent
 * it (45:32), whether its sender, which was reset, does not know if the number before was accepted
 * (46), whether it is the first of that incarnation (47), and a check of all these and the size
 * (63:48). The bytes behind them follow from the same: a receiver compares every one.
 *
 * The numbers of a sender go on from one incarnation to the next. So a receiver finds a gap, and an
 * old number that comes again. After a snapshot was loaded the sender begins at an earlier number,
 * and says so by its new tag.
 */
#ifndef NUMBERED_H
#define NUMBERED_H

#include <stdbool.h>
#include <stdint.h>

#define NUMBERED_SIZE_MIN 8u

/* What the sender of one direction knows. Zero it first. */
struct numbered_out {
	uint32_t next;  /* the number of the next message */
	uint32_t tag;   /* of the last one, or 0 */
	bool unsure;    /* whether number next - 1 was accepted */
	uint32_t tried; /* the number of the message that is being sent, and one more */
	uint64_t sent;  /* accepted */
	uint64_t full;  /* no room */
};

/* What the receiver of one direction counts. Zero it first. */
struct numbered_in {
	uint32_t want;     /* the number expected next */
	uint32_t tag, old; /* of the last message, and of the incarnation before; 0: none */
	uint32_t resets;   /* the channel's resets when the last message came */
	uint64_t taken;
	uint64_t wrong;    /* a byte that is not the sender's: it never counts as taken */
	uint64_t marked;   /* any number, marked IVSH_MAYBE_SEEN */
	uint64_t again;    /* an old number, marked so */
	uint64_t repeated; /* an old number without a mark */
	uint64_t rewound;  /* numbers by which a new incarnation of the sender began earlier */
	uint64_t gaps;     /* places where numbers are missing */
	uint64_t missing;  /* these numbers */
	uint64_t silent;   /* gaps and repetitions without a reset of the channel before */
	uint64_t last_ns;  /* when the last message came */
	uint64_t stall_ns; /* the longest time between two */
};

/* Write message out->next of the incarnation with (nonce) to (bytes), (size) bytes, at least 8. */
void numbered_write(struct numbered_out *out, uint64_t nonce, uint8_t *bytes, uint32_t size);

/* Go on after a reset of the machine, where (out) is still what it was. */
void numbered_go_on(struct numbered_out *out);

/* The message just written was accepted. */
void numbered_sent(struct numbered_out *out, uint64_t nonce);

/* Whether (size) bytes are a message that some sender wrote, whole. */
bool numbered_is_whole(const uint8_t *bytes, uint32_t size);

/*
 * Count a message that was taken, at (now_ns). whole: numbered_is_whole() said so; marked: with
 * IVSH_MAYBE_SEEN; resets: the channel's, so far.
 */
void numbered_take(struct numbered_in *in, const uint8_t *bytes, bool whole, bool marked,
    uint32_t resets, uint64_t now_ns);

#endif
