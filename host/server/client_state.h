/* SPDX-License-Identifier: MIT */
/*
 * client_state.h - the states of a client, and the one function that changes them.
 *
 * Theory of operation
 *
 * A client is a row of a table in the shared state, which survives a server that is killed at any
 * store. The row's state determines what the server has yet to do for the client.
 *
 *                                   accepted
 *                                      |
 *                                      v   not admitted
 *       +--------------------------- FREE -----------------+
 *       |  a probe got the memory      | admitted          |
 *       |                              v   no slot in time v
 *       |<----- wrote bytes -------- WAITING ---------> REFUSED ----+
 *       |                              | got a slot        |        |
 *       |                              v                   |        |
 *       |<----- wrote bytes ------ HANDSHAKING             |        | was sent
 *       |                              | was sent all      |        | the refusal
 *       |                              v                   |        |
 *       |<----- wrote bytes --------- READY                |        |
 *       |                                                  |        |
 *       |<----- wrote bytes -------------------------------+        |
 *       v                                                           v
 *     CLOSING ------ closed its end ------> GONE <---- hung up, in any state
 *                                            | reported to the supervisor
 *                                            v
 *     INDETERMINATE -- hung up --> GONE    FREE
 *
 * A probe of a split region whose socket does not take all parts at once goes another way:
 *
 *     FREE -- some parts are left --> PROBING -- was sent all, or wrote bytes --> CLOSING
 *
 * A server that takes over finds a row in any state, also in one that there is not, and changes it
 * before it serves (takeover.c):
 *
 *     FREE, WAITING, GONE         -> FREE           Nothing was sent to it, or its end was: with a
 *                                                   socket it is a new client.
 *     HANDSHAKING, READY          -> CLOSING        It has no slot any more: its end had begun.
 *     REFUSED                     -> CLOSING        The refusal was sent.
 *     PROBING                     -> CLOSING        It was sent some parts, and tries again.
 *     HANDSHAKING, READY, REFUSED -> INDETERMINATE  Nobody can know what was sent to it.
 *     what is no state            -> INDETERMINATE  The same.
 *     any                         -> FREE           The supervisor holds no socket of it.
 *
 * An INDETERMINATE client keeps its slot and is sent nothing more. "Lagging" is no state: the log
 * and the status name a client so that is HANDSHAKING or READY and has not read for long, and
 * nothing else follows.
 */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include "wire/tables.h"

#include <stdbool.h>

#define CLIENT_STATES (CLIENT_INDETERMINATE + 1u)

/* The causes of a change of state. */
enum client_cause {
	CLIENT_SERVING,  /* a server that serves */
	CLIENT_TAKEOVER, /* a server that makes whole what another one left */
	CLIENT_CAUSES
};

/* Whether the drawing above has the change from (from), which can be any number, to (to). */
bool client_state_is_allowed(uint32_t from, enum client_state to, enum client_cause cause);

/*
 * Change the state of (client). The store comes after all stores before the call and before all
 * stores after it, as state_store() does.
 *
 * A change that is not allowed is a bug of the server. It is logged as event=bug and made all the
 * same: what the caller does next belongs to the new state, and guests rely on this server.
 */
void client_state_change(struct client *client, enum client_state to, enum client_cause cause);

/* The server sends protocol messages to (client): it is HANDSHAKING or READY. */
bool client_state_is_served(const struct client *client);

/* The state in a word, as the log and the status have it. */
const char *client_state_name(uint32_t state);

#endif
