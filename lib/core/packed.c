/* SPDX-License-Identifier: MIT */
/*
 * packed.c - packed records: messages of one size and port that share a descriptor.
 *
 * Each message of a batch costs a quarter of a line for its descriptor, and one of 8 bytes costs
 * nothing else: a record brings eight of them in a line. The sender packs what a caller sends in
 * one call, so no message waits for another. A receiver takes a record as a whole where its caller
 * has room for all of it, by one copy; else message by message, from private copies of its size and
 * count (receiver.c). A record counts as its messages against the credit, so that each side checks
 * more than messages as often as before (SPEC R6.8).
 */
#include "core/packed.h"

static uint32_t packed_least(uint32_t size)
{
	if (size - 1 >= PACKED_SIZE_MOST)
		return UINT32_MAX;
	return size <= IVSH_WIRE_INLINE_MAX ? PACKED_LEAST_INLINE : PACKED_LEAST;
}

/*
 * Copy up to (most) messages like the first one to (to), each at a multiple of 8 in (room) bytes.
 * Answers how many.
 */
static uint32_t frames_put(
    uint8_t *to, uint32_t room, const struct ivsh_message *messages, uint32_t most)
{
	uint64_t control = message_control(messages);
	uint32_t size = (uint32_t)control, step = packed_step(size), n = 0;

	/* Words of 8 bytes have a loop of their own, since there each instruction counts. */
	if (size == sizeof(uint64_t)) {
		if (most > room / sizeof(uint64_t))
			most = room / (uint32_t)sizeof(uint64_t);
		for (; n < most && message_control(&messages[n]) == control; n++) {
			uint64_t word = copy_load(messages[n].data);

			__builtin_memcpy(to + n * sizeof(word), &word, sizeof(word));
		}
		return n;
	}
	for (; n < most && message_control(&messages[n]) == control; n++, to += step) {
		if ((n + 1) * step > room)
			break;
		if (size > IVSH_WIRE_INLINE_MAX)
			copy(to, messages[n].data, size);
		else
			copy_short_out(to, copy_short(messages[n].data, size), size);
	}
	return n;
}

/* A record of (count) messages is as many against the credit, if there are so many. */
static uint32_t credit_less(uint32_t credit_end, uint32_t index, uint32_t count)
{
	uint32_t credit = credit_end - index;

	return credit_end - (count - 1 < credit ? count - 1 : credit);
}

/* For a refill, which takes a larger size for a payload of the large area. */
static uint32_t small_at_most(const struct ivsh_chan *ch, uint32_t size)
{
	return size < ch->tx.small_max ? size : ch->tx.small_max;
}

uint32_t ivsh_packed_put(struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t most)
{
	uint64_t control = message_control(&messages[0]);
	uint32_t size = (uint32_t)control, step = packed_step(size), least = packed_least(size);
	uint32_t room = PACKED_BYTES_MOST, left, n, position;
	struct ivsh_area *area = &ch->tx.area[IVSH_AREA_SMALL];

	if (most < least || message_control(&messages[least - 1]) != control)
		return 0;
	if (most > IVSH_WIRE_PACKED_MAX)
		most = IVSH_WIRE_PACKED_MAX;
	if ((most > ch->tx.credit_end - ch->tx.head || step * least > area->left) &&
	    ivsh_sender_refill(ch, area->known ? small_at_most(ch, step * least) : 0) != 0)
		return 0;
	left = area->known ? area->left : ivsh_sender_left(ch, IVSH_AREA_SMALL);
	if (room > area->size / 4)
		room = area->size / 4;
	if (room > left)
		room = left;
	if (room < step * least || !slot_is_ours(ch->region))
		return 0;
	position = ch->tx.now.end[IVSH_AREA_SMALL];
	n = frames_put(area_at(area, position), room, messages, most);
	if (n < least)
		return 0;
	area->left = left - area_room(step * n);
	ch->tx.now.end[IVSH_AREA_SMALL] = position + area_room(step * n);
	control = control_make(messages[0].port, IVSH_WIRE_KIND_PACKED,
	    (n - 1) << IVSH_WIRE_PACKED_COUNT_SHIFT | size);
	if (!area->known)
		control |= IVSH_WIRE_CONTROL_START;
	area->known = true;
	sender_store(ch, ch->tx.head, control, position);
	ch->tx.credit_end = credit_less(ch->tx.credit_end, ch->tx.head, n);
	return n;
}

