/* SPDX-License-Identifier: MIT */
/*
 * receiver.c - the receiving end of a ring.
 */
#include "atomic.h"
#include "ring.h"

/* SPEC R7.10: the read index is published when this part of the ring or of an area was released. */
#define LAZY_SHARE 4

/*
 * Ring slot (sender) if it asked for a bell when there is room. The mirror of ivsh_sender_ring():
 * the read index's store, the fence, the load of want_space. Without it a sender sleeps
 * on a ring that has room. SPEC R8.2.
 */
static void space_ring(struct ivsh_region *region, const struct ivsh_wire_sender *line,
    uint32_t sender, uint32_t *rung)
{
	const struct ivsh_bell *bell = &region->mem.bell;
	uint32_t want;

	fence_full();
	want = load32(&line->want_space);
	if (bell->ring && wish_due(want, rung)) {
		bell->ring(bell->ctx, sender, wish_vector(want));
		region->counters.bells_rung++;
	}
}

void ivsh_receiver_ring(struct ivsh_chan *ch)
{
	space_ring(ch->region, ch->rx.other, ch->peer, &ch->rx.rung);
}

void ivsh_receiver_publish(struct ivsh_chan *ch)
{
	if (ch->rx.read == ch->rx.published)
		return;
	/* Releases our reads of the payloads to ivsh_sender_collect()'s acquire: the sender may write
	 * there from now on. */
	store32_release(&ch->rx.own->read, ch->rx.read);
	ch->rx.published = ch->rx.read;
	ch->rx.hot_held = 0;
	ch->rx.bulk_held = 0;
	ivsh_receiver_ring(ch);
}

/*
 * Messages that stand in a ring from index (read) on: as far as the laps go. At most a ring's worth
 * of descriptors is looked at, whatever value somebody gave the index.
 */
static uint32_t ring_waiting(const struct ivsh_wire_desc *desc, uint32_t descs, uint32_t read)
{
	uint32_t shift = (uint32_t)__builtin_ctz(descs), waiting = 0;

	while (waiting < descs) {
		uint32_t index = read + waiting;
		uint64_t head = load64_acquire(&desc[index & (descs - 1)].head);

		if (head_lap(head) != ring_lap(index, shift))
			break;
		waiting++;
	}
	return waiting;
}

void ivsh_receiver_discard(struct ivsh_region *region, struct ivsh_wire_ring *ring, uint32_t sender)
{
	const struct ivsh_wire_desc *desc = (const struct ivsh_wire_desc *)(ring + 1);
	uint32_t read = load32(&ring->receiver.read);
	uint32_t waiting = ring_waiting(desc, region->geometry.descs, read), rung = 0;

	if (waiting == 0)
		return;
	store32_release(&ring->receiver.read, read + waiting);
	region->counters.discarded += waiting;
	space_ring(region, &ring->sender, sender, &rung);
}

/*
 * SPEC R7.11: go on at the read index that an earlier life published. What stands between it and
 * the ring's end may have been seen.
 */
void ivsh_receiver_open(struct ivsh_chan *ch)
{
	bool first_life = load32(&ch->rx.own->boot) == 0;

	ch->rx.read = load32(&ch->rx.own->read);
	ch->rx.published = ch->rx.read;
	ch->rx.epoch = load32(&ch->rx.own->epoch);
	ch->rx.ack = load32(&ch->rx.own->ack);
	/* SPEC R6.4: the last life wished for a reset and did not see it answered: what stands in the
	 * ring is what it could not take. */
	ch->rx.waiting = load32_acquire(&ch->rx.other->ack) != ch->rx.epoch;
	if (load32(&ch->rx.own->told) != ch->rx.ack)
		ivsh_chan_lost(ch);
	if (!first_life)
		ch->rx.marked = ring_waiting(ch->rx.desc, ch->mask + 1, ch->rx.read);
	/* The count of wishes goes on where the last life stopped. */
	ch->rx.wish = load32(&ch->rx.own->want_bell) & ~IVSH_WIRE_WISH_VECTOR;
	store32(&ch->rx.own->want_bell, ch->rx.wish);
	store32(&ch->rx.own->want_mail, 0);
	store32(&ch->rx.own->boot, ch->region->boot);
	/* The last life may have been cut between its read index and the bell. SPEC R8.2. */
	if (!first_life)
		ivsh_receiver_ring(ch);
}

/* SPEC R7.7: the payload is where the lengths before it put it, or the sender has said START. */
static bool place_expected(struct ivsh_area *area, uint64_t head, uint32_t position, uint32_t size)
{
	bool start = !area->known || (head & IVSH_WIRE_HEAD_START);

	return start || position == area_place(area, area->head, size);
}

