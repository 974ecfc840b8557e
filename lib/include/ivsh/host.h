/* SPDX-License-Identifier: MIT */
/*
 * host.h - a process of a Linux host as a peer, behind one handle and one pollable descriptor.
 *
 * The host library, libivsh-client.so.1 or libivsh-client.a, has the front door of <ivsh/node.h>
 * and the client of <ivsh/client.h> in it. This header joins the two: one call opens a region at a
 * server's socket, in a plain memory file, or in the files of a split region, and the library
 * allocates what that takes.
 *
 *	struct ivsh_host *host;
 *	struct ivsh_host_message m;
 *	char text[64];
 *
 *	if (ivsh_host_open(&host, "/run/ivsh.sock", "alpha", 0, IVSH_SELF_NONE))
 *		errx(1, "/run/ivsh.sock: %s", ivsh_host_error(host));
 *	if (ivsh_host_send(host, 1, IVSH_PORT_TEXT, "hello", 5, IVSH_FOREVER) == 0 &&
 *	    ivsh_host_receive(host, &m, text, sizeof(text), IVSH_FOREVER) == 0)
 *		... m.size bytes of text came from peer m.peer
 *	ivsh_host_close(host);
 *
 * In an event loop, the program calls ivsh_host_ready() before each poll(2) or epoll_wait(2) on
 * ivsh_host_fd(), and again after it.
 *
 * Threads. One thread at a time makes calls on a host, and on the node, the streams and the
 * channels of that host. The program orders the calls of different threads, by a lock for example.
 * Different hosts share nothing: each may have a thread of its own. poll(2) on ivsh_host_fd() may
 * run in any thread.
 *
 * Signals. No call ends because a signal came, none raises SIGPIPE, and none changes how a signal
 * is handled. No call is to be made from a signal handler. A program that lets a signal end a wait
 * waits in its own ppoll(2). Where another process truncates a plain memory file, an access raises
 * SIGBUS; the memory of ivsh-server is sealed, which excludes that. Of a split region whoever owns
 * a part can do so.
 *
 * Processes. Every descriptor is closed by execve(2). After fork(2) the host belongs to the parent.
 * In the child each call answers IVSH_EINVAL, and only ivsh_host_close() does anything: it frees
 * what the child has of it. The server sees the end of a parent only when its children have ended,
 * called that, or called execve(2).
 *
 * Each call that answers an int can answer, besides the errors in its own comment:
 *
 * IVSH_ELOST   once, when the library has opened the region again, as the server was started anew,
 *              or another peer has claimed the slot: ivsh_host_next_event() says what may be lost.
 *              The caller calls again. With IVSH_HOST_STAY: the slot is lost: ivsh_host_reopen().
 * IVSH_ENODEV  the region is not open: it is being opened again, which has failed so far, for as
 *              long as the call waits.
 * IVSH_EINVAL  (host) belongs to another process: the program has called fork(2).
 */
#ifndef IVSH_HOST_H
#define IVSH_HOST_H

#include <ivsh/node.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ivsh_host;
struct ivsh_host_stream;
struct ivsh_host_log;

/* --- Opening -------------------------------------------------------------------------------- */

/* Flags of ivsh_host_open(), besides IVSH_NODE_*: bits that those do not use. */
#define IVSH_HOST_STAY 0x10000u /* never open the region again without ivsh_host_reopen() */

