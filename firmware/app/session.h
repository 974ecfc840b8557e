/* SPDX-License-Identifier: MIT */
/*
 * session.h - what every command does first and last: the device, the region, the channels, and
 * waiting for something to do.
 */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/app.h"
#include "app/choose.h"
#include "app/options.h"
#include "app/status.h"

struct session {
	const struct app_world *world;
	const struct options *options;
	struct choice choice;
	struct ivsh_device device;
	struct ivsh_region region;
	uint32_t slots;
	struct ivsh_chan *chan;      /* one per slot; our own is not used */
	struct ivsh_record *records; /* of all channels */
	struct ivsh_peer *peer;      /* one per slot, as last seen */
	bool *told;                  /* per slot: a line has said that its channel is broken */
	uint64_t started_ns;
	struct ivsh_wait wait;
	uint16_t port; /* --port, or the service's that session_find_peer() was given */
	int status;    /* what the command answers if it does not come to its end */
};

/*
 * Open the device, attach, open the channels to all slots. False: one line on stderr has said why,
 * session->status is set, and nothing is left open.
 */
bool session_open(
    struct session *session, const struct app_world *world, const struct options *options);
void session_close(struct session *session);

/* "VM 1" or "slot 1" on ivshmem-plain, with the name when it has one: for people. Static text. */
const char *session_who(struct session *session, uint32_t slot);

/* Look at slot (slot) again. */
const struct ivsh_peer *session_peer(struct session *session, uint32_t slot);

/*
 * There was nothing to do: wait until there may be, as --wait says.
 * False: time is over, somebody pressed ESC, or the slot is lost; a line has said which, and
 * session->status does.
 */
bool session_idle(struct session *session);

/* The same for (count) sessions, OPTIONS_DEVICES at most: one sleep for all. Status: of the first. */
bool session_idle_all(struct session *sessions, uint32_t count);

/* The same for room in a ring that was full, whatever else there is to do meanwhile. */
bool session_full(struct session *session);

/* The same for who waits in a way of its own: looks, keeps the heartbeat going, does not wait. */
bool session_look(struct session *session);

/*
 * Wait for the peer that --peer names, or the first one that is there: its slot, or -1. Behind a
 * colon stands a service that it has to offer, too: its port is session->port from here on.
 */
int session_find_peer(struct session *session, const char *wanted);

/* Publish that service (name) is to be had here on (port). False: a line has said why not. */
bool session_offer(struct session *session, const char *name, uint16_t port);

/*
 * The next message of (slot), looked at: true. Else there is none, or (slot) is our own. A channel that is
 * dead, since when and by whose fault ever, is reset after a line.
 */
bool session_peek(struct session *session, uint32_t slot, struct ivsh_message *message);

/* The same for who looks at no message: a channel that is dead is reset after a line. */
void session_mend(struct session *session, uint32_t slot);

/* Print what went wrong with the channel to (slot), and make it session->status. */
void session_channel_failed(struct session *session, uint32_t slot, int error);

#endif
