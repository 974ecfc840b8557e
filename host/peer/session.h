/* SPDX-License-Identifier: MIT */
/*
 * session.h - a command's stay in the region: the channels, who is there, and waiting.
 */
#ifndef SESSION_H
#define SESSION_H

#include "client/client.h"
#include "peer/options.h"
#include "app/status.h"

#include <ivsh/channel.h>

struct session {
	const struct options *options;
	struct client client;
	struct ivsh_region region;
	uint64_t nonce; /* a random number, another in each run */
	uint16_t port;  /* --port, or the service's that session_find() was given */
	uint32_t slots;
	uint32_t max;                /* the largest message, in bytes */
	struct ivsh_chan *chan;      /* one per slot; region is NULL while it is not open */
	struct ivsh_record *records; /* of all channels */
	struct ivsh_peer *peer;      /* one per slot, as last seen */
	bool *told;                  /* per slot: a line has said that its channel is broken */
	int status;                  /* what the command answers if it does not come to its end */

	/* What session_idle() waits for. */
	char awaited[128];
	uint32_t partner;             /* who must stay there meanwhile; IVSH_SELF_NONE: nobody */
	uint32_t partner_incarnation; /* its life */
	uint64_t patience_ns;         /* 0: for ever */
	uint64_t idle_ns;             /* since when there was nothing to do; 0: there was */
	uint64_t checked_ns; /* when the partner and the server were last looked at; 0: never */
};

/*
 * Go in. Waits later on end after (patience_ns), unless --timeout says otherwise; 0: never.
 *
 * 0, or -1 after one line on stderr, with nothing left open. (session) must not move afterwards.
 */
int session_open(struct session *session, const struct options *options, uint64_t patience_ns);

/* Close the channels and leave. */
void session_close(struct session *session);

/* Open the channel to (slot), another than ours. 0, or -1 after one line on stderr. */
int session_channel(struct session *session, uint32_t slot);

/* Open the channels to all slots. A broken one is reported and stays out: the others go on. */
void session_channels(struct session *session);

/* "slot 1 (beta)": for people. Static text, until the next call. */
const char *session_who(struct session *session, uint32_t slot);

/* Publish that service (name) is to be had here, on --port. 0, or -1 after one line on stderr. */
int session_offer(struct session *session, const char *name);

/*
 * Wait for the peer that (wanted) names, by number or name, and open the channel to it: its slot,
 * or -1 after one line on stderr. Behind a colon stands a service that it has to offer, too: its
 * port is session->port from here on.
 */
int session_find(struct session *session, const char *wanted);

/*
 * The next message of (slot), looked at: true. Else there is none; a channel that broke, in whatever call,
 * is reset after a line.
 */
bool session_peek(struct session *session, uint32_t slot, struct ivsh_message *message);

/* A call on the channel to (slot) failed for good: say so. */
void session_failed(struct session *session, uint32_t slot, int error);

/*
 * Say what session_idle() waits for, as in "5 s without ...", and who must be there for it;
 * IVSH_SELF_NONE: nobody.
 */
void session_await(struct session *session, uint32_t partner, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* There was something to do: the next wait starts anew. False: a signal says stop; as below. */
bool session_busy(struct session *session);

/*
 * There was nothing to do: wait, as --wait says, until there may be; for a tenth of a second at the
 * most. False when the wait is over: out of patience, stopped by a signal, the partner or the slot
 * lost. Then session->status is set and one line has said why; of a signal there is no line.
 *
 * A message that stands there and was not peeked ends the wait at once: peek on every open channel
 * first, or call session_full().
 */
bool session_idle(struct session *session);

/* The same for (count) sessions, whose clients are grouped: one sleep for all. Status: of the first. */
bool session_idle_all(struct session *sessions, uint32_t count);

/*
 * There was no room for a message to (slot): as session_idle(). What has come from there meanwhile
 * is peeked, and stays.
 */
bool session_full(struct session *session, uint32_t slot);

/* Print one line: how (command) waited, and the bells that it took and saved. */
void session_bells(const struct session *session, const char *command);

#endif
