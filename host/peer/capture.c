/* SPDX-License-Identifier: MIT */
/*
 * capture.c - capture: the messages of a region into a pcapng file, by an observer.
 */
#include "peer/capture.h"

#include "app/json.h"
#include "app/refuse.h"
#include "app/status.h"
#include "capture/capture.h"
#include "peer/extcap.h"
#include "peer/own.h"
#include "peer/stop.h"

#include <ivsh/peers.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TIME_MOST_S 86400u
#define SPIN_NS UINT64_C(1000000) /* unless --spin: a busy ring is looked at all the time */

static const char *from, *to; /* NULL: any */
static uint64_t snap = CAPTURE_SNAP;
static bool unproven;
static bool is_json;

bool capture_from_take(const char *text)
{
	from = text;
	return true;
}

bool capture_to_take(const char *text)
{
	to = text;
	return true;
}

bool capture_snap_take(const char *text)
{
	if (options_number(text, 0, IVSH_WIRE_AREA_MAX, &snap))
		return true;
	fprintf(stderr, "ivsh: --snap=%s: not a number of bytes from 0 to %u\n", text,
	    IVSH_WIRE_AREA_MAX);
	return false;
}

bool capture_unproven_take(const char *text)
{
	(void)text;
	unproven = true;
	return true;
}

static bool stopped(void)
{
	return stop_signal() != 0;
}

/* The slot that (text) names, a number or a peer's name. False after a line. */
static bool slot_find(
    struct ivsh_region *region, const char *object, const char *text, uint32_t *slot)
{
	uint32_t slots = region->geometry.slots;
	uint64_t number;

	*slot = CAPTURE_ALL;
	if (!text)
		return true;
	if (options_number(text, 0, UINT32_MAX, &number)) {
		*slot = (uint32_t)number;
		if (number < slots)
			return true;
		fprintf(
		    stderr, "ivsh: %s: no slot %s: there are %" PRIu32 "\n", object, text, slots);
		return false;
	}
	for (uint32_t i = 0; i < slots; i++) {
		struct ivsh_peer peer = {0};

		if (ivsh_region_peer(region, i, &peer) == 0 && peer.presence != IVSH_PEER_ABSENT &&
		    strcmp(peer.name, text) == 0) {
			*slot = i;
			return true;
		}
	}
	fprintf(stderr, "ivsh: %s: no peer %s: ivsh ls shows who is there\n", object, text);
	return false;
}

/* What was seen, on standard error: standard output may have the packets. */
static void summary_print(const struct capture *c)
{
	fprintf(stderr, "ivsh: %s: %" PRIu64 " messages captured, %s%" PRIu64 " missed", c->object,
	    c->written, c->at_least ? "at least " : "", c->missed);
	if (c->unproved)
		fprintf(stderr, ", %" PRIu64 " not proven", c->unproved);
	if (c->filtered)
		fprintf(stderr, ", %" PRIu64 " of other ports left out", c->filtered);
	if (c->damaged)
		fprintf(stderr, ", %" PRIu64 " damaged descriptors", c->damaged);
	if (c->wanted_count != c->ring_count)
		fprintf(stderr, ", %" PRIu32 " rings not seen: parts are not here, or not whole",
		    c->wanted_count - c->ring_count);
	if (c->missed && !c->unproven)
		fprintf(stderr, " (--unproven writes some, marked)");
	fprintf(stderr, "\n");
}

/* The same as an object of JSON, on standard output. */
static void summary_json(const struct capture *c)
{
	struct json json;

	json_begin(&json, "captured");
	json_u64(&json, "messages", c->written);
	json_u64(&json, "missed", c->missed);
	json_bool(&json, "missed_at_least", c->at_least);
	json_u64(&json, "unproven", c->unproved);
	json_u64(&json, "filtered", c->filtered);
	json_u64(&json, "damaged_descs", c->damaged);
	json_u64(&json, "unseen_rings", c->wanted_count - c->ring_count);
	json_end(&json);
}

