/* SPDX-License-Identifier: MIT */
/*
 * prometheus.c - an answer in Prometheus' text exposition format, version 0.0.4.
 *
 * Every sample has the label control, the path of the server's control socket: files about several
 * servers can be read by one node_exporter.
 */
#include "control/show.h"
#include "control/write.h"

#include <inttypes.h>
#include <string.h>

static void prometheus_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP ivsh_%s %s\n# TYPE ivsh_%s %s\n", name, help, name, type);
}

/* The name and its first label; others and the brace follow. */
static void prometheus_name(FILE *out, const char *name, const char *path)
{
	fprintf(out, "ivsh_%s{control=", name);
	write_label(out, path);
}

static void prometheus_one(FILE *out, const char *path, const char *name, const char *type,
    const char *help, uint64_t number)
{
	if (number == ANSWER_NONE)
		return;
	prometheus_head(out, name, type, help);
	prometheus_name(out, name, path);
	fprintf(out, "} %" PRIu64 "\n", number);
}

/* From milliseconds, exactly. */
static void prometheus_seconds(FILE *out, uint64_t ms)
{
	fprintf(out, "} %" PRIu64 ".%03u\n", ms / 1000, (unsigned)(ms % 1000));
}

static void prometheus_server(FILE *out, const struct answer *answer, const char *path)
{
	prometheus_one(out, path, "up", "gauge", "Whether the server answered.", 1);
	prometheus_head(out, "info", "gauge", "What the server is; always 1.");
	prometheus_name(out, "info", path);
	fputs(",mode=", out);
	write_label(out, answer->mode);
	fprintf(out, ",raw=\"%" PRIu64 "\",memory=", answer->raw);
	write_label(out, answer->kind);
	fputs("} 1\n", out);
	prometheus_head(out, "uptime_seconds", "gauge", "Since the server was started.");
	prometheus_name(out, "uptime_seconds", path);
	prometheus_seconds(out, answer->uptime_ms);
	if (answer->serving_ms != ANSWER_NONE) {
		prometheus_head(out, "serving_seconds", "gauge",
		    "Since the serving process took over, or was started.");
		prometheus_name(out, "serving_seconds", path);
		prometheus_seconds(out, answer->serving_ms);
	}
	prometheus_one(out, path, "supervisor_up", "gauge",
	    "Whether the supervisor is there, who replaces a server that died.",
	    answer->supervisor != 0);
	prometheus_one(out, path, "memory_bytes", "gauge", "Shared memory.", answer->size);
	prometheus_one(out, path, "memory_lost", "gauge",
	    "Whether the server lost its page: somebody made the memory smaller.", answer->lost);
	prometheus_one(
	    out, path, "slots", "gauge", "IDs at a time; with --classic, clients.", answer->slots);
	prometheus_one(
	    out, path, "vectors", "gauge", "Doorbell vectors of each peer.", answer->vectors);
}

static void prometheus_counts(FILE *out, const struct answer *answer, const char *path)
{
	prometheus_one(out, path, "takeovers_total", "counter",
	    "Serving processes that went on from another.", answer->takeovers);
	prometheus_one(
	    out, path, "reloads_total", "counter", "Configurations read again.", answer->reloads);
	prometheus_one(
	    out, path, "connects_total", "counter", "Clients that got an ID.", answer->connects);
	prometheus_one(
	    out, path, "disconnects_total", "counter", "Clients that left.", answer->disconnects);
	prometheus_one(out, path, "slow_clients_total", "counter",
	    "Clients that did not read for five seconds.", answer->slow);
	prometheus_one(out, path, "doubtful_clients_total", "counter",
	    "Clients of whom a takeover could not know what they were told.", answer->doubtful);
	prometheus_one(out, path, "bells_blocked_total", "counter",
	    "Bells that could not be rung: their eventfd was full.", answer->bells_blocked);
}

