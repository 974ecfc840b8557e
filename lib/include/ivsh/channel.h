/* SPDX-License-Identifier: MIT */
/*
 * channel.h - messages to and from one peer.
 *
 * A channel is the two rings between this peer and another. Messages arrive whole and in order.
 * Each carries a port number: a label that the applications agree on, not a queue of its own. A
 * full ring is an answer (IVSH_EAGAIN), never a loss. Whatever the peer stores, no call reads
 * outside the region, loops beyond its bound, or crashes. A peer that breaks SPEC.md makes the
 * channel dead, until ivsh_chan_reset(). A wait, or a call for another channel, may find the
 * damage, too. Then (dead) is set, the next wait ends with IVSH_EVENT_BROKEN, and
 * ivsh_region_next() answers the channel once. So a receiver of many channels does not miss a dead
 * one.
 *
 * Either side may reset a ring, and the other follows in its next calls, if its attach named
 * ivsh_attach_reset() or ivsh_attach_restart(). Until both are in step again, sending and receiving
 * answer IVSH_EAGAIN, as if the ring were full and empty. A reset may lose messages: on both sides
 * ivsh_region_peer_event() reports IVSH_PEER_EVENT_LOST, and (lost) of the channel advances.
 *
 * A machine that was migrated or restored from a snapshot, or whose memory was, goes on with the
 * same handles: the call that finds it answers IVSH_EAGAIN, as if there were no message and no
 * room, and both rings of each open channel begin anew, as after a reset. A reservation and a
 * peeked message are void. ivsh_region_peer_event() reports IVSH_PEER_EVENT_MOVED, then the losses.
 * SPEC R5.11, R5.12.
 *
 * Only the thread that owns the region makes these calls, and never from an interrupt handler. None
 * blocks. Each advances the heartbeat. Each that answers an int can answer, besides the errors in
 * its own comment:
 *
 * IVSH_ELOST   the region was detached, or another peer has claimed its slot: detach, attach again.
 * IVSH_EREMOVED  the device was unplugged: detach, close the device; attach when it is back.
 * IVSH_EPROTO  the channel is dead: broken, closed, or refused by ivsh_chan_open().
 * SPEC 6, 7.
 */
#ifndef IVSH_CHANNEL_H
#define IVSH_CHANNEL_H

#include <ivsh/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ports that programs of this project agree on; all others are free. SPEC 11. */
#define IVSH_PORT_TEXT 1u /* lines for people: send, recv */
#define IVSH_PORT_FILE 4u /* and 5, a file as a stream: put, get */
#define IVSH_PORT_ECHO 7u /* sent back unchanged */

/* The two payload areas of a ring. */
#define IVSH_AREA_SMALL 0u
#define IVSH_AREA_LARGE 1u
#define IVSH_AREAS 2u

/* Where payloads end in the areas: positions, which only grow, modulo 2^32. */
struct ivsh_record {
	uint32_t end[IVSH_AREAS];
};

/* An area, as one side knows it. */
struct ivsh_area {
	uint8_t *base;
	uint32_t size;
	uint32_t left; /* bytes behind (end) that the fast path may use: whole lines */
	uint32_t tail; /* sender: where the oldest payload that is not released starts */
	bool known;    /* false until one message has gone through: end agrees with the peer's */
};

/*
 * A channel. The caller's memory, for the library's use.
 *
 * credit_end: while head, or read, has not reached it, a message takes the fast path, which reads
 * nothing but its own descriptor and payload and what the other side asks for; and (wrap) holds.
 * Whatever stands in the way sets credit_end to the index itself.
 */
struct ivsh_chan {
	struct ivsh_region *region;
	uint32_t mask;   /* descriptors of a ring less one */
	uint32_t shift;  /* their logarithm to base 2 */
	uint32_t peer;   /* readable: the slot at the other end */
	bool dead;       /* answers IVSH_EPROTO from now on */
	bool open;       /* the pointers below are set */
	bool is_queued;  /* in the region's queue */
	bool unreported; /* it broke in a call for another channel, and no answer has said so */

