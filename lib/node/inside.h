/* SPDX-License-Identifier: MIT */
/*
 * inside.h - what the files of the node room share.
 */
#ifndef IVSH_NODE_INSIDE_H
#define IVSH_NODE_INSIDE_H

#include "core/linkage.h"

#include <ivsh/node.h>
#include <ivsh/wire.h>

/*
 * While a call or a stream waits for a peer, the node checks this often whether the peer lives:
 * without a server no event says so.
 */
#define NODE_LOOK_NS UINT64_C(100000000)

/* The events that end a wait for a message. */
#define NODE_EVENTS (IVSH_EVENT_MESSAGE | IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN)

/* How long a call may take, from its begin on. */
struct limit {
	uint64_t start_ns;
	uint64_t timeout_ns;
	uint32_t mends; /* channels that the call has reset */
};

/* A call that does not wait needs no clock. */
static inline struct limit limit_begin(const struct ivsh_node *node, uint64_t timeout_ns)
{
	struct limit limit = {timeout_ns ? ivsh_node_now(node) : 0, timeout_ns, 0};

	return limit;
}

/* The time that is left of it; 0: none. */
static inline uint64_t limit_left(const struct ivsh_node *node, const struct limit *limit)
{
	uint64_t gone;

	if (limit->timeout_ns == 0 || limit->timeout_ns == IVSH_FOREVER)
		return limit->timeout_ns;
	gone = ivsh_node_now(node) - limit->start_ns;
	return gone < limit->timeout_ns ? limit->timeout_ns - gone : 0;
}

/* A private copy of the first bytes at (from). The compiler loads them once, and not in parts. */
static inline struct ivsh_wire_call call_read(const void *from)
{
	struct ivsh_wire_call call;

	__builtin_memcpy(&call, from, sizeof(call));
	__asm__ volatile("" : : "r"(&call) : "memory");
	return call;
}

/* One channel delivers so many messages before others have a turn, if nothing forbids it. */
#define NODE_TURNS 64u

/* The next receive goes on with (ch), which has just had a message. */
static inline void near_set(struct ivsh_node *node, struct ivsh_chan *ch)
{
	node->near = ch;
	node->near_end = ch->rx.read + NODE_TURNS - 1;
}

/* The next receive polls all channels. */
static inline void near_stop(struct ivsh_node *node)
{
	node->near = &node->chans[node->self];
	node->near_end = node->near->rx.read;
}

/*
 * End the near channel's turn if its read index stands behind near_end: a reset moves it, and so
 * does an application that takes messages from the channel itself.
 */
static inline void near_check(struct ivsh_node *node)
{
	if (node->near_end - node->near->rx.read > NODE_TURNS)
		near_stop(node);
}

/* Whether a call answered that the handle is dead. */
static inline bool is_lost(int error)
{
	return error == IVSH_ELOST || error == IVSH_EREMOVED;
}

/* A slot other than our own. */
static inline bool is_peer(const struct ivsh_node *node, uint32_t peer)
{
	return peer < node->slots && peer != node->self;
}

/*
 * Wait once, for (wanted) or up to (most_ns), and reset channels that broke. (room): the channel
 * that the caller waits for room on, if the last try found none; NULL: none. IVSH_EAGAIN: (limit)
 * is over, and the call did not wait.
 */
int ivsh_node_idle(struct ivsh_node *node, uint32_t wanted, const struct ivsh_chan *room,
    const struct limit *limit, uint64_t most_ns) IVSH_MUST_CHECK;

/*
 * Between these two, (blocked) of a channel says only whether the last try found no room. What a
 * call of the application found before is kept, and restored afterwards.
 */
static inline void room_begin(struct ivsh_node *node, struct ivsh_chan *ch)
{
	node->links[ch->peer].blocked |= ch->tx.blocked;
	ch->tx.blocked = false;
}

static inline void room_end(struct ivsh_node *node, struct ivsh_chan *ch)
{
	ch->tx.blocked |= node->links[ch->peer].blocked;
	node->links[ch->peer].blocked = false;
}

/*
 * A send to (peer) answered (error): 0: it may be tried again, since there may be room now. Else
 * the caller answers it.
 */
int ivsh_node_make_room(
    struct ivsh_node *node, uint32_t peer, int error, struct limit *limit) IVSH_MUST_CHECK;

