/* SPDX-License-Identifier: MIT */
/*
 * json.c - an answer as JSON. RFC 8259.
 */
#include "control/process.h"
#include "control/show.h"
#include "control/write.h"

#include <inttypes.h>

/* What comes before a key: nothing, right behind the bracket. */
static const char *json_comma = "";

static void json_open(FILE *out, const char *text)
{
	fputs(text, out);
	json_comma = "";
}

static void json_key(FILE *out, const char *key)
{
	fprintf(out, "%s\"%s\": ", json_comma, key);
	json_comma = ", ";
}

static void json_number(FILE *out, const char *key, uint64_t number)
{
	json_key(out, key);
	if (number == ANSWER_NONE)
		fputs("null", out);
	else
		fprintf(out, "%" PRIu64, number);
}

static void json_flag(FILE *out, const char *key, uint64_t number)
{
	json_key(out, key);
	fputs(number == ANSWER_NONE ? "null" : number ? "true" : "false", out);
}

static void json_text(FILE *out, const char *key, const char *text)
{
	json_key(out, key);
	write_json(out, text);
}

static void json_server(FILE *out, const struct answer *answer)
{
	json_open(out, ",\n \"server\": {");
	json_number(out, "version", answer->version);
	json_number(out, "supervisor", answer->supervisor ? answer->supervisor : ANSWER_NONE);
	json_number(out, "server", answer->server);
	json_number(out, "uptime_ms", answer->uptime_ms);
	json_number(out, "serving_ms", answer->serving_ms);
	json_number(out, "takeovers", answer->takeovers);
	json_number(out, "reloads", answer->reloads);
	json_text(out, "mode", answer->mode);
	json_flag(out, "raw", answer->raw);
	if (answer->filter != ANSWER_NONE)
		json_flag(out, "filter", answer->filter);
	json_number(out, "epoch", answer->epoch);
	json_open(out, "},\n \"memory\": {");
	json_text(out, "kind", answer->kind);
	json_number(out, "size", answer->size);
	json_number(out, "page", answer->page);
	json_text(out, "path", answer->path);
	json_flag(out, "lost", answer->lost);
	json_open(out, "},\n \"region\": {");
	json_number(out, "slots", answer->slots);
	json_number(out, "vectors", answer->vectors);
	fputs("}", out);
}

static void json_listeners(FILE *out, const struct answer *answer)
{
	fputs(",\n \"listeners\": [", out);
	for (size_t i = 0; i < answer->listener_count; i++) {
		const struct answer_listener *listener = &answer->listener[i];

		json_open(out, i ? ",\n  {" : "\n  {");
		json_text(out, "socket", listener->socket);
		json_number(out, "slot", listener->slot);
		json_text(out, "name", listener->name);
		fputs("}", out);
	}
	fputs("]", out);
}

static void json_counts(FILE *out, const struct answer *answer)
{
	uint64_t per_uid = answer->limit_per_uid;

	json_open(out, ",\n \"limits\": {");
	json_number(out, "clients", answer->limit_clients);
	json_number(out, "per_uid", per_uid == ANSWER_UNLIMITED ? ANSWER_NONE : per_uid);
	json_number(out, "unread", answer->limit_unread);
	json_open(out, "},\n \"counts\": {");
	json_number(out, "connects", answer->connects);
	json_number(out, "disconnects", answer->disconnects);
	json_number(out, "slow", answer->slow);
	json_number(out, "doubtful", answer->doubtful);
	json_number(out, "bells_blocked", answer->bells_blocked);
	fputs("},\n \"refused\": {", out);
	for (size_t i = 0; i < answer->refused_count; i++) {
		fputs(i ? ", " : "", out);
		write_json(out, answer->refused[i].reason);
		fprintf(out, ": %" PRIu64, answer->refused[i].count);
	}
	fputs("}", out);
}

static void json_client(FILE *out, const struct answer_client *client)
{
	char command[PROCESS_COMMAND], user[PROCESS_USER];

	json_text(out, "state", client->state);
	json_number(out, "pid", client->pid);
	json_number(out, "uid", client->uid);
	json_text(out, "user", process_user(client->uid, user));
	json_number(out, "gid", client->gid);
	json_number(out, "since_ms", client->since_ms);
	json_text(out, "command", process_command(client->pid, command));
}

void json_show(FILE *out, const struct answer *answer, const char *path)
{
	fputs("{\"control\": ", out);
	write_json(out, path);
	json_server(out, answer);
	json_listeners(out, answer);
	json_counts(out, answer);
	fputs(",\n \"slots\": [", out);
	for (size_t i = 0; i < answer->slot_count; i++) {
		const struct answer_client *slot = &answer->slot[i];

		json_open(out, i ? ",\n  {" : "\n  {");
		json_number(out, "id", slot->id);
		json_text(out, "name", slot->name);
		json_number(out, "times", slot->times);
		json_number(out, "queued", slot->queued);
		json_client(out, slot);
		fputs("}", out);
	}
	fputs("],\n \"waiting\": [", out);
	for (size_t i = 0; i < answer->waiting_count; i++) {
		json_open(out, i ? ",\n  {" : "\n  {");
		json_client(out, &answer->waiting[i]);
		fputs("}", out);
	}
	fputs("]}\n", out);
}
