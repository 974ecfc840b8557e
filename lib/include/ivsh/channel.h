/* SPDX-License-Identifier: MIT */
/*
 * channel.h - messages to and from one peer.
 *
 * A channel is the two rings between this peer and another. Messages arrive whole, in order, each
 * with a port number: a label that the applications agree on, not a queue of its own. A full ring
 * is an answer, never a loss. Whatever the peer writes, no call reads outside the region, loops
 * beyond its bound, or crashes; a peer that breaks SPEC.md costs the channel.
 *
 * Calls are for the thread that owns the region, not from interrupts; none blocks. Each moves the
 * heartbeat on. Each that answers an int can answer, besides what stands beside it:
 *
 * IVSH_EBUSY   the region was detached, or another peer has claimed its slot: detach, attach again.
 * IVSH_EPROTO  the channel is dead: broken before, closed, or refused by ivsh_chan_open().
 */
#ifndef IVSH_CHANNEL_H
#define IVSH_CHANNEL_H

#include <ivsh/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ports that programs of this project agree on; all others are free. SPEC 10. */
#define IVSH_PORT_TEXT 1u /* lines for people: send, recv */
#define IVSH_PORT_ECHO 7u /* comes back as it is */

/* One per descriptor: where the sender's areas ended behind it. Private to the library. */
struct ivsh_record {
	uint32_t hot;
	uint32_t bulk;
};

/* An area for payloads, as one side knows it. Positions run on for ever, modulo 2^32. */
struct ivsh_area {
	uint8_t *base;
	uint32_t size;
	uint32_t head; /* sender: where the next payload may start; receiver: is expected to */
	uint32_t tail; /* sender: where the oldest payload not given back starts */
	bool known;    /* false until one message has gone through: head agrees with the peer's */
};

/* A channel. The caller's memory, for the library's use. */
struct ivsh_chan {
	struct ivsh_region *region;
	struct ivsh_chan *next; /* of the region's open channels */
	uint32_t peer;          /* readable: the slot at the other end */
	uint32_t mask;          /* descriptors of a ring less one */
	uint32_t shift;         /* their logarithm to base 2 */
	bool dead;              /* answers IVSH_EPROTO from now on */

	struct {
		struct ivsh_wire_sender *own;
		const struct ivsh_wire_receiver *other;
		struct ivsh_wire_desc *desc;
		struct ivsh_record *record;
		struct ivsh_area hot, bulk;
		uint32_t head; /* index of the next message */
		uint32_t read; /* the receiver's read index, as last checked */
		uint64_t body; /* an inline payload under construction */
		uint32_t reserved_position;
		uint32_t reserved_size;
		uint32_t blocked_size; /* what last found no room */
		uint32_t wish;         /* our own want_space, as last stored */
		uint32_t rung;         /* the receiver's wish that was answered by a bell */
		uint8_t reserved_kind;
		bool reserved;
		bool blocked;
	} tx;

	struct {
		struct ivsh_wire_receiver *own;
		const struct ivsh_wire_sender *other;
		const struct ivsh_wire_desc *desc;
		struct ivsh_area hot, bulk;
		uint32_t read;      /* index of the next message to release */
		uint32_t published; /* the read index as the sender can see it */
		uint32_t marked;    /* messages from read on that an earlier life may have seen */
		uint32_t hot_held;  /* bytes released and not published yet */
		uint32_t bulk_held;
		uint64_t body; /* private copy of an inline payload */
		const void *data;
		uint32_t position;
		uint32_t size;
		uint16_t port;
		uint32_t wish; /* our own want_bell, as last stored */
		uint32_t rung; /* the sender's wish that was answered by a bell */
		uint8_t kind;
		bool peeked;
	} rx;
};

/* The message may have been delivered to an earlier life of this receiver. SPEC 7. */
#define IVSH_MAYBE_SEEN 0x1u

/* A message, as received. */
struct ivsh_message {
	const void *data; /* peek: the payload, in shared memory, or in the channel when size is at
	                     most 8; receive: the caller's buffer */
	uint32_t size;    /* bytes of payload, 0 to ivsh_chan_max() */
	uint16_t port;    /* the sender's label: unchecked */
	uint16_t flags;   /* IVSH_MAYBE_SEEN */
};

