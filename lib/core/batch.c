/* SPDX-License-Identifier: MIT */
/*
 * batch.c - many messages in one call.
 *
 * Up to a limit nothing but the messages themselves is looked at, and it lies in the same wrap: so
 * descriptors follow each other, and heartbeat, counters and what the other side asks for come once.
 * A message that cannot go this way goes alone, and then the rest goes on.
 */
#include "core/way.h"

/* How far ahead payloads are fetched: a power of two below the least area. */
#define AHEAD 512u

#define LINE_DESCS (IVSH_WIRE_LINE / (uint32_t)sizeof(struct ivsh_wire_desc))

/* As many of (most) messages as go the short way: how many. */
static uint32_t put_run(struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t most)
{
	uint32_t first = ch->tx.head, n;
	struct ivsh_wire_desc *desc = &ch->tx.desc[first & ch->mask];
	struct ivsh_record *record = &ch->tx.record[first & ch->mask], now = ch->tx.now;
	uint64_t wrap = ch->tx.wrap;
	const struct ivsh_region *region = ch->region;
	const struct ivsh_wire_slot *slot = region->slot;

	/* Words have a loop of their own: where there is no more to do, each instruction counts. */
	for (n = 0; n < most; n++) {
		uint64_t head = message_control(&messages[n]);

		/* SPEC R5.6: whose slot it is, before each. */
		if ((uint32_t)head != sizeof(uint64_t) || !slot_is_mine(region, slot))
			break;
		record[n] = now;
		store64(&desc[n].body, copy_load(messages[n].data));
		store64_release(&desc[n].control, wrap | head);
	}
	for (; n < most; n++) {
		const struct ivsh_message *m = &messages[n];
		uint32_t size = m->size, kind = IVSH_WIRE_KIND_INLINE;
		uint64_t body;

		if (!slot_is_mine(region, slot))
			break;
		if (size <= IVSH_WIRE_INLINE_MAX) {
			body = copy_short(m->data, size);
		} else {
			uint32_t i = size > ch->tx.small_max ? IVSH_AREA_LARGE : IVSH_AREA_SMALL;
			struct ivsh_area *area = &ch->tx.area[i];

			if (size > area->left)
				break;
			body = now.end[i];
			kind = IVSH_WIRE_KIND_SMALL + i;
			copy(area_at(area, now.end[i]), m->data, size);
			area->left -= area_room(size);
			now.end[i] += area_room(size);
		}
		record[n] = now;
		/* SPEC R7.3, as in sender_store(). */
		store64(&desc[n].body, body);
		store64_release(&desc[n].control, wrap | control_make(m->port, kind, size));
	}
	ch->tx.now = now;
	ch->tx.head = first + n;
	return n;
}

int ivsh_chan_send_batch(
    struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t count, uint32_t *sent)
{
	uint32_t done = 0;
	int error = 0;

	while (done < count && error == 0) {
		const struct ivsh_message *next = &messages[done];
		uint32_t room = ch->tx.limit - ch->tx.head, most = count - done, n;

		/* No room: a channel that was refused has no ring. */
		n = room == 0 ? 0 : put_run(ch, next, room < most ? room : most);
		if (n != 0)
			(void)sender_accepted(ch, ch->region, ch->region->slot, ch->tx.head - n, n);
		else
			error = ivsh_chan_send(ch, next->port, next->data, next->size);
		done += n != 0 ? n : error == 0;
	}
	*sent = done;
	return error;
}

/* Where the next payload goes: up to 7 bytes on. */
static inline uint32_t align_8(uint32_t at)
{
	return (at + 7) & ~7u;
}

/*
 * As many of (most) messages as come the short way: how many. *at: bytes of the buffer in use, and
 * the next multiple of 8 is not behind it.
 */
