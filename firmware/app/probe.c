/* SPDX-License-Identifier: MIT */
/*
 * probe.c - a region seen from outside.
 *
 * Theory of operation: the library probes a region, and believes a server and a heartbeat until
 * they have stood still for a while. A probe that lasts seconds only believes what was seen to
 * move.
 */
#include "app/probe.h"

#include <string.h>

/*
 * A heartbeat that has not moved for so long stands still: SPEC R4.3, R5.4. The server's has less.
 */
#define LIMIT_NS IVSH_HEARTBEAT_LIMIT_NS
#define STEP_NS UINT64_C(10000000)

int probe_open(struct probe *probe, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	int error;

	memset(probe, 0, sizeof(*probe));
	error = ivsh_region_probe(&probe->region, mem, attach);
	if (error)
		return error;
	probe->size = attach->need_size;
	for (uint32_t i = 0; i < probe->region.geometry.slots; i++) {
		struct probe_slot *slot = &probe->slot[i];

		error = ivsh_region_peer(&probe->region, i, &slot->peer);
		if (error)
			return error;
		slot->heartbeat = slot->peer.heartbeat;
	}
	probe->server_heartbeat = probe->region.server_heartbeat;
	return 0;
}

/*
 * Probe again. True when further probing adds nothing: the server's heartbeat has moved, or there
 * never was one, and the heartbeat has moved of every attached or broken slot whose peer the
 * server did not see go.
 */
static bool probe_again(struct probe *probe)
{
	uint32_t epoch = probe->region.server_epoch;
	bool all = true;

	for (uint32_t i = 0; i < probe->region.geometry.slots; i++) {
		struct probe_slot *slot = &probe->slot[i];

		if (ivsh_region_peer(&probe->region, i, &slot->peer))
			continue;
		slot->moves |= slot->peer.heartbeat != slot->heartbeat;
		if (probe->region.server_heartbeat != probe->server_heartbeat ||
		    probe->region.server_epoch != epoch)
			probe->server_moves = true;
		/* It is silent before LIMIT_NS if it came with another epoch. SPEC R5.4.4. */
		if (slot->peer.presence != IVSH_PEER_ABSENT &&
		    slot->peer.presence != IVSH_PEER_SILENT && !slot->moves && !slot->ours &&
		    !(slot->peer.presence == IVSH_PEER_GONE && probe->server_moves))
			all = false;
	}
	return all && (probe->region.server_epoch == 0 || probe->server_moves);
}

/* SPEC R4.3, R5.4 */
static enum ivsh_presence presence(const struct probe *probe, const struct probe_slot *slot)
{
	if (slot->peer.presence == IVSH_PEER_ABSENT || slot->peer.presence == IVSH_PEER_BROKEN)
		return slot->peer.presence;
	if (slot->ours || (slot->peer.presence == IVSH_PEER_GONE && probe->server_moves))
		return IVSH_PEER_GONE;
	return slot->moves ? IVSH_PEER_ATTACHED : IVSH_PEER_SILENT;
}

/*
 * The end of the probe: names and counters, and the presence of each slot, as far as it is known.
 */
static void probe_close(struct probe *probe)
{
	struct ivsh_service service;

	for (uint32_t i = 0; i < probe->region.geometry.slots; i++) {
		struct probe_slot *slot = &probe->slot[i];
		int error;

		slot->peer.presence = presence(probe, slot);
		/* The sequence of all texts of a slot is one. SPEC R5.7.1. */
		error = ivsh_region_service(&probe->region, i, 0, &service);
		slot->text_known = error == 0 || error == IVSH_EPART;
		if (!probe->server_moves)
			slot->peer.connection = IVSH_CONNECTION_UNKNOWN;
		error = ivsh_region_counters(&probe->region, i, &slot->counters);
		if (error)
			memset(&slot->counters, 0, sizeof(slot->counters));
		slot->no_part = error == IVSH_EPART;
	}
}

void probe_watch(struct probe *probe)
{
	const struct ivsh_doorbell *doorbell = &probe->region.mem.doorbell;
	uint64_t start = doorbell->now_ns(doorbell->ctx), now = start;

	while (!probe_again(probe) && now - start < LIMIT_NS) {
		doorbell->sleep(doorbell->ctx, doorbell->count(doorbell->ctx), now + STEP_NS);
		now = doorbell->now_ns(doorbell->ctx);
	}
	probe_close(probe);
}

bool probe_is_shown(const struct probe_slot *slot)
{
	if (slot->no_part)
		return false;
	return slot->peer.incarnation != 0 || slot->peer.connection == IVSH_CONNECTION_UP ||
	       slot->peer.presence == IVSH_PEER_BROKEN || !slot->text_known;
}
