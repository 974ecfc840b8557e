/* SPDX-License-Identifier: MIT */
/*
 * batch.c - many messages in one call, on the fast path.
 *
 * Up to the end of the credit only the messages themselves are read, and the wrap counter stays the
 * same. So descriptors follow each other, and the heartbeat, the counters and the notify flags are
 * handled once for all of them. A message that the fast path does not take is sent, or received,
 * alone.
 */
#include "core/packed.h"

/* How far ahead payloads are fetched: a power of two below the least area. */
#define AHEAD 512u

/*
 * Payloads that are accepted at once: with more, the receiver waits where it could copy. Nor more
 * than a quarter of the small area, so that the sender fills it while the receiver empties it.
 */
#define BATCH_BYTES 8192u

#define LINE_DESCS (IVSH_WIRE_LINE / (uint32_t)sizeof(struct ivsh_wire_desc))

/*
 * The control word without its wrap counter, and the body, of message (m). Its payload gets the
 * room behind the one before it. False: the fast path does not take it.
 */
static INLINED bool message_place(struct ivsh_chan *ch, struct ivsh_record *now,
    const struct ivsh_message *m, uint64_t *control, uint64_t *body)
{
	uint32_t size = m->size, kind = IVSH_WIRE_KIND_INLINE;

	if (size <= IVSH_WIRE_INLINE_MAX) {
		*body = copy_short(m->data, size);
	} else {
		uint32_t i = size > ch->tx.small_max ? IVSH_AREA_LARGE : IVSH_AREA_SMALL;
		struct ivsh_area *area = &ch->tx.area[i];

		if (size > area->left)
			return false;
		*body = now->end[i];
		kind = IVSH_WIRE_KIND_SMALL + i;
		area->left -= area_room(size);
		now->end[i] += area_room(size);
	}
	*control = control_make(m->port, kind, size);
	return true;
}

/* The payload of (m), if it has one, at the place in (control) and (body). */
static INLINED void payload_put(
    struct ivsh_chan *ch, const struct ivsh_message *m, uint64_t control, uint64_t body)
{
	if (m->size > IVSH_WIRE_INLINE_MAX)
		copy(area_at(&ch->tx.area[control_area(control) & 1], (uint32_t)body), m->data,
		    m->size);
}

/* How many bytes may follow a first message of (size) bytes in the same batch. */
static inline uint32_t batch_bytes(const struct ivsh_chan *ch, uint32_t size)
{
	uint32_t most = ch->tx.area[IVSH_AREA_SMALL].size / 4;

	if (most > BATCH_BYTES)
		most = BATCH_BYTES;
	return size < most ? most - size : 0;
}

/*
 * Store up to (most) messages, as many as the fast path takes. Answers how many.
 *
 * The first one is stored last, and accepts all of them at once: until then the receiver, which
 * polls its control word, takes no line away from the sender. SPEC R7.3.3. A sender that is killed
 * before that leaves valid descriptors behind one that is not: ivsh_sender_retire().
 */
static uint32_t put_many(struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t most)
{
	uint32_t first = ch->tx.head, n = 1, left;
	struct ivsh_wire_desc *desc = &ch->tx.desc[first & ch->mask];
	struct ivsh_record *record = &ch->tx.record[first & ch->mask], now = ch->tx.now;
	uint64_t wrap = ch->tx.wrap, control, body, first_control, first_body;
	const struct ivsh_region *region = ch->region;
	const struct ivsh_wire_slot *slot = region->slot;

	if (!message_place(ch, &now, messages, &first_control, &first_body))
		return 0;
	record[0] = now;
	/* Words of 8 bytes have a loop of their own, since there each instruction counts. */
	for (; n < most; n++) {
		control = message_control(&messages[n]);

		/* SPEC R5.6.1: the slot is checked before each. */
		if ((uint32_t)control != sizeof(uint64_t) || !slot_is_mine(region, slot))
			break;
		record[n] = now;
		descriptor_prepare(&desc[n], wrap | control, copy_load(messages[n].data));
	}
	left = batch_bytes(ch, messages[0].size);
	for (; n < most && messages[n].size <= left; n++) {
		left -= messages[n].size;
		if (!slot_is_mine(region, slot) ||
		    !message_place(ch, &now, &messages[n], &control, &body))
			break;
		payload_put(ch, &messages[n], control, body);
		record[n] = now;
		descriptor_prepare(&desc[n], wrap | control, body);
	}
	if (!slot_is_mine(region, slot))
		return 0;
	payload_put(ch, messages, first_control, first_body);
	descriptor_store(&desc[0], wrap | first_control, first_body);
	ch->tx.now = now;
	ch->tx.head = first + n;
	return n;
}

/* Store some of (most) messages: those that make a record, or those before. Answers how many. */
static uint32_t some_send(struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t most)
{
	uint32_t n;

	/* Without credit there may be no ring: the channel may have been refused. */
	if (ch->tx.credit_end == ch->tx.head && ivsh_sender_refill(ch, 0) != 0)
		return 0;
	n = ivsh_packed_put(ch, messages, most);
	if (n != 0)
		return n;
	most = ivsh_packed_before(messages, most);
	if (most > ch->tx.credit_end - ch->tx.head)
		most = ch->tx.credit_end - ch->tx.head;
	return most == 0 ? 0 : put_many(ch, messages, most);
}