/*
 * Open the region at (place): the path of a server's socket, of a plain memory file, such as
 * /dev/shm/NAME, or of the folder of a split region (SPEC 17). NULL: the socket that ivsh-server
 * has by default: /run/ivsh.sock for root, else $XDG_RUNTIME_DIR/ivsh.sock.
 *
 * On success the peer is attached, as ivsh_node_open() leaves it. Also on failure, *host is a
 * handle, for ivsh_host_error() and ivsh_host_close(); NULL: out of memory. Blocks up to 10 s:
 * mostly 0.1 s, and in a plain file up to 2 s for each slot of a peer that may be dead.
 *
 * name: as in ivsh_node_options; NULL: none. flags: IVSH_NODE_* and IVSH_HOST_*. slot: where the
 * place is a file: the slot; IVSH_SELF_NONE: the lowest free one; of a folder: the one whose part
 * alone this process can write. A server chooses the slot by
 * itself, and (slot) must be IVSH_SELF_NONE or that one. The strings are copied.
 *
 * IVSH_ENODEV    nothing is at (place), or no server listens there: start one; or nobody formatted
 *                the memory within 5 s.
 * IVSH_EBUSY     the server has no free slot, or refuses this user: ivsh_host_error() says which;
 *                or a living peer of the file holds the slot.
 * IVSH_EPLATFORM  a call of the system failed: ivsh_host_error() says which.
 * IVSH_ENOSPC    out of memory, or the file is too small for a region.
 * IVSH_EINVAL, IVSH_EPROTO, IVSH_EVERSION, IVSH_EREADONLY, IVSH_EPART  as ivsh_node_open().
 */
int ivsh_host_open(struct ivsh_host **host, const char *place, const char *name, uint32_t flags,
    uint32_t slot) IVSH_MUST_CHECK;

/*
 * Leave the region and free all: streams, services, descriptors, memory. The handle is gone. NULL
 * is allowed. What was sent is still delivered. In a child after fork(2) the slot stays the
 * parent's.
 */
void ivsh_host_close(struct ivsh_host *host);

/*
 * Why the last call failed, in one line without the place: "connect: No such file or directory".
 * For the failures of ivsh_host_open(), ivsh_host_reopen() and the server's connection; "" before
 * the first. Valid until the next call. NULL: "out of memory".
 */
const char *ivsh_host_error(const struct ivsh_host *host);

/* The path that the region is at: of the socket, or of the file. */
const char *ivsh_host_place(const struct ivsh_host *host);

/*
 * The node of the host, the front door: all calls of <ivsh/node.h> work on it, but for
 * ivsh_node_close(). Valid until IVSH_ELOST, which says that there is another one, or
 * ivsh_host_close(). NULL: the region is not open. A stream that was opened on the node itself ends
 * with it: the program does not use it any more.
 */
struct ivsh_node *ivsh_host_node(struct ivsh_host *host);

/*
 * Leave the region, and open it again, at the same place. Services that ivsh_host_offer() has
 * published are published again; streams of the host end, and their calls answer IVSH_EPEER.
 *
 * The library does so by itself, unless IVSH_HOST_STAY is set: when the server's connection has
 * ended and a server listens there again, and when the slot was lost. It tries every 250 ms, inside
 * ivsh_host_ready() and the calls that wait, which then block for up to 1 s longer. What may be
 * lost is an event: IVSH_HOST_EVENT_RESUMED, IVSH_HOST_EVENT_REPLACED.
 *
 * Until then the old region can be used as before, if its memory has no name (ivsh-server without
 * --file and --shm). A memory with a name is left at once, and calls answer IVSH_ENODEV: the next
 * server refuses it while a heartbeat in it moves.
 *
 * Errors as ivsh_host_open(). After an error the region is not open, unless the server's connection
 * had ended before and the old region was still in use: then it still is.
 */
int ivsh_host_reopen(struct ivsh_host *host) IVSH_MUST_CHECK;

/* --- Waiting -------------------------------------------------------------------------------- */

/*
 * The descriptor to poll for reading, by poll(2), epoll(7), or any loop over these. It stays the
 * same until ivsh_host_close(). The program only polls it: reading it, or anything else, is an
 * error. It is readable when ivsh_host_ready() has something to do: another peer has notified this
 * one, the server has sent something, or a timer ran out. -1: the host is not open.
 */
int ivsh_host_fd(const struct ivsh_host *host);

