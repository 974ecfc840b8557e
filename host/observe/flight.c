/* SPDX-License-Identifier: MIT */
/*
 * flight.c - the messages in flight of a ring: decoding, counting and checking them.
 */
#include "observe/ring.h"
#include "observe/rings.h"

#include <string.h>

static uint32_t area_size(const struct observer *observer, uint8_t kind)
{
	return kind == IVSH_WIRE_KIND_LARGE ? observer->geometry.large_size
					    : observer->geometry.small_size;
}

/* SPEC R7.7.2, R7.7.3, R7.12: what (d) breaks by itself. */
static const char *broken_by(
    const struct observer *observer, const struct observed_descriptor *d, const char **why)
{
	uint32_t size = area_size(observer, d->kind);

	*why = "bit 31 is not 0";
	if (d->control & IVSH_WIRE_CONTROL_RESERVED)
		return "R7.7.2";
	*why = "an inline payload of more than 8 bytes";
	if (d->kind == IVSH_WIRE_KIND_INLINE)
		return d->size > IVSH_WIRE_INLINE_MAX ? "R7.7.2" : NULL;
	*why = "a payload of no bytes in an area";
	if (d->bytes == 0)
		return d->kind == IVSH_WIRE_KIND_PACKED ? "R7.12.4" : "R7.7.3";
	*why = "its position is no multiple of 64, or not below 2^32";
	if (d->body > UINT32_MAX || d->body % IVSH_WIRE_LINE)
		return "R7.7.3";
	*why = "the payload does not lie within the area";
	if (d->bytes > size - d->position % size)
		return d->kind == IVSH_WIRE_KIND_PACKED ? "R7.12.4" : "R7.7.3";
	*why = NULL;
	return NULL;
}

void observe_descriptor(const struct observer *observer, const struct observed_ring *ring,
    uint32_t index, struct observed_descriptor *d)
{
	const struct ivsh_wire_desc *desc = &observer->desc[index % observer->geometry.descs];
	uint64_t control = desc->control;
	uint32_t length = (uint32_t)(control & IVSH_WIRE_CONTROL_LENGTH_MASK);

	memset(d, 0, sizeof(*d));
	d->offset = desc_offset(observer, ring, index);
	d->control = control;
	d->body = desc->body;
	d->wrap = wrap_at(observer, index);
	d->is_there = d->wrap == wrap_of(observer, index);
	d->is_start = (control & IVSH_WIRE_CONTROL_START) != 0;
	d->port = (uint16_t)(control >> IVSH_WIRE_CONTROL_PORT_SHIFT);
	d->kind = control >> IVSH_WIRE_CONTROL_KIND_SHIFT & IVSH_WIRE_CONTROL_KIND_MASK;
	d->size = d->bytes = length;
	d->count = 1;
	if (d->kind == IVSH_WIRE_KIND_PACKED) {
		d->count = (length >> IVSH_WIRE_PACKED_COUNT_SHIFT) + 1;
		d->size = length & IVSH_WIRE_PACKED_SIZE_MASK;
		d->bytes = (d->size + IVSH_WIRE_FRAME - 1) / IVSH_WIRE_FRAME * IVSH_WIRE_FRAME;
		d->bytes *= d->count;
	}
	if (d->kind != IVSH_WIRE_KIND_INLINE)
		d->position = (uint32_t)desc->body;
	d->broken = broken_by(observer, d, &d->why);
}

/* An area, as far as the messages in flight are known. */
struct span {
	bool is_known;
	uint32_t begin, end; /* positions */
};

static void descriptor_add(const struct observed_ring *ring, struct observe_findings *findings,
    const struct observed_descriptor *d, const char *rule, const char *why, bool is_body)
{
	if (findings)
		observe_add(findings,
		    &(struct observe_finding){OBSERVE_BROKEN, rule,
			is_body ? "desc.body" : "desc.control", why, d->offset + (is_body ? 8 : 0),
			is_body ? d->body : d->control, 8, ring->half[0].memory});
}

/* SPEC R7.6.2, R7.9.6: a payload begins where the last one ended, or at the area's beginning. */
static void span_add(const struct observer *observer, const struct observed_ring *ring,
    struct span *span, struct observe_findings *findings, const struct observed_descriptor *d)
{
	uint32_t size = area_size(observer, d->kind);
	uint32_t next = (span->end + size - 1) & ~(size - 1);

	if (!span->is_known)
		span->begin = d->position;
	else if (d->position != span->end && d->position != next)
		descriptor_add(ring, findings, d, "R7.6.2",
		    "neither behind the last payload nor at the area's next beginning", true);
	span->is_known = true;
	span->end = d->position + ((d->bytes + IVSH_WIRE_LINE - 1) & ~(IVSH_WIRE_LINE - 1));
	if (span->end - span->begin > size) {
		descriptor_add(
		    ring, findings, d, "R7.5.2", "more bytes in flight than the area has", true);
		span->begin = d->position;
	}
}

void observe_flight(
    const struct observer *observer, struct observed_ring *ring, struct observe_findings *findings)
{
	struct span span[2] = {{0}};
	struct observed_descriptor d;

	for (uint32_t i = ring->read; i != ring->end; i++) {
		observe_descriptor(observer, ring, i, &d);
		if (d.broken) {
			/* What is behind it cannot be judged: its length decides where that is. */
			descriptor_add(ring, findings, &d, d.broken, d.why,
			    d.kind != IVSH_WIRE_KIND_INLINE && d.bytes != 0 &&
				(d.body > UINT32_MAX || d.body % IVSH_WIRE_LINE != 0));
			span[0].is_known = span[1].is_known = false;
			continue;
		}
		ring->messages += d.count;
		ring->bytes += (uint64_t)d.count * d.size;
		if (d.kind != IVSH_WIRE_KIND_INLINE)
			span_add(
			    observer, ring, &span[d.kind == IVSH_WIRE_KIND_LARGE], findings, &d);
	}
	for (unsigned i = 0; i < 2; i++)
		if (span[i].is_known)
			ring->taken[i] = span[i].end - span[i].begin;
}

bool observe_payload(const struct observer *observer, const struct observed_ring *ring,
    uint32_t index, const struct observed_descriptor *d, uint32_t number, uint32_t at, void *to,
    uint32_t size)
{
	uint32_t area = d->kind == IVSH_WIRE_KIND_LARGE, step = 0, read;
	const struct ivsh_wire_ring *sender = ring->half[0].at, *receiver = ring->half[1].at;
	const struct ivsh_wire_desc *desc = (const struct ivsh_wire_desc *)(sender + 1);
	uint64_t offset;

	if (d->broken || number >= d->count || at > d->size || size > d->size - at)
		return false;
	if (d->kind == IVSH_WIRE_KIND_INLINE) {
		memcpy(to, (const uint8_t *)&d->body + at, size);
	} else {
		if (d->kind == IVSH_WIRE_KIND_PACKED)
			step = d->bytes / d->count;
		offset = observer->area[area] + d->position % area_size(observer, d->kind) +
			 number * step + at;
		memcpy(to, (const uint8_t *)ring->half[0].at + offset, size);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	read = observe_load32(&receiver->receiver.read);
	return read - ring->read <= index - ring->read &&
	       observe_load32(&sender->sender.generation) == ring->sender.generation &&
	       observe_load64(&desc[index % observer->geometry.descs].control) == d->control;
}
