/* SPDX-License-Identifier: MIT */
/*
 * look.c - the peers of this region, as an observer sees them.
 */
#include "bridge/look.h"
#include "process/clock.h"
#include "process/log.h"

#include <string.h>

#define RETRY_NS UINT64_C(500000000)
#define OPEN_NS UINT64_C(1000000000)

static int region_open(struct look *look, const struct config *config)
{
	struct ivsh_attach attach = {0};
	int error = config->is_file
			? ivsh_client_open_file(&look->client, config->place, IVSH_SELF_NONE)
			: ivsh_client_probe(&look->client, config->place, OPEN_NS);

	if (error)
		return error;
	error = ivsh_region_probe(&look->region, &look->client.mem, &attach);
	if (error) {
		memcpy(look->client.error, "no region is in the memory", 27);
		ivsh_client_close(&look->client);
	}
	return error;
}

void look_close(struct look *look)
{
	if (look->is_open)
		ivsh_client_close(&look->client);
	look->is_open = false;
	memset(look->peer, 0, sizeof(look->peer));
}

/*
 * An observer's connection ends when it has the memory. That the server has ended, and the next one
 * may have another memory, shows in its page alone: it takes its epoch back when it ends, and its
 * heartbeat stands still when it was killed.
 */
static bool server_lives(struct look *look)
{
	const struct ivsh_region *region = &look->region;
	uint64_t now = clock_now_ns();
	bool has_left = look->epoch != 0 && region->server_epoch == 0;

	if (region->server_epoch != look->epoch || region->server_heartbeat != look->heartbeat) {
		look->epoch = region->server_epoch;
		look->heartbeat = region->server_heartbeat;
		look->heard_ns = now;
	}
	/* Without an epoch from the beginning it is another's server, which has no page. */
	return !has_left && (look->epoch == 0 || now - look->heard_ns < IVSH_HEARTBEAT_LIMIT_NS);
}

void look_step(struct look *look, const struct config *config)
{
	if (!look->is_open && clock_now_ns() >= look->retry_ns) {
		look->retry_ns = clock_now_ns() + RETRY_NS;
		look->is_open = region_open(look, config) == 0;
		/* In one memory any peer can make the server's page say that it has stopped: that
		 * is to cost the log a line a second, too. */
		if (look->is_open)
			look->retry_ns += RETRY_NS;
		look->epoch = look->heartbeat = 0;
		look->heard_ns = clock_now_ns();
		if (!look->is_open && !look->is_reported)
			log_event("event=region-down place=%s reason=\"%s\"", config->place,
			    look->client.error);
		if (look->is_open)
			log_event("event=region-up place=%s", config->place);
		look->is_reported = !look->is_open;
	}
	for (uint32_t i = 0; look->is_open && i < config->local_count; i++) {
		uint32_t slot = config->local[i].slot;

		if (ivsh_region_peer(&look->region, slot, &look->peer[slot]))
			memset(&look->peer[slot], 0, sizeof(look->peer[slot]));
	}
	if (look->is_open && !config->is_file && !server_lives(look)) {
		log_event(
		    "event=region-down place=%s reason=\"the server has stopped\"", config->place);
		look_close(look);
	}
}

bool look_is_present(const struct look *look, uint32_t slot)
{
	return look->peer[slot].presence == IVSH_PEER_ATTACHED;
}

uint32_t look_incarnation(const struct look *look, uint32_t slot)
{
	return look->peer[slot].incarnation;
}

uint32_t look_services(
    const struct look *look, uint32_t slot, struct ivsh_service *services, uint32_t most)
{
	uint32_t count = 0;

	for (uint32_t i = 0; look->is_open && count < most && i < most; i++)
		if (ivsh_region_service(&look->region, slot, i, &services[count]) == 0 &&
		    services[count].name[0])
			count++;
	return count;
}
