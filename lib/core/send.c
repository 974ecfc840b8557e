/* SPDX-License-Identifier: MIT */
/*
 * send.c - sending, where nothing stands in the way.
 *
 * One comparison says so: the limit is moved to the index by whatever does (ivsh_chan_stop()), and
 * (left) of an area says how far payloads go on in it. All else goes the long way, sender.c.
 */
#include "way.h"

/* What was due is done: on, or the long way. */
static __attribute__((noinline)) int send_due(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	return ivsh_sender_due(ch, size) ? ivsh_chan_send(ch, port, data, size)
					 : ivsh_sender_send(ch, port, data, size);
}

/* Any size that is not 8 bytes. */
static __attribute__((noinline)) int send_sized(
    struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	uint32_t i = size > ch->tx.hot_most ? IVSH_AREA_BULK : IVSH_AREA_HOT;
	struct ivsh_area *area = &ch->tx.area[i];
	uint32_t index = ch->tx.head, position = ch->tx.now.end[i];

	if (!slot_is_ours(ch->region))
		return ivsh_slot_lost(ch->region);
	if (size <= IVSH_WIRE_INLINE_MAX) {
		sender_store(ch, index, head_make(port, IVSH_WIRE_KIND_INLINE, size),
		    copy_short(data, size));
		return sender_accepted(ch, ch->region, ch->region->slot, index, 1);
	}
	if (size > area->left)
		return send_due(ch, port, data, size);
	copy(area_at(area, position), data, size);
	area->left -= area_room(size);
	ch->tx.now.end[i] = position + area_room(size);
	sender_store(ch, index, head_make(port, IVSH_WIRE_KIND_HOT + i, size), position);
	return sender_accepted(ch, ch->region, ch->region->slot, index, 1);
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
	sender_store(
	    ch, index, head_make(port, IVSH_WIRE_KIND_INLINE, sizeof(uint64_t)), copy_load(data));
	return sender_accepted(ch, region, slot, index, 1);
}