/* All reasons that there are, with 0 as well, so that a rate has a beginning; and those to come. */
static void prometheus_refused(FILE *out, const struct answer *answer, const char *path)
{
	static const char *const reasons[] = {"no-free-slot", "slot-in-use", "not-allowed",
	    "too-many-per-uid", "descriptors", "ids-exhausted"};
	const size_t known = sizeof reasons / sizeof reasons[0];

	prometheus_head(out, "refused_total", "counter", "Connections that were refused.");
	for (size_t i = 0; i < known + answer->refused_count; i++) {
		const char *reason = i < known ? reasons[i] : answer->refused[i - known].reason;
		uint64_t count = 0;
		size_t before = 0;

		/* Once each, with what all lines say of it. */
		while (before < i &&
		       strcmp(reason, before < known ? reasons[before]
						     : answer->refused[before - known].reason) != 0)
			before++;
		if (before < i)
			continue;
		for (size_t j = 0; j < answer->refused_count; j++)
			if (!strcmp(answer->refused[j].reason, reason))
				count += answer->refused[j].count;
		prometheus_name(out, "refused_total", path);
		fputs(",reason=", out);
		write_label(out, reason);
		fprintf(out, "} %" PRIu64 "\n", count);
	}
}

/* A name and all labels of a slot, without the brace. */
static void prometheus_slot(
    FILE *out, const char *name, const char *path, const struct answer_client *slot)
{
	prometheus_name(out, name, path);
	fprintf(out, ",slot=\"%" PRIu64 "\",name=", slot->id);
	write_label(out, slot->name);
}

static void prometheus_slots(FILE *out, const struct answer *answer, const char *path)
{
	const struct answer_client *end, *slot;

	if (answer->slot_count == 0)
		return;
	end = answer->slot + answer->slot_count;
	prometheus_head(out, "slot_connected", "gauge", "Whether the slot is taken.");
	for (slot = answer->slot; slot < end; slot++) {
		prometheus_slot(out, "slot_connected", path, slot);
		fprintf(out, "} %d\n", strcmp(slot->state, "free") != 0);
	}
	prometheus_head(out, "slot_connected_seconds", "gauge", "Since its client connected.");
	for (slot = answer->slot; slot < end; slot++)
		if (slot->since_ms != ANSWER_NONE) {
			prometheus_slot(out, "slot_connected_seconds", path, slot);
			prometheus_seconds(out, slot->since_ms);
		}
	prometheus_head(out, "slot_connections_total", "counter", "How often it was taken.");
	for (slot = answer->slot; slot < end; slot++)
		if (slot->times != ANSWER_NONE) {
			prometheus_slot(out, "slot_connections_total", path, slot);
			fprintf(out, "} %" PRIu64 "\n", slot->times);
		}
	prometheus_head(
	    out, "slot_queued_messages", "gauge", "What its client has yet to be told.");
	for (slot = answer->slot; slot < end; slot++)
		if (slot->queued != ANSWER_NONE) {
			prometheus_slot(out, "slot_queued_messages", path, slot);
			fprintf(out, "} %" PRIu64 "\n", slot->queued);
		}
}

void prometheus_show(FILE *out, const struct answer *answer, const char *path)
{
	uint64_t connected = 0, lagging = 0, queued = 0;

	for (size_t i = 0; i < answer->slot_count; i++) {
		connected += strcmp(answer->slot[i].state, "free") != 0;
		lagging += strcmp(answer->slot[i].state, "lagging") == 0;
		queued += answer->slot[i].queued == ANSWER_NONE ? 0 : answer->slot[i].queued;
	}
	prometheus_server(out, answer, path);
	prometheus_counts(out, answer, path);
	prometheus_refused(out, answer, path);
	prometheus_one(
	    out, path, "connected_clients", "gauge", "Clients that have an ID.", connected);
	prometheus_one(out, path, "lagging_clients", "gauge",
	    "Clients that have not read what they are told for five seconds or more.", lagging);
	prometheus_one(out, path, "waiting_clients", "gauge",
	    "Connections without an ID: they wait for one, or are being closed.",
	    answer->waiting_count);
	prometheus_one(
	    out, path, "queued_messages", "gauge", "What all clients have yet to be told.", queued);
	prometheus_slots(out, answer, path);
}

void prometheus_show_down(FILE *out, const char *path)
{
	prometheus_one(out, path, "up", "gauge", "Whether the server answered.", 0);
}
