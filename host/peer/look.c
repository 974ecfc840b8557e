/* SPDX-License-Identifier: MIT */
/*
 * look.c - a region seen from outside.
 *
 * Theory of operation: the library looks, and believes a server and a heartbeat until they have stood
 * still for a while. Who looks for a second only believes what was seen to move.
 */
#include "peer/look.h"

#include <string.h>
#include <time.h>

static uint64_t look_now(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int look_open(struct look *look, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	struct ivsh_mem clocked = *mem;
	int error;

	memset(look, 0, sizeof *look);
	clocked.doorbell = (struct ivsh_doorbell){.now_ns = look_now};
	error = ivsh_region_probe(&look->region, &clocked, attach);
	if (error)
		return error;
	look->size = attach->need_size;
	for (uint32_t i = 0; i < look->region.geometry.slots; i++) {
		struct look_slot *slot = &look->slot[i];

		error = ivsh_region_peer(&look->region, i, &slot->peer);
		if (error)
			return error;
		slot->heartbeat = slot->peer.heartbeat;
	}
	look->server_heartbeat = look->region.server_heartbeat;
	return 0;
}

bool look_again(struct look *look)
{
	uint32_t epoch = look->region.server_epoch;
	bool all = true;

	for (uint32_t i = 0; i < look->region.geometry.slots; i++) {
		struct look_slot *slot = &look->slot[i];

		if (ivsh_region_peer(&look->region, i, &slot->peer))
			continue;
		slot->moves |= slot->peer.heartbeat != slot->heartbeat;
		if (look->region.server_heartbeat != look->server_heartbeat ||
		    look->region.server_epoch != epoch)
			look->server_moves = true;
		if (slot->peer.presence != IVSH_PEER_ABSENT && !slot->moves && !slot->ours &&
		    !(slot->peer.presence == IVSH_PEER_GONE && look->server_moves))
			all = false;
	}
	return all && (look->region.server_epoch == 0 || look->server_moves);
}

/* SPEC R4.3, R5.4 */
static enum ivsh_presence look_presence(const struct look *look, const struct look_slot *slot)
{
	if (slot->peer.presence == IVSH_PEER_ABSENT)
		return IVSH_PEER_ABSENT;
	if (slot->ours || (slot->peer.presence == IVSH_PEER_GONE && look->server_moves))
		return IVSH_PEER_GONE;
	return slot->moves ? IVSH_PEER_ATTACHED : IVSH_PEER_SILENT;
}

void look_close(struct look *look)
{
	for (uint32_t i = 0; i < look->region.geometry.slots; i++) {
		struct look_slot *slot = &look->slot[i];

		slot->peer.presence = look_presence(look, slot);
		if (!look->server_moves)
			slot->peer.connection = IVSH_CONNECTION_UNKNOWN;
		if (ivsh_region_counters(&look->region, i, &slot->counters))
			memset(&slot->counters, 0, sizeof slot->counters);
	}
}