	struct {
		uint32_t head; /* index of the next message */
		uint32_t credit_end;
		uint64_t wrap; /* of head, where a control word has it */
		struct ivsh_wire_desc *desc;
		struct ivsh_record *record; /* of each descriptor: the ends behind it */
		const struct ivsh_wire_receiver *other;
		struct ivsh_record now; /* where the areas end */
		uint32_t small_max;     /* the largest payload that goes to the small area */
		uint32_t credit_saved;  /* the credit_end that publish restores; head: none */

		struct ivsh_wire_sender *own;
		uint32_t read;                         /* the receiver's, as last checked */
		uint32_t generation, reset_ack, start; /* our own words, as last stored */
		uint32_t notify_flags;                 /* likewise */
		bool waiting;                          /* for the receiver to follow a reset */
		bool broken;                           /* something in this ring breaks SPEC.md */
		bool reserved;
		bool voided; /* a reservation, when the machine was moved: publish says so */
		bool blocked;
		bool closed;   /* a one-way channel: this side never sends */
		bool in_batch; /* messages of the call that goes on are in flight */
		uint8_t reserved_kind;
		uint8_t hints; /* what stands at (pending) */
		bool first;    /* the generation began as the ring was opened, and lost nothing */
		uint32_t reserved_position;
		uint32_t reserved_size;
		uint64_t body;         /* an inline payload under construction */
		uint32_t blocked_size; /* what last found no room */
		uint32_t request;      /* our own notify_request, as last stored */
		uint32_t notified;     /* the receiver's request that was answered last */
		uint8_t *pending;      /* our byte of the receiver's slot */
		struct ivsh_area area[IVSH_AREAS];
	} tx;

	struct {
		uint32_t read; /* index of the next message to release */
		uint32_t credit_end;
		uint64_t wrap;       /* of read, likewise */
		const uint8_t *next; /* where the next payload is expected: it is prefetched */
		const struct ivsh_wire_desc *desc;
		const struct ivsh_wire_sender *other;
		struct ivsh_record now;  /* where the next payloads are expected */
		uint32_t published;      /* the read index as the sender can see it */
		uint32_t credit_saved;   /* the credit_end that release restores; read: none */
		uint32_t generation_ack; /* our own word, as last stored */
		struct ivsh_area area[IVSH_AREAS];

		struct ivsh_wire_receiver *own;
		struct ivsh_record published_now; /* (now) when read was last published */
		uint32_t
		    marked;    /* messages from read on that an earlier incarnation may have seen */
		uint64_t body; /* private copy of an inline payload */
		const void *data;
		uint32_t position;
		uint32_t size;
		const uint8_t *pending; /* a split region: the peer's byte for us */
		uint32_t frames; /* of the packed record at read: not released; 0: none is begun */
		uint32_t bytes;  /* of that record */
		uint16_t port;
		uint32_t request;                     /* our own notify_request, as last stored */
		uint32_t notified;                    /* the sender's that was answered last */
		uint32_t reset_request, notify_flags; /* our own words, as last stored */
		uint8_t kind;
		uint8_t hint; /* what we last read at (pending) */
		bool peeked;
		bool voided;  /* a peeked message, likewise: release says so */
		bool broken;  /* something in this ring breaks SPEC.md */
		bool waiting; /* for the sender to answer our reset request */
		bool closed;  /* a one-way channel: this side takes nothing out of the ring */
	} rx;

	struct ivsh_chan *next;       /* of the region's open channels */
	struct ivsh_chan *queue_next; /* of those that may have a message */
	uint32_t lost;          /* readable: resets of its rings: each may have lost messages */
	uint32_t lost_reported; /* as last answered by ivsh_region_peer_event() */
};

/* The message may have been delivered to an earlier incarnation of this receiver. SPEC 7. */
#define IVSH_MAYBE_SEEN 0x1u

