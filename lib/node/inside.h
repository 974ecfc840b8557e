/* SPDX-License-Identifier: MIT */
/*
 * inside.h - what the files of the node room share.
 */
#ifndef IVSH_NODE_INSIDE_H
#define IVSH_NODE_INSIDE_H

#include <ivsh/node.h>
#include <ivsh/wire.h>

/* A peer that dies where no server sees it is looked at this often while somebody waits for it. */
#define NODE_LOOK_NS UINT64_C(100000000)

/* What ends a wait for a message. */
#define NODE_EVENTS (IVSH_EVENT_MESSAGE | IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN)

/* How long a call may take, from its begin on. */
struct limit {
	uint64_t start_ns;
	uint64_t timeout_ns;
};

/* Who does not wait needs no clock. */
static inline struct limit limit_begin(const struct ivsh_node *node, uint64_t timeout_ns)
{
	struct limit limit = {timeout_ns ? ivsh_node_now(node) : 0, timeout_ns};

	return limit;
}

/* What is left of it; 0: nothing. */
static inline uint64_t limit_left(const struct ivsh_node *node, const struct limit *limit)
{
	uint64_t gone;

	if (limit->timeout_ns == 0 || limit->timeout_ns == IVSH_FOREVER)
		return limit->timeout_ns;
	gone = ivsh_node_now(node) - limit->start_ns;
	return gone < limit->timeout_ns ? limit->timeout_ns - gone : 0;
}

/* The first bytes of what (from) holds, in private memory. Not loaded again, and not by parts. */
static inline struct ivsh_wire_call call_read(const void *from)
{
	struct ivsh_wire_call call;

	__builtin_memcpy(&call, from, sizeof(call));
	__asm__ volatile("" : : "r"(&call) : "memory");
	return call;
}

/* So many messages come from one channel before others have a turn, if nothing forbids it. */
#define NODE_TURNS 64u

/* The next receive goes on with (ch), which has just had a message. */
static inline void near_set(struct ivsh_node *node, struct ivsh_chan *ch)
{
	node->near = ch;
	node->near_end = ch->rx.read + NODE_TURNS - 1;
}

/* The next receive looks at everything. */
static inline void near_stop(struct ivsh_node *node)
{
	node->near = &node->chans[node->self];
	node->near_end = node->near->rx.read;
}

/* Somebody else's slot. */
static inline bool is_peer(const struct ivsh_node *node, uint32_t peer)
{
	return peer < node->slots && peer != node->self;
}

/*
 * Wait once, for (wanted) or up to (most_ns), and mend what broke. (room): the channel that room is
 * waited for, if the last try found none; NULL: none. IVSH_EAGAIN: (limit) is over, and nothing was
 * waited for.
 */
int ivsh_node_idle(struct ivsh_node *node, uint32_t wanted, const struct ivsh_chan *room,
    const struct limit *limit, uint64_t most_ns) IVSH_MUST_CHECK;

/*
 * Between these two a channel says whether the last try found no room, and nothing else: what a
 * call of the application found before is remembered.
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
 * what the caller is to answer.
 */
int ivsh_node_make_room(
    struct ivsh_node *node, uint32_t peer, int error, const struct limit *limit) IVSH_MUST_CHECK;

/* Reset the channel to (peer) if it is dead. IVSH_EPROTO: no more, it is broken. */
int ivsh_node_mend(struct ivsh_node *node, uint32_t peer) IVSH_MUST_CHECK;
void ivsh_node_mend_all(struct ivsh_node *node);

/* What dispatching a peeked message comes to. */
enum dispatched {
	DISPATCHED,         /* it was for a stream or a call, and is released */
	DISPATCHED_REQUEST, /* a request: its header is in *call */
	DISPATCHED_PLAIN,
};

/* Hand the message that is peeked on (ch) to the stream or the call that waits for it. */
enum dispatched ivsh_node_dispatch(struct ivsh_node *node, struct ivsh_chan *ch,
    const struct ivsh_message *message, struct ivsh_wire_call *call);

/* The same for a call's header and body, wherever they stand. False: it is a request. */
bool ivsh_node_call_take(struct ivsh_node *node, uint32_t peer, const struct ivsh_wire_call *call,
    const void *body, uint32_t size);

/* A peeked message stays in its ring, for ivsh_node_receive(); or does not any more. */
void ivsh_node_hold(struct ivsh_node *node, uint32_t peer, bool held);

/*
 * Take from all rings what is for streams and calls, and what stands before it in (target)'s, may
 * be NULL, into the inbox. IVSH_ENOSPC: the inbox is full.
 */
int ivsh_node_pump(struct ivsh_node *node, const struct ivsh_chan *target) IVSH_MUST_CHECK;

/* Where fast.c ends. (error): what receiving from the near channel answered; IVSH_EAGAIN: others
 * have their turn. */
int ivsh_node_send_slow(struct ivsh_node *node, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;
int ivsh_node_receive_slow(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns, int error) IVSH_MUST_CHECK;

/* The inbox: put a message in; look at the first one, or take it. */
int ivsh_node_inbox_put(struct ivsh_node *node, const struct ivsh_node_message *message,
    const void *body) IVSH_MUST_CHECK;
int ivsh_node_inbox_take(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity) IVSH_MUST_CHECK;

/* Send one message of a call. */
int ivsh_node_call_send(struct ivsh_node *node, uint32_t peer, const struct ivsh_wire_call *call,
    const void *data, uint32_t size) IVSH_MUST_CHECK;

/* Attach to a memory whose transport names no slot, in the lowest free one. */
int ivsh_node_attach_free(struct ivsh_region *region, struct ivsh_mem *mem,
    struct ivsh_attach *attach, uint64_t seed) IVSH_MUST_CHECK;

#endif
