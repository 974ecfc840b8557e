/* SPDX-License-Identifier: MIT */
/*
 * prometheus.c - an answer in Prometheus' text exposition format, version 0.0.4.
 *
 * Every sample has the label control, the path of the server's control socket, so that one
 * node_exporter can read files about several servers.
 */
#include "control/formats.h"
#include "text/escape.h"
#include "text/exposition.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void write_metric(FILE *out, const char *path, const char *name, const char *type,
    const char *help, uint64_t number)
{
	if (number == ANSWER_NONE)
		return;
	exposition_head(out, name, type, help);
	exposition_name(out, name, "control", path);
	fprintf(out, "} %" PRIu64 "\n", number);
}

/* The brace, and a value in seconds. */
static void write_seconds(FILE *out, uint64_t ms)
{
	fprintf(out, "} %" PRIu64 ".%03u\n", ms / 1000, (unsigned)(ms % 1000));
}

static void write_time(FILE *out, const char *path, const char *name, const char *help, uint64_t ms)
{
	if (ms == ANSWER_NONE)
		return;
	exposition_head(out, name, "gauge", help);
	exposition_name(out, name, "control", path);
	write_seconds(out, ms);
}

static void write_server(FILE *out, const struct answer *answer, const char *path)
{
	write_metric(out, path, "up", "gauge", "Whether the server answered.", 1);
	exposition_head(out, "info", "gauge", "What the server is; always 1.");
	exposition_name(out, "info", "control", path);
	fputs(",mode=", out);
	escape_label(out, answer->mode);
	fprintf(out, ",raw=\"%" PRIu64 "\",memory=", answer->raw);
	escape_label(out, answer->kind);
	fprintf(out, ",split=\"%d\"} 1\n", answer->split == 1);
	write_time(out, path, "uptime_seconds", "Since the server was started.", answer->uptime_ms);
	write_time(out, path, "serving_seconds",
	    "Since the serving process took over, or was started.", answer->serving_ms);
	write_metric(out, path, "supervisor_up", "gauge",
	    "Whether the supervisor is there, which replaces a server that died.",
	    answer->supervisor != 0);
	write_metric(out, path, "memory_bytes", "gauge", "Shared memory.", answer->size);
	write_metric(out, path, "part_bytes", "gauge",
	    "What the peer of a slot alone writes, of a split region.", answer->part);
	write_metric(out, path, "memory_lost", "gauge",
	    "Whether the server lost its page: somebody made the memory smaller.", answer->lost);
	write_metric(
	    out, path, "slots", "gauge", "IDs at a time; with --classic, clients.", answer->slots);
	write_metric(
	    out, path, "vectors", "gauge", "Doorbell vectors of each peer.", answer->vectors);
}

static void write_counts(FILE *out, const struct answer *answer, const char *path)
{
	write_metric(out, path, "takeovers_total", "counter",
	    "Serving processes that went on from another.", answer->takeovers);
	write_metric(
	    out, path, "reloads_total", "counter", "Configurations read again.", answer->reloads);
	write_metric(
	    out, path, "connects_total", "counter", "Clients that got an ID.", answer->connects);
	write_metric(
	    out, path, "disconnects_total", "counter", "Clients that left.", answer->disconnects);
	write_metric(out, path, "slow_clients_total", "counter",
	    "Clients that did not read for five seconds.", answer->slow);
	write_metric(out, path, "indeterminate_clients_total", "counter",
	    "Clients of which a takeover could not know what they had received.",
	    answer->indeterminate);
	write_metric(out, path, "notifications_blocked_total", "counter",
	    "Notifications that were not sent: the eventfd was full.",
	    answer->notifications_blocked);
}

/*
 * All known reasons, also with 0, so that a rate has a first sample; then the reasons of a newer
 * server.
 */
static void write_refused(FILE *out, const struct answer *answer, const char *path)
{
	static const char *const reasons[] = {"no-free-slot", "slot-in-use", "not-allowed",
	    "too-many-per-uid", "descriptors", "ids-exhausted"};
	const size_t known = sizeof(reasons) / sizeof(reasons[0]);

	exposition_head(out, "refused_total", "counter", "Connections that were refused.");
	for (size_t i = 0; i < known + answer->refused_count; i++) {
		const char *reason = i < known ? reasons[i] : answer->refused[i - known].reason;
		uint64_t count = 0;
		size_t before = 0;

		/* One sample for each reason: the sum of all its lines. */
		while (before < i &&
		       strcmp(reason, before < known ? reasons[before]
						     : answer->refused[before - known].reason) != 0)
			before++;
		if (before < i)
			continue;
		for (size_t j = 0; j < answer->refused_count; j++)
			if (!strcmp(answer->refused[j].reason, reason))
				count += answer->refused[j].count;
		exposition_name(out, "refused_total", "control", path);
		fputs(",reason=", out);
		escape_label(out, reason);
		fprintf(out, "} %" PRIu64 "\n", count);
	}
}

