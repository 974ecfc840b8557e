/* SPDX-License-Identifier: MIT */
/*
 * session.h - a command's stay in a region: the channels, who is there, and waiting.
 */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/options.h"
#include "app/status.h"
#include "app/world.h"

#include <ivsh/log.h>
#include <ivsh/metrics.h>
#include <ivsh/node.h>

struct console;

/*
 * How long send, ping, put and get wait for the peer to come, and to go on, without --timeout.
 */
#define SESSION_PATIENCE_NS UINT64_C(5000000000)

#define SESSION_ANEW 1 /* another entry began meanwhile: find the peer again, and start over */

/* A number that a command shows in its slot. Behind the last one a NULL name. */
struct session_metric {
	const char *name;
	enum ivsh_metric_kind kind;
};

#define SESSION_METRICS 4u /* of one command, at most */

/* Where a session stands. Only several sessions of one command see another than SESSION_HERE. */
enum session_state {
	SESSION_HERE, /* attached */
	SESSION_AWAY, /* its device has left, or is not there yet: the transport is closed */
	SESSION_LOST, /* its slot was lost, and it is about to attach again */
};

struct session {
	const struct world *world;
	const struct options *options;
	struct transport transport;
	struct ivsh_node *node;
	void *block;    /* of the node */
	uint32_t slots; /* 0 while it is not SESSION_HERE */
	uint32_t self;
	uint16_t port;  /* --port, or the service's that session_find() was given */
	uint32_t max;   /* the largest message, in bytes */
	bool *reported; /* per slot: a line has reported its broken channel */
	int status;     /* what the command answers if it does not come to its end */
	bool endless;   /* it has no end of its own: being stopped is success */

	/*
	 * A command that sets (goes_on) goes on when its device has left and come back, and when it
	 * has lost its slot and attached again; any other ends, with a line. Each begins a new
	 * incarnation, perhaps in another slot or region, and so does a move of the machine:
	 * (entries) counts them.
	 */
	bool goes_on;
	uint32_t entries;
	enum session_state state;
	bool leaves;          /* the device waits for us to close it */
	bool shows_moves;     /* the command itself prints that the machine was moved */
	uint32_t place;       /* of the world's, from 0 */
	uint32_t incarnation; /* our own, as last seen */
	uint64_t entered_ns;  /* when we last attached again after a lost slot; 0: never */
	bool unformatted;     /* it waits for slot 0 to format the memory */
	bool was_away;        /* likewise, since the device came back */
	const char *service;  /* as offered; NULL: none */
	const struct session_metric *metrics;       /* NULL: none */
	struct ivsh_metric metric[SESSION_METRICS]; /* for ivsh_metric_add(), in their order */
	struct ivsh_log log;                        /* console.c's: of what the program prints */
	struct console *console;                    /* the same: the service; NULL: none */
	struct ivsh_counters
	    counters; /* of our incarnation before it left; valid while it is away */

	/* What session_idle() waits for. */
	struct ivsh_wait wait;
	char awaited[128];
	uint32_t partner;             /* it must stay there meanwhile; IVSH_SELF_NONE: nobody */
	uint32_t partner_incarnation; /* and in which incarnation */
	uint64_t patience_ns;         /* 0: for ever */
	uint64_t slice_ns;            /* the longest wait at a time */
	uint64_t idle_ns;             /* since when there was nothing to do; 0: there was */
	uint64_t checked_ns; /* when the partner and the world were last checked; 0: never */
	uint32_t busy_calls;
};

/*
 * Go into the region at place (place), with channels to all slots. Waits later on end after
 * (patience_ns), unless --timeout is given; 0: never.
 *
 * 0; or -1 after one line on stderr, with session->status set and nothing left open. (session) must
 * not move afterwards.
 */
int session_open(struct session *session, const struct world *world, const struct options *options,
    uint32_t place, uint64_t patience_ns);

/* The time, at any place. */
static inline uint64_t session_now(const struct session *session)
{
	return session->world->now_ns();
}

/*
 * Show (rows) in our slot, each 0 at first, and again after each entry. Where that fails, a change
 * of session->metric does nothing.
 */
