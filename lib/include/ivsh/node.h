/* SPDX-License-Identifier: MIT */
/*
 * node.h - the front door: one peer, with channels to all others, in one block of memory.
 *
 * Start here. A node attaches to the shared memory and opens a channel to each other slot. Through
 * it a program sends, receives, calls, streams and sleeps. Two calls lead there: one opens the
 * transport (ivsh_device_open_any() in a guest), and ivsh_node_open() opens the node:
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
 * A caller names a peer by its slot's number; ivsh_node_find() answers the number for a name. Every
 * call that may wait takes a timeout in nanoseconds: 0 does not wait, and IVSH_FOREVER waits
 * without end. IVSH_EAGAIN says that the time is over. A waiting node sleeps until another peer
 * notifies it. Where the transport has no doorbells, the node polls, and naps between two polls.
 *
 * Messages arrive whole, and those of one peer arrive in order. Each carries a port, which is the
 * sender's label. An accepted message is delivered even after its sender has ended. A ring that was
 * damaged is reset, which may lose messages: ivsh_node_next_event() reports that.
 *
 * Only the thread that owns the node makes calls on it, and never from an interrupt handler. The
 * library allocates nothing, and keeps no state outside the block. A peer that makes no call for 2
 * s seems dead to the others. So a program that works for longer between two calls calls
 * ivsh_node_wait(node, 0, NULL) now and then. Each call that answers an int can answer, besides the
 * errors in its own comment:
 *
 * IVSH_ELOST   another peer has claimed this node's slot: close the node, and open it again.
 * IVSH_EREMOVED  the device was unplugged: close the node and the device, and open both again when
 *              it is back.
 *
 * A node goes on when its machine was migrated or restored from a snapshot, or its memory was:
 * ivsh_node_next_event() reports IVSH_PEER_EVENT_MOVED, and what may be lost. Calls under way then
 * answer IVSH_EPEER, and so do streams.
 *
 * Programs that need more use the layers below, <ivsh/region.h> and <ivsh/channel.h>: messages that
 * are written in place, batches, several nodes that wait as one. ivsh_node_channel() leads there.
 */
#ifndef IVSH_NODE_H
#define IVSH_NODE_H

#include <ivsh/channel.h>
#include <ivsh/log.h>
#include <ivsh/metrics.h>
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

/* Flags of ivsh_node_options: each changes a default. */
#define IVSH_NODE_SLOT 0x1u      /* options.slot is the slot; where the transport names none */
#define IVSH_NODE_NO_FORMAT 0x2u /* never format the memory, not even as slot 0 */
#define IVSH_NODE_DISCARD 0x4u   /* drop, and count, what was sent to the slot's last incarnation */
#define IVSH_NODE_POLL 0x8u      /* never sleep: poll and relax until the end of each wait */
#define IVSH_NODE_SLEEP 0x10u    /* sleep at once: do not poll for spin_ns first */
#define IVSH_NODE_SEND_ONLY 0x20u    /* one-way to all slots that options.one_way leaves at 0 */
#define IVSH_NODE_RECEIVE_ONLY 0x40u /* the same, the other way; not both */

/* How to open a node: all zero is a good choice. On failure, also why it was not opened. */
struct ivsh_node_options {
	const char *name;    /* up to 31 printable ASCII characters; NULL: none. Copied. */
	uint32_t flags;      /* IVSH_NODE_* */
	uint32_t slot;       /* with IVSH_NODE_SLOT; must be the transport's where that names one */
	uint32_t slots;      /* peers of a memory that this node formats: 2 to 256; 0: 8 */
	uint64_t timeout_ns; /* how long to wait for the memory to be formatted; 0: 5 s */
	uint64_t spin_ns;    /* how long a wait polls before it sleeps; 0: 50 us */
	uint64_t nap_ns;     /* the longest sleep where there are no doorbells; 0: 500 us */
	uint64_t nonce; /* a number that no other node draws; 0: made from the transport's seed */
	/* Of slots 0 to (one_way_count) - 1: 0: both ways; IVSH_SEND_ONLY, IVSH_RECEIVE_ONLY: as
	 * ivsh_chan_open_one_way() opens the channel to it. NULL: all both ways. */
	const uint8_t *one_way;
	uint32_t one_way_count;

