/* SPDX-License-Identifier: MIT */
/*
 * node.h - the front door: one peer, with channels to all others, in one block of memory.
 *
 * Start here. A node attaches to the shared memory, opens a channel to each other slot, and sends,
 * receives, calls, streams and sleeps. Two calls lead to it: one opens the transport
 * (ivsh_device_open_any() in a guest), ivsh_node_open() the node:
 *
 *	static uint8_t block[IVSH_NODE_MEMORY];
 *	struct ivsh_node_options options = {.name = "alpha"};
 *	struct ivsh_node_message m;
 *	struct ivsh_node *node;
 *	char text[64];
 *
 *	if (ivsh_node_open(&node, block, sizeof(block), &mem, &options) == 0 &&
 *	    ivsh_node_send(node, 1, IVSH_PORT_TEXT, "hello", 5, IVSH_FOREVER) == 0 &&
 *	    ivsh_node_receive(node, &m, text, sizeof(text), IVSH_FOREVER) == 0)
 *		... m.size bytes of text came from peer m.peer
 *
 * A peer is known by its slot's number, or by name: ivsh_node_find(). Every call that may wait
 * takes a timeout in nanoseconds: 0 does not wait, IVSH_FOREVER waits without end; IVSH_EAGAIN says
 * that the time is over. A node sleeps while it waits, until another peer notifies it; where the
 * transport has no doorbells it looks, and naps between two looks.
 *
 * Messages arrive whole, in order for each peer, each with the sender's port: a label. What was
 * accepted is delivered, also after the sender has ended. Where a ring was damaged and had to be
 * reset, ivsh_node_next_event() says that messages may be lost.
 *
 * Calls are for the one thread that owns the node, never from interrupts. Nothing is allocated,
 * and there is no state outside the block. A peer that does nothing for 2 s seems dead to others,
 * so a program that works for longer calls ivsh_node_wait(node, 0, NULL) now and then. Besides what
 * stands beside it, each call that answers an int can answer
 *
 * IVSH_ELOST   another peer has claimed this node's slot: close the node, and open it again.
 *
 * The layers below, <ivsh/region.h> and <ivsh/channel.h>, are for who wants more: messages written
 * in place, batches, several nodes that wait as one. ivsh_node_channel() leads there.
 */
#ifndef IVSH_NODE_H
#define IVSH_NODE_H

#include <ivsh/channel.h>
#include <ivsh/peers.h>
#include <ivsh/stream.h>
#include <ivsh/wait.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A timeout without end. */
#define IVSH_FOREVER UINT64_MAX

/* --- Opening -------------------------------------------------------------------------------- */

/* Flags of ivsh_node_options: what is to be done otherwise than by default. */
#define IVSH_NODE_SLOT 0x1u      /* options.slot is the slot; where the transport names none */
#define IVSH_NODE_NO_FORMAT 0x2u /* never format the memory, not even as slot 0 */
#define IVSH_NODE_DISCARD 0x4u   /* drop, and count, what was sent to the slot's last incarnation */
#define IVSH_NODE_POLL 0x8u      /* never sleep: look and relax until the end of each wait */
#define IVSH_NODE_SLEEP 0x10u    /* sleep at once: do not look for spin_ns first */

/* How a node is opened: all zero is a good choice. And why it was not. */
struct ivsh_node_options {
	const char *name;    /* up to 31 printable ASCII characters; NULL: none. Copied. */
	uint32_t flags;      /* IVSH_NODE_* */
	uint32_t slot;       /* with IVSH_NODE_SLOT; must be the transport's where that names one */
	uint32_t slots;      /* peers of a memory that this node formats: 2 to 256; 0: 8 */
	uint64_t timeout_ns; /* how long to wait for whoever formats the memory; 0: 5 s */
	uint64_t spin_ns;    /* how long a wait looks before it sleeps; 0: 50 us */
	uint64_t nap_ns;     /* the longest sleep where there are no doorbells; 0: 500 us */
	uint64_t nonce; /* a number that no other node draws; 0: made of the transport's seed */

