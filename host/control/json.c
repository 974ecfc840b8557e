/* SPDX-License-Identifier: MIT */
/*
 * json.c - an answer as one JSON object. RFC 8259.
 */
#include "control/lookup.h"
#include "control/formats.h"
#include "text/escape.h"

#include <inttypes.h>
#include <stdbool.h>

/* The separator before the next key: empty after an opening brace. */
static const char *comma = "";

static void open_group(FILE *out, const char *text)
{
	fputs(text, out);
	comma = "";
}

static void write_key(FILE *out, const char *key)
{
	fprintf(out, "%s\"%s\": ", comma, key);
	comma = ", ";
}

static void write_number(FILE *out, const char *key, uint64_t number)
{
	write_key(out, key);
	if (number == ANSWER_NONE)
		fputs("null", out);
	else
		fprintf(out, "%" PRIu64, number);
}

static void write_flag(FILE *out, const char *key, uint64_t number)
{
	write_key(out, key);
	fputs(number == ANSWER_NONE ? "null" : number ? "true" : "false", out);
}

static void write_text(FILE *out, const char *key, const char *text)
{
	write_key(out, key);
	escape_json(out, text);
}

static void write_server(FILE *out, const struct answer *answer)
{
	open_group(out, ",\n \"server\": {");
	write_number(out, "version", answer->version);
	write_number(out, "supervisor", answer->supervisor ? answer->supervisor : ANSWER_NONE);
	write_number(out, "server", answer->server);
	write_number(out, "uptime_ms", answer->uptime_ms);
	write_number(out, "serving_ms", answer->serving_ms);
	write_number(out, "takeovers", answer->takeovers);
	write_number(out, "reloads", answer->reloads);
	write_text(out, "mode", answer->mode);
	write_flag(out, "raw", answer->raw);
	if (answer->filter != ANSWER_NONE)
		write_flag(out, "filter", answer->filter);
	write_number(out, "epoch", answer->epoch);
	open_group(out, "},\n \"memory\": {");
	write_text(out, "kind", answer->kind);
	write_number(out, "size", answer->size);
	write_number(out, "page", answer->page);
	write_text(out, "path", answer->path);
	write_flag(out, "lost", answer->lost);
	write_flag(out, "split", answer->split);
	write_number(out, "part", answer->part);
	write_number(out, "part_short", answer->part_short);
	open_group(out, "},\n \"region\": {");
	write_number(out, "slots", answer->slots);
	write_number(out, "vectors", answer->vectors);
	fputs("}", out);
}

static void write_listeners(FILE *out, const struct answer *answer)
{
	fputs(",\n \"listeners\": [", out);
	for (size_t i = 0; i < answer->listener_count; i++) {
		const struct answer_listener *listener = &answer->listener[i];

		open_group(out, i ? ",\n  {" : "\n  {");
		write_text(out, "socket", listener->socket);
		write_number(out, "slot", listener->slot);
		write_text(out, "name", listener->name);
		fputs("}", out);
	}
	fputs("]", out);
}

static void write_counts(FILE *out, const struct answer *answer)
{
	uint64_t per_uid = answer->limit_per_uid;

	open_group(out, ",\n \"limits\": {");
	write_number(out, "clients", answer->limit_clients);
	write_number(out, "per_uid", per_uid == ANSWER_UNLIMITED ? ANSWER_NONE : per_uid);
	write_number(out, "unread", answer->limit_unread);
	open_group(out, "},\n \"counts\": {");
	write_number(out, "connects", answer->connects);
	write_number(out, "disconnects", answer->disconnects);
	write_number(out, "slow", answer->slow);
	write_number(out, "indeterminate", answer->indeterminate);
	write_number(out, "notifications_blocked", answer->notifications_blocked);
	fputs("},\n \"refused\": {", out);
	for (size_t i = 0; i < answer->refused_count; i++) {
		fputs(i ? ", " : "", out);
		escape_json(out, answer->refused[i].reason);
		fprintf(out, ": %" PRIu64, answer->refused[i].count);
	}
	fputs("}", out);
}

/* A list of clients. Connections that wait have no slot, and so nothing of one. */
static void write_clients(
    FILE *out, const struct answer_client *clients, size_t count, bool has_slot)
{
	char command[LOOKUP_COMMAND], user[LOOKUP_USER];

	for (size_t i = 0; i < count; i++) {
		const struct answer_client *client = &clients[i];

		open_group(out, i ? ",\n  {" : "\n  {");
		if (has_slot) {
			write_number(out, "id", client->id);
			write_text(out, "name", client->name);
			write_number(out, "times", client->times);
			write_number(out, "queued", client->queued);
		}
		write_text(out, "state", client->state);
		write_number(out, "pid", client->pid);
		write_number(out, "uid", client->uid);
		write_text(out, "user", lookup_user(client->uid, user));
		write_number(out, "gid", client->gid);
		write_number(out, "since_ms", client->since_ms);
		write_text(out, "command", lookup_command(client->pid, command));
		fputs("}", out);
	}
}

/* Values are of 64 bits, and text, as many readers keep only 53 of a number's. */
static void write_metrics(FILE *out, const struct answer *answer)
{
	fputs(",\n \"metrics\": [", out);
	for (size_t i = 0; i < answer->metric_count; i++) {
		const struct answer_metric *metric = &answer->metric[i];

		open_group(out, i ? ",\n  {" : "\n  {");
		write_number(out, "slot", metric->slot);
		write_text(out, "name", metric->peer);
		write_text(out, "metric", metric->name);
		write_text(out, "kind", metric->kind);
		write_text(out, "value", metric->value);
		fputs("}", out);
	}
	fputs("]", out);
}

void json_show(FILE *out, const struct answer *answer, const char *path)
{
	fputs("{\"control\": ", out);
	escape_json(out, path);
	write_server(out, answer);
	write_listeners(out, answer);
	write_counts(out, answer);
	fputs(",\n \"slots\": [", out);
	write_clients(out, answer->slot, answer->slot_count, true);
	fputs("],\n \"waiting\": [", out);
	write_clients(out, answer->waiting, answer->waiting_count, false);
	fputs("]", out);
	write_metrics(out, answer);
	fputs("}\n", out);
}
