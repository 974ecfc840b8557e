/* SPDX-License-Identifier: MIT */
/*
 * show.c - what is in a region, as lines.
 */
#include "observe/show.h"

#include "observe/print.h"

#include <string.h>

#define PAYLOAD_MOST 256u /* bytes of each message that are shown */

/* Which memory an offset is in: nothing, if it is the region's only one or the common one. */
static void memory_show(uint32_t memory)
{
	if (memory != 0)
		print_number("part", memory - 1);
}

void show_findings(const struct observe_findings *findings)
{
	static const char *const grade[] = {"broken", "unsure", "note"};
	uint32_t all = findings->broken + findings->unsure + findings->notes;

	for (uint32_t i = 0; i < findings->kept; i++) {
		const struct observe_finding *f = &findings->list[i];

		print_open(grade[f->grade]);
		print_text("rule", f->rule);
		print_text("word", f->word);
		memory_show(f->memory);
		print_hex("offset", f->offset);
		print_hex("value", f->value);
		print_text("why", f->why);
		print_close();
	}
	if (all > findings->kept) {
		print_open("more");
		print_number("findings", all - findings->kept);
		print_close();
	}
}

void show_header(const struct observed_header *header)
{
	static const char *const known[] = {"sound", "plausible", "beyond-the-memory", "unknown"};
	const struct ivsh_wire_header *h = &header->copy;

	print_open("header");
	print_hex("offset", 0);
	print_hex("magic", h->magic);
	print_number("version", h->version);
	print_hex("features", h->features);
	print_number("size", h->size);
	print_number("slots", h->slots);
	print_number("descs", h->descs);
	print_number("small_size", h->small_size);
	print_number("large_size", h->large_size);
	print_number("log_size", h->features & IVSH_WIRE_FEATURE_LOGS ? h->log_size : 0);
	print_hex("format_id", h->format_id);
	print_text("geometry", known[header->known]);
	print_close();
}

void show_part(uint32_t slot, const struct observed_part *part)
{
	static const char *const state[] = {"sound", "missing", "claimed-twice", "unformatted",
	    "foreign", "another-format", "damaged", "short"};
	const struct ivsh_wire_part *p = &part->copy;

	print_open("part");
	print_number("part", slot);
	print_text("state", state[part->state]);
	print_number("memory", part->size);
	if (part->state == OBSERVED_PART_MISSING || part->state == OBSERVED_PART_TWICE) {
		print_close();
		return;
	}
	print_hex("magic", p->magic);
	print_number("version", p->version);
	print_hex("features", p->features);
	print_number("size", p->size);
	print_number("slots", p->slots);
	print_number("descs", p->descs);
	print_number("small_size", p->small_size);
	print_number("large_size", p->large_size);
	print_hex("format_id", p->format_id);
	print_number("log_size", p->log_size);
	print_number("slot", p->slot);
	print_close();
}

void show_server(const struct observed_server *server, uint32_t slots, bool moves)
{
	const struct ivsh_wire_server *s = &server->copy;

	print_open("server");
	print_hex("offset", IVSH_WIRE_SERVER_OFFSET);
	print_hex("epoch", s->epoch);
	print_number("heartbeat", s->heartbeat);
	print_text("moves", s->epoch == 0 && !moves ? "no-server" : moves ? "yes" : "no");
	print_number("change", s->change);
	print_number("vectors", s->vectors);
	print_close();
	for (uint32_t i = 0; i < slots && i < IVSH_WIRE_SLOTS_MAX; i++) {
		if (s->connection[i] == 0)
			continue;
		print_open("connection");
		print_number("slot", i);
		print_number("word", s->connection[i]);
		/* A server that does not live vouches for nobody. SPEC R4.3. */
		print_text("state", !moves                 ? "?"
				    : s->connection[i] & 1 ? "connected"
							   : "disconnected");
		print_close();
	}
}

static void services_show(uint32_t slot, const struct observed_slot *observed)
{
	for (uint32_t i = 0; i < IVSH_WIRE_SERVICES && observed->is_text_known; i++) {
		const struct ivsh_wire_service *service = &observed->copy.service[i];

		if (service->name[0] == 0)
			continue;
		print_open("service");
		print_number("slot", slot);
		print_name("name", service->name, sizeof(service->name));
		print_number("port", service->port);
		print_close();
	}
}

static void metrics_show(uint32_t slot, const struct observed_slot *observed)
{
	for (uint32_t i = 0; i < IVSH_WIRE_METRICS; i++) {
		const struct ivsh_wire_metric *m = &observed->copy.metric[i];

		if (!observe_metric(observed, i))
			continue;
		print_open("metric");
		print_number("slot", slot);
		print_number("index", i);
		if (m->kind > IVSH_WIRE_METRIC_GAUGE)
			print_unknown("kind");
		else
			print_text(
			    "kind", m->kind == IVSH_WIRE_METRIC_COUNTER ? "counter" : "gauge");
		print_name("name", m->name, sizeof(m->name));
		print_hex("value", m->value);
		print_close();
	}
}

static void counters_show(uint32_t slot, const struct observed_slot *observed)
{
	static const char *const names[] = {"sent", "received", "full", "discarded",
	    "notifications_sent", "notifications_suppressed", "wakes_doorbell", "wakes_timer",
	    "errors", "lost", "missed_notifications"};
	const uint64_t *counters = &observed->copy.sent;

	print_open("counters");
	print_number("slot", slot);
	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		print_number(names[i], counters[i]);
	print_close();
}

