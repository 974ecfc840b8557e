/* SPDX-License-Identifier: MIT */
/*
 * send.c - sending, where nothing stands in the way.
 *
 * One comparison says so: the limit is moved to the index by whatever does (ivsh_chan_stop()), and
 * (left) of an area says how far payloads go on in it. All else goes the long way, sender.c.
 */
#include "core/way.h"

/* What was due is done: on, or the long way. */
static __attribute__((noinline)) int send_due(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	return ivsh_sender_due(ch, size) ? ivsh_chan_send(ch, port, data, size)
					 : ivsh_sender_send(ch, port, data, size);
}

/* The next message gets its head, without the wrap, and its body; it is accepted. */
static ALWAYS_INLINE int send_end(struct ivsh_chan *ch, uint64_t head, uint64_t body)
{
	sender_store(ch, ch->tx.head, head, body);
	return sender_accepted(ch, ch->region, ch->region->slot, ch->tx.head - 1, 1);
}

static __attribute__((noinline)) int send_end_far(
    struct ivsh_chan *ch, uint64_t head, uint64_t body)
{
	return send_end(ch, head, body);
}

/* Area (i) has (room) bytes less: where they begin. Loaded behind the copy: to keep it costs more. */
static ALWAYS_INLINE uint32_t area_put(struct ivsh_chan *ch, uint32_t i, uint32_t room)
{
	uint32_t position = ch->tx.now.end[i];

	ch->tx.area[i].left -= room;
	ch->tx.now.end[i] = position + room;
	return position;
}

/* To the bulk area. */
static __attribute__((noinline)) int send_bulk(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	struct ivsh_area *area = &ch->tx.area[IVSH_AREA_LARGE];

	if (!slot_is_ours(ch->region))
		return ivsh_slot_lost(ch->region);
	if (size > area->left)
		return send_due(ch, port, data, size);
	memcpy(area_at(area, ch->tx.now.end[IVSH_AREA_LARGE]), data, size);
	return send_end_far(ch, control_make(port, IVSH_WIRE_KIND_LARGE, size),
	    area_put(ch, IVSH_AREA_LARGE, area_room(size)));
}

/* To the hot area. */
static __attribute__((noinline)) int send_hot(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	struct ivsh_area *area = &ch->tx.area[IVSH_AREA_SMALL];

	if (!slot_is_ours(ch->region))
		return ivsh_slot_lost(ch->region);
	if (size > area->left)
		return send_due(ch, port, data, size);
	copy(area_at(area, ch->tx.now.end[IVSH_AREA_SMALL]), data, size);
	return send_end(ch, control_make(port, IVSH_WIRE_KIND_SMALL, size),
	    area_put(ch, IVSH_AREA_SMALL, area_room(size)));
}

/* Up to 8 bytes. */
static __attribute__((noinline)) int send_short(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	if (!slot_is_ours(ch->region))
		return ivsh_slot_lost(ch->region);
	return send_end_far(
	    ch, control_make(port, IVSH_WIRE_KIND_INLINE, size), copy_short(data, size));
}

/* Any size that is not 8 bytes: each area has a way of its own, where it is a constant. */
static ALWAYS_INLINE int send_sized(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	if (size > ch->tx.small_max)
		return send_bulk(ch, port, data, size);
	if (size > IVSH_WIRE_INLINE_MAX)
		return send_hot(ch, port, data, size);
	return send_short(ch, port, data, size);
}

int ivsh_chan_send(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	uint32_t index = ch->tx.head;
	struct ivsh_region *region;
	struct ivsh_wire_slot *slot;

	if (index == ch->tx.limit)
		return send_due(ch, port, data, size);
	if (size != sizeof(uint64_t))
		return send_sized(ch, port, data, size);
	/* Before anything is stored. SPEC R5.6. */
	region = ch->region;
	slot = region->slot;
	if (!slot_is_mine(region, slot))
		return ivsh_slot_lost(region);
	sender_store(ch, index, control_make(port, IVSH_WIRE_KIND_INLINE, sizeof(uint64_t)),
	    copy_load(data));
	return sender_accepted(ch, region, slot, index, 1);
}
