/* SPDX-License-Identifier: MIT */
/*
 * report.c - what the control socket answers.
 */
#include "server/report.h"
#include "process/clock.h"
#include "wire/state.h"
#include "server/client_state.h"
#include "server/protocol.h"
#include "server/refusal.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_PATH 64 /* bytes of "/proc/PID/fd/N" */

static const char *const report_kinds[] = {
    [BACKEND_MEMFD] = "memfd",
    [BACKEND_SHM] = "shm",
    [BACKEND_FILE] = "file",
    [BACKEND_HUGE] = "huge",
    [BACKEND_HUGETLB] = "hugetlb",
};

/* " key=value", the value without blanks and without anything that a terminal or a parser minds. */
static void report_text(FILE *out, const char *key, const char *value)
{
	fprintf(out, " %s=", key);
	for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
		if (*c <= 0x20 || *c == '%' || *c == '"' || *c >= 0x7f)
			fprintf(out, "%%%02X", *c);
		else
			fputc(*c, out);
	}
}

static void report_number(FILE *out, const char *key, unsigned long long value)
{
	fprintf(out, " %s=%llu", key, value);
}

static unsigned long long report_since(uint64_t since_ns)
{
	return (clock_now_ns() - since_ns) / 1000000;
}

/* Memory that has no name is found by the supervisor, or when that is gone by us. */
static const char *report_path(const struct server *server, char path[REPORT_PATH])
{
	const struct state_head *head = server->state.head;

	if (server->link >= 0 || head->kind == BACKEND_SHM || head->kind == BACKEND_FILE)
		return head->memory_path;
	snprintf(path, REPORT_PATH, "/proc/%ld/fd/%d", (long)getpid(), head->memory);
	return path;
}

static void report_server(FILE *out, const struct server *server)
{
	const struct state_head *head = server->state.head;
	char path[REPORT_PATH];

	fputs("server version=2", out);
	report_number(out, "supervisor", server->link < 0 ? 0 : (unsigned)head->supervisor);
	report_number(out, "server", (unsigned)getpid());
	report_number(out, "uptime_ms", report_since(head->began_ns));
	report_number(out, "serving_ms", report_since(server->began_ns));
	report_number(out, "takeovers", head->counts.takeovers);
	report_number(out, "reloads", head->counts.reloads);
	report_text(out, "mode", head->classic ? "classic" : "slots");
	report_number(out, "raw", head->raw);
	report_number(out, "filter", server->is_filtered);
	fprintf(out, " epoch=0x%08x\nmemory", head->page_words.epoch);
	report_text(out, "kind", report_kinds[head->kind]);
	report_number(out, "size", head->size);
	report_number(out, "page", head->page);
	report_text(out, "path", report_path(server, path));
	report_number(out, "lost", server->is_lost_reported);
	fputs("\nregion", out);
	report_number(out, "slots", head->slots);
	report_number(out, "vectors", head->vectors);
	fputc('\n', out);
}

static void report_listeners(FILE *out, const struct server *server)
{
	for (uint32_t i = 0; i <= server->state.head->slots; i++) {
		const struct state_listener *listener = &server->state.listener[i];

		if (listener->fd < 0)
			continue;
		fputs("listener", out);
		if (listener->slot != SLOTS_NONE) {
			report_number(out, "slot", listener->slot);
			if (server->slots.names[listener->slot])
				report_text(out, "name", server->slots.names[listener->slot]);
		}
		report_text(out, "socket", listener->path);
		fputc('\n', out);
	}
}

static void report_counts(FILE *out, const struct server *server)
{
	const struct state_counts *counts = &server->state.head->counts;

	fputs("limit", out);
	report_number(out, "clients", server->clients.capacity);
	report_number(out, "per_uid", server->options.per_uid);
	report_number(out, "unread", server->clients.unread);
	fputs("\ncount", out);
	report_number(out, "connects", counts->connects);
	report_number(out, "disconnects", counts->disconnects);
	report_number(out, "takeovers", counts->takeovers);
	report_number(out, "slow", counts->slow);
	report_number(out, "indeterminate", counts->indeterminate);
	report_number(out, "notifications_blocked", counts->notifications_blocked);
	fputc('\n', out);
	for (uint32_t i = 0; i < CLIENTS_REASONS; i++) {
		unsigned long long count = counts->refused[i];

		/* Whom the supervisor turned away, or we, without it. */
		if (i == CLIENTS_DESCRIPTORS)
			count += server->acceptor.turned_away;
		if (count == 0)
			continue;
		fputs("refused", out);
		report_text(out, "reason", refusal_reason(i));
		report_number(out, "count", count);
		fputc('\n', out);
	}
}

static void report_client(FILE *out, const struct client *client)
{
	report_text(
	    out, "state", client->lagging_ns ? "lagging" : client_state_name(client->state));
	report_number(out, "pid", (unsigned)client->pid);
	report_number(out, "uid", client->uid);
	report_number(out, "gid", client->gid);
	report_number(out, "since_ms", report_since(client->since_ns));
}

static void report_slot(FILE *out, const struct server *server, uint32_t number)
{
	const struct slot *slot = &server->slots.slot[number];
	const struct client *client;

	if (slot->client == SLOTS_NONE && server->clients.is_classic)
		return;
	fputs("slot", out);
	report_number(out, "id", slot->id);
	if (server->slots.names[number])
		report_text(out, "name", server->slots.names[number]);
	if (slot->client == SLOTS_NONE) {
		report_text(out, "state", "free");
	} else {
		client = &server->clients.client[slot->client];
		report_client(out, client);
		report_number(out, "queued",
		    client->state == CLIENT_INDETERMINATE || client->state == CLIENT_CLOSING
			? 0
			: protocol_left(&server->clients, client));
	}
	report_number(out, "times", slot->times);
	fputc('\n', out);
}

char *report_make(const struct server *server, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out)
		return NULL;
	report_server(out, server);
	report_listeners(out, server);
	report_counts(out, server);
	for (uint32_t i = 0; i < server->slots.count; i++)
		report_slot(out, server, i);
	for (uint32_t i = 0; i < server->clients.capacity; i++) {
		const struct client *client = &server->clients.client[i];

		if (client->state != CLIENT_WAITING && client->state != CLIENT_REFUSED &&
		    !(client->state == CLIENT_CLOSING &&
			!clients_holds_slot(&server->clients, client)) &&
		    !(client->state == CLIENT_INDETERMINATE && client->slot == SLOTS_NONE))
			continue;
		fputs("waiting", out);
		report_client(out, client);
		fputc('\n', out);
	}
	fputs("end\n", out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

char *report_unknown(size_t *size)
{
	char *text = strdup("error what=unknown-request\n");

	*size = text ? strlen(text) : 0;
	return text;
}