/*
 * Answer in *events what can be done: IVSH_EVENT_MESSAGE: receive, read a stream, or poll a call,
 * until that answers IVSH_EAGAIN; IVSH_EVENT_SPACE: repeat what answered IVSH_EAGAIN for want of
 * room; IVSH_EVENT_CONTROL: ivsh_host_next_event(). 0: nothing: notifications are requested, and
 * ivsh_host_fd() becomes readable when there is something, so the program may sleep on it now. Any
 * other call on the host ends that: the program calls this one again before it sleeps.
 *
 * The program calls it before and after each poll of ivsh_host_fd(), at least every 100 ms while
 * the descriptor is not polled: it keeps the heartbeat going. A timer makes the descriptor readable
 * that often; where there are no doorbells, as in a plain file, every 500 us.
 *
 * wanted: which of the three end a sleep; 0: any. A program that cannot take messages now leaves
 * IVSH_EVENT_MESSAGE out. Messages are answered again as long as they are there. Room is answered
 * once for each call that found none, and a stream of the host that has bytes, once for each read.
 */
int ivsh_host_ready(struct ivsh_host *host, uint32_t wanted, uint32_t *events) IVSH_MUST_CHECK;

/*
 * The two in one: sleep until ivsh_host_ready() answers one of (wanted), up to timeout_ns.
 *
 * IVSH_EAGAIN  the time is over.
 */
int ivsh_host_wait(
    struct ivsh_host *host, uint32_t wanted, uint64_t timeout_ns, uint32_t *events) IVSH_MUST_CHECK;

/* --- Messages ------------------------------------------------------------------------------- */

/*
 * The calls from here on are those of <ivsh/node.h> on the host's node, in a form that needs no
 * structure but this one, for other languages. While they wait, they also do what
 * ivsh_host_ready() does for the server's connection. Timeouts are in nanoseconds; 0 does not wait,
 * IVSH_FOREVER waits without end.
 */

/* A message, as received: 32 bytes, on every machine. */
struct ivsh_host_message {
	uint64_t request; /* not 0: a request, to be answered by ivsh_host_reply() */
	uint32_t peer;    /* the slot of the sender */
	uint32_t size;    /* bytes of it, 0 to ivsh_host_max() */
	uint16_t port;    /* the sender's label: unchecked */
	uint16_t flags;   /* IVSH_MAYBE_SEEN: an earlier incarnation may have had it */
	uint32_t reserved[3];
};

/* Slots of the region; the own slot; bytes of the largest message. 0: the region is not open. */
uint32_t ivsh_host_slots(const struct ivsh_host *host);
uint32_t ivsh_host_self(const struct ivsh_host *host);
uint32_t ivsh_host_max(const struct ivsh_host *host);

