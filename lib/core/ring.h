/* SPDX-License-Identifier: MIT */
/*
 * ring.h - what both ends of a ring compute alike: wraps, descriptor heads, places in an area.
 */
#ifndef IVSH_CORE_RING_H
#define IVSH_CORE_RING_H

#include "core/atomic.h"

#include <ivsh/channel.h>
#include <ivsh/wire.h>

#include <stdint.h>

/* So often, at the least, either end looks at more than the way of its message. SPEC R6.8. */
#define POLL_MESSAGES 64u

/* SPEC R7.4: the wrap that a valid descriptor at (index) carries; a ring has 1 << shift of them. */
static inline uint16_t ring_wrap(uint32_t index, uint32_t shift)
{
	return (uint16_t)((index >> shift) + 1);
}

/* The same, where a head has it. */
static inline uint64_t ring_wrap_bits(uint32_t index, uint32_t shift)
{
	return (uint64_t)ring_wrap(index, shift) << IVSH_WIRE_CONTROL_WRAP_SHIFT;
}

/* Indices from (index) on that have one wrap. */
static inline uint32_t ring_wrap_left(uint32_t index, uint32_t mask)
{
	return mask + 1 - (index & mask);
}

/* A head without its wrap. kind: IVSH_WIRE_KIND_*. */
static inline uint64_t control_make(uint16_t port, uint32_t kind, uint32_t size)
{
	return (uint64_t)port << IVSH_WIRE_CONTROL_PORT_SHIFT |
	       (uint64_t)kind << IVSH_WIRE_CONTROL_KIND_SHIFT | size;
}

static inline uint16_t control_wrap(uint64_t head)
{
	return (uint16_t)(head >> IVSH_WIRE_CONTROL_WRAP_SHIFT);
}

static inline uint16_t control_port(uint64_t head)
{
	return (uint16_t)(head >> IVSH_WIRE_CONTROL_PORT_SHIFT);
}

static inline uint8_t control_kind(uint64_t head)
{
	return (uint8_t)(head >> IVSH_WIRE_CONTROL_KIND_SHIFT & IVSH_WIRE_CONTROL_KIND_MASK);
}

static inline uint32_t control_size(uint64_t head)
{
	return (uint32_t)(head & IVSH_WIRE_CONTROL_LENGTH_MASK);
}

/* Bytes that a payload takes in its area: whole lines. size: at most IVSH_WIRE_AREA_MAX. */
static inline uint32_t area_room(uint32_t size)
{
	return (size + IVSH_WIRE_LINE - 1) & ~(IVSH_WIRE_LINE - 1);
}

/*
 * SPEC R7.6: where a payload of (size) bytes goes when the last one ended at (end): there, or at
 * the area's beginning if it would not fit before the end. size: at most the area's.
 */
static inline uint32_t area_place(const struct ivsh_area *area, uint32_t end, uint32_t size)
{
	uint32_t offset = end & (area->size - 1);

	return size > area->size - offset ? end + (area->size - offset) : end;
}

/* Bytes from (end) on that are at most (free) and stand in one piece. */
static inline uint32_t area_left(const struct ivsh_area *area, uint32_t end, uint32_t free)
{
	uint32_t piece = area->size - (end & (area->size - 1));

	return piece < free ? piece : free;
}

/* The door into an area: (position) and (size) have passed area_holds(). */
static inline uint8_t *area_at(const struct ivsh_area *area, uint32_t position)
{
	return area->base + (position & (area->size - 1));
}

/* SPEC R7.7: a payload of (size) bytes at (position) lies in the area, on a line. */
static inline bool area_holds(const struct ivsh_area *area, uint64_t position, uint32_t size)
{
	return position <= UINT32_MAX && position % IVSH_WIRE_LINE == 0 && size != 0 &&
	       size <= area->size - (uint32_t)(position & (area->size - 1));
}

/* The area that a head's kind names, which is not IVSH_WIRE_KIND_INLINE. */
static inline uint32_t area_of(uint8_t kind)
{
	return (uint32_t)kind - IVSH_WIRE_KIND_SMALL;
}

/*
 * Whether a head and its body are what SPEC 7 allows, where the last payloads ended as (now) says;
 * with (start) a payload may stand anywhere in its area. Of an area that is not known it may always.
 */
bool ivsh_ring_valid(const struct ivsh_area *area, const struct ivsh_record *now, uint64_t head,
    uint64_t body, bool start);

/* Messages that stand in a ring from index (read) on: as far as the wraps go, (descs) at the most. */
uint32_t ivsh_ring_waiting(const struct ivsh_wire_desc *desc, uint32_t descs, uint32_t read);

/*
 * Look for the wish at (wish), behind a store that slot (peer) may sleep for, and a full fence, and
 * ring it. *rung: the last wish that was answered. True if it rang.
 */
bool ivsh_ring_bell(
    struct ivsh_region *region, uint32_t peer, const uint32_t *wish, uint32_t *rung);