/* A message, as received. */
struct ivsh_message {
	const void
	    *data;      /* peek: the payload, in shared memory, or in the channel if it came inline,
	                     as one of up to 8 bytes mostly does; receive: the caller's buffer */
	uint32_t size;  /* bytes of payload, 0 to ivsh_chan_max() */
	uint16_t port;  /* the sender's label: unchecked */
	uint16_t flags; /* IVSH_MAYBE_SEEN */
};

/*
 * Open the channel to slot (peer), whether anyone is there or not.
 *
 * Goes on where an earlier incarnation of this slot stopped: what it sent and the peer has not read
 * is still delivered; what it had not released comes (again), marked IVSH_MAYBE_SEEN, and so do
 * messages that were sent in one batch with it (SPEC R7.12), unless the attach did
 * ivsh_attach_discard(); a reset that was cut in the middle goes on, too. Loads each
 * descriptor of both rings at most once, or as often as ivsh_chan_reset() does.
 *
 * Once per peer and attach. records: (count) of them, at least geometry.descs, the caller's, as
 * long as the channel is open.
 *
 * IVSH_EINVAL  peer is this slot or not a slot, (count) is less than geometry.descs, or the region
 *              is not attached; or the channel was opened before, and the attach did not name
 *              ivsh_attach_restart(): nothing is changed.
 * IVSH_EPART   a split region: the peer's memory is not here, or its header is not right.
 * IVSH_EPROTO  no earlier incarnation can have left what stands in the ring: the channel is open
 *              and dead; ivsh_chan_reset(), or leave it.
 *
 * A split region may have of the peer's part only what is before its rings mapped
 * (ivsh_part_short_size()). The channel is then opened as with IVSH_SEND_ONLY, below.
 * SPEC 7.
 */
int ivsh_chan_open(struct ivsh_chan *ch, struct ivsh_region *region, uint32_t peer,
    struct ivsh_record *records, uint32_t count) IVSH_MUST_CHECK;

/* The directions of a one-way channel. 0: both. */
#define IVSH_SEND_ONLY 0x1u    /* nothing comes */
#define IVSH_RECEIVE_ONLY 0x2u /* nothing goes */

/*
 * As ivsh_chan_open(), for one direction only; the other ring is left alone.
 *
 * one_way: 0, as ivsh_chan_open(); IVSH_SEND_ONLY: this side never reads: it loads nothing of what
 * the peer sends, and receiving answers IVSH_EONEWAY. IVSH_RECEIVE_ONLY: this side never sends, and
 * sending answers IVSH_EONEWAY. The peer's words tell it: its sends to a side that never reads
 * answer IVSH_EONEWAY, but for what it sent before it could know. That stays in the ring, as do all
 * messages that are there, for an incarnation of this slot that opens the channel both ways.
 * Streams and calls need both directions.
 *
 * IVSH_EINVAL  also: one_way is none of these three.
 * IVSH_EPART   also: IVSH_RECEIVE_ONLY, and the peer's rings are not mapped.
 * SPEC 18.
 */
int ivsh_chan_open_one_way(struct ivsh_chan *ch, struct ivsh_region *region, uint32_t peer,
    struct ivsh_record *records, uint32_t count, uint32_t one_way) IVSH_MUST_CHECK;

/*
 * Which direction of an open channel has nothing to wait for, since this side or the peer has
 * opened it one-way: 0: both sides go both ways; IVSH_SEND_ONLY: nothing will come;
 * IVSH_RECEIVE_ONLY: sends answer IVSH_EONEWAY; or both bits. What the peer says holds for its
 * present incarnation.
 */
uint32_t ivsh_chan_one_way(const struct ivsh_chan *ch);

/* Close: the sender may use the room of what was released; the rest stays. Not twice. */
void ivsh_chan_close(struct ivsh_chan *ch);

