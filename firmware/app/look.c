/* SPDX-License-Identifier: MIT */
/*
 * look.c - a region seen from outside.
 *
 * Theory of operation: the library probes a region, and believes a server and a heartbeat until they
 * have stood still for a while. Who looks for seconds only believes what was seen to move.
 */
#include "app/look.h"

#include <string.h>

/* What has not moved for as long stands still: SPEC R4.3, R5.4. The server's heartbeat has less. */
#define LIMIT_NS IVSH_HEARTBEAT_LIMIT_NS
#define STEP_NS UINT64_C(10000000)

int look_open(struct look *look, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	int error;

	memset(look, 0, sizeof(*look));
	error = ivsh_region_probe(&look->region, mem, attach);
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

/*
 * Look again. True when more looks tell no more: the server's heartbeat was seen to move, or there never
 * was one, and so was the heartbeat of every attached slot whose peer the server did not see go.
 */
static bool look_again(struct look *look)
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
static enum ivsh_presence presence(const struct look *look, const struct look_slot *slot)
{
	if (slot->peer.presence == IVSH_PEER_ABSENT)
		return IVSH_PEER_ABSENT;
	if (slot->ours || (slot->peer.presence == IVSH_PEER_GONE && look->server_moves))
		return IVSH_PEER_GONE;
	return slot->moves ? IVSH_PEER_ATTACHED : IVSH_PEER_SILENT;
}

/* The last look: names and counters, and the presence of each slot, as far as it is known. */
static void look_close(struct look *look)
{
	for (uint32_t i = 0; i < look->region.geometry.slots; i++) {
		struct look_slot *slot = &look->slot[i];

		slot->peer.presence = presence(look, slot);
		if (!look->server_moves)
			slot->peer.connection = IVSH_CONNECTION_UNKNOWN;
		if (ivsh_region_counters(&look->region, i, &slot->counters))
			memset(&slot->counters, 0, sizeof(slot->counters));
	}
}

void look_watch(struct look *look)
{
	const struct ivsh_doorbell *doorbell = &look->region.mem.doorbell;
	uint64_t start = doorbell->now_ns(doorbell->ctx), now = start;

	while (!look_again(look) && now - start < LIMIT_NS) {
		doorbell->sleep(doorbell->ctx, doorbell->count(doorbell->ctx), now + STEP_NS);
		now = doorbell->now_ns(doorbell->ctx);
	}
	look_close(look);
}