void session_metrics(struct session *session, const struct session_metric *rows);

/* Close the channels and leave. */
void session_close(struct session *session);

/* The channel to slot (slot), another than ours. */
static inline struct ivsh_chan *session_chan(const struct session *session, uint32_t slot)
{
	return ivsh_node_channel(session->node, slot);
}

/* "slot 1 (beta)": for people. Static text, until the next call. */
const char *session_who(struct session *session, uint32_t slot);

/* Our counters: of this incarnation, or while it is away of the last one. */
void session_counters(const struct session *session, struct ivsh_counters *counters);

/* Slot (slot) as it is now. */
const struct ivsh_peer *session_peer(struct session *session, uint32_t slot);

/* Publish that service (name) is to be had here, on session->port. 0, or -1 after a line. */
int session_offer(struct session *session, const char *name);

/*
 * Wait for the peer that (wanted) names, by number or name, NULL: any: its slot, or -1 after one
 * line on stderr. Behind a colon stands a service that it has to offer, too: its port is
 * session->port from here on.
 */
int session_find(struct session *session, const char *wanted);

/*
 * Whether messages can go to (slot), and answers come from there. False after a line: the channel
 * is one-way.
 */
bool session_answers(struct session *session, uint32_t slot);

/* Whether the peer that (wanted) names has left slot (slot), and is in another one now. */
bool session_elsewhere(struct session *session, const char *wanted, uint32_t slot);

/*
 * The next message of (slot), peeked: true. Else there is none, or (slot) is our own. A channel
 * that is dead, since when and by whose fault ever, is reset after a line.
 */
bool session_peek(struct session *session, uint32_t slot, struct ivsh_message *message);

/* The same without a message: a channel that is dead is reset after a line. */
void session_mend(struct session *session, uint32_t slot);

/*
 * A call on the channel to (slot) answered (error). Has the whole slot, or the device, been lost,
 * or all been moved? SESSION_ANEW: yes, and another entry has begun. -1: after a line, with
 * session->status set.
 */
int session_broken(struct session *session, uint32_t slot, int error);

/* A call on the channel to (slot) failed for good: print a line and set session->status. */
void session_failed(struct session *session, uint32_t slot, int error);

/* Whether (error) says that the slot or the device is lost: the next wait gets it back, or ends. */
static inline bool session_is_lost(int error)
{
	return error == IVSH_ELOST || error == IVSH_EREMOVED;
}

/* Whether the region has room for messages of --size bytes. 0; or -1 after one line on stderr. */
int session_size(const struct session *session);

/*
 * Send one message to (slot), waiting for room. 0; SESSION_ANEW: it was not accepted; or -1 after a
 * line, with session->status set.
 */
int session_send(
    struct session *session, uint32_t slot, uint16_t port, const void *data, uint32_t size);

/*
 * Set what session_idle() waits for, as in "5 s without ...", and the slot that must be present for
 * it; IVSH_SELF_NONE: none.
 */
void session_await(struct session *session, uint32_t partner, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* There was something to do: the next wait starts anew. False: it is over; as below. */
bool session_busy(struct session *session);

/* The same for (count) sessions of one command. */
bool session_busy_all(struct session *sessions, uint32_t count);

/*
 * There was nothing to do: wait, in the way of --wait, until there may be. False when the wait is
 * over: the time is up, the user has stopped the command, or the partner or the slot is lost. Then
 * session->status is set and one line was printed. No line is printed when a command that has no
 * end of its own was stopped.
 *
 * A message that was not peeked ends the wait at once. With a partner the session now and then
 * peeks the messages of all other peers; without one the caller has done so.
 */
bool session_idle(struct session *session);

/*
 * The same for (count) sessions whose transports are joined: one sleep for all. Status: of the
 * first.
 */
bool session_idle_all(struct session *sessions, uint32_t count);

/* There was no room for a message: as session_idle(), whatever comes meanwhile. */
bool session_full(struct session *session);

/*
 * The same for a command that sleeps in a way of its own: does not wait, keeps the heartbeat going.
 */
bool session_check(struct session *session);

#endif
