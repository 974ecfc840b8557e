/* SPDX-License-Identifier: MIT */
/*
 * show.c - what several commands print of a region that was probed.
 */
#include "app/show.h"

#include <inttypes.h>
#include <stdio.h>

const char *show_presence(enum ivsh_presence presence)
{
	static const char *const words[] = {"absent", "attached", "silent", "gone", "broken"};

	return words[presence];
}

const char *show_connection(enum ivsh_connection connection)
{
	static const char *const words[] = {"unknown", "up", "down"};

	return words[connection];
}

/*
 * Whether nobody can say if there is a server: one that begins stores the epoch last, and may be
 * killed before; or the epoch was overwritten. SPEC R4.1.4.
 */
static bool is_server_unknown(const struct probe *probe)
{
	return probe->region.server_epoch == 0 && probe->region.server_heartbeat != 0;
}

/* Bytes of each part of a split region; 0: one memory. */
static uint64_t part_size(const struct probe *probe)
{
	uint64_t size = 0;

	if (!probe->region.mem.split || ivsh_part_size(&probe->region.geometry, &size))
		return 0;
	return size;
}

static void region_print(const struct probe *probe)
{
	const struct ivsh_geometry *g = &probe->region.geometry;
	uint64_t part = part_size(probe);

	printf("region: version %u, %" PRIu64 " bytes", IVSH_WIRE_VERSION, probe->size);
	if (part)
		printf(" and %" PRIu64 " for each slot", part);
	printf(", %" PRIu32 " slots, rings of %" PRIu32 " descriptors, %" PRIu32 " + %" PRIu32
	       " bytes, logs of %" PRIu32 ", format 0x%016" PRIx64 "\n",
	    g->slots, g->descs, g->small_size, g->large_size, g->log_size, probe->region.format_id);
	if (is_server_unknown(probe))
		printf("server: nobody can say: epoch 0, and yet a heartbeat (SPEC R4.1.4)\n");
	else if (probe->region.server_epoch == 0)
		printf("server: none\n");
	else
		printf("server: epoch 0x%08" PRIx32 ", %s\n", probe->region.server_epoch,
		    probe->server_moves ? "running"
					: "its heartbeat stands still: stopped or killed");
}

static void region_json(const struct probe *probe)
{
	const struct ivsh_geometry *g = &probe->region.geometry;
	bool has_server = probe->region.server_epoch != 0;
	struct json json;

	json_begin(&json, "region");
	json_u64(&json, "version", IVSH_WIRE_VERSION);
	json_u64(&json, "size_bytes", probe->size);
	json_u64(&json, "part_bytes", part_size(probe));
	json_u64(&json, "slots", g->slots);
	json_u64(&json, "descs", g->descs);
	json_u64(&json, "small_bytes", g->small_size);
	json_u64(&json, "large_bytes", g->large_size);
	json_u64(&json, "log_bytes", g->log_size);
	json_hex(&json, "format_id", probe->region.format_id);
	json_end(&json);
	json_begin(&json, "server");
	json_text(&json, "state",
	    is_server_unknown(probe) ? "unknown"
	    : !has_server            ? "none"
	    : probe->server_moves    ? "running"
				     : "still");
	if (has_server)
		json_hex(&json, "epoch", probe->region.server_epoch);
	else
		json_null(&json, "epoch");
	json_end(&json);
}

void show_region(const struct probe *probe, bool json)
{
	if (json)
		region_json(probe);
	else
		region_print(probe);
}

static void counters_json(struct json *json, const struct ivsh_counters *c)
{
	json_u64(json, "sent", c->sent);
	json_u64(json, "received", c->received);
	json_u64(json, "full", c->full);
	json_u64(json, "discarded", c->discarded);
	json_u64(json, "notifications_sent", c->notifications_sent);
	json_u64(json, "notifications_suppressed", c->notifications_suppressed);
	json_u64(json, "wakes_doorbell", c->wakes_doorbell);
	json_u64(json, "wakes_timer", c->wakes_timer);
	json_u64(json, "errors", c->errors);
	json_u64(json, "lost", c->lost);
	json_u64(json, "missed_notifications", c->missed_notifications);
}

static void services_json(struct json *json, const struct ivsh_region *region, uint32_t slot)
{
	struct ivsh_service service;

	json_array(json, "services");
	for (uint32_t i = 0; ivsh_region_service(region, slot, i, &service) == 0; i++) {
		if (!service.name[0])
			continue;
		json_object(json, NULL);
		json_text(json, "name", service.name);
		json_u64(json, "port", service.port);
		json_close(json);
	}
	json_close(json);
}

/* A metric that is being written is read once more. */
#define TRIES 3u

int show_metric(const struct ivsh_region *region, uint32_t slot, uint32_t index,
    struct ivsh_metric_sample *sample)
{
	int error = IVSH_EAGAIN;

	for (uint32_t tries = 0; tries < TRIES && error == IVSH_EAGAIN; tries++)
		error = ivsh_metric_read(region, slot, index, sample);
	return error;
}

void show_metrics_json(struct json *json, const struct ivsh_region *region, uint32_t slot)
{
	json_array(json, "metrics");
	for (uint32_t i = 0; i < IVSH_METRICS; i++) {
		struct ivsh_metric_sample sample;
		int error = show_metric(region, slot, i, &sample);

		if (error == IVSH_EPROTO)
			json_null(json, NULL);
		if (error)
			continue;
		json_object(json, NULL);
		json_text(json, "name", sample.name);
		if (sample.kind == IVSH_METRIC_COUNTER) {
			json_text(json, "kind", "counter");
			json_u64(json, "value", sample.value);
		} else {
			json_text(json, "kind", "gauge");
			json_i64(json, "value", (int64_t)sample.value);
		}
		json_close(json);
	}
	json_close(json);
}

void show_slot_json(const struct probe *probe, uint32_t slot, bool is_own)
{
	const struct probe_slot *s = &probe->slot[slot];
	struct json json;

	json_begin(&json, "slot");
	json_u64(&json, "slot", slot);
	json_bool(&json, "is_own", is_own);
	json_text(&json, "presence", show_presence(s->peer.presence));
	json_text(&json, "connection", show_connection(s->peer.connection));
	json_u64(&json, "incarnation", s->peer.incarnation);
	json_u64(&json, "vectors", s->peer.vectors);
	json_text(&json, "name", s->text_known && s->peer.name[0] ? s->peer.name : NULL);
	json_bool(&json, "is_text_known", s->text_known);
	counters_json(&json, &s->counters);
	services_json(&json, &probe->region, slot);
	show_metrics_json(&json, &probe->region, slot);
	json_end(&json);
}