/*
 * Start over in a channel that answered IVSH_EPROTO: what was in the broken ring and not delivered
 * is lost. A reservation and a peeked message are void.
 *
 * Only the ring that broke is reset; the one of the other direction keeps its messages. The peer is
 * notified, and follows when it next sends, receives or waits. Harmless on a channel that is not
 * dead. A peer may break the channel again and again: how often to reset it is the caller's choice.
 *
 * Loads each descriptor of a ring at most 33 times, as does the call that answers the peer's reset
 * request; a call answers one.
 *
 * IVSH_EINVAL  the channel is not open, or the attach did not name ivsh_attach_reset().
 * SPEC 6.
 */
int ivsh_chan_reset(struct ivsh_chan *ch) IVSH_MUST_CHECK;

/*
 * Tell the receiver that messages are missing here: behind all that this side has sent, and before
 * its next message. For a sender that passes on messages of others, as a gateway or a driver does,
 * and has lost some: it knows that, the receiver cannot.
 *
 * Begins a new generation of the ring that this side sends into. No message of it is lost: the
 * receiver takes what is there, then follows, and its ivsh_region_peer_event() reports
 * IVSH_PEER_EVENT_LOST; so does that of this side when it goes on. The streams, connections and
 * calls of the channel end, as after any loss: IVSH_EPEER. The other direction goes on, and a
 * peeked message stays. The report outlives both sides: whichever incarnation follows makes it.
 *
 * Until the receiver has followed, this side's sends answer IVSH_EAGAIN: while it has messages to
 * take, and while no peer is there. A call before that adds nothing, and answers 0: the report is
 * still to be made, at the same place. How many messages are missing goes by a message of the
 * programs' own. A receiver whose attach did not name ivsh_attach_reset() takes the messages, and
 * then finds the channel dead: it gets no other report. After IVSH_ELOST, or a death in this call,
 * the next incarnation calls again.
 *
 * Sender only. Never blocks. Loads each descriptor of the ring at most 33 times.
 *
 * IVSH_EINVAL  the channel is not open, the attach did not name ivsh_attach_reset() or
 *              ivsh_attach_restart(), or a message is reserved: publish or abandon it first.
 * IVSH_EONEWAY as ivsh_chan_send(): nobody would read the report.
 * IVSH_EPROTO  the channel is dead: ivsh_chan_reset(), then call again.
 * SPEC R6.7.4.
 */
int ivsh_chan_report_loss(struct ivsh_chan *ch) IVSH_MUST_CHECK;

/* The largest message, in bytes: the same for every channel of a region. */
uint32_t ivsh_chan_max(const struct ivsh_chan *ch);

/* --- Sending -------------------------------------------------------------------------------- */

/*
 * Send (size) bytes at (data) as one message: reserve, copy, publish. 0 means accepted: it will be
 * delivered, even if this side dies now.
 *
 * size: bytes, 0 to ivsh_chan_max(). data may be NULL when size is 0. (data) is the caller's own
 * memory. Bytes that stand in the shared memory go by reserve, copy and publish: publish finds out
 * whether the machine was moved while they were copied.
 *
 * IVSH_EAGAIN  no room: wait, then retry.
 * IVSH_EINVAL  size can never fit, or a message is reserved.
 * IVSH_EONEWAY the peer reads nothing that this side sends, or this side opened the channel to
 *              receive only.
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
 * Publish the reserved message on (port), and notify the receiver if it has requested so. 0:
 * accepted. Many in a row notify a sleeping receiver once, and one that is awake not at all.
 *
 * IVSH_EAGAIN  the machine was moved since: nothing was sent, and the reservation is void.
 * IVSH_EINVAL  nothing is reserved.
 */
int ivsh_chan_publish(struct ivsh_chan *ch, uint16_t port) IVSH_MUST_CHECK;

/* Drop the reservation, if there is one. */
void ivsh_chan_abandon(struct ivsh_chan *ch);