/*
 * Open the channel to slot (peer), whether anyone is there or not.
 *
 * Goes on where an earlier life of this slot stopped: what it sent and the peer has not read is
 * still delivered, and what it had not given back comes (again), marked IVSH_MAYBE_SEEN, unless the
 * region was attached fresh. Looks at each descriptor of both rings at most once.
 *
 * Once per peer and attach. records: (count) of them, at least geometry.descs, the caller's, as
 * long as the channel is open.
 *
 * IVSH_EINVAL  peer is this slot or not a slot, (count) is less than geometry.descs, or the region
 *              is not attached.
 * IVSH_EPROTO  what stands in the rings is not what an earlier life could have left.
 * SPEC 7.
 */
int ivsh_chan_open(struct ivsh_chan *ch, struct ivsh_region *region, uint32_t peer,
    struct ivsh_record *records, uint32_t count) IVSH_MUST_CHECK;

/* Close: what was released is given back to the sender; what was not stays. Not twice. */
void ivsh_chan_close(struct ivsh_chan *ch);

/* The largest message, in bytes: the same for every channel of a region. */
uint32_t ivsh_chan_max(const struct ivsh_chan *ch);

/* --- Sending -------------------------------------------------------------------------------- */

/*
 * Send (size) bytes at (data) as one message: reserve, copy, publish. 0 means accepted: it will be
 * delivered, even if this side dies now.
 *
 * size: bytes, 0 to ivsh_chan_max(). data may be NULL when size is 0.
 *
 * IVSH_EAGAIN  no room: wait, then retry.
 * IVSH_EINVAL  size can never fit, or a message is reserved.
 * IVSH_EPROTO  the receiver's read index is impossible: the channel is dead.
 */
int ivsh_chan_send(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size) IVSH_MUST_CHECK;

/*
 * Reserve (size) bytes for the next message.
 *
 * On success *payload points at (size) writable bytes, aligned to 8 (to 64 when size is above 8),
 * valid until ivsh_chan_publish() or ivsh_chan_abandon(). The peer can see, and overwrite, what is
 * written there; it learns of the message only by publish. Errors as ivsh_chan_send().
 */
int ivsh_chan_reserve(struct ivsh_chan *ch, uint32_t size, void **payload) IVSH_MUST_CHECK;

/*
 * Publish the reserved message on (port), and ring the receiver if it wants a bell. 0: accepted.
 * Many in a row ring a sleeper once, and one that is awake not at all.
 *
 * IVSH_EINVAL  nothing is reserved.
 */
int ivsh_chan_publish(struct ivsh_chan *ch, uint16_t port) IVSH_MUST_CHECK;

/* Drop the reservation, if there is one. */
void ivsh_chan_abandon(struct ivsh_chan *ch);

/* --- Receiving ------------------------------------------------------------------------------ */

/*
 * Receive the next message into (buffer), and give its room back.
 *
 * message->data is (buffer). capacity: bytes of buffer.
 *
 * IVSH_EAGAIN  no message.
 * IVSH_ENOSPC  the message is larger than (capacity): message->size has its size; it stays.
 * IVSH_EPROTO  the sender broke SPEC.md: the channel is dead.
 */
int ivsh_chan_receive(struct ivsh_chan *ch, struct ivsh_message *message, void *buffer,
    uint32_t capacity) IVSH_MUST_CHECK;

/*
 * Look at the next message without copying it. size, port and flags are private copies; the bytes
 * at message->data may be changed by a hostile peer until release, even between two reads. Again
 * before release: the same message. Holding it holds all that follow, and may keep the room of
 * some before it from the sender.
 *
 * IVSH_EAGAIN, IVSH_EPROTO  as ivsh_chan_receive().
 */
int ivsh_chan_peek(struct ivsh_chan *ch, struct ivsh_message *message) IVSH_MUST_CHECK;

/*
 * Give the peeked message's room back to the sender. message->data is void from here on.
 *
 * IVSH_EINVAL  nothing is peeked.
 */
int ivsh_chan_release(struct ivsh_chan *ch) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
