/* SPDX-License-Identifier: MIT */
/*
 * expose.c - ls --prometheus.
 *
 * Every sample has the label region, the path, so that one reader can have files about several. A
 * peer that is not there any more has no metrics: what it counted stands still.
 */
#include "peer/expose.h"

#include "app/show.h"
#include "app/status.h"
#include "text/escape.h"
#include "text/exposition.h"

#include <ivsh/metrics.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool expose_take(const char *text)
{
	(void)text;
	return true;
}

static void region_expose(const struct transport *t, const struct probe *probe)
{
	exposition_head(
	    stdout, "region_bytes", "gauge", "Of the memory, those that the region has.");
	exposition_name(stdout, "region_bytes", "region", t->object);
	printf("} %" PRIu64 "\n", probe->size);
	exposition_head(stdout, "region_slots", "gauge", "Peers that the region has room for.");
	exposition_name(stdout, "region_slots", "region", t->object);
	printf("} %" PRIu32 "\n", probe->region.geometry.slots);
	exposition_head(
	    stdout, "region_server_up", "gauge", "Whether a server's heartbeat was seen to move.");
	exposition_name(stdout, "region_server_up", "region", t->object);
	printf("} %d\n", probe->server_moves);
}

/* The name and all labels of a peer's sample. The caller writes the brace. */
static void peer_name(
    const char *name, const struct transport *t, const struct probe *probe, uint32_t slot)
{
	exposition_name(stdout, name, "region", t->object);
	printf(",peer=\"%" PRIu32 "\",name=", slot);
	escape_label(stdout, probe->slot[slot].peer.name);
}

static bool is_there(const struct probe *probe, uint32_t slot)
{
	return probe->slot[slot].peer.presence == IVSH_PEER_ATTACHED;
}

static void peers_expose(const struct transport *t, const struct probe *probe)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} rows[] = {
#define ROW(name, help) {"peer_" #name "_total", help, offsetof(struct ivsh_counters, name)}
	    ROW(sent, "Messages sent."),
	    ROW(received, "Messages received."),
	    ROW(full, "Sends that found no room."),
	    ROW(discarded, "Messages of the backlog that its attach discarded."),
	    ROW(notifications_sent, "Notifications sent."),
	    ROW(notifications_suppressed, "Messages sent with no notification requested."),
	    ROW(wakes_doorbell, "Sleeps ended by a doorbell."),
	    ROW(wakes_timer, "Sleeps ended by time."),
	    ROW(errors, "Channels that broke SPEC.md."),
	    ROW(lost, "Ring resets seen: each may have lost messages."),
	    ROW(missed_notifications, "Sleeps ended by time with something to do."),
#undef ROW
	};

	exposition_head(stdout, "peer_attached", "gauge",
	    "Whether the peer of a slot that was ever used is there.");
	for (uint32_t i = 0; i < probe->region.geometry.slots; i++) {
		if (probe->slot[i].peer.incarnation == 0)
			continue;
		peer_name("peer_attached", t, probe, i);
		printf("} %d\n", is_there(probe, i));
	}
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		exposition_head(stdout, rows[r].name, "counter", rows[r].help);
		for (uint32_t i = 0; i < probe->region.geometry.slots; i++) {
			uint64_t value;

			memcpy(&value, (const char *)&probe->slot[i].counters + rows[r].offset,
			    sizeof(value));
			if (!is_there(probe, i))
				continue;
			peer_name(rows[r].name, t, probe, i);
			printf("} %" PRIu64 "\n", value);
		}
	}
}

static int guests_expose(const struct transport *t, const struct probe *probe)
{
	uint32_t slots = probe->region.geometry.slots, count = 0;
	struct ivsh_metric_sample *samples = calloc((size_t)slots * IVSH_METRICS, sizeof(*samples));
	struct exposition_guest *guests = calloc((size_t)slots * IVSH_METRICS, sizeof(*guests));
	int status = STATUS_FAILED;

	for (uint32_t i = 0; samples && guests && i < slots * IVSH_METRICS; i++) {
		uint32_t slot = i / IVSH_METRICS, index = i % IVSH_METRICS;
		struct ivsh_metric_sample *s = &samples[count];
		int error = show_metric(&probe->region, slot, index, s);

		if (!error && is_there(probe, slot))
			guests[count++] =
			    (struct exposition_guest){slot, probe->slot[slot].peer.name, s->name,
				s->kind == IVSH_METRIC_COUNTER, s->value};
	}
	if (samples && guests && exposition_guests(stdout, "region", t->object, guests, count) == 0)
		status = STATUS_DONE;
	else
		fprintf(stderr, "ivsh: %s: not enough memory for its metrics\n", t->object);
	free(samples);
	free(guests);
	return status;
}

int expose_run(const struct transport *transport, const struct probe *probe)
{
	region_expose(transport, probe);
	peers_expose(transport, probe);
	return guests_expose(transport, probe);
}