	/* Answers: each is set by the error that names it. */
	uint32_t found_version;  /* IVSH_EVERSION: the region's; ours is IVSH_WIRE_VERSION */
	uint32_t found_features; /* IVSH_EVERSION: its feature bits; ours are IVSH_WIRE_FEATURE_* */
	uint32_t found_slots; /* IVSH_EINVAL: slots of the region, where ours is not among them */
	uint64_t found_magic; /* IVSH_EPROTO: the memory's first eight bytes; 0: they are ours */
	uint32_t found_part;  /* a split region, as in struct ivsh_attach; also on success */
	uint32_t parts_out;   /* likewise */
	uint64_t need_size;   /* IVSH_ENOSPC: bytes of shared memory needed; 0: there are enough */
	uint64_t need_block;  /* IVSH_ENOSPC: bytes of the block needed; 0: there are enough */
};

/* The least memory of a node in a region of (slots) slots whose rings hold (descs) messages. */
#define IVSH_NODE_SIZE(slots, descs)                                                 \
	(sizeof(struct ivsh_node) + IVSH_NODE_INBOX + 64u +                          \
	    (size_t)(slots) * (sizeof(struct ivsh_chan) + sizeof(struct ivsh_peer) + \
				  sizeof(struct ivsh_node_link)) +                   \
	    (size_t)((slots)-1u) * (descs) * sizeof(struct ivsh_record))

/* ... in the region that ivsh-server, or slot 0, formats by default: 8 slots. */
#define IVSH_NODE_MEMORY IVSH_NODE_SIZE(8u, IVSH_FIT_DESCS)

/* How often, and at how many slots, a node looks for parts of a split region that are not used. */
#define IVSH_NODE_LOOK_NS UINT64_C(100000000)
#define IVSH_NODE_LOOK_SLOTS 16u

/* Bytes of the block that hold messages which come while ivsh_node_call() or a stream waits. */
#define IVSH_NODE_INBOX 4096u

struct ivsh_node;

/*
 * Open a node in the memory behind (mem).
 *
 * On success *node points into (block). The block is the caller's memory, of any alignment; the
 * node alone uses it until ivsh_node_close(). The slot is announced to all peers, and a channel to
 * each other slot is open. Messages that peers sent to an earlier incarnation of the slot are still
 * delivered, unless IVSH_NODE_DISCARD is set. The rest of a larger block holds messages that come
 * during a call.
 *
 * The transport names the slot. Where it names none (ivshmem-plain), the slot is options.slot with
 * IVSH_NODE_SLOT, else the lowest free one. The node then claims it, which takes 50 ms, and up to 2
 * s for each slot of a peer that may be dead. Slot 0 formats a memory that nobody has formatted;
 * other slots wait for it. Two nodes that choose a free slot of an unformatted memory at the same
 * instant may both format it: name their slots, or start one of them first.
 *
 * mem: copied; what it refers to must stay valid as long as the node is open. options: may be NULL;
 * the answers in it are set on failure.
 *
 * IVSH_ENOSPC   the block is too small (need_block), or the shared memory is (need_size).
 * IVSH_ENODEV   nobody formatted the memory within timeout_ns.
 * IVSH_EINVAL   options.slot is not the transport's, or not below the number of slots
 *               (found_slots); the name is too long or not printable; slots is out of range;
 *               options.one_way has another value than those three, or flags has both ways.
 * IVSH_EBUSY    a living peer holds that slot, or all of them.
 * IVSH_EPROTO   the memory holds something else (found_magic), or the region's header is damaged.
 * IVSH_EVERSION an unknown version or feature: found_version, found_features.
 * IVSH_EREADONLY  the memory drops what is stored in it.
 * IVSH_EPART    a split region: this slot's part is not among mem.parts (found_part, parts_out).
 *               The transport or options.slot must name the slot.
 *
 * A part of another slot may be left out as well (parts_out, also on success): nobody has formatted
 * it yet, perhaps. Sending to that slot answers IVSH_EPART. The node looks for such a part again:
 * each time that the program sends there, and in receives, waits, broadcasts, finds and
 * ivsh_node_next_event(), every IVSH_NODE_LOOK_NS, at IVSH_NODE_LOOK_SLOTS slots at the most. Where
 * it finds one, it opens the channel, node->parts_out counts one less, a wait ends by
 * IVSH_EVENT_CONTROL, and ivsh_node_next_event() reports the peer as any other.
 * SPEC 3, 5, 17.
 */