/* The head of the next message, if one stands there. Pairs with ivsh_chan_publish(). */
static bool head_look(const struct ivsh_chan *ch, uint64_t *head)
{
	*head = load64_acquire(&ch->rx.desc[ch->rx.read & ch->mask].head);
	return !ch->rx.waiting && head_lap(*head) == ring_lap(ch->rx.read, ch->shift);
}

/*
 * SPEC R6.5: a run is read to its end before the next one is followed. Whoever sees the new epoch
 * looks again: its acquire brings what was accepted between the last look and the reset.
 */
static void run_follow(struct ivsh_chan *ch)
{
	uint64_t head;

	if (ch->rx.waiting ||
	    (load32_acquire(&ch->rx.other->epoch) != ch->rx.ack && !head_look(ch, &head)))
		ivsh_receiver_follow(ch);
}

bool ivsh_receiver_ready(struct ivsh_chan *ch)
{
	uint64_t head;

	if (ch->rx.peeked)
		return false;
	if (head_look(ch, &head))
		return true;
	run_follow(ch);
	return false;
}

/*
 * What stands here is no message. In a run that the sender has left behind it is only the end of
 * what can be taken: so it is, too, where it made an earlier life of ours ask for the next run.
 */
static int damage(struct ivsh_chan *ch)
{
	if (load32(&ch->rx.other->epoch) == ch->rx.ack)
		return ivsh_chan_break(ch, &ch->rx.broken);
	ivsh_receiver_follow(ch);
	return IVSH_EAGAIN;
}

/* Find the next message and take private copies of what it says of itself. */
static int message_look(struct ivsh_chan *ch)
{
	uint64_t head, body;
	struct ivsh_area *area;

	if (!head_look(ch, &head)) {
		/* An empty ring is the moment to give everything back. */
		ivsh_receiver_publish(ch);
		run_follow(ch);
		return IVSH_EAGAIN;
	}
	/* Body and payload are there if the lap is. */
	body = load64(&ch->rx.desc[ch->rx.read & ch->mask].body);
	if (!ivsh_ring_head_valid(&ch->rx.hot, &ch->rx.bulk, head, body))
		return damage(ch);
	ch->rx.kind = head_kind(head);
	ch->rx.size = head_size(head);
	ch->rx.port = head_port(head);
	ch->rx.body = body;
	ch->rx.data = &ch->rx.body;
	if (ch->rx.kind != IVSH_WIRE_KIND_INLINE) {
		area = ch->rx.kind == IVSH_WIRE_KIND_HOT ? &ch->rx.hot : &ch->rx.bulk;
		ch->rx.position = (uint32_t)body;
		if (!place_expected(area, head, ch->rx.position, ch->rx.size))
			return damage(ch);
		ch->rx.data = area_at(area, ch->rx.position);
	}
	ch->rx.peeked = true;
	return 0;
}

int ivsh_chan_peek(struct ivsh_chan *ch, struct ivsh_message *message)
{
	int error = ivsh_chan_enter(ch);

	if (!error && !ch->rx.peeked)
		error = message_look(ch);
	if (error)
		return error;
	message->data = ch->rx.data;
	message->size = ch->rx.size;
	message->port = ch->rx.port;
	message->flags = ch->rx.marked ? IVSH_MAYBE_SEEN : 0;
	return 0;
}

int ivsh_chan_release(struct ivsh_chan *ch)
{
	uint32_t room = area_room(ch->rx.size);
	int error = ivsh_chan_enter(ch);

	if (error)
		return error;
	if (!ch->rx.peeked)
		return IVSH_EINVAL;
	if (ch->rx.kind == IVSH_WIRE_KIND_HOT) {
		ch->rx.hot.head = ch->rx.position + room;
		ch->rx.hot.known = true;
		ch->rx.hot_held += room;
	} else if (ch->rx.kind == IVSH_WIRE_KIND_BULK) {
		ch->rx.bulk.head = ch->rx.position + room;
		ch->rx.bulk.known = true;
		ch->rx.bulk_held += room;
	}
	ch->rx.peeked = false;
	ch->rx.read++;
	if (ch->rx.marked)
		ch->rx.marked--;
	ch->region->counters.received++;
	/* Also when the sender waits for room: a word of its own line, which seldom changes. */
	if ((load32(&ch->rx.other->want_space) & IVSH_WIRE_WISH_VECTOR) != 0 ||
	    ch->rx.read - ch->rx.published > ch->mask / LAZY_SHARE ||
	    ch->rx.hot_held >= ch->rx.hot.size / LAZY_SHARE ||
	    ch->rx.bulk_held >= ch->rx.bulk.size / LAZY_SHARE)
		ivsh_receiver_publish(ch);
	return 0;
}

int ivsh_chan_receive(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	int error = ivsh_chan_peek(ch, message);

	if (error)
		return error;
	if (message->size > capacity)
		return IVSH_ENOSPC;
	if (message->size != 0)
		__builtin_memcpy(buffer, message->data, message->size);
	message->data = buffer;
	return ivsh_chan_release(ch);
}
