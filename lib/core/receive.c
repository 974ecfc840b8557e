/* SPDX-License-Identifier: MIT */
/*
 * receive.c - receiving on the fast path.
 *
 * The fast path takes a message that is as the receiver expects it. It compares the message with
 * values that it computes itself: the wrap counter, a known kind, the one position that the payload
 * can have, and a length that ends before the area does. All else takes the slow path, receiver.c.
 */
#include "core/fastpath.h"

/* The next message is in the buffer, behind a fence. (control): without wrap counter and kind. */
static inline int taken(
    struct ivsh_chan *ch, struct ivsh_message *message, uint64_t control, void *buffer)
{
	message->data = buffer;
	message_fill(message, control);
	ch->rx.read++;
	return receiver_taken(ch, 1);
}

/*
 * The next message of the packed record that is begun, and not its last one, which releases the
 * record. The slow path takes it where anything else is the matter.
 */
static APART int frame_receive(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	uint32_t size = ch->rx.size;

	if (ch->dead || ch->rx.peeked || ch->rx.marked != 0 || size > capacity)
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	memcpy(buffer, ch->rx.data, size);
	fence_acquire(); /* as in receive_sized() */
	if (!receiver_record_stands(ch))
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	message->data = buffer;
	message_fill(message, control_make(ch->rx.port, 0, size));
	ch->rx.frames--;
	ch->rx.data = (const uint8_t *)ch->rx.data + packed_step(size);
	return receiver_taken(ch, 1);
}

/* Refill, and go on; or take the slow path. area, size: as ivsh_receiver_refill(). */
static __attribute__((__noinline__)) int receive_refill(struct ivsh_chan *ch,
    struct ivsh_message *message, void *buffer, uint32_t capacity, const struct ivsh_area *area,
    uint32_t size)
{
	if (ch->rx.frames > 1)
		return frame_receive(ch, message, buffer, capacity);
	return ivsh_receiver_refill(ch, area, size) == 0
		   ? ivsh_chan_receive(ch, message, buffer, capacity)
		   : ivsh_receiver_receive(ch, message, buffer, capacity);
}

/* No message: publish everything, and check whether the sender has begun a new generation. */
static __attribute__((__noinline__)) int receive_empty(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	int error = ivsh_slot_tick_due(ch->region);

	if (error)
		return error;
	if (load32(&ch->rx.other->generation) != ch->rx.generation_ack)
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	ivsh_receiver_release_all(ch);
	return IVSH_EAGAIN;
}

/* No message. A polling receiver mostly finds that all of receive_empty() was done already. */
static __attribute__((__noinline__)) int receive_none(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	struct ivsh_region *region = ch->region;

	if (!slot_is_ours(region))
		return ivsh_slot_moved(region);
	slot_beat(region, region->slot);
	if (ch->rx.read != ch->rx.published || !slot_beats_alike(region) ||
	    load32(&ch->rx.other->generation) != ch->rx.generation_ack ||
	    region->heartbeat - region->ticked >= SLOT_TICK_CALLS)
		return receive_empty(ch, message, buffer, capacity);
	return IVSH_EAGAIN;
}

/* Fewer than 8 bytes. (control): without the wrap counter. */
static APART int receive_short(struct ivsh_chan *ch, struct ivsh_message *message, void *buffer,
    uint32_t capacity, uint64_t control)
{
	copy_short_out(
	    buffer, load64(&ch->rx.desc[ch->rx.read & ch->mask].body), control_size(control));
	fence_acquire();
	if (!receiver_message_stands(ch))
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	return taken(ch, message, control, buffer);
}

/* Any size that is not 8 bytes. (control): without the wrap counter. */
static __attribute__((__noinline__)) int receive_sized(struct ivsh_chan *ch,
    struct ivsh_message *message, void *buffer, uint32_t capacity, uint64_t control)
{
	uint32_t index = ch->rx.read, low = (uint32_t)control, size = control_size(control);
	uint64_t body = load64(&ch->rx.desc[index & ch->mask].body);
	uint32_t i = control_area(control);
	struct ivsh_area *area = &ch->rx.area[i & 1];

	if (low <= IVSH_WIRE_INLINE_MAX && size <= capacity)
		return receive_short(ch, message, buffer, capacity, control);
	if (!payload_is_expected(ch, i, size, body) || size > capacity)
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	if (size > area->left)
		return receive_refill(ch, message, buffer, capacity, area, size);
	copy(buffer, area_at(area, (uint32_t)body), size);
	/* Behind the copy: a memory that went back meanwhile brought other bytes. SPEC R5.12.7. */
	fence_acquire();
	if (!slot_beats_alike(ch->region))
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	payload_advance(ch, area, i, size);
	return taken(
	    ch, message, control & ~(UINT64_C(0xf) << IVSH_WIRE_CONTROL_KIND_SHIFT), buffer);
}

int ivsh_chan_receive(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	uint32_t index = ch->rx.read;
	const struct ivsh_wire_desc *desc;
	uint64_t control, body;

	/* Without credit there may be no ring: the channel may have been refused, or only send. */
	if (index == ch->rx.credit_end)
		return receive_refill(ch, message, buffer, capacity, NULL, 0);
	desc = &ch->rx.desc[index & ch->mask];
	/* Fetch both lines from the sender's cache at the same time. */
	__builtin_prefetch(ch->rx.next);
	control = descriptor_load(desc) ^ ch->rx.wrap;
	if (control_form(control) != sizeof(body) || capacity < sizeof(body))
		return control_wrap(control) != 0
			   ? receive_none(ch, message, buffer, capacity)
			   : receive_sized(ch, message, buffer, capacity, control);
	body = load64(&desc->body);
	__builtin_memcpy(buffer, &body, sizeof(body));
	fence_acquire(); /* as receiver_taken() requires */
	return taken(ch, message, control, buffer);
}