	/* Answers, each where the error says so. */
	uint32_t found_version;  /* IVSH_EVERSION: the region's; ours is IVSH_WIRE_VERSION */
	uint32_t found_features; /* IVSH_EVERSION: feature bits that this library does not know */
	uint32_t found_slots; /* IVSH_EINVAL: slots of the region, where ours is not among them */
	uint64_t found_magic; /* IVSH_EPROTO: the memory's first eight bytes; 0: they are ours */
	uint64_t need_size;   /* IVSH_ENOSPC: bytes of shared memory needed; 0: there are enough */
	uint64_t need_block;  /* IVSH_ENOSPC: bytes of the block needed; 0: there are enough */
};

/* The least memory of a node in a region of (slots) slots whose rings hold (descs) messages. */
#define IVSH_NODE_SIZE(slots, descs)                                                 \
	(sizeof(struct ivsh_node) + IVSH_NODE_INBOX + 64u +                          \
	    (size_t)(slots) * (sizeof(struct ivsh_chan) + sizeof(struct ivsh_peer) + \
				  sizeof(struct ivsh_node_link)) +                   \
	    (size_t)((slots)-1u) * (descs) * sizeof(struct ivsh_record))

/* ... in the region that ivsh-server, or slot 0, makes when told nothing else: 8 slots. */
#define IVSH_NODE_MEMORY IVSH_NODE_SIZE(8u, IVSH_FIT_DESCS)

/* Bytes of the block that hold messages which come while ivsh_node_call() or a stream waits. */
#define IVSH_NODE_INBOX 4096u

struct ivsh_node;

/*
 * Open a node in the memory behind (mem).
 *
 * On success *node stands in (block), the caller's, of any alignment, and its alone until
 * ivsh_node_close(). The slot is announced to all peers, and a channel to each other slot is open.
 * What peers sent to an earlier incarnation of the slot is still delivered, unless
 * IVSH_NODE_DISCARD. What is left of a larger block holds messages that come during a call.
 *
 * The slot is the transport's. Where that names none (ivshmem-plain) it is options.slot, with
 * IVSH_NODE_SLOT, or the lowest free one; it is claimed then: 50 ms, up to 2 s for each slot of a
 * peer that may be dead. Slot 0 formats a memory that nobody has formatted; others wait for it. Two
 * nodes that choose a free slot of an unformatted memory at the same instant may both format it:
 * name their slots, or start one of them first.
 *
 * mem: copied; what it refers to lives as long as the node. options: may be NULL; the answers in it
 * are set on failure.
 *
 * IVSH_ENOSPC   the block is too small (need_block), or the shared memory is (need_size).
 * IVSH_ENODEV   nobody formatted the memory within timeout_ns.
 * IVSH_EINVAL   options.slot is not the transport's, or not below the number of slots
 *               (found_slots); the name is too long or not printable; slots is out of range.
 * IVSH_EBUSY    a living peer holds that slot, or all of them.
 * IVSH_EPROTO   the memory holds something else (found_magic), or the region's header is damaged.
 * IVSH_EVERSION an unknown version or feature: found_version, found_features.
 * IVSH_EREADONLY  the memory drops what is stored in it.
 * SPEC 3, 5.
 */
int ivsh_node_open(struct ivsh_node **node, void *block, uint64_t size, const struct ivsh_mem *mem,
    struct ivsh_node_options *options) IVSH_MUST_CHECK;

/*
 * The block that a node in (mem) needs, in *size: for the region that is there, or the one that
 * this library would format with (slots) slots, 0: 8. Writes nothing.
 *
 * Errors as ivsh_node_open(), which looks more closely.
 */
int ivsh_node_size(const struct ivsh_mem *mem, uint32_t slots, uint64_t *size) IVSH_MUST_CHECK;

/*
 * Say good-bye and close all channels. End streams and calls first. What peers sent, and was not
 * received, stays for the next incarnation; but for what a call has put into the inbox.
 */