/* Reset the channel to (peer) if it is dead. IVSH_EPROTO: it broke too often. */
int ivsh_node_mend(struct ivsh_node *node, uint32_t peer) IVSH_MUST_CHECK;
void ivsh_node_mend_all(struct ivsh_node *node);

/*
 * The answer of a call that found no peer, when waiting for one answered (error). A call that does
 * not wait learns only here that the slot is lost.
 */
int ivsh_node_find_none(const struct ivsh_node *node, int error) IVSH_MUST_CHECK;

/* The results of dispatching a peeked message. */
enum dispatched {
	DISPATCHED,         /* it was for a stream or a call, and is released */
	DISPATCHED_REQUEST, /* a request: its header is in *call */
	DISPATCHED_PLAIN,
};

/* Hand the message that is peeked on (ch) to the stream or the call that waits for it. */
enum dispatched ivsh_node_dispatch(struct ivsh_node *node, struct ivsh_chan *ch,
    const struct ivsh_message *message, struct ivsh_wire_call *call);

/*
 * The same for the header and body of a call's message, wherever they are. False: it is a request.
 */
bool ivsh_node_call_take(struct ivsh_node *node, uint32_t peer, const struct ivsh_wire_call *call,
    const void *body, uint32_t size);

/*
 * Open the channel to (peer), whose part of a split region was not used when the node was opened.
 * IVSH_EPART: it still is not there.
 */
int ivsh_node_part(struct ivsh_node *node, uint32_t peer) IVSH_MUST_CHECK;

/* As ivsh_region_wait(), while parts are not used: looks for them, and ends by one found. */
int ivsh_node_parts_wait(struct ivsh_node *node, const struct ivsh_wait *wait, uint64_t timeout_ns,
    uint32_t *events) IVSH_MUST_CHECK;

/* Look at some of them, if that is due. Whether one is used now. */
bool ivsh_node_parts_look(struct ivsh_node *node);

/* The same, of any node: nearly always all parts are used, or the region has none. */
static inline bool parts_look(struct ivsh_node *node)
{
	return node->parts_out != 0 && ivsh_node_parts_look(node);
}

/* Set node->parts_out. */
void ivsh_node_parts_count(struct ivsh_node *node);

/* Hold a peeked message in its ring, for ivsh_node_receive(); or do not hold it any more. */
void ivsh_node_hold(struct ivsh_node *node, uint32_t peer, bool held);

/*
 * Take the messages for streams and calls from all rings. In the ring of (target), which may be
 * NULL, messages that stand before these go to the inbox. IVSH_ENOSPC: the inbox is full.
 */
int ivsh_node_pump(struct ivsh_node *node, const struct ivsh_chan *target) IVSH_MUST_CHECK;

/*
 * The slow path behind fast.c. (error): the answer of receiving from the near channel; IVSH_EAGAIN:
 * other channels have their turn.
 */
int ivsh_node_send_slow(struct ivsh_node *node, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;
int ivsh_node_receive_slow(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns, int error) IVSH_MUST_CHECK;

/*
 * The inbox: put a message in, or drop the one that was put in last; take the first one out, or
 * skip it.
 */
int ivsh_node_inbox_put(struct ivsh_node *node, const struct ivsh_node_message *message,
    const void *body) IVSH_MUST_CHECK;
void ivsh_node_inbox_drop(struct ivsh_node *node, const struct ivsh_node_message *message);
int ivsh_node_inbox_take(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity) IVSH_MUST_CHECK;
void ivsh_node_inbox_skip(struct ivsh_node *node);

/* Send one message of a call. */
int ivsh_node_call_send(struct ivsh_node *node, uint32_t peer, const struct ivsh_wire_call *call,
    const void *data, uint32_t size) IVSH_MUST_CHECK;

/* What node.h calls stream_take and streams_flush. */
HIDDEN bool ivsh_node_stream_take(
    struct ivsh_node *node, struct ivsh_chan *ch, const struct ivsh_message *message);
HIDDEN void ivsh_node_streams_flush(struct ivsh_node *node);

/* Attach to a memory whose transport names no slot, in the lowest free one. */
int ivsh_node_attach_free(struct ivsh_region *region, struct ivsh_mem *mem,
    struct ivsh_attach *attach, uint64_t seed) IVSH_MUST_CHECK;

#endif