int ivsh_chan_send_batch(
    struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t count, uint32_t *sent)
{
	uint32_t done = 0;
	int error = 0;

	while (done < count && error == 0) {
		const struct ivsh_message *next = &messages[done];
		uint32_t most = count - done, first = ch->tx.head, n;

		n = some_send(ch, next, most);
		if (n != 0)
			(void)sender_accepted(ch, ch->region, ch->region->slot, first, n);
		else
			error = ivsh_chan_send(ch, next->port, next->data, next->size);
		done += n != 0 ? n : error == 0;
		ch->tx.in_batch = done != 0;
	}
	ch->tx.in_batch = false;
	*sent = done;
	return error;
}

/*
 * Take up to (most) messages, as many as the fast path takes. Answers how many. *at: bytes of the
 * buffer in use; the next multiple of 8 is not behind the buffer.
 */
static uint32_t take_many(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t most,
    uint8_t *buffer, uint32_t capacity, uint32_t *at)
{
	uint32_t first = ch->rx.read, words = most, n;
	const struct ivsh_wire_desc *desc = &ch->rx.desc[first & ch->mask];
	uint64_t wrap = ch->rx.wrap;
	uint8_t *to;

	*at = align_8(*at);
	to = buffer + *at;
	/* If there is one message, there are probably others: fetch them while the first one is
	 * copied. This load is only a hint; the loops below load the values that count. */
	if (control_wrap(load64(&desc[0].control) ^ wrap) == 0)
		for (n = LINE_DESCS; n < most; n += LINE_DESCS)
			__builtin_prefetch(&desc[n]);
	if (most > (capacity - *at) / sizeof(uint64_t))
		words = (capacity - *at) / (uint32_t)sizeof(uint64_t);
	for (n = 0; n < words; n++, to += sizeof(uint64_t)) {
		uint64_t control = descriptor_load(&desc[n]) ^ wrap, body;

		if (control_form(control) != sizeof(body))
			break;
		body = load64(&desc[n].body);
		__builtin_memcpy(to, &body, sizeof(body));
		messages[n].data = to;
		message_fill(&messages[n], control);
	}
	*at += n * (uint32_t)sizeof(uint64_t);
	for (; n < most; n++) {
		uint64_t control = descriptor_load(&desc[n]) ^ wrap, body;
		uint32_t low = (uint32_t)control, size = control_size(control);
		uint32_t put = align_8(*at);
		struct ivsh_message *m = &messages[n];

		if (control_wrap(control) != 0 || put > capacity || size > capacity - put)
			break;
		body = load64(&desc[n].body);
		if (low <= IVSH_WIRE_INLINE_MAX) {
			copy_short_out(buffer + put, body, size);
		} else {
			uint32_t i = control_area(control);
			struct ivsh_area *area = &ch->rx.area[i & 1];

			if (!payload_is_expected(ch, i, size, body) || size > area->left)
				break;
			__builtin_prefetch(area_at(area, (uint32_t)body + AHEAD));
			copy(buffer + put, area_at(area, (uint32_t)body), size);
			payload_advance(ch, area, i, size);
		}
		m->data = buffer + put;
		m->size = size;
		m->port = control_port(control);
		m->flags = 0;
		*at = put + size;
	}
	ch->rx.read = first + n;
	return n;
}

int ivsh_chan_receive_batch(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t count,
    void *buffer, uint32_t capacity, uint32_t *received)
{
	uint32_t done = 0, at = 0;
	int error = 0;

	if (capacity > UINT32_MAX - 7) /* so that align_8() does not overflow */
		capacity = UINT32_MAX - 7;
	/* Behind the buffer no payload has an address, not even an empty one. */
	while (done < count && error == 0 && align_8(at) <= capacity) {
		uint32_t most = count - done, n = 0, to = align_8(at), credit;

		if (ch->rx.frames != 0 || ch->rx.credit_end != ch->rx.read ||
		    ivsh_receiver_refill(ch, NULL, 0) == 0)
			error = ivsh_packed_take(
			    ch, &messages[done], most, (uint8_t *)buffer + to, capacity - to, &n);
		if (n != 0) {
			done += n;
			at = to + (n - 1) * packed_step(messages[done - 1].size) +
			     messages[done - 1].size;
		}
		if (n != 0 || error != 0)
			continue;
		credit = ch->rx.credit_end - ch->rx.read;
		if (credit < most)
			most = credit;
		if (credit != 0)
			n = take_many(ch, &messages[done], most, buffer, capacity, &at);
		if (n != 0) {
			fence_acquire();
			error = receiver_memory_check(ch);
			if (!error)
				error = receiver_taken(ch, n);
			done += error == 0 ? n : 0;
			continue;
		}
		error =
		    ivsh_chan_receive(ch, &messages[done], (uint8_t *)buffer + to, capacity - to);
		if (error == 0) {
			at = to + messages[done].size;
			done++;
		}
	}
	/* The caller does not know of the message that did not fit: it still ends a wait. */
	if (done != 0 && error == IVSH_ENOSPC)
		ch->rx.peeked = false;
	*received = done;
	return done != 0 ? 0 : error;
}
