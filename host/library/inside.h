/* SPDX-License-Identifier: MIT */
/*
 * inside.h - what the files of the host library share.
 */
#ifndef LIBRARY_INSIDE_H
#define LIBRARY_INSIDE_H

#include <ivsh/client.h>
#include <ivsh/host.h>

#include <stdbool.h>
#include <sys/types.h>

/* The library tries this often to open the region again. */
#define HOST_RETRY_NS UINT64_C(250000000)

/* A wait is cut into pieces of this length: between two, the library looks after the server. */
#define HOST_SLICE_NS UINT64_C(100000000)

/* Services that a slot has room for. SPEC 5. */
#define HOST_OFFERS 16u

/* Where a node was: another region is another memory, or another slot of it. */
struct host_home {
	dev_t device;
	ino_t inode;
	uint64_t format_id; /* a file that was removed gives its number to the next one */
	uint32_t slot;
	bool is_named; /* the memory has a name: the next server may serve it again */
};

struct host_offer {
	char name[IVSH_SERVICE_NAME_SIZE];
	uint16_t port;
};

struct ivsh_host {
	/* What the caller asked for. */
	char *place;
	char *name; /* NULL: none */
	uint32_t flags;
	uint32_t slot;
	uint32_t own; /* the same, or the one that a split region's folder has for this process */

	/* Two, as the next is opened before the last is closed. A node keeps the address of its. */
	struct ivsh_client clients[2];
	uint32_t turn;   /* which is open */
	bool is_open;    /* (turn) is */
	bool is_server;  /* its place is a server's socket */
	bool is_severed; /* that server has closed the connection */
	void *block;     /* the node's */
	uint64_t block_size;
	struct ivsh_node *node; /* NULL: not open */
	struct host_home home;
	uint64_t retry_ns; /* when to try to open again; 0: at once */

	/* The descriptor: watch.c. */
	int fd;
	int timer;
	uint64_t timer_ns; /* when it runs out; 0: it does not run */
	/* Since ivsh_host_ready() answered that there is nothing: what made the descriptor
	 * readable. is_cut: that sleep is shorter than usual. */
	bool is_armed, is_cut, has_notified, has_expired;
	bool is_socket_ready; /* the server's messages are to be read: an edge has said so */

	/* Events that were not answered yet. */
	bool is_anew; /* the next call answers IVSH_ELOST */
	bool has_disconnected, has_resumed, has_replaced, has_peer_event;
	struct ivsh_peer_event peer_event;
	uint32_t space; /* IVSH_EVENT_SPACE: was found, and not wanted */

	struct ivsh_host_stream *streams;
	struct host_offer offers[HOST_OFFERS];
	uint32_t offer_count;

	/* In the order of their numbers. While no node is there, they have none either. */
	struct ivsh_metric metrics[IVSH_METRICS];
	uint32_t metric_count;
	struct ivsh_host_log *logs;
	uint32_t attaches; /* how often a node was opened */

	uint32_t *owner; /* in a page that fork(2) clears in the child: not 0 */
	char error[256];
};

struct ivsh_host_stream {
	struct ivsh_node_stream stream;
	struct ivsh_host *host;
	struct ivsh_host_stream *next;
	void *buffer;
	bool is_open; /* its node is still there */
	/* The caller has read, or could not write all, since ivsh_host_ready() answered it. */
	bool reads, writes;
	bool is_waiting; /* the same of a write that waits for the ring, which the node answers */
	bool is_roused;  /* something has happened to its peer */
	bool is_end_answered; /* its peer is gone, and nothing was read since that was answered */
};

struct ivsh_host_log {
	struct ivsh_log_reader reader;
	struct ivsh_host *host;
	struct ivsh_host_log *next;
	uint32_t peer;
	uint32_t attaches; /* of the host, when the reader was opened */
	struct host_home home;
};

static inline bool host_is_owned(const struct ivsh_host *host)
{
	return *host->owner != 0;
}

