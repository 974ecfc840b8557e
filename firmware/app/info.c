/* SPDX-License-Identifier: MIT */
/*
 * info.c - info, or ls: what is there, the region, the server, and who is in which slot.
 *
 * The command attaches to no slot, takes none and writes nothing. A world that has devices prints
 * its facts about each device before the region.
 */
#include "app/commands.h"
#include "app/json.h"
#include "app/probe.h"
#include "app/refuse.h"
#include "app/show.h"
#include "app/status.h"

#include <ivsh/metrics.h>

#include <inttypes.h>
#include <stdio.h>

/* What of a slot cannot be believed, or not be known. */
static void doubts_print(const struct probe_slot *slot)
{
	if (slot->peer.presence == IVSH_PEER_BROKEN)
		printf("%7sthe slot's state or incarnation is impossible (SPEC R5.3.4): %s\n", "",
		    slot->moves ? "but its heartbeat moves"
				: "nobody can say whether a peer is there");
	if (!slot->text_known)
		printf(
		    "%7sname and services are being written, or their peer ended meanwhile\n", "");
}

static void services_print(const struct ivsh_region *region, uint32_t slot)
{
	struct ivsh_service service;

	for (uint32_t i = 0; ivsh_region_service(region, slot, i, &service) == 0; i++)
		if (service.name[0])
			printf("%7sservice %s: port %u\n", "", service.name, service.port);
}

static void metrics_print(const struct ivsh_region *region, uint32_t slot)
{
	for (uint32_t i = 0; i < IVSH_METRICS; i++) {
		struct ivsh_metric_sample sample;
		int error = show_metric(region, slot, i, &sample);

		if (error == IVSH_EPROTO)
			printf("%7smetric %" PRIu32 ": damaged\n", "", i);
		else if (!error && sample.kind == IVSH_METRIC_COUNTER)
			printf("%7scounter %s: %" PRIu64 "\n", "", sample.name, sample.value);
		else if (!error)
			printf(
			    "%7sgauge %s: %" PRId64 "\n", "", sample.name, (int64_t)sample.value);
	}
}

/* The slots of a split region that nobody can say anything about. */
static void parts_print(const struct probe *probe)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < probe->region.geometry.slots; i++)
		if (probe->slot[i].no_part)
			printf(
			    "%s %" PRIu32, count++ ? "," : "parts that are not used: of slot", i);
	if (count)
		printf(" (SPEC R17.4): not here, or not of this region\n");
}

static void slots_print(const struct probe *probe, uint32_t self)
{
	uint32_t unused = 0;

	printf("%5s  %-8s  %-10s  %11s  %7s  %10s  %10s  %6s  %6s  %s\n", "slot", "presence",
	    "connection", "incarnation", "vectors", "sent", "received", "full", "errors", "name");
	for (uint32_t i = 0; i < probe->region.geometry.slots; i++) {
		const struct probe_slot *s = &probe->slot[i];

		if (!probe_is_shown(s)) {
			unused += !s->no_part;
			continue;
		}
		printf("%c%4" PRIu32 "  %-8s  %-10s  %11" PRIu32 "  %7" PRIu32 "  %10" PRIu64
		       "  %10" PRIu64 "  %6" PRIu64 "  %6" PRIu64 "  %s\n",
		    i == self ? '*' : ' ', i, show_presence(s->peer.presence),
		    show_connection(s->peer.connection), s->peer.incarnation, s->peer.vectors,
		    s->counters.sent, s->counters.received, s->counters.full, s->counters.errors,
		    s->text_known ? s->peer.name : "?");
		doubts_print(s);
		services_print(&probe->region, i);
		metrics_print(&probe->region, i);
	}
	if (unused)
		printf("and %" PRIu32 " slots that nobody has used\n", unused);
	parts_print(probe);
	if (self < probe->region.geometry.slots)
		printf("* is our own slot: connected, not attached; the rest is its last peer's\n");
}

/* --- The same as objects of JSON ------------------------------------------------------------- */

static void slots_json(const struct probe *probe, uint32_t self)
{
	for (uint32_t i = 0; i < probe->region.geometry.slots; i++) {
		struct json json;

		if (probe_is_shown(&probe->slot[i]))
			show_slot_json(probe, i, i == self);
		if (!probe->slot[i].no_part)
			continue;
		json_begin(&json, "no_part");
		json_u64(&json, "slot", i);
		json_end(&json);
	}
}

static void refused_print(const struct options *o, const struct transport *transport,
    const struct ivsh_attach *attach, int error)
{
	struct json json;
	char text[256];

	refuse_text(text, sizeof(text), transport, attach, error);
	if (!o->json) {
		printf("region: %s\n", text);
		return;
	}
	json_begin(&json, "no_region");
	json_text(&json, "text", text);
	json_end(&json);
}

/* What (transport) leads to. Answers the exit status. */
static int place_print(
    const struct world *world, const struct transport *transport, const struct options *o)
{
	static struct probe probe;
	struct ivsh_attach attach = {0};
	struct ivsh_mem mem = transport->mem;
	int error;

	if (o->quiet && transport->shown)
		return STATUS_DONE;
	error = probe_open(&probe, &mem, &attach);
	if (world->entered)
		world->entered(transport);
	/* No peer can attach here, but the region can be shown. */
	if (error == IVSH_EPART || error == IVSH_EREADONLY) {
		refuse_print(world, transport, &attach, error);
		mem.self = IVSH_SELF_NONE;
		error = probe_open(&probe, &mem, &attach);
	}
	if (error && transport->named) {
		refuse_print(world, transport, &attach, error);
		return STATUS_FAILED;
	}
	if (error) {
		refused_print(o, transport, &attach, error);
		return STATUS_DONE;
	}
	/* The server assigned us the slot: no other peer is in it, whatever its words are. */
	if (transport->claims)
		mem.self = IVSH_SELF_NONE;
	if (mem.self < probe.region.geometry.slots)
		probe.slot[mem.self].ours = true;
	probe_watch(&probe);
	if (o->given & OPTION_EXPOSE)
		return world->expose(transport, &probe);
	show_region(&probe, o->json);
	if (o->quiet)
		return STATUS_DONE;
	if (o->json)
		slots_json(&probe, mem.self);
	else
		slots_print(&probe, mem.self);
	return STATUS_DONE;
}

int info_run(const struct world *world, const struct options *o)
{
	int status = STATUS_DONE;

	if (o->given & OPTION_EXPOSE && o->json) {
		fprintf(stderr, "ivsh: %s: give --prometheus or --json, not both\n", o->word[0]);
		return STATUS_USAGE;
	}
	if (o->given & OPTION_EXPOSE && world->places() > 1) {
		fprintf(stderr, "ivsh: --prometheus: one place at a time\n");
		return STATUS_USAGE;
	}
	for (uint32_t place = 0;; place++) {
		struct transport transport;
		int found = world->probe(&transport, place, o);

		if (found < 0)
			return status;
		if (found == STATUS_DONE) {
			found = place_print(world, &transport, o);
			world->close(&transport);
		}
		if (found != STATUS_DONE)
			status = found;
	}
}