static uint32_t take_run(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t most,
    uint8_t *buffer, uint32_t capacity, uint32_t *at)
{
	uint32_t first = ch->rx.read, words = most, n;
	const struct ivsh_wire_desc *desc = &ch->rx.desc[first & ch->mask];
	uint64_t wrap = ch->rx.wrap;
	uint8_t *to;

	*at = align_8(*at);
	to = buffer + *at;
	/* If there is one, there are others: they come while this one is looked at. A hint alone: what
	 * counts is what the loops below load. */
	if ((load64(&desc[0].control) ^ wrap) >> IVSH_WIRE_CONTROL_WRAP_SHIFT == 0)
		for (n = LINE_DESCS; n < most; n += LINE_DESCS)
			__builtin_prefetch(&desc[n]);
	if (most > (capacity - *at) / sizeof(uint64_t))
		words = (capacity - *at) / (uint32_t)sizeof(uint64_t);
	for (n = 0; n < words; n++, to += sizeof(uint64_t)) {
		uint64_t head = load64_acquire(&desc[n].control) ^ wrap, body;

		if (control_form(head) != sizeof(body))
			break;
		body = load64(&desc[n].body);
		__builtin_memcpy(to, &body, sizeof(body));
		messages[n].data = to;
		message_say(&messages[n], head);
	}
	*at += n * (uint32_t)sizeof(uint64_t);
	for (; n < most; n++) {
		/* Pairs with the sender's release: body and payload are there if the wrap is. */
		uint64_t head = load64_acquire(&desc[n].control) ^ wrap, body;
		uint32_t low = (uint32_t)head, size = control_size(head), place = align_8(*at);
		struct ivsh_message *m = &messages[n];

		if (head >> IVSH_WIRE_CONTROL_WRAP_SHIFT != 0 || place > capacity ||
		    size > capacity - place)
			break;
		body = load64(&desc[n].body);
		if (low <= IVSH_WIRE_INLINE_MAX) {
			copy_short_out(buffer + place, body, size);
		} else {
			uint32_t i = control_area(head);
			struct ivsh_area *area = &ch->rx.area[i & 1];

			if (i >= IVSH_AREAS || size <= IVSH_WIRE_INLINE_MAX || size > area->left ||
			    body != ch->rx.now.end[i])
				break;
			__builtin_prefetch(area_at(area, (uint32_t)body + AHEAD));
			copy(buffer + place, area_at(area, (uint32_t)body), size);
			area->left -= area_room(size);
			ch->rx.now.end[i] += area_room(size);
			ch->rx.next = area_at(area, ch->rx.now.end[i]);
		}
		m->data = buffer + place;
		m->size = size;
		m->port = control_port(head);
		m->flags = 0;
		*at = place + size;
	}
	ch->rx.read = first + n;
	return n;
}

int ivsh_chan_receive_batch(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t count,
    void *buffer, uint32_t capacity, uint32_t *received)
{
	uint32_t done = 0, at = 0;
	int error = 0;

	if (capacity > UINT32_MAX - 7) /* align_8() does not go round */
		capacity = UINT32_MAX - 7;
	/* Behind the buffer nothing has a place, of no size either: what comes next stays. */
	while (done < count && error == 0 && align_8(at) <= capacity) {
		uint32_t room = ch->rx.limit - ch->rx.read, most = count - done, n, to;

		n = room == 0 ? 0
			      : take_run(ch, &messages[done], room < most ? room : most, buffer,
				    capacity, &at);
		if (n != 0) {
			error = receiver_taken(ch, n);
			done += error == 0 ? n : 0;
			continue;
		}
		to = align_8(at);
		error =
		    ivsh_chan_receive(ch, &messages[done], (uint8_t *)buffer + to, capacity - to);
		if (error == 0) {
			at = to + messages[done].size;
			done++;
		}
	}
	/* The caller does not know of it yet: it is still to end a wait. */
	if (done != 0 && error == IVSH_ENOSPC)
		ch->rx.peeked = false;
	*received = done;
	return done != 0 ? 0 : error;
}