/* Send, as ivsh_node_send(). */
int ivsh_host_send(struct ivsh_host *host, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Send to all peers that are present, as ivsh_node_broadcast(). sent may be NULL. */
int ivsh_host_broadcast(struct ivsh_host *host, uint16_t port, const void *data, uint32_t size,
    uint32_t *sent, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Tell a peer that messages for it are missing here, as ivsh_node_report_loss(). */
int ivsh_host_report_loss(struct ivsh_host *host, uint32_t peer) IVSH_MUST_CHECK;

/* Receive, as ivsh_node_receive(). IVSH_ENOSPC: message->size is the size that is needed. */
int ivsh_host_receive(struct ivsh_host *host, struct ivsh_host_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Drop the message for which ivsh_host_receive() answered IVSH_ENOSPC, as ivsh_node_drop(). */
void ivsh_host_drop(struct ivsh_host *host, const struct ivsh_host_message *message);

/*
 * Send (size) bytes at (data) as a request, and wait for the reply into (buffer), of (capacity)
 * bytes, as ivsh_node_call() does. *got is set to the bytes of the reply.
 */
int ivsh_host_call(struct ivsh_host *host, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, void *buffer, uint32_t capacity, uint32_t *got,
    uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Reply to a request, as ivsh_node_reply(). */
int ivsh_host_reply(struct ivsh_host *host, const struct ivsh_host_message *request,
    const void *data, uint32_t size, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* --- Streams -------------------------------------------------------------------------------- */

/*
 * Open a stream to slot (peer) on (port) and the port after it, as ivsh_node_stream_open() does.
 * The library allocates the stream and its buffer. size: bytes of the buffer, a power of two from
 * 64 to 2^30; 0: 64 KiB.
 *
 * IVSH_ENOSPC  out of memory, or as ivsh_node_stream_open().
 */
int ivsh_host_stream_open(struct ivsh_host *host, struct ivsh_host_stream **stream, uint32_t peer,
    uint16_t port, uint32_t size) IVSH_MUST_CHECK;

/* Write all, as ivsh_node_stream_write(). written may be NULL. */
int ivsh_host_stream_write(struct ivsh_host_stream *stream, const void *data, uint32_t size,
    uint32_t *written, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Read some, as ivsh_node_stream_read(). 0 in *got without an error: the peer has finished. */
int ivsh_host_stream_read(struct ivsh_host_stream *stream, void *data, uint32_t capacity,
    uint32_t *got, uint64_t timeout_ns) IVSH_MUST_CHECK;

/* Report that no more will be written, as ivsh_node_stream_finish(). Reading goes on. */
int ivsh_host_stream_finish(struct ivsh_host_stream *stream, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Leave the stream and free it. If it was not finished on both sides, this is reported to the peer.
 * ivsh_host_close() does so for all streams: the program uses none of them afterwards. NULL is
 * allowed.
 */
void ivsh_host_stream_close(struct ivsh_host_stream *stream);

/* --- Peers and services --------------------------------------------------------------------- */

/* Find a peer by its name, as ivsh_node_find(). name: NULL: any peer. */
int ivsh_host_find(
    struct ivsh_host *host, const char *name, uint32_t *peer, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Slot (peer) as it is now. *presence: enum ivsh_presence; *incarnation: 0: no peer was ever there;
 * (name) has room for IVSH_WIRE_NAME_SIZE bytes, and is terminated. Each may be NULL.
 *
 * IVSH_EINVAL  no such slot.
 */
int ivsh_host_peer(struct ivsh_host *host, uint32_t peer, uint32_t *presence, uint32_t *incarnation,
    char *name) IVSH_MUST_CHECK;

/* Publish a service, as ivsh_node_offer(), and again whenever the region was opened again. */
int ivsh_host_offer(struct ivsh_host *host, const char *name, uint16_t port) IVSH_MUST_CHECK;

/* Find a service by its name, as ivsh_node_find_service(). */
int ivsh_host_find_service(struct ivsh_host *host, const char *name, uint32_t *peer, uint16_t *port,
    uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Service number (index), from 0, of slot (peer), as ivsh_region_service(). (name) has room for
 * IVSH_SERVICE_NAME_SIZE bytes, and is terminated; empty: there is no such service, but perhaps one
 * of a higher number.
 */
int ivsh_host_service(struct ivsh_host *host, uint32_t peer, uint32_t index, char *name,
    uint16_t *port) IVSH_MUST_CHECK;

/* --- Metrics and logs ----------------------------------------------------------------------- */

/*
 * Declare a counter or a gauge of this peer, which everybody who has the memory can read, as
 * ivsh_node_metric(). Its number, for the calls below, is in *metric: it stays the same until
 * ivsh_host_close(), and so does the value, also when the region is opened again. kind: enum
 * ivsh_metric_kind. The name is copied.
 *
 * IVSH_EINVAL  another name or kind, or the name was declared before.
 * IVSH_ENOSPC  IVSH_METRICS are declared already.
 */
int ivsh_host_metric_declare(
    struct ivsh_host *host, const char *name, uint32_t kind, uint32_t *metric) IVSH_MUST_CHECK;

/*
 * Add (n) to the value of metric number (metric), modulo 2^64; or set it. Never blocks. While the
 * region is not open the value is kept, and shown when it is open again.
 *
 * IVSH_EINVAL  no such metric.
 */
int ivsh_host_metric_add(struct ivsh_host *host, uint32_t metric, uint64_t n);
int ivsh_host_metric_set(struct ivsh_host *host, uint32_t metric, int64_t value);

/*
 * Read metric number (index), from 0, of slot (peer), which may be a dead one's, or the own, as
 * ivsh_metric_read(). (name) has room for IVSH_METRIC_NAME_SIZE bytes, and is terminated; empty:
 * there is no such metric, or it is damaged or being written; but perhaps one of a higher number.
 * *kind: enum ivsh_metric_kind. *value: of a gauge, cast to int64_t.
 *
 * IVSH_EINVAL  no such slot, or (index) is above the last one.
 */
int ivsh_host_metric_read(struct ivsh_host *host, uint32_t peer, uint32_t index, char *name,
    uint32_t *kind, uint64_t *value) IVSH_MUST_CHECK;

/*
 * Append (size) bytes to the log of this peer's slot, as ivsh_node_log(). Never blocks.
 *
 * IVSH_ENODEV  the region was formatted without logs; or it is not open: the bytes are not kept.
 */
int ivsh_host_log_write(struct ivsh_host *host, const void *data, uint32_t size);

/*
 * Begin to read the log of slot (peer), which may be a dead one's, or the own: from the oldest byte
 * on that is kept. Reading stores nothing, and the peer does not see it.
 *
 * IVSH_ENODEV  the region was formatted without logs; or it is not open.
 * IVSH_EINVAL  no such slot.
 * IVSH_ENOSPC  out of memory.
 */
int ivsh_host_log_open(
    struct ivsh_host *host, struct ivsh_host_log **log, uint32_t peer) IVSH_MUST_CHECK;

/*
 * Read up to (capacity) bytes behind those that were read last, as ivsh_log_read(). *lost: how many
 * before them were overwritten; *incarnation: of the peer that wrote to the log last. lost and
 * incarnation may be NULL. Never blocks: a program that follows a log asks again, some time later.
 *
 * IVSH_EAGAIN  no more bytes, for now.
 * IVSH_EPEER   the log has gone back, or the region was opened again in another memory: the next
 *              call begins at the oldest byte.
 */
int ivsh_host_log_read(struct ivsh_host_log *log, void *data, uint32_t capacity, uint32_t *got,
    uint64_t *lost, uint32_t *incarnation) IVSH_MUST_CHECK;

/*
 * End reading, and free it. ivsh_host_close() does so for all: the program uses none of them
 * afterwards. NULL is allowed.
 */
void ivsh_host_log_close(struct ivsh_host_log *log);

/* --- Events --------------------------------------------------------------------------------- */

/* The kinds of events that the host adds to enum ivsh_peer_event_kind. The slot is the own one. */
enum ivsh_host_event_kind {
	/* The server's connection ended. A memory without a name can be used as before, and so can
	 * doorbells; but a peer that comes later gets none from here, and a death shows after 2 s.
	 * A memory with a name was left: ivsh_host_reopen() says why. */
	IVSH_HOST_EVENT_DISCONNECTED = 256,
	/* The region was opened again, in the same memory and slot. Messages in the rings are kept.
	 * Lost are streams and calls that were under way, and messages that came during these. */
	IVSH_HOST_EVENT_RESUMED = 257,
	/* It was opened again in another memory, or another slot: everything that was not received
	 * before is lost, in both directions. Slots of peers may be others, too. */
	IVSH_HOST_EVENT_REPLACED = 258,
};

/*
 * Answer the next event in *kind, enum ivsh_peer_event_kind or enum ivsh_host_event_kind, and
 * *slot, as ivsh_node_next_event(). Where it answers that the region was opened again, no other
 * call answers IVSH_ELOST for that.
 */
int ivsh_host_next_event(
    struct ivsh_host *host, uint32_t *kind, uint32_t *slot, uint64_t timeout_ns) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
