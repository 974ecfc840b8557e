/* SPDX-License-Identifier: MIT */
/*
 * ring.h - what both ends of a ring compute alike: laps, descriptor heads, places in an area.
 */
#ifndef IVSH_CORE_RING_H
#define IVSH_CORE_RING_H

#include <ivsh/channel.h>
#include <ivsh/wire.h>

#include <stdint.h>

/* SPEC R7.4: the lap that a valid descriptor at (index) carries; a ring has 1 << shift of them. */
static inline uint16_t ring_lap(uint32_t index, uint32_t shift)
{
	return (uint16_t)((index >> shift) + 1);
}

static inline uint64_t head_make(uint16_t lap, uint16_t port, uint8_t kind, uint32_t size)
{
	return (uint64_t)lap << IVSH_WIRE_HEAD_LAP_SHIFT |
	       (uint64_t)port << IVSH_WIRE_HEAD_PORT_SHIFT |
	       (uint64_t)kind << IVSH_WIRE_HEAD_KIND_SHIFT | size;
}

static inline uint16_t head_lap(uint64_t head)
{
	return (uint16_t)(head >> IVSH_WIRE_HEAD_LAP_SHIFT);
}

static inline uint16_t head_port(uint64_t head)
{
	return (uint16_t)(head >> IVSH_WIRE_HEAD_PORT_SHIFT);
}

static inline uint8_t head_kind(uint64_t head)
{
	return (uint8_t)(head >> IVSH_WIRE_HEAD_KIND_SHIFT & IVSH_WIRE_HEAD_KIND_MASK);
}

static inline uint32_t head_size(uint64_t head)
{
	return (uint32_t)(head & IVSH_WIRE_HEAD_LENGTH_MASK);
}

/* Bytes that a payload takes in its area: whole lines. size: at most IVSH_WIRE_AREA_MAX. */
static inline uint32_t area_room(uint32_t size)
{
	return (size + IVSH_WIRE_LINE - 1) & ~(IVSH_WIRE_LINE - 1);
}

/*
 * SPEC R7.6: where a payload of (size) bytes goes when the last one ended at (head): there, or at
 * the area's beginning if it would not fit before the end. size: at most the area's.
 */
static inline uint32_t area_place(const struct ivsh_area *area, uint32_t head, uint32_t size)
{
	uint32_t offset = head & (area->size - 1);

	return size > area->size - offset ? head + (area->size - offset) : head;
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

/* Whether a head and its body are what SPEC 7 allows, as far as that can be said of one alone. */
bool ivsh_ring_head_valid(
    const struct ivsh_area *hot, const struct ivsh_area *bulk, uint64_t head, uint64_t body);

/* The two halves of ivsh_chan_open(); the pointers into the ring are set. */
int ivsh_sender_open(struct ivsh_chan *ch);
void ivsh_receiver_open(struct ivsh_chan *ch);

/* Drop, and count, what stands in the ring from slot (sender), before its receiver attaches. */
void ivsh_receiver_discard(
    struct ivsh_region *region, struct ivsh_wire_ring *ring, uint32_t sender);

/* Whether a message stands there that was not peeked yet. Follows a reset, if there is one. */
bool ivsh_receiver_ready(struct ivsh_chan *ch);

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

/* Whether (wish), just read, is to be answered by a bell; remembers in *rung that it was. */
static inline bool wish_due(uint32_t wish, uint32_t *rung)
{
	if ((wish & IVSH_WIRE_WISH_VECTOR) == 0 || wish == *rung)
		return false;
	*rung = wish;
	return true;
}

/* The vector that (wish) asks for: wish_due() has said that there is one. */
static inline uint32_t wish_vector(uint32_t wish)
{
	return (wish & IVSH_WIRE_WISH_VECTOR) - 1;
}

/* Tell the sender what has been given back so far. */
void ivsh_receiver_publish(struct ivsh_chan *ch);

/* Look for the other side's wish, behind a store and a full fence, and ring. True if it rang. */
bool ivsh_sender_ring(struct ivsh_chan *ch);

/* Change our mail byte, if the receiver looks at its mail. SPEC R8.6. */
void ivsh_sender_mail(struct ivsh_chan *ch);
void ivsh_receiver_ring(struct ivsh_chan *ch);

/* Something in a ring breaks SPEC.md: (broken) is the ring's flag. Answers IVSH_EPROTO. */
int ivsh_chan_break(struct ivsh_chan *ch, bool *broken);

/* What every call on a channel starts with: 0, or why it cannot go on. */
int ivsh_chan_enter(struct ivsh_chan *ch);

#endif