/* Write host->error. Returns (error). */
int ivsh_host_fail(struct ivsh_host *host, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- place.c: the two ends of what is below a node ------------------------------------------- */

/* The socket that ivsh-server has by default, in (path). 0, or -1: there is none. */
int ivsh_host_place_default(char *path, size_t size);

/* Open (client) at host->place. 0, or an error of ivsh_host_open() with host->error. */
int ivsh_host_place_open(struct ivsh_host *host, struct ivsh_client *client, uint64_t timeout_ns);

/* --- attach.c: the node over it -------------------------------------------------------------- */

/* Open host->node over the present client. 0, or an error of ivsh_host_open() with host->error. */
int ivsh_host_attach(struct ivsh_host *host, uint64_t timeout_ns);

/* Close the node, and the client; streams end. (has_slot): the slot is this process's to leave. */
void ivsh_host_leave(struct ivsh_host *host, bool has_slot);

/* --- watch.c: the descriptor ----------------------------------------------------------------- */

int ivsh_host_watch_open(struct ivsh_host *host);
void ivsh_host_watch_close(struct ivsh_host *host);

/* Watch the descriptors of the present client, and no longer. */
int ivsh_host_watch_add(struct ivsh_host *host);
void ivsh_host_watch_remove(struct ivsh_host *host);

/* Take what has made the descriptor readable. Never blocks. */
void ivsh_host_watch_take(struct ivsh_host *host);

/* Make it readable in (ns) at the latest. */
void ivsh_host_watch_within(struct ivsh_host *host, uint64_t ns);

/* Sleep until it is readable, up to (ns). A signal ends it. */
void ivsh_host_watch_sleep(const struct ivsh_host *host, uint64_t ns);

/* --- keep.c: looking after the server's connection, and after the slot ------------------------ */

/*
 * Take what came, and open the region again where that is due. 0, or an error that any call may
 * answer, of those in host.h. IVSH_ELOST is answered once.
 */
int ivsh_host_keep(struct ivsh_host *host);

/* The time that a call may take. */
struct host_span {
	uint64_t start_ns, timeout_ns;
};

/*
 * The begin of each call: the same, only where the node is not there. Waits for it, up to the end
 * of (span); NULL: does not wait.
 */
int ivsh_host_enter(struct ivsh_host *host, const struct host_span *span);

struct host_span ivsh_host_span(uint64_t timeout_ns);

/* How long the next try may wait. */
uint64_t ivsh_host_span_slice(const struct host_span *span);

/*
 * After a try that answered *error: whether to try again. Where the time is over, or the host was
 * opened again, *error is what the call answers.
 */
bool ivsh_host_again(struct ivsh_host *host, const struct host_span *span, int *error);

/* --- streams.c ------------------------------------------------------------------------------- */

/* IVSH_EVENT_MESSAGE, IVSH_EVENT_SPACE: what streams can do, each once. */
uint32_t ivsh_host_streams_ready(struct ivsh_host *host, uint32_t wanted);

/* Something has happened to slot (peer): its streams may have ended. */
void ivsh_host_streams_rouse(struct ivsh_host *host, uint32_t peer);

/* The node goes: no stream is open any more. */
void ivsh_host_streams_end(struct ivsh_host *host);

/* The node and the host go: leave and free all. */
void ivsh_host_streams_close(struct ivsh_host *host);

/* --- metrics.c ------------------------------------------------------------------------------- */

/* The node is there: declare all metrics on it, with their values. */
void ivsh_host_metrics_attach(struct ivsh_host *host);

/* The node goes. */
void ivsh_host_metrics_leave(struct ivsh_host *host);

/* --- log.c ----------------------------------------------------------------------------------- */

/* The host goes: free all readers. */
void ivsh_host_logs_close(struct ivsh_host *host);

/* --- events.c -------------------------------------------------------------------------------- */

/* Look for an event of another peer, and keep it for ivsh_host_next_event(). */
int ivsh_host_events_look(struct ivsh_host *host);

/* Whether there is one. */
bool ivsh_host_events_any(const struct ivsh_host *host);

#endif