void show_slot(uint32_t slot, const struct observed_slot *observed, bool moves, bool is_new)
{
	static const char *const state[] = {"empty", "attached", "detached"};
	const struct ivsh_wire_slot *s = &observed->copy;

	print_open("slot");
	print_number("slot", slot);
	memory_show(observed->memory);
	print_hex("offset", observed->offset);
	if (s->state < sizeof(state) / sizeof(state[0]))
		print_text("state", state[s->state]);
	else
		print_unknown("state");
	print_number("incarnation", s->incarnation);
	print_number("heartbeat", s->heartbeat);
	print_text("moves", is_new ? "new-incarnation" : moves ? "yes" : "no");
	print_number("vectors", s->vectors);
	print_hex("nonce", s->nonce);
	print_number("sequence", s->sequence);
	print_hex("server_epoch", s->server_epoch);
	print_number("connection", s->connection);
	print_number("origin", s->origin);
	print_hex("machine", s->machine);
	if (observed->is_text_known)
		print_name("name", s->name, sizeof(s->name));
	else
		print_unknown("name");
	print_close();
	services_show(slot, observed);
	counters_show(slot, observed);
	metrics_show(slot, observed);
}

void show_log(uint32_t slot, const struct observed_log *log)
{
	const struct ivsh_wire_log *l = &log->copy;

	print_open("log");
	print_number("slot", slot);
	memory_show(log->memory);
	print_hex("offset", log->offset);
	print_number("position", l->position);
	print_number("storing", l->storing);
	print_number("first", l->first);
	print_number("begin", l->begin);
	print_number("incarnation", l->incarnation);
	print_close();
}

void show_ring(const struct observer *observer, const struct observed_ring *ring)
{
	static const char *const state[] = {"unused", "in-step", "reset", "changing", "absent"};
	const struct ivsh_wire_sender *s = &ring->sender;
	const struct ivsh_wire_receiver *r = &ring->receiver;

	print_open("ring");
	print_number("from", ring->from);
	print_number("to", ring->to);
	memory_show(ring->half[0].memory);
	print_hex("offset", ring->half[0].offset);
	print_text("state", state[ring->state]);
	print_maybe("in_flight", ring->is_known, ring->end - ring->read);
	print_number("descs", observer->geometry.descs);
	print_maybe("messages", ring->is_known, ring->messages);
	print_maybe("bytes", ring->is_known, ring->bytes);
	print_maybe("small_taken", ring->is_known, ring->taken[0]);
	print_maybe("large_taken", ring->is_known, ring->taken[1]);
	print_maybe("read", ring->state != OBSERVED_ABSENT, ring->read);
	print_maybe("end", ring->is_known, ring->end);
	print_close();
	if (ring->state == OBSERVED_ABSENT)
		return;
	print_open("sender");
	print_number("incarnation", s->incarnation);
	print_number("generation", s->generation);
	print_number("reset_ack", s->reset_ack);
	print_number("start", s->start);
	print_hex("notify_request", s->notify_request);
	print_number("reported", s->reported);
	print_hex("notify_flags", s->notify_flags);
	print_number("one_way", s->one_way);
	print_number("one_way", s->one_way);
	print_close();
	print_open("receiver");
	/* In one memory the receiver's lines stand beside the sender's. */
	if (ring->half[1].memory != 0) {
		memory_show(ring->half[1].memory);
		print_hex("offset", ring->half[1].offset);
	}
	print_number("incarnation", r->incarnation);
	print_number("reset_request", r->reset_request);
	print_number("generation_ack", r->generation_ack);
	print_hex("notify_request", r->notify_request);
	print_number("reported", r->reported);
	print_hex("notify_flags", r->notify_flags);
	print_number("one_way", r->one_way);
	print_number("one_way", r->one_way);
	print_number("read", r->read);
	print_close();
}

static void payload_show(const struct observer *observer, const struct observed_ring *ring,
    uint32_t index, const struct observed_descriptor *d)
{
	uint8_t bytes[PAYLOAD_MOST];
	uint32_t size = d->size < sizeof(bytes) ? d->size : (uint32_t)sizeof(bytes);

	for (uint32_t i = 0; i < d->count; i++) {
		print_open("payload");
		print_number("index", index);
		print_number("message", i);
		if (observe_payload(observer, ring, index, d, i, 0, bytes, size))
			print_bytes("bytes", bytes, size);
		else
			print_unknown("bytes");
		print_number("left_out", d->size - size);
		print_close();
	}
}

static void descriptor_show(
    const struct observer *observer, const struct observed_ring *ring, uint32_t index, bool payload)
{
	static const char *const kind[] = {"inline", "small", "large", "packed"};
	struct observed_descriptor d;

	observe_descriptor(observer, ring, index, &d);
	print_open("descriptor");
	print_number("index", index);
	print_hex("offset", d.offset);
	print_hex("control", d.control);
	print_hex("body", d.body);
	print_text("kind", kind[d.kind]);
	print_number("port", d.port);
	print_number("messages", d.count);
	print_number("size", d.size);
	if (d.kind != IVSH_WIRE_KIND_INLINE)
		print_number("position", d.position);
	print_text("start", d.is_start ? "yes" : "no");
	print_text("breaks", d.broken ? d.broken : "nothing");
	print_close();
	if (payload && !d.broken)
		payload_show(observer, ring, index, &d);
}

void show_flight(
    const struct observer *observer, const struct observed_ring *ring, uint32_t rows, bool payload)
{
	uint32_t count = ring->is_known ? ring->end - ring->read : 0;

	for (uint32_t i = 0; i < count && (rows == 0 || i < rows); i++)
		descriptor_show(observer, ring, ring->read + i, payload);
	if (rows && count > rows) {
		print_open("more");
		print_number("descriptors", count - rows);
		print_close();
	}
}
