/* SPDX-License-Identifier: MIT */
/*
 * client_state.c - the states of a client, and the one function that changes them.
 */
#include "server/client_state.h"
#include "process/log.h"
#include "wire/state.h"

#define TO(state) (1u << CLIENT_##state)

/* The changes of the drawing in client_state.h: from which state, to which ones. */
static const uint32_t allowed[CLIENT_CAUSES][CLIENT_STATES] = {
    [CLIENT_SERVING] =
	{
	    [CLIENT_FREE] = TO(WAITING) | TO(REFUSED) | TO(PROBING) | TO(CLOSING) | TO(GONE),
	    [CLIENT_WAITING] = TO(HANDSHAKING) | TO(REFUSED) | TO(CLOSING) | TO(GONE),
	    [CLIENT_HANDSHAKING] = TO(READY) | TO(CLOSING) | TO(GONE),
	    [CLIENT_READY] = TO(CLOSING) | TO(GONE),
	    [CLIENT_REFUSED] = TO(CLOSING) | TO(GONE),
	    [CLIENT_PROBING] = TO(CLOSING) | TO(GONE),
	    [CLIENT_CLOSING] = TO(GONE),
	    [CLIENT_GONE] = TO(FREE),
	    [CLIENT_INDETERMINATE] = TO(GONE),
	},
    [CLIENT_TAKEOVER] =
	{
	    [CLIENT_FREE] = TO(FREE),
	    [CLIENT_WAITING] = TO(FREE),
	    [CLIENT_HANDSHAKING] = TO(FREE) | TO(CLOSING) | TO(INDETERMINATE),
	    [CLIENT_READY] = TO(FREE) | TO(CLOSING) | TO(INDETERMINATE),
	    [CLIENT_REFUSED] = TO(FREE) | TO(CLOSING) | TO(INDETERMINATE),
	    [CLIENT_PROBING] = TO(FREE) | TO(CLOSING),
	    [CLIENT_CLOSING] = TO(FREE),
	    [CLIENT_GONE] = TO(FREE),
	    [CLIENT_INDETERMINATE] = TO(FREE),
	},
};

/* From what is no state: another program, or damage. */
static const uint32_t allowed_from_unknown[CLIENT_CAUSES] = {
    [CLIENT_TAKEOVER] = TO(FREE) | TO(INDETERMINATE),
};

static const char *const names[CLIENT_STATES] = {
    [CLIENT_FREE] = "free",
    [CLIENT_WAITING] = "waiting",
    [CLIENT_HANDSHAKING] = "handshaking",
    [CLIENT_READY] = "ready",
    [CLIENT_REFUSED] = "refused",
    [CLIENT_PROBING] = "probing",
    [CLIENT_CLOSING] = "closing",
    [CLIENT_GONE] = "gone",
    [CLIENT_INDETERMINATE] = "indeterminate",
};

bool client_state_is_allowed(uint32_t from, enum client_state to, enum client_cause cause)
{
	uint32_t to_set = from < CLIENT_STATES ? allowed[cause][from] : allowed_from_unknown[cause];

	return to_set >> to & 1;
}

void client_state_change(struct client *client, enum client_state to, enum client_cause cause)
{
	if (!client_state_is_allowed(client->state, to, cause))
		log_event("event=bug what=client-state from=%s to=%s pid=%ld",
		    client_state_name(client->state), client_state_name(to), (long)client->pid);
	state_store(&client->state, to);
}

bool client_state_is_served(const struct client *client)
{
	return client->state == CLIENT_HANDSHAKING || client->state == CLIENT_READY;
}

const char *client_state_name(uint32_t state)
{
	return state < CLIENT_STATES ? names[state] : "unknown";
}
