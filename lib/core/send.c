/* SPDX-License-Identifier: MIT */
/*
 * send.c - sending on the fast path.
 *
 * One comparison with the credit says that nothing stands in the way: whatever stands in the way
 * has taken the credit away (ivsh_chan_stop()). (left) of an area is the credit in bytes. All else
 * takes the slow path, sender.c.
 */
#include "core/fastpath.h"

/* Refill, and go on; or take the slow path. */
static __attribute__((__noinline__)) int send_refill(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	return ivsh_sender_refill(ch, size) == 0 ? ivsh_chan_send(ch, port, data, size)
						 : ivsh_sender_send(ch, port, data, size);
}

/* Store the next message: its control word without the wrap counter, and its body. */
static INLINED int send_end(struct ivsh_chan *ch, uint64_t control, uint64_t body)
{
	sender_store_behind(ch, ch->tx.head, control, body);
	return sender_accepted(ch, ch->region, ch->region->slot, ch->tx.head - 1, 1);
}

static __attribute__((__noinline__)) int send_end_far(
    struct ivsh_chan *ch, uint64_t control, uint64_t body)
{
	return send_end(ch, control, body);
}

/* Take (room) bytes of area (i). Loads the position behind the copy: to keep it costs more. */
static INLINED uint32_t area_put(struct ivsh_chan *ch, uint32_t i, uint32_t room)
{
	uint32_t position = ch->tx.now.end[i];

	ch->tx.area[i].left -= room;
	ch->tx.now.end[i] = position + room;
	return position;
}

static __attribute__((__noinline__)) int send_large(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	struct ivsh_area *area = &ch->tx.area[IVSH_AREA_LARGE];

	if (!slot_is_ours(ch->region))
		return ivsh_sender_moved(ch, size);
	if (size > area->left)
		return send_refill(ch, port, data, size);
	memcpy(area_at(area, ch->tx.now.end[IVSH_AREA_LARGE]), data, size);
	return send_end_far(ch, control_make(port, IVSH_WIRE_KIND_LARGE, size),
	    area_put(ch, IVSH_AREA_LARGE, area_room(size)));
}

static __attribute__((__noinline__)) int send_small(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	struct ivsh_area *area = &ch->tx.area[IVSH_AREA_SMALL];

	if (!slot_is_ours(ch->region))
		return ivsh_sender_moved(ch, size);
	if (size > area->left)
		return send_refill(ch, port, data, size);
	copy(area_at(area, ch->tx.now.end[IVSH_AREA_SMALL]), data, size);
	return send_end(ch, control_make(port, IVSH_WIRE_KIND_SMALL, size),
	    area_put(ch, IVSH_AREA_SMALL, area_room(size)));
}

/* Up to 8 bytes. */
static __attribute__((__noinline__)) int send_inline(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	if (!slot_is_ours(ch->region))
		return ivsh_sender_moved(ch, size);
	return send_end_far(
	    ch, control_make(port, IVSH_WIRE_KIND_INLINE, size), copy_short(data, size));
}

/* Any size that is not 8 bytes: each area has a function of its own, where it is a constant. */
static INLINED int send_sized(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	if (size > ch->tx.small_max)
		return send_large(ch, port, data, size);
	if (size > IVSH_WIRE_INLINE_MAX)
		return send_small(ch, port, data, size);
	return send_inline(ch, port, data, size);
}

int ivsh_chan_send(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	uint32_t index = ch->tx.head;
	struct ivsh_region *region;
	struct ivsh_wire_slot *slot;

	if (index == ch->tx.credit_end)
		return send_refill(ch, port, data, size);
	if (size != sizeof(uint64_t))
		return send_sized(ch, port, data, size);
	/* Before anything is stored. SPEC R5.6.1. */
	region = ch->region;
	slot = region->slot;
	if (!slot_is_mine(region, slot))
		return ivsh_sender_moved(ch, size);
	sender_store(ch, index, control_make(port, IVSH_WIRE_KIND_INLINE, sizeof(uint64_t)),
	    copy_load(data));
	return sender_accepted(ch, region, slot, index, 1);
}
