/* SPDX-License-Identifier: MIT */
/*
 * look.h - the peers of this region, as an observer sees them: without a slot, and without a trace.
 *
 * A bridge has a slot only while the peer of another host that it stands for is there. Somebody has
 * to see this host's peers before that.
 */
#ifndef BRIDGE_LOOK_H
#define BRIDGE_LOOK_H

#include "bridge/config.h"
#include "bridge/opener.h"

#include <ivsh/client.h>
#include <ivsh/peers.h>

#include <stdbool.h>
#include <stdint.h>

/* A region that is looked at, or about to be. */
struct look_region {
	struct opening opening;
	char *place;
	bool is_file;
	int error;
	bool is_late; /* that is: nobody has answered */
	struct ivsh_client client;
	struct ivsh_region region;
};

struct look {
	struct look_region *open, *next; /* NULL: none; (next): its opener has it */
	struct ivsh_peer peer[CONFIG_SLOTS];
	bool is_known;    /* who is there, or that there is no region */
	bool is_reported; /* why it is not open */
	bool is_silent;   /* the server's heartbeat stands still */
	uint64_t retry_ns;
	/* The server's, as it was last, and when it was seen to change. */
	uint32_t epoch, heartbeat;
	uint64_t heard_ns;
};

/*
 * Look at each slot that is local. The region is opened, again if need be, without waiting for it:
 * until that has succeeded or failed once, look->is_known says that nothing is known.
 */
void look_step(struct look *look, const struct config *config);

/* Say which local peers no slot of the region is for. */
void look_check(const struct look *look, const struct config *config);

/* Look at one slot now: another peer may have begun there since the last step. */
void look_refresh(struct look *look, uint32_t slot);

/* Whether a peer is in (slot). */
bool look_is_present(const struct look *look, uint32_t slot);

/* The incarnation of the last peer of (slot); 0: none is known. */
uint32_t look_incarnation(const struct look *look, uint32_t slot);

/* The services of (slot)'s peer, up to (most). Answers how many. */
uint32_t look_services(
    const struct look *look, uint32_t slot, struct ivsh_service *services, uint32_t most);

void look_close(struct look *look);

#endif