/* The name and all labels of a slot. The caller writes the brace. */
static void write_slot_name(
    FILE *out, const char *name, const char *path, const struct answer_client *slot)
{
	exposition_name(out, name, "control", path);
	fprintf(out, ",slot=\"%" PRIu64 "\",name=", slot->id);
	escape_label(out, slot->name);
}

/* One metric of all slots; get() returns ANSWER_NONE for a slot that has no such value. */
static void write_slot_metric(FILE *out, const struct answer *answer, const char *path,
    const char *name, const char *type, const char *help,
    uint64_t (*get)(const struct answer_client *slot), bool is_ms)
{
	exposition_head(out, name, type, help);
	for (size_t i = 0; i < answer->slot_count; i++) {
		uint64_t value = get(&answer->slot[i]);

		if (value == ANSWER_NONE)
			continue;
		write_slot_name(out, name, path, &answer->slot[i]);
		if (is_ms)
			write_seconds(out, value);
		else
			fprintf(out, "} %" PRIu64 "\n", value);
	}
}

static uint64_t get_connected(const struct answer_client *slot)
{
	return strcmp(slot->state, "free") != 0;
}

static uint64_t get_since(const struct answer_client *slot)
{
	return slot->since_ms;
}

static uint64_t get_times(const struct answer_client *slot)
{
	return slot->times;
}

static uint64_t get_queued(const struct answer_client *slot)
{
	return slot->queued;
}

static void write_slots(FILE *out, const struct answer *answer, const char *path)
{
	if (answer->slot_count == 0)
		return;
	write_slot_metric(out, answer, path, "slot_connected", "gauge",
	    "Whether the slot is taken.", get_connected, false);
	write_slot_metric(out, answer, path, "slot_connected_seconds", "gauge",
	    "Since its client connected.", get_since, true);
	write_slot_metric(out, answer, path, "slot_connections_total", "counter",
	    "How often it was taken.", get_times, false);
	write_slot_metric(out, answer, path, "slot_queued_messages", "gauge",
	    "Messages that the server has yet to send to its client.", get_queued, false);
}

static bool is_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	return *name && strchr(first, *name) && name[strspn(name, all)] == '\0';
}

/* A decimal number of 64 bits, whose sign a gauge may have. */
static bool is_value(const char *text, bool is_signed, uint64_t *value)
{
	bool is_negative = is_signed && *text == '-';
	uint64_t most = !is_signed ? UINT64_MAX : is_negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;

	text += is_negative;
	*value = 0;
	for (const char *c = text; *c; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (*c < '0' || *c > '9' || *value > (most - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	if (is_negative)
		*value = -*value;
	return *text != '\0';
}

/*
 * What the guests declare. The server has checked that; what listens at the socket may be no
 * server.
 */
static void write_guests(FILE *out, const struct answer *answer, const char *path)
{
	struct exposition_guest *guests = calloc(answer->metric_count + 1, sizeof(*guests));
	size_t count = 0;

	for (size_t i = 0; guests && i < answer->metric_count; i++) {
		const struct answer_metric *metric = &answer->metric[i];
		struct exposition_guest *guest = &guests[count];

		*guest = (struct exposition_guest){(uint32_t)metric->slot, metric->peer,
		    metric->name, strcmp(metric->kind, "counter") == 0, 0};
		count += is_name(metric->name) &&
			 is_value(metric->value, !guest->is_counter, &guest->value) &&
			 (guest->is_counter || strcmp(metric->kind, "gauge") == 0);
	}
	if (!guests || exposition_guests(out, "control", path, guests, count))
		fputs("# ivsh: the guests' metrics are left out: out of memory\n", out);
	free(guests);
}

void prometheus_show(FILE *out, const struct answer *answer, const char *path)
{
	uint64_t connected = 0, lagging = 0, queued = 0;

	for (size_t i = 0; i < answer->slot_count; i++) {
		connected += strcmp(answer->slot[i].state, "free") != 0;
		lagging += strcmp(answer->slot[i].state, "lagging") == 0;
		queued += answer->slot[i].queued == ANSWER_NONE ? 0 : answer->slot[i].queued;
	}
	write_server(out, answer, path);
	write_counts(out, answer, path);
	write_refused(out, answer, path);
	write_metric(
	    out, path, "connected_clients", "gauge", "Clients that have an ID.", connected);
	write_metric(out, path, "lagging_clients", "gauge",
	    "Clients that have not read their messages for five seconds or more.", lagging);
	write_metric(out, path, "waiting_clients", "gauge",
	    "Connections without an ID: they wait for one, or are being closed.",
	    answer->waiting_count);
	write_metric(out, path, "queued_messages", "gauge",
	    "Messages that the server has yet to send to all clients.", queued);
	write_slots(out, answer, path);
	write_guests(out, answer, path);
}

void prometheus_show_down(FILE *out, const char *path)
{
	write_metric(out, path, "up", "gauge", "Whether the server answered.", 0);
}