/*
 * Send (count) messages in their order, each with its data, size and port; flags are ignored.
 * Cheaper than one by one: what does not depend on the message is done once for many, messages of
 * one size, up to 1 KiB, and one port that follow each other share a descriptor (SPEC R7.12), and
 * the receiver finds many at once. It sees the first ones when 64 messages or a few KiB are stored,
 * or all: for the least latency of each, send them one by one. SPEC R7.3.3.
 *
 * In *sent: how many were accepted, from the first on. 0: all. Else why the next one was not, as
 * ivsh_chan_send().
 */
int ivsh_chan_send_batch(struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t count,
    uint32_t *sent) IVSH_MUST_CHECK;

/* --- Receiving ------------------------------------------------------------------------------ */

/*
 * Receive the next message into (buffer), and release its room to the sender.
 *
 * message->data is (buffer). capacity: bytes of buffer. A receiver that is killed in this call may
 * take the message with it. One that must not lose it peeks, acts on it, and releases it.
 *
 * IVSH_EAGAIN  no message.
 * IVSH_EONEWAY this side opened the channel to send only, or the peer's rings are not mapped.
 * IVSH_ENOSPC  the message is larger than (capacity): message->size has its size; it stays.
 * IVSH_EPROTO  the sender broke SPEC.md: the channel is dead.
 */
int ivsh_chan_receive(struct ivsh_chan *ch, struct ivsh_message *message, void *buffer,
    uint32_t capacity) IVSH_MUST_CHECK;

/*
 * Receive up to (count) messages, as many as there are: payloads go to (buffer) one after the
 * other, each at a multiple of 8 bytes from its start, what is said of them to messages[]. The
 * bytes between two payloads may change, too.
 *
 * In *received: how many came. 0: at least one; the next call says what stands behind them.
 * capacity: bytes of buffer; what does not fit any more stays, and so does a message of no size for
 * which the next multiple of 8 is behind it.
 *
 * IVSH_EAGAIN, IVSH_ENOSPC, IVSH_EPROTO  of the first one, as ivsh_chan_receive().
 */
int ivsh_chan_receive_batch(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t count,
    void *buffer, uint32_t capacity, uint32_t *received) IVSH_MUST_CHECK;

/*
 * Find the next message without copying it. size, port and flags are private copies; a hostile peer
 * may change the bytes at message->data until release, even between two reads. Before release, it
 * answers the same message again: a caller that passes the bytes on before it releases them calls
 * it behind its last read, and does not believe them if that answers an error: the memory went back
 * to a snapshot meanwhile, or a machine was moved. While it is held, so are all that follow, and
 * the room of some before it may be kept from the sender.
 *
 * IVSH_EAGAIN, IVSH_EONEWAY, IVSH_EPROTO  as ivsh_chan_receive().
 */
int ivsh_chan_peek(struct ivsh_chan *ch, struct ivsh_message *message) IVSH_MUST_CHECK;

/*
 * Find the next message of any open channel: *chan and *message, as ivsh_chan_peek() does. Take it
 * with ivsh_chan_receive() or ivsh_chan_release() on *chan; one that is held does not hold up other
 * channels.
 *
 * In turn: between two messages of one channel each other channel that has one is served once. It
 * reads the pending bytes, one line for 64 slots, and polls the rings that they hint at; and, since
 * a hint can be lost, all rings every 256 calls, and every IVSH_POLL_NS while there is nothing.
 * Channels that only send have no turn.
 *
 * IVSH_EAGAIN  no message on any channel.
 * IVSH_EPROTO  *chan broke, now or since the last call: ivsh_chan_reset() or ivsh_chan_close() it,
 *              or go on without it. Answered once; the other channels are not affected.
 * SPEC R8.6.4.
 */
int ivsh_region_next(struct ivsh_region *region, struct ivsh_chan **chan,
    struct ivsh_message *message) IVSH_MUST_CHECK;

/*
 * Release the peeked message's room to the sender. message->data is void from here on.
 *
 * IVSH_EAGAIN  the machine was moved since: what was read at message->data is not to be used.
 * IVSH_EINVAL  nothing is peeked.
 */
int ivsh_chan_release(struct ivsh_chan *ch) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