int ivsh_node_open(struct ivsh_node **node, void *block, uint64_t size, const struct ivsh_mem *mem,
    struct ivsh_node_options *options) IVSH_MUST_CHECK;

/*
 * Answer in *size how large a block a node in (mem) needs: for the region that is there, or else
 * for the region that this library would format with (slots) slots; 0: 8. Writes nothing to the
 * memory.
 *
 * Errors as ivsh_node_open(), which checks more.
 */
int ivsh_node_size(const struct ivsh_mem *mem, uint32_t slots, uint64_t *size) IVSH_MUST_CHECK;

/*
 * Close the node: detach from the slot, and close all channels. The caller ends streams and calls
 * first. Messages that were not received stay in their rings for the next incarnation; those that a
 * call has put into the inbox are lost.
 */
void ivsh_node_close(struct ivsh_node *node);

/* --- Messages ------------------------------------------------------------------------------- */

/* The ports of calls: one port for the requests and replies of all ports. SPEC 11. */
#define IVSH_PORT_CALL 3u

/* A message, as received. */
struct ivsh_node_message {
	/* The same fields as a message of channel.h. */
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
	uint32_t peer;    /* the slot of the sender */
	uint64_t request; /* not 0: a request, to be answered by ivsh_node_reply() */
};

/* The node's state for each slot. For the library's use. */
struct ivsh_node_link {
	uint32_t incarnation; /* the peer's, when (resets) was last set to 0 */
	uint8_t resets;
	bool blocked; /* a send found no room, before a call or a stream tried */
	bool held;    /* a message is peeked and waits for ivsh_node_receive() */
	bool broken;  /* reset too often: not used until the peer starts again */
	bool broken_reported;
	bool owed;       /* a stream found no room, maybe for a control message */
	bool once;       /* the same: ivsh_node_wait() reports room only once */
	uint8_t one_way; /* of the options */
};

struct ivsh_call;
struct ivsh_node_stream;

/* A node, in the caller's block. For the library's use, but for the fields marked. */
struct ivsh_node {
	/* The channel that had the last message; others have a turn when its read index reaches
	 * near_end. When it is our own, which is dead, each receive polls all channels. */
	struct ivsh_chan *near;
	uint32_t near_end;
	uint32_t turn; /* the slot of (near), or of the last one */

	uint32_t slots;          /* readable: slots of the region, our own among them */
	uint32_t self;           /* readable: our own slot */
	struct ivsh_chan *chans; /* by slot; our own is dead */
	struct ivsh_peer *peers; /* readable: by slot, as seen last */
	struct ivsh_node_link *links;
	uint32_t held; /* links that are held */
	uint32_t next_call;
	struct ivsh_call *calls; /* under way */
	struct ivsh_node_stream *streams;
	/* Set when a stream is opened: takes a message if it is for a stream, and answers
	 * whether. */
	bool (*stream_take)(
	    struct ivsh_node *node, struct ivsh_chan *ch, const struct ivsh_message *message);
	/* The same: send the control messages that streams found no room for. */
	void (*streams_flush)(struct ivsh_node *node);
	struct ivsh_wait wait;

	/*
	 * Messages that were taken out of the rings and not received yet: bytes inbox_first to
	 * inbox_end - 1.
	 */
	uint8_t *inbox;
	uint32_t inbox_size, inbox_first, inbox_end;
	uint32_t seen; /* events that ended a wait inside a call, for ivsh_node_wait() */

	uint64_t dropped; /* readable: late replies, ivsh_node_drop(), and what breaks SPEC 14 */
	struct ivsh_region region; /* readable: the layer below */
	struct ivsh_log log;       /* of ivsh_node_log() */

