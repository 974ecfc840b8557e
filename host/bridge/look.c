/* SPDX-License-Identifier: MIT */
/*
 * look.c - the peers of this region, as an observer sees them.
 */
#include "bridge/look.h"
#include "process/clock.h"
#include "process/log.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_NS UINT64_C(500000000)
#define OPEN_NS UINT64_C(1000000000)

static struct look_region *region_of(struct opening *opening)
{
	return (struct look_region *)(void *)opening;
}

static void region_close(struct opening *opening)
{
	struct look_region *r = region_of(opening);

	if (!r->error)
		ivsh_client_close(&r->client);
	free(r->place);
	free(r);
}

static void region_open(struct opening *opening)
{
	struct look_region *r = region_of(opening);
	struct ivsh_attach attach = {0};
	uint64_t start = clock_now_ns();

	r->error = r->is_file ? ivsh_client_open_file(&r->client, r->place, IVSH_SELF_NONE)
			      : ivsh_client_probe(&r->client, r->place, OPEN_NS);
	r->is_late = r->error && clock_now_ns() - start >= OPEN_NS;
	if (r->error)
		return;
	r->error = ivsh_region_probe(&r->region, &r->client.mem, &attach);
	if (r->error) {
		memcpy(r->client.error, "no region is in the memory", 27);
		ivsh_client_close(&r->client);
	}
}

static void begin(struct look *look, const struct config *config)
{
	struct look_region *r = calloc(1, sizeof(*r));

	look->retry_ns = clock_now_ns() + RETRY_NS;
	if (!r)
		return;
	r->opening = (struct opening){.open = region_open, .close = region_close};
	r->place = strdup(config->place);
	r->is_file = config->is_file;
	r->error = IVSH_ENODEV;
	if (r->place && opener_begin(&r->opening) == 0)
		look->next = r;
	else
		region_close(&r->opening);
}

static void region_leave(struct look *look)
{
	if (look->open)
		region_close(&look->open->opening);
	look->open = NULL;
	look->is_silent = false;
	memset(look->peer, 0, sizeof(look->peer));
}

void look_close(struct look *look)
{
	region_leave(look);
	if (look->next)
		opener_drop(&look->next->opening);
	look->next = NULL;
}

static void down(struct look *look, const struct config *config, const char *reason)
{
	if (look->open || !look->is_reported)
		log_event("event=region-down place=%s reason=\"%s\"", config->place, reason);
	look->is_reported = true;
	region_leave(look);
}

void look_check(const struct look *look, const struct config *config)
{
	uint32_t slots = look->open ? look->open->region.geometry.slots : CONFIG_SLOTS;

	for (uint32_t i = 0; i < config->local_count; i++)
		if (config->local[i].slot >= slots)
			log_event("event=warning what=local slot=%u name=%s hint=\"the region has "
				  "slots 0 to %u: this peer is never there\"",
			    config->local[i].slot, config->local[i].name, slots - 1);
}

/* The next region is open, or cannot be opened. */
static void end(struct look *look, const struct config *config)
{
	struct look_region *r = look->next;

	look->next = NULL;
	look->is_known = true;
	look->retry_ns = clock_now_ns() + RETRY_NS;
	if (r->error) {
		/* A server that is stopped still has the memory that we know, and so have peers. */
		if (!look->open || !r->is_late)
			down(look, config, r->client.error);
		region_close(&r->opening);
		return;
	}
	region_leave(look);
	look->open = r;
	/* In one memory any peer can make the server's page say that it has stopped: that is to
	 * cost the log a line a second. */
	look->retry_ns += RETRY_NS;
	look->epoch = look->heartbeat = 0;
	look->heard_ns = clock_now_ns();
	look->is_reported = false;
	log_event("event=region-up place=%s", config->place);
	look_check(look, config);
}

/*
 * An observer's connection ends when it has the memory. That the server has ended, and the next one
 * may have another memory, shows in its page alone: it takes its epoch back when it ends, and its
 * heartbeat stands still when it was killed, or does not run. Then the socket is asked, and
 * meanwhile, and where nobody answers, the region is the one that it was.
 */
static void server_look(struct look *look, const struct config *config)
{
	const struct ivsh_region *region = &look->open->region;
	uint64_t now = clock_now_ns();
	bool was_silent = look->is_silent;

	if (look->epoch != 0 && region->server_epoch == 0) {
		down(look, config, "the server has stopped");
		return;
	}
	if (region->server_epoch != look->epoch || region->server_heartbeat != look->heartbeat) {
		look->epoch = region->server_epoch;
		look->heartbeat = region->server_heartbeat;
		look->heard_ns = now;
	}
	/* Without an epoch from the beginning it is another's server, which has no page. */
	look->is_silent = look->epoch != 0 && now - look->heard_ns >= IVSH_HEARTBEAT_LIMIT_NS;
	if (look->is_silent && !was_silent)
		log_event("event=region-silent place=%s reason=\"the server does not run\"",
		    config->place);
	if (!look->is_silent && was_silent)
		log_event("event=region-up place=%s", config->place);
}

void look_refresh(struct look *look, uint32_t slot)
{
	if (look->open && ivsh_region_peer(&look->open->region, slot, &look->peer[slot]))
		memset(&look->peer[slot], 0, sizeof(look->peer[slot]));
}

void look_step(struct look *look, const struct config *config)
{
	if (look->next && opener_is_done(&look->next->opening))
		end(look, config);
	if (!look->next && (!look->open || look->is_silent) && clock_now_ns() >= look->retry_ns)
		begin(look, config);
	for (uint32_t i = 0; i < config->local_count; i++)
		look_refresh(look, config->local[i].slot);
	if (look->open && !config->is_file)
		server_look(look, config);
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

	for (uint32_t i = 0; look->open && count < most && i < most; i++)
		if (ivsh_region_service(&look->open->region, slot, i, &services[count]) == 0 &&
		    services[count].name[0])
			count++;
	return count;
}
