/* SPDX-License-Identifier: MIT */
/*
 * report.c - the facts that clients of the control socket query.
 */
#include "server/report.h"
#include "control/answer.h"
#include "control/render.h"
#include "process/clock.h"
#include "server/client_state.h"
#include "server/metrics.h"
#include "server/protocol.h"
#include "server/refusal.h"
#include "server/server.h"
#include "wire/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH 64 /* bytes of "/proc/PID/fd/N" */

static const char *const kinds[] = {
    [BACKEND_MEMFD] = "memfd",
    [BACKEND_SHM] = "shm",
    [BACKEND_FILE] = "file",
    [BACKEND_HUGE] = "huge",
    [BACKEND_HUGETLB] = "hugetlb",
};

static uint64_t ms_since(uint64_t since_ns)
{
	return (clock_now_ns() - since_ns) / 1000000;
}

/* Memory without a name is found by its supervisor, or when that is gone by this process. */
static const char *memory_path(const struct server *server, char path[PATH])
{
	const struct state_head *head = server->state.head;

	if (server->link >= 0 || head->kind == BACKEND_SHM || head->kind == BACKEND_FILE)
		return head->memory_path;
	snprintf(path, PATH, "/proc/%ld/fd/%d", (long)getpid(), head->memory);
	return path;
}

/* It depends on the number of slots alone: the rest of the geometry may be any. */
static uint64_t part_short(uint32_t slots)
{
	const struct ivsh_geometry geometry = {
	    slots, IVSH_WIRE_DESCS_MIN, IVSH_WIRE_AREA_MIN, IVSH_WIRE_AREA_MIN, 0};
	uint64_t size = ANSWER_NONE;

	return ivsh_part_short_size(&geometry, &size) ? ANSWER_NONE : size;
}

static struct answer server_facts(const struct server *server)
{
	const struct state_head *head = server->state.head;
	const struct state_counts *counts = &head->counts;

	return (struct answer){.version = ANSWER_VERSION,
	    .supervisor = server->link < 0 ? 0 : (uint32_t)head->supervisor,
	    .server = (uint32_t)getpid(),
	    .uptime_ms = ms_since(head->began_ns),
	    .serving_ms = ms_since(server->began_ns),
	    .takeovers = counts->takeovers,
	    .reloads = counts->reloads,
	    .mode = head->classic ? "classic" : "slots",
	    .raw = head->raw,
	    .filter = server->is_filtered,
	    .epoch = head->page_words.epoch,
	    .kind = kinds[head->kind],
	    .size = head->size,
	    .page = head->page,
	    .lost = server->is_lost_reported,
	    .split = head->split,
	    .part = head->split ? head->part : ANSWER_NONE,
	    .part_short = head->split ? part_short(head->slots) : ANSWER_NONE,
	    .slots = head->slots,
	    .vectors = head->vectors,
	    .limit_clients = server->clients.capacity,
	    .limit_per_uid = server->options.per_uid,
	    .limit_unread = server->clients.unread,
	    .connects = counts->connects,
	    .disconnects = counts->disconnects,
	    .count_takeovers = counts->takeovers,
	    .slow = counts->slow,
	    .indeterminate = counts->indeterminate,
	    .notifications_blocked = counts->notifications_blocked};
}

static int add_listeners(struct answer *answer, const struct server *server)
{
	for (uint32_t i = 0; i <= server->state.head->slots; i++) {
		const struct state_listener *listener = &server->state.listener[i];
		struct answer_listener *row;

		if (listener->fd < 0)
			continue;
		row = answer_add_listener(answer);
		if (!row)
			return -1;
		row->socket = listener->path;
		if (listener->slot == SLOTS_NONE)
			continue;
		row->slot = listener->slot;
		row->name = server->slots.names[listener->slot];
	}
	return 0;
}

static int add_refused(struct answer *answer, const struct server *server)
{
	for (uint32_t i = 0; i < CLIENTS_REASONS; i++) {
		uint64_t count = server->state.head->counts.refused[i];
		struct answer_refused *row;

		/* The supervisor refused these; or this process, without one. */
		if (i == CLIENTS_DESCRIPTORS)
			count += server->acceptor.refused;
		if (count == 0)
			continue;
		row = answer_add_refused(answer);
		if (!row)
			return -1;
		*row = (struct answer_refused){refusal_reason(i), count};
	}
	return 0;
}

static void client_facts(struct answer_client *row, const struct client *client)
{
	bool is_lagging = client_state_is_served(client) && client->lagging_ns;

	row->state = is_lagging ? "lagging" : client_state_name(client->state);
	row->pid = (uint32_t)client->pid;
	row->uid = client->uid;
	row->gid = client->gid;
	row->since_ms = ms_since(client->since_ns);
}

static int add_slots(struct answer *answer, const struct server *server)
{
	const struct clients *clients = &server->clients;

	for (uint32_t i = 0; i < server->slots.count; i++) {
		const struct slot *slot = &server->slots.slot[i];
		struct answer_client *row;

		if (slot->client == SLOTS_NONE && clients->is_classic)
			continue;
		row = answer_add_slot(answer);
		if (!row)
			return -1;
		row->id = slot->id;
		row->name = server->slots.names[i];
		row->times = slot->times;
		row->state = "free";
		if (slot->client != SLOTS_NONE) {
			const struct client *client = &clients->client[slot->client];

			client_facts(row, client);
			row->queued =
			    client_state_is_served(client) ? protocol_left(clients, client) : 0;
		}
	}
	return 0;
}

/* A connection without an ID, which is shown. */
static bool is_waiting(const struct clients *clients, const struct client *client)
{
	switch (client->state) {
	case CLIENT_WAITING:
	case CLIENT_REFUSED:
	case CLIENT_PROBING:
		return true;
	case CLIENT_CLOSING:
	case CLIENT_INDETERMINATE:
		return !clients_holds_slot(clients, client);
	default:
		return false;
	}
}

static int add_waiting(struct answer *answer, const struct server *server)
{
	const struct clients *clients = &server->clients;

	for (uint32_t i = 0; i < clients->capacity; i++) {
		struct answer_client *row;

		if (!is_waiting(clients, &clients->client[i]))
			continue;
		row = answer_add_waiting(answer);
		if (!row)
			return -1;
		client_facts(row, &clients->client[i]);
	}
	return 0;
}

char *report_make(void *context, size_t *size)
{
	const struct server *server = context;
	struct answer answer = server_facts(server);
	char *text = NULL, path[PATH];
	void *metrics = NULL;

	answer.path = memory_path(server, path);
	if (add_listeners(&answer, server) == 0 && add_refused(&answer, server) == 0 &&
	    add_slots(&answer, server) == 0 && add_waiting(&answer, server) == 0 &&
	    metrics_add(&answer, server, &metrics) == 0)
		text = render_answer(&answer, size);
	answer_free(&answer);
	free(metrics);
	return text;
}