	uint32_t parts_out; /* readable: of a split region, parts that are not used by now */
	uint32_t look;      /* the slot whose part was looked for last */
	uint64_t look_ns;   /* when */
};

/* The size of the largest message, in bytes. The largest request or reply has 16 bytes less. */
uint32_t ivsh_node_max(const struct ivsh_node *node);

/*
 * Send (size) bytes at (data) to slot (peer), on (port). 0 means accepted: the message will be
 * delivered, even if this node ends now, and even if no peer is in the slot yet.
 *
 * Waits up to timeout_ns for room, even where no peer takes messages out. data may be NULL when
 * size is 0. port: any but IVSH_PORT_CALL and those of open streams.
 *
 * IVSH_EAGAIN  no room: try again later.
 * IVSH_EONEWAY  the peer reads nothing that this node sends, or this node only receives from it.
 * IVSH_EINVAL  (peer) is this node or no slot, or size is above ivsh_node_max().
 * IVSH_EPROTO  the channel to this peer broke too often: IVSH_PEER_EVENT_BROKEN.
 */
int ivsh_node_send(struct ivsh_node *node, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* The same to the present peer that calls itself (name). IVSH_ENODEV: there is none. */
int ivsh_node_send_to(struct ivsh_node *node, const char *name, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * The same to all peers that are present. *sent, which may be NULL, is set to the number of
 * channels that accepted the message. The call tries all of them, and then answers the first error
 * of any.
 */
int ivsh_node_broadcast(struct ivsh_node *node, uint16_t port, const void *data, uint32_t size,
    uint32_t *sent, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Tell slot (peer) that messages are missing here, between what this node has sent to it and what
 * it sends next: for a program that passes on messages of others, and has lost some. The peer gets
 * what was sent, then IVSH_PEER_EVENT_LOST, and so does this node. Calls, streams and connections
 * between the two end. Sends find no room until the peer has come so far. As
 * ivsh_chan_report_loss(), which has more of it. Does not wait.
 *
 * IVSH_EINVAL  (peer) is this node or no slot, or a message is reserved on its channel.
 * IVSH_EONEWAY, IVSH_EPROTO  as ivsh_node_send().
 */
int ivsh_node_report_loss(struct ivsh_node *node, uint32_t peer) IVSH_MUST_CHECK;

/*
 * Receive the next message of any peer into (buffer), of (capacity) bytes. Sleeps until there is
 * one, or until timeout_ns has passed. Peers take turns.
 *
 * Replies that come meanwhile go to their calls, and messages of streams to their streams. The node
 * resets a channel that broke, up to IVSH_NODE_RESETS times for each incarnation of its peer.
 *
 * IVSH_EAGAIN  no message.
 * IVSH_EONEWAY  this node only sends, to all: none can come.
 * IVSH_ENOSPC  the message is larger than (capacity): message->size is its size. It stays, and each
 *              next call answers the same: take it with a larger buffer, or ivsh_node_drop().
 */
int ivsh_node_receive(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Drop the message that ivsh_node_receive() has just answered IVSH_ENOSPC for, and count it in
 * node->dropped: otherwise one large message stops what a program receives from everybody.
 * (message) is what that call filled in, with no other call of the node between the two. Does not
 * block. If the message has gone meanwhile, as its sender has started again, this does nothing.
 */
void ivsh_node_drop(struct ivsh_node *node, const struct ivsh_node_message *message);

#define IVSH_NODE_RESETS 16u

/* --- Requests and replies ------------------------------------------------------------------- */

/* A call: a request to a peer, and the reply to it. The caller zeroes it and sets the first six. */
struct ivsh_call {
	uint32_t peer;    /* the slot of the peer that the request goes to */
	uint16_t port;    /* the peer's label for what is requested */
	const void *data; /* the request; must stay valid until it is sent */
	uint32_t size;    /* bytes of it, up to ivsh_node_max() less 16 */
	void *buffer;     /* for the reply; must stay valid until the call is over */
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
 * On success call->got bytes of reply are in call->buffer. Whatever the answer, the call is over:
 * the node drops a reply that comes late. If no peer is in the slot yet, the call waits for one.
 * The node keeps messages that the same peer sent before its reply in the inbox, for
 * ivsh_node_receive(); messages of other peers stay in their rings.
 *
 * IVSH_EAGAIN  no reply in time.
 * IVSH_EPEER   the peer left, died, seems dead, or started again, or a ring was reset: the peer may
 *              or may not have seen the request.
 * IVSH_ENOSPC  the reply is larger than capacity: call->got is its size. Or, with 0 in call->got,
 *              the messages before it are more than the inbox holds: receive, then call again.
 * IVSH_EONEWAY  request or reply has no way: one of the two sides opened the channel one-way.
 * IVSH_EINVAL, IVSH_EPROTO  as ivsh_node_send().
 * SPEC 14.
 */
int ivsh_node_call(
    struct ivsh_node *node, struct ivsh_call *call, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * The same without waiting, for as many calls at a time as the caller has structs. (call) must not
 * move until this function answers anything but IVSH_EAGAIN, or ivsh_node_call_end() was called.
 * The first poll for which there is room sends the request. The caller receives meanwhile: a
 * message before the reply holds the reply up. Answers as ivsh_node_call(); IVSH_EAGAIN says that
 * the call goes on.
 */
int ivsh_node_call_poll(struct ivsh_node *node, struct ivsh_call *call) IVSH_MUST_CHECK;

/* Give a call up. The node drops its reply, if one comes. Harmless after the end of the call. */
void ivsh_node_call_end(struct ivsh_node *node, struct ivsh_call *call);

/*
 * Reply to (request), as ivsh_node_receive() answered it, now or later, in any order. Reads only
 * its fields peer, port and request. Errors as ivsh_node_send(), and:
 *
 * IVSH_EINVAL  (request) is not a request.
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
 * Open a stream to slot (peer) on (port) and the port after it. The peer opens one, too, earlier or
 * later. (buffer) keeps the bytes that come until the caller reads them; (size) is a power of two
 * from 64 on.
 *
 * This call and the calls below answer the errors of <ivsh/stream.h>, and IVSH_ENOSPC when messages
 * of the same peer stand before the stream's and are more than the inbox holds: receive them.
 * SPEC 10.
 */
int ivsh_node_stream_open(struct ivsh_node *node, struct ivsh_node_stream *stream, uint32_t peer,
    uint16_t port, void *buffer, uint32_t size) IVSH_MUST_CHECK;

/*
 * Write all of (size) bytes at (data), waiting for the peer to read. *written, which may be NULL,
 * is set to the number of accepted bytes, also with an error. IVSH_EAGAIN: not all, in this time.
 * IVSH_EINVAL: after ivsh_node_stream_finish().
 */
int ivsh_node_stream_write(struct ivsh_node_stream *stream, const void *data, uint32_t size,
    uint32_t *written, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Read up to (capacity) bytes, waiting for the first. *got is set to their number; 0 without an
 * error: the peer has finished, and the caller has read all. IVSH_EINVAL: capacity is 0.
 */
int ivsh_node_stream_read(struct ivsh_node_stream *stream, void *data, uint32_t capacity,
    uint32_t *got, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Report to the peer that no more will be written; wait until that is sent. Reading goes on. */
int ivsh_node_stream_finish(struct ivsh_node_stream *stream, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Leave the stream. If it was not finished on both sides, this is reported to the peer. */
void ivsh_node_stream_close(struct ivsh_node_stream *stream);

/* --- Peers, services, events ---------------------------------------------------------------- */

/*
 * Find the lowest slot whose peer is present and calls itself (name); NULL: any peer. Answers it in
 * *peer. Waits until there is one. Two peers may have the same name: any peer may take any name.
 *
 * IVSH_ENODEV  no peer of that name is present.
 */
int ivsh_node_find(
    struct ivsh_node *node, const char *name, uint32_t *peer, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Slot (peer) as it is now: name, presence, incarnation. Valid until the next call. NULL: no such
 * slot.
 */
const struct ivsh_peer *ivsh_node_peer(struct ivsh_node *node, uint32_t peer);

/*
 * Publish the service (name) on (port), for as long as this incarnation lasts. name: 1 to 27
 * printable ASCII characters. IVSH_EINVAL: not such a name. IVSH_ENOSPC: there are 16 already.
 */
int ivsh_node_offer(struct ivsh_node *node, const char *name, uint16_t port) IVSH_MUST_CHECK;

/*
 * Find the lowest slot whose peer is present and offers the service (name). Answers it in *peer,
 * and the service's port in *port. Waits until there is one.
 *
 * IVSH_ENODEV  no present peer offers it.
 */
int ivsh_node_find_service(struct ivsh_node *node, const char *name, uint32_t *peer, uint16_t *port,
    uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Answer in *event the next event of another peer: it came, went, or came back in another
 * incarnation; messages between it and this node may be lost; or its channel broke too often. Or
 * this node's machine, or its memory, was moved: then event->slot is this node's own. Waits until
 * there is one. Events do not queue up: a peer that went and came back between two calls is
 * one event.
 *
 * IVSH_EAGAIN  no more events, for now.
 */
int ivsh_node_next_event(
    struct ivsh_node *node, struct ivsh_peer_event *event, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* --- Waiting -------------------------------------------------------------------------------- */

/*
 * Wait for a message, for room where a send answered IVSH_EAGAIN, for a peer event that the server
 * or a reset announced, or for a channel that broke. *events, which may be NULL, is set to
 * IVSH_EVENT_*; 0: the time is over. Each call advances the heartbeat, so other peers see that this
 * one lives, also with a timeout of 0.
 */
int ivsh_node_wait(struct ivsh_node *node, uint64_t timeout_ns, uint32_t *events) IVSH_MUST_CHECK;

/*
 * Find out whether there is something to do, for a program that sleeps by itself, in an event loop.
 * *events as of ivsh_node_wait() with a timeout of 0. If none of (wanted) is among them, then
 * notifications are requested, and the program may sleep for up to *most_ns, on what the
 * transport's doorbells make readable; else *most_ns is 0. The next call of any kind ends that. The
 * program reads the count of doorbells before this call. wanted: IVSH_EVENT_*; 0: any.
 */
int ivsh_node_arm(
    struct ivsh_node *node, uint32_t wanted, uint64_t *most_ns, uint32_t *events) IVSH_MUST_CHECK;

/* --- What others may see -------------------------------------------------------------------- */

/*
 * Append (size) bytes to the log of this node's slot, which stays readable when the node has died:
 * `ivsh log` prints it. The first call opens the log, and no other may interrupt that one;
 * otherwise from any context, also from interrupt and trap handlers, as ivsh_log_write(). It does
 * not advance the heartbeat. The answer may be ignored.
 *
 * IVSH_ENODEV  the region was formatted without logs.
 * IVSH_EAGAIN, IVSH_ELOST, IVSH_EREMOVED  as ivsh_log_write().
 */
int ivsh_node_log(struct ivsh_node *node, const void *bytes, uint32_t size);

/*
 * Declare a counter or a gauge of this node, which ivsh_metric_add() and ivsh_metric_set() change,
 * and which everybody who has the memory can read: `ivsh ls` prints them. Parameters and errors as
 * of ivsh_metric_declare(). (metric) must stay valid until the node is closed.
 */
int ivsh_node_metric(struct ivsh_node *node, const char *name, enum ivsh_metric_kind kind,
    struct ivsh_metric *metric) IVSH_MUST_CHECK;

/* The transport's clock, in nanoseconds. */
static inline uint64_t ivsh_node_now(const struct ivsh_node *node)
{
	return ivsh_region_now(&node->region);
}

/*
 * The channel to slot (peer), for messages that are written or read in place, and for batches.
 * NULL: no other slot. A caller that takes messages from it also takes those of streams and calls.
 */
struct ivsh_chan *ivsh_node_channel(struct ivsh_node *node, uint32_t peer);

#ifdef __cplusplus
}
#endif
#endif