void ivsh_node_close(struct ivsh_node *node);

/* --- Messages ------------------------------------------------------------------------------- */

/* The ports of calls: one port for the requests and replies of all ports. SPEC 11. */
#define IVSH_PORT_CALL 3u

/* A message, as received. */
struct ivsh_node_message {
	/* What channel.h calls a message. */
	__extension__ union {
		struct ivsh_message message;
		__extension__ struct {
			const void *data; /* the caller's buffer */
			uint32_t size;    /* bytes in it, 0 to ivsh_node_max() */
			uint16_t port;    /* the sender's label: unchecked */
			uint16_t
			    flags; /* IVSH_MAYBE_SEEN: an earlier incarnation may have had it */
		};
	};
	uint32_t peer;    /* who sent it: its slot */
	uint64_t request; /* not 0: it waits for ivsh_node_reply() */
};

/* What the node keeps of each slot. For the library's use. */
struct ivsh_node_link {
	uint32_t incarnation; /* the peer's, when resets were last counted anew */
	uint8_t resets;
	bool blocked; /* a send found no room, before a call or a stream looked */
	bool held;    /* a message is peeked and waits for ivsh_node_receive() */
	bool broken;  /* reset too often: left alone until the peer starts again */
	bool broken_reported;
};

struct ivsh_call;
struct ivsh_node_stream;

/* A node. In the block, for the library's use, but for the fields marked. */
struct ivsh_node {
	/* The channel that had the last message; others have a turn when its read index comes to
	 * near_end. Our own, which is dead: each receive looks at all. */
	struct ivsh_chan *near;
	uint32_t near_end;
	uint32_t turn; /* the slot that near is of, or was */

	uint32_t slots;          /* readable: slots of the region, our own among them */
	uint32_t self;           /* readable: our own slot */
	struct ivsh_chan *chans; /* by slot; our own is dead */
	struct ivsh_peer *peers; /* readable: by slot, as seen last */
	struct ivsh_node_link *links;
	uint32_t held; /* links that are held */
	uint32_t next_call;
	struct ivsh_call *calls; /* under way */
	struct ivsh_node_stream *streams;
	/* Of the stream room, where a stream was opened: whether a message was for a stream. */
	bool (*stream_take)(
	    struct ivsh_node *node, struct ivsh_chan *ch, const struct ivsh_message *message);
	struct ivsh_wait wait;

	/*
	 * Messages that were taken out of the rings and not received: (used) bytes from (first) on.
	 */
	uint8_t *inbox;
	uint32_t inbox_size, inbox_first, inbox_end;

	uint64_t dropped;          /* readable: late replies, and calls that break SPEC 14 */
	struct ivsh_region region; /* readable: the layer below */
};

/* The largest message, in bytes. A request or reply may have 16 less. */
uint32_t ivsh_node_max(const struct ivsh_node *node);

/*
 * Send (size) bytes at (data) to slot (peer), on (port). 0 means accepted: it will be delivered,
 * even if this node ends now, and also where nobody is in the slot yet.
 *
 * Waits for room, up to timeout_ns, also where nobody takes messages out. data may be NULL when
 * size is 0. port: any but IVSH_PORT_CALL and those of open streams.
 *
 * IVSH_EAGAIN  no room: later.
 * IVSH_EINVAL  (peer) is this node or no slot, or size is above ivsh_node_max().
 * IVSH_EPROTO  the channel to this peer broke too often: IVSH_PEER_EVENT_BROKEN.
 */