uint32_t ivsh_packed_before(const struct ivsh_message *messages, uint32_t most)
{
	uint32_t start = 0;

	for (uint32_t n = 1; n < most; n++) {
		if (message_control(&messages[n]) != message_control(&messages[start]))
			start = n;
		else if (start != 0 && n - start + 1 == packed_least(messages[n].size))
			return start;
	}
	return most;
}

/* Copy (count) messages of (size) bytes, and say what they are. */
static void frames_take(struct ivsh_message *messages, uint8_t *to, const uint8_t *from,
    uint64_t control, uint32_t count)
{
	uint32_t step = packed_step((uint32_t)control);

	memcpy(to, from, (count - 1) * step + (uint32_t)control);
	for (uint32_t n = 0; n < count; n++, to += step) {
		messages[n].data = to;
		message_fill(&messages[n], control);
	}
}

/* Some messages of the record that is begun. 0, or an error; *taken: how many. */
static int begun_take(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t most,
    uint8_t *to, uint32_t room, uint32_t *taken)
{
	uint32_t size = ch->rx.size, step = packed_step(size);

	if (ch->dead || ch->rx.peeked || ch->rx.marked != 0)
		return 0;
	if (most > ch->rx.frames)
		most = ch->rx.frames;
	while (most != 0 && (most - 1) * step + size > room)
		most--;
	if (most == 0)
		return 0;
	frames_take(messages, to, ch->rx.data, control_make(ch->rx.port, 0, size), most);
	fence_acquire(); /* as receiver_taken() requires */
	if (!slot_is_ours(ch->region))
		return ivsh_receiver_moved(ch);
	if (!receiver_record_stands(ch))
		return 0; /* the slow path finds out why */
	slot_beat(ch->region, ch->region->slot);
	ivsh_receiver_advance(ch, most);
	*taken = most;
	return 0;
}

/*
 * If the record behind one of (bytes) bytes is there, too, its lines come from the sender's cache
 * while this one is copied. Its control word is only a hint here.
 */
static void next_fetch(const struct ivsh_chan *ch, uint32_t bytes)
{
	const struct ivsh_wire_desc *desc = &ch->rx.desc[(ch->rx.read + 1) & ch->mask];
	uint64_t control = load64(&desc->control) ^ ch->rx.wrap;
	uint32_t next = area_room(bytes), end = next + PACKED_AHEAD;

	if (control_wrap(control) != 0 || control_kind(control) != IVSH_WIRE_KIND_PACKED)
		return;
	if (control_bytes(control) < PACKED_AHEAD)
		end = next + control_bytes(control);
	for (; next < end; next += IVSH_WIRE_LINE)
		__builtin_prefetch(
		    area_at(&ch->rx.area[IVSH_AREA_SMALL], ch->rx.now.end[IVSH_AREA_SMALL] + next));
}

int ivsh_packed_take(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t most,
    uint8_t *to, uint32_t room, uint32_t *taken)
{
	struct ivsh_area *area = &ch->rx.area[IVSH_AREA_SMALL];
	const struct ivsh_wire_desc *desc = &ch->rx.desc[ch->rx.read & ch->mask];
	uint32_t count, bytes;
	uint64_t control;
	int error;

	*taken = 0;
	if (ch->rx.frames != 0)
		return begun_take(ch, messages, most, to, room, taken);
	control = descriptor_load(desc) ^ ch->rx.wrap;
	if (control_wrap(control) != 0 ||
	    (uint32_t)control >> IVSH_WIRE_CONTROL_KIND_SHIFT != IVSH_WIRE_KIND_PACKED)
		return 0;
	count = packed_count(control);
	bytes = control_bytes(control);
	if (count > most || bytes > room || bytes == 0 ||
	    load64(&desc->body) != ch->rx.now.end[IVSH_AREA_SMALL])
		return 0;
	if ((count > ch->rx.credit_end - ch->rx.read || bytes > area->left) &&
	    ivsh_receiver_refill(ch, area, bytes) != 0)
		return 0;
	next_fetch(ch, bytes);
	frames_take(messages, to, area_at(area, ch->rx.now.end[IVSH_AREA_SMALL]),
	    control_make(control_port(control), 0, packed_size(control)), count);
	payload_advance(ch, area, IVSH_AREA_SMALL, bytes);
	ch->rx.read++;
	ch->rx.credit_end = credit_less(ch->rx.credit_end, ch->rx.read, count);
	fence_acquire(); /* as receiver_taken() requires */
	error = receiver_memory_check(ch);
	if (!error)
		error = receiver_taken(ch, count);
	*taken = error == 0 ? count : 0;
	return error;
}
