/* SPDX-License-Identifier: MIT */
/*
 * sender.h - the sending end of a ring: its opening, its credit, its slow path.
 */
#ifndef IVSH_CORE_SENDER_H
#define IVSH_CORE_SENDER_H

#include "core/descriptor.h"
#include "core/linkage.h"

#include <ivsh/channel.h>

/* The sender's half of ivsh_chan_open(); the pointers into the ring are set. */
int ivsh_sender_open(struct ivsh_chan *ch);

/*
 * Make invalid what stands valid behind our index: messages of a batch that was cut before its
 * first one was stored, so none of them was accepted. SPEC R7.9. 0; IVSH_EPROTO: it is damage.
 */
int ivsh_sender_retire(struct ivsh_chan *ch);

/*
 * Load the receiver's read index, and take back what it released. 0; IVSH_EPROTO: the index is
 * impossible, and the channel broke.
 */
int ivsh_sender_collect(struct ivsh_chan *ch);

/*
 * The credit, in messages or in bytes of an area, is used up: do what is due, and move it on.
 * 0: it is enough for a message of (size) bytes now; IVSH_EAGAIN: the slow path decides.
 */
int ivsh_sender_refill(struct ivsh_chan *ch, uint32_t size);

/* Bytes in one piece that area (i) has free where its last payload ended, known or not. */
uint32_t ivsh_sender_left(const struct ivsh_chan *ch, uint32_t i);

/*
 * A message of (size) bytes was not sent, because of (error): keep what it waits for. Answers
 * (error).
 */
int ivsh_sender_wait(struct ivsh_chan *ch, uint32_t size, int error);

/* The same, where the slot does not read as ours: answers as ivsh_slot_moved(). */
APART int ivsh_sender_moved(struct ivsh_chan *ch, uint32_t size);

/* Whether there is room for what last found none. Breaks the channel on a bad read index. */
bool ivsh_sender_is_ready(struct ivsh_chan *ch);

/* The slow path: any message, any state of the channel. As ivsh_chan_send() and so on. */
int ivsh_sender_send(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size);
int ivsh_sender_reserve(struct ivsh_chan *ch, uint32_t size, void **payload);
int ivsh_sender_publish(struct ivsh_chan *ch, uint16_t port);

/* The message at (index) gets its body and, last, its control word: it is accepted. */
static inline void sender_store(
    struct ivsh_chan *ch, uint32_t index, uint64_t control, uint64_t body)
{
	uint32_t at = index & ch->mask;

	descriptor_store(&ch->tx.desc[at], control | ch->tx.wrap, body);
	ch->tx.record[at] = ch->tx.now;
	ch->tx.head = index + 1;
}

/*
 * The same where tx.now has just changed. It was stored by its fields, behind the payload; so it is
 * loaded by its fields: a processor lets a load of both wait until those stores are in the cache,
 * and they wait there for the payload's lines to come from the receiver.
 */
static inline void sender_store_behind(
    struct ivsh_chan *ch, uint32_t index, uint64_t control, uint64_t body)
{
	uint32_t at = index & ch->mask;

	descriptor_store(&ch->tx.desc[at], control | ch->tx.wrap, body);
	for (uint32_t i = 0; i < IVSH_AREAS; i++) {
		uint32_t end = ch->tx.now.end[i];

		/* Else a compiler makes one load of two. */
		__asm__("" : "+r"(end));
		ch->tx.record[at].end[i] = end;
	}
	ch->tx.head = index + 1;
}

#endif