int ivsh_node_send(struct ivsh_node *node, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* The same to the peer that calls itself (name), and is here: else IVSH_ENODEV. */
int ivsh_node_send_to(struct ivsh_node *node, const char *name, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * The same to all peers that are here. In *sent: how many accepted it; may be NULL. Answers the
 * first error of any, after it has tried all of them.
 */
int ivsh_node_broadcast(struct ivsh_node *node, uint16_t port, const void *data, uint32_t size,
    uint32_t *sent, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Receive the next message of any peer into (buffer), of (capacity) bytes. Sleeps until there is
 * one, or timeout_ns has passed. Peers take turns.
 *
 * The replies of calls and the messages of streams that come meanwhile go where they belong. A
 * channel that broke is reset, IVSH_NODE_RESETS times for each incarnation of its peer.
 *
 * IVSH_EAGAIN  no message.
 * IVSH_ENOSPC  the message is larger than (capacity): message->size has its size; it stays.
 */
int ivsh_node_receive(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns) IVSH_MUST_CHECK;

#define IVSH_NODE_RESETS 16u

/* --- Requests and replies ------------------------------------------------------------------- */

/* A call: a request to a peer, and the reply to it. Zero it, and fill in what is the caller's. */
struct ivsh_call {
	uint32_t peer;    /* who is asked: its slot */
	uint16_t port;    /* what is asked of it: its label for the request */
	const void *data; /* the request, until it is sent */
	uint32_t size;    /* bytes of it, up to ivsh_node_max() less 16 */
	void *buffer;     /* for the reply, until the call is over */
	uint32_t capacity;

	uint32_t got; /* readable: bytes of the reply */

	/* For the library's use. */
	bool begun;
	int error; /* IVSH_EAGAIN: under way */
	uint64_t id;
	uint32_t incarnation, lost;
	struct ivsh_call *next;
};

/*
 * Send the request of (call) and wait for its reply, up to timeout_ns in all.
 *
 * On success call->got bytes of reply are in call->buffer. Whatever the answer, the call is over: a
 * reply that comes late is dropped. Where nobody is in the slot yet, waits for who comes. Messages
 * that the same peer sent before its reply wait in the node's inbox for ivsh_node_receive(); those
 * of others stay where they are.
 *
 * IVSH_EAGAIN  no reply in time.
 * IVSH_EPEER   the peer left, died, seems dead, or started again, or a ring was reset: whether the
 *              request was seen is not known.
 * IVSH_ENOSPC  the reply is larger than capacity: call->got has its size. Or, with 0 in call->got,
 *              what came before it is more than the inbox holds: receive, then call again.
 * IVSH_EINVAL, IVSH_EPROTO  as ivsh_node_send().
 * SPEC 14.
 */
int ivsh_node_call(
    struct ivsh_node *node, struct ivsh_call *call, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * The same without waiting, for as many calls at a time as the caller has structs: (call) stays
 * where it is until poll answers anything but IVSH_EAGAIN, or end was called. The first poll sends
 * the request, as soon as there is room. Receive meanwhile: a message that stands before the reply
 * holds it up. Answers as ivsh_node_call(); IVSH_EAGAIN says that the call goes on.
 */
int ivsh_node_call_poll(struct ivsh_node *node, struct ivsh_call *call) IVSH_MUST_CHECK;

/* Give a call up. Its reply, if one comes, is dropped. Harmless after the end of the call. */
void ivsh_node_call_end(struct ivsh_node *node, struct ivsh_call *call);

/*
 * Reply to the request that (request) describes, as ivsh_node_receive() answered it; now or later,
 * in any order. Only its peer, port and request are looked at. Errors as ivsh_node_send().
 *
 * IVSH_EINVAL  it is no request, too.
 */
int ivsh_node_reply(struct ivsh_node *node, const struct ivsh_node_message *request,
    const void *data, uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* --- Streams -------------------------------------------------------------------------------- */

/* Bytes to and from one peer. The caller's memory, for the library's use. */
struct ivsh_node_stream {
	struct ivsh_stream stream;
	struct ivsh_node *node;
	struct ivsh_node_stream *next;
};

/*
 * Open a stream to slot (peer) on (port) and the port after it; the peer opens one, too, earlier or
 * later. (buffer) of (size) bytes, a power of two from 64 on, keeps what comes until it is read.
 *
 * Errors of this and the calls below as in <ivsh/stream.h>; and IVSH_ENOSPC where messages of the
 * same peer stand before the stream's, and are more than the inbox holds: receive them.
 * SPEC 10.
 */
int ivsh_node_stream_open(struct ivsh_node *node, struct ivsh_node_stream *stream, uint32_t peer,
    uint16_t port, void *buffer, uint32_t size) IVSH_MUST_CHECK;

/*
 * Write all of (size) bytes at (data), waiting for the peer to read. In *written, which may be
 * NULL: how many were accepted, also with an error. IVSH_EAGAIN: not all, in this time.
 */
int ivsh_node_stream_write(struct ivsh_node_stream *stream, const void *data, uint32_t size,
    uint32_t *written, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Read up to (capacity) bytes, waiting for the first. In *got: how many; 0 without an error: the
 * peer has finished, and all was read.
 */
int ivsh_node_stream_read(struct ivsh_node_stream *stream, void *data, uint32_t capacity,
    uint32_t *got, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Say that no more will be written, waiting until that is said. Reading goes on. */
int ivsh_node_stream_finish(struct ivsh_node_stream *stream, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Leave the stream; the peer is told if it was not finished on both sides. */
void ivsh_node_stream_close(struct ivsh_node_stream *stream);

/* --- Peers, services, events ---------------------------------------------------------------- */

/*
 * Find the peer that calls itself (name), NULL: any peer: the lowest slot, in *peer. Waits until
 * one is here. Two peers may have one name, and anybody may take any.
 *
 * IVSH_ENODEV  nobody of that name is here.
 */
int ivsh_node_find(
    struct ivsh_node *node, const char *name, uint32_t *peer, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Slot (peer) as it is now: name, presence, incarnation. NULL: no such slot. Until the next call.
 */
const struct ivsh_peer *ivsh_node_peer(struct ivsh_node *node, uint32_t peer);

/*
 * Publish that the service (name) is to be had on (port): 1 to 27 printable ASCII characters. Gone
 * with this incarnation. IVSH_EINVAL: not such a name. IVSH_ENOSPC: there are 16 already.
 */
int ivsh_node_offer(struct ivsh_node *node, const char *name, uint16_t port) IVSH_MUST_CHECK;

/*
 * Find who offers the service (name), and is here: the lowest slot, in *peer, and the port, in
 * *port. Waits until somebody does.
 *
 * IVSH_ENODEV  nobody offers it.
 */
int ivsh_node_find_service(struct ivsh_node *node, const char *name, uint32_t *peer, uint16_t *port,
    uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * The next thing that happened to another peer, in *event: it came, went, came back in another
 * incarnation, messages between it and this node may be lost, or its channel broke too often. Waits
 * until something does. Nothing queues up: what went and came back between two calls is one event.
 *
 * IVSH_EAGAIN  nothing more, for now.
 */
int ivsh_node_next_event(
    struct ivsh_node *node, struct ivsh_peer_event *event, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* --- Waiting -------------------------------------------------------------------------------- */

/*
 * Wait for a message, room where a send answered IVSH_EAGAIN, a peer event that somebody announced,
 * or a channel that broke: IVSH_EVENT_* in *events, which may be NULL; 0: the time is over. Keeps
 * the node alive in the eyes of others, also with a timeout of 0.
 */
int ivsh_node_wait(struct ivsh_node *node, uint64_t timeout_ns, uint32_t *events) IVSH_MUST_CHECK;

/* The transport's clock, in nanoseconds. */
static inline uint64_t ivsh_node_now(const struct ivsh_node *node)
{
	return ivsh_region_now(&node->region);
}

/*
 * The channel to slot (peer): for messages that are written or read in place, and batches. NULL: no
 * other slot. Who takes messages from it also takes what is meant for streams and calls.
 */
struct ivsh_chan *ivsh_node_channel(struct ivsh_node *node, uint32_t peer);

#ifdef __cplusplus
}
#endif
#endif
