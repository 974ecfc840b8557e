/* SPDX-License-Identifier: MIT */
/*
 * receiver.h - the receiving end of a ring: its opening, its credit, its slow path.
 */
#ifndef IVSH_CORE_RECEIVER_H
#define IVSH_CORE_RECEIVER_H

#include "core/descriptor.h"
#include "core/linkage.h"
#include "core/ring.h"
#include "core/slot.h"

#include <ivsh/channel.h>

/* The receiver's half of ivsh_chan_open(); the pointers into the ring are set. */
void ivsh_receiver_open(struct ivsh_chan *ch);

/*
 * Publish the read index: the sender may use what was released. 0, or as ivsh_slot_moved().
 */
int ivsh_receiver_publish(struct ivsh_chan *ch);

/* Publish the read index, whatever is due, and refill the credit. */
void ivsh_receiver_release_all(struct ivsh_chan *ch);

/*
 * (count) messages were taken: one, or as many of the packed record that is begun. Count them, and
 * release what is over: the record with its last message. None is peeked.
 */
void ivsh_receiver_advance(struct ivsh_chan *ch, uint32_t count);

/*
 * The credit, in messages or in bytes of (area), is used up: do what is due, and move it on. area:
 * NULL for an inline message. 0: it is enough for a message of (size) bytes now; IVSH_EAGAIN: the
 * slow path decides.
 */
int ivsh_receiver_refill(struct ivsh_chan *ch, const struct ivsh_area *area, uint32_t size);

/*
 * The slot does not read as ours behind the copy of a message, which is not believed. Answers as
 * ivsh_slot_moved().
 */
APART int ivsh_receiver_moved(struct ivsh_chan *ch);

/* The slot's heartbeat is another than ours: as receiver_memory_check(). */
APART int ivsh_receiver_memory_check(struct ivsh_chan *ch);

/*
 * Behind a fence that is behind the last load of what is to be delivered: 0, or as
 * ivsh_slot_check() if the memory went back meanwhile and brought other bytes. SPEC R5.12.7.
 */
static inline int receiver_memory_check(struct ivsh_chan *ch)
{
	return slot_beats_alike(ch->region) ? 0 : ivsh_receiver_memory_check(ch);
}

/*
 * Likewise: whether the message at the read index, or its record, is still there. With it stand its
 * bytes, whatever happened since it was found: a memory that went back and has it, has them, too.
 */
static inline bool receiver_record_stands(const struct ivsh_chan *ch)
{
	const struct ivsh_wire_desc *desc = &ch->rx.desc[ch->rx.read & ch->mask];

	return control_wrap(load64(&desc->control) ^ ring_wrap_bits(ch->rx.read, ch->shift)) == 0;
}

/*
 * Likewise, of a message that was found since the last check: a memory that went back before that
 * may have met a sender, not moved either, in the middle of storing it. SPEC R5.12.7.
 */
static inline bool receiver_message_stands(const struct ivsh_chan *ch)
{
	return slot_beats_alike(ch->region) && receiver_record_stands(ch);
}

/* Whether there is a message that was not peeked yet. Follows a reset, if there is one. */
bool ivsh_receiver_is_ready(struct ivsh_chan *ch);

/* The slow path: any message, any state of the channel. As ivsh_chan_receive() and so on. */
int ivsh_receiver_receive(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity);
int ivsh_receiver_peek(struct ivsh_chan *ch, struct ivsh_message *message);
int ivsh_receiver_release(struct ivsh_chan *ch);

#endif