static int ended(const struct capture *c, enum capture_end end)
{
	if (is_json)
		summary_json(c);
	else
		summary_print(c);
	switch (end) {
	case CAPTURE_DONE:
		return STATUS_DONE;
	case CAPTURE_FORMATTED:
		fprintf(stderr, "ivsh: %s: the region was formatted again: capture it anew\n",
		    c->object);
		return STATUS_FAILED;
	case CAPTURE_MEMORY:
		fprintf(stderr, "ivsh: %s: not enough memory for a capture\n", c->object);
		return STATUS_FAILED;
	default:
		return c->drain.error == DRAIN_CLOSED ? STATUS_PIPE : STATUS_FAILED;
	}
}

/* Open the output, and capture. The exit status. */
static int capture_to(struct capture *c, const char *path)
{
	int error;

	c->drain.stopped = stopped;
	error = drain_open(&c->drain, path, capture_buffer(c->region, c->snap), stop_is_memory);
	if (error) {
		drain_close(&c->drain);
		return error == DRAIN_STOPPED ? STATUS_STOPPED : STATUS_FAILED;
	}
	error = ended(c, capture_run(c));
	drain_close(&c->drain);
	return error == STATUS_DONE && c->drain.error ? STATUS_FAILED : error;
}

/* Say of a split region whose messages are not captured. */
static void parts_say(const struct ivsh_region *region, const char *object)
{
	struct ivsh_counters counters;
	uint32_t count = 0;

	for (uint32_t i = 0; i < region->geometry.slots; i++)
		if (ivsh_region_counters(region, i, &counters) == IVSH_EPART) {
			if (count++ == 0)
				fprintf(
				    stderr, "ivsh: %s: parts that are not used: of slot", object);
			fprintf(stderr, "%s %" PRIu32, count == 1 ? "" : ",", i);
		}
	if (count)
		fprintf(stderr, ": nothing of them is captured until they are\n");
}

/* The region is probed: capture what the options ask for. The exit status. */
static int region_capture(
    struct ivsh_region *region, const struct transport *t, const struct options *o)
{
	struct capture c = {
	    .region = region,
	    .object = t->object,
	    .has_port = (o->given & OPTION_PORT) != 0,
	    .port = o->port,
	    .unproven = unproven,
	    .snap = (uint32_t)snap,
	    .count = o->count,
	    .naps = o->wait != IVSH_WAIT_POLL,
	    .spin_ns = o->given & OPTION_SPIN ? o->spin_ns : SPIN_NS,
	    .stopped = stopped,
	};

	if (o->wait == IVSH_WAIT_SLEEP)
		c.spin_ns = 0;
	if (own_time() && !own_time_parse("capture", TIME_MOST_S, &c.time_ns))
		return STATUS_USAGE;
	if (!slot_find(region, t->object, from, &c.from) ||
	    !slot_find(region, t->object, to, &c.to) ||
	    !slot_find(region, t->object, o->peer, &c.either))
		return STATUS_NO_PEER;
	parts_say(region, t->object);
	return capture_to(&c, extcap_fifo() ? extcap_fifo() : own_output() ? own_output() : "-");
}

int capture_command(const struct world *world, const struct options *o)
{
	static struct ivsh_region region;
	struct ivsh_attach attach = {0};
	struct transport transport;
	int status, error;

	if (extcap_queries())
		return extcap_answer();
	is_json = o->json;
	if (is_json && (!own_output() || strcmp(own_output(), "-") == 0)) {
		fprintf(stderr, "ivsh: capture: --json: give --output=FILE: the packets would take"
				" standard output\n");
		return STATUS_USAGE;
	}
	/* A file that may grow no further is an error of write(2), as a full disk is. */
	signal(SIGXFSZ, SIG_IGN);
	status = world->probe(&transport, 0, o);
	if (status != STATUS_DONE)
		return status < 0 ? STATUS_NO_DEVICE : status;
	stop_listen();
	error = ivsh_region_probe(&region, &transport.mem, &attach);
	if (error) {
		refuse_print(world, &transport, &attach, error);
		status = STATUS_FAILED;
	} else {
		status = region_capture(&region, &transport, o);
	}
	world->close(&transport);
	return status;
}