/* From here on each message asks ivsh_sender_due() or ivsh_receiver_due() first. */
void ivsh_chan_stop(struct ivsh_chan *ch);

/*
 * The limit, or the end of what is left of an area, is reached: what is due is done, and both move
 * on where nothing stands in the way. True if they now are beyond a message of (size) bytes, in
 * (area), or inline where that is NULL; else the long way knows why.
 */
bool ivsh_sender_due(struct ivsh_chan *ch, uint32_t size);
bool ivsh_receiver_due(struct ivsh_chan *ch, const struct ivsh_area *area, uint32_t size);

/* Give back what was released, and move the limit on. */
void ivsh_receiver_give(struct ivsh_chan *ch);

/* The long way: any message, any state of the channel. As ivsh_chan_send() and so on. */
int ivsh_sender_send(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size);
int ivsh_sender_reserve(struct ivsh_chan *ch, uint32_t size, void **payload);
int ivsh_sender_publish(struct ivsh_chan *ch, uint16_t port);
int ivsh_receiver_receive(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity);
int ivsh_receiver_peek(struct ivsh_chan *ch, struct ivsh_message *message);
int ivsh_receiver_release(struct ivsh_chan *ch);

/*
 * The receiver asks for more than the messages from (first) on, which are stored: a bell, mail, a
 * reset. 0.
 */
int ivsh_sender_attend(struct ivsh_chan *ch, uint32_t first);

/* Store what we ask of the sender: IVSH_WIRE_NOTIFY_*. */
void ivsh_receiver_ask(struct ivsh_chan *ch, uint32_t notify_flags);

/* The two halves of ivsh_chan_open(); the pointers into the ring are set. */
int ivsh_sender_open(struct ivsh_chan *ch);
void ivsh_receiver_open(struct ivsh_chan *ch);

/* Whether a message stands there that was not peeked yet. Follows a reset, if there is one. */
bool ivsh_receiver_ready(struct ivsh_chan *ch);

/* The message at (index) gets its body and, last, its head with the wrap: it is accepted. */
static inline void sender_store(struct ivsh_chan *ch, uint32_t index, uint64_t head, uint64_t body)
{
	uint32_t at = index & ch->mask;
	struct ivsh_wire_desc *desc = &ch->tx.desc[at];

	/* SPEC R7.3: the head's wrap says that everything else is there; its release pairs with the
	 * acquire of whoever receives. */
	store64(&desc->body, body);
	store64_release(&desc->control, head | ch->tx.wrap);
	ch->tx.record[at] = ch->tx.now;
	ch->tx.head = index + 1;
}

/* --- Resets: reset.c. SPEC 6 ---------------------------------------------------------------- */

/* Begin a new run of the ring that we send into, as an answer to the receiver's epoch (asked). */
void ivsh_sender_restart(struct ivsh_chan *ch, uint32_t asked);

/*
 * Answer the receiver's wish for a reset, or see that it has followed ours. Nothing is reserved.
 * 0: in step; IVSH_EAGAIN: not yet; IVSH_EPROTO: the channel broke.
 */
int ivsh_sender_follow(struct ivsh_chan *ch);

/* Follow the sender into its new run, if there is one. Nothing is peeked. */
void ivsh_receiver_follow(struct ivsh_chan *ch);

/* Whether our own words are still what we stored: else somebody scribbled, and the channel breaks. */
void ivsh_chan_check(struct ivsh_chan *ch);

/* A new run goes on, or a new life in one that nobody was told of: messages may have been lost. */
void ivsh_chan_lost(struct ivsh_chan *ch);

/* Wake the other side, whichever end of whichever ring it sleeps at. */
void ivsh_chan_wake(struct ivsh_chan *ch);

/*
 * Look at the receiver's read index, and take back what it gave. 0; IVSH_EPROTO: an impossible one.
 */
int ivsh_sender_collect(struct ivsh_chan *ch);

/* Whether what last found no room would find it now. Breaks the channel on a bad read index. */
bool ivsh_sender_ready(struct ivsh_chan *ch);

/* Tell the sender what has been given back so far. 0, or IVSH_ELOST. */
int ivsh_receiver_publish(struct ivsh_chan *ch);

/* Ring the other side if it wishes so. True if it rang. */
bool ivsh_sender_ring(struct ivsh_chan *ch);

/* Change our mail byte, if the receiver looks at its mail. SPEC R8.6. */
void ivsh_sender_mail(struct ivsh_chan *ch);
void ivsh_receiver_ring(struct ivsh_chan *ch);

/* Something in a ring breaks SPEC.md: (broken) is the ring's flag. Answers IVSH_EPROTO. */
int ivsh_chan_break(struct ivsh_chan *ch, bool *broken);

/* What every call on a channel starts with: 0, or why it cannot go on. */
int ivsh_chan_enter(struct ivsh_chan *ch);

#endif
