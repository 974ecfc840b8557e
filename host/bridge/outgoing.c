/* SPDX-License-Identifier: MIT */
/*
 * outgoing.c - frames of a pair that go to the bus: publishing them, and noting that they are sent.
 */
#include "bridge/outgoing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_ROOM 128u /* bytes of the header that has a message's id, and more */

size_t outgoing_most(const struct bridge *b, const struct pair *p)
{
	size_t most = bus_most(b->bus), id = pair_is_kept(p) ? ID_ROOM : 0;

	return most > id ? most - id : 0;
}

bool outgoing_is_same(struct ivsh_chan *ch, const struct ivsh_message *m)
{
	struct ivsh_message again;

	return ivsh_chan_peek(ch, &again) == 0 && again.size == m->size && again.port == m->port;
}

/*
 * Publish the (count) messages from (number) on whose frame is at (bytes), all but its first
 * FRAME_SIZE, which are written here. Where the bus takes none of this size, it is a loss. 0, or
 * -1: the bus does not take it now.
 */
static int publish(struct bridge *b, struct pair *p, uint8_t *bytes, size_t size, uint16_t port,
    uint64_t number, uint32_t count)
{
	struct frame frame = {.epoch = p->state.near.epoch,
	    .number = number,
	    .incarnation = look_incarnation(&b->look, p->slot),
	    .count = count};
	char subject[SUBJECT_SIZE], reply[SUBJECT_SIZE], id[64];
	uint8_t loss[FRAME_SIZE];

	if (size == FRAME_SIZE || size > outgoing_most(b, p)) {
		frame.flags = FRAME_LOST;
		/* The others are missing then, and so lost. */
		frame.number = number + count - 1;
		frame.count = 1;
		bytes = loss;
		size = FRAME_SIZE;
	}
	frame_write(bytes, &frame);
	subject_make(subject, &p->out, pair_is_kept(p) ? SUBJECT_KEPT : SUBJECT_MESSAGE, port);
	if (!pair_is_kept(p)) {
		if (bus_publish(b->bus, subject, NULL, NULL, bytes, size))
			return -1;
		window_sent(&p->window, number + count - 1, size, p->heard.window);
		return 0;
	}
	snprintf(reply, sizeof(reply), "%s.ack.%u.%u.%" PRIu64 ".%" PRIx64, bus_inbox(b->bus),
	    p->remote->config.slot, p->slot, number, frame.epoch);
	/* With the count: a frame of more messages is another one. */
	snprintf(id, sizeof(id), "%016" PRIx64 ".%" PRIu64 ".%u", frame.epoch, number, count);
	return bus_publish(b->bus, subject, reply, id, bytes, size);
}

static int kept_publish(struct bridge *b, struct pair *p)
{
	const struct state_near *near = &p->state.near;

	return publish(b, p, p->state.kept, near->bytes, near->port, near->number + 1, near->count);
}

/* Also for a message that no frame of this bus has room for: that is a loss. */
static int large_publish(
    struct bridge *b, struct pair *p, struct ivsh_chan *ch, const struct ivsh_message *m)
{
	size_t size = FRAME_SIZE + FRAME_LENGTH + (size_t)m->size;

	if (size <= outgoing_most(b, p) && size <= b->scratch_size) {
		frame_length_write(b->scratch + FRAME_SIZE, m->size);
		memcpy(b->scratch + FRAME_SIZE + FRAME_LENGTH, m->data, m->size);
		if (!outgoing_is_same(ch, m))
			return -1;
	} else {
		size = FRAME_SIZE;
	}
	return publish(b, p, b->scratch, size, m->port, p->state.near.number + 1, 1);
}

static int loss_publish(struct bridge *b, struct pair *p)
{
	uint8_t frame[FRAME_SIZE];

	return publish(b, p, frame, FRAME_SIZE, 0, p->state.near.number + 1, 1);
}

/* The next (count) numbers are the other side's now. */
static void numbers_sent(struct pair *p, uint32_t count)
{
	p->state.near.number += count;
	p->state.near.was_core = !pair_is_kept(p);
	p->is_unnoted = false;
}

/* The kept frame is the other side's now. */
static void kept_sent(struct pair *p)
{
	struct state_near *near = &p->state.near;

	p->counters.sent += near->count;
	p->counters.sent_bytes += near->bytes - FRAME_SIZE - near->count * FRAME_LENGTH;
	numbers_sent(p, near->count);
	near->count = 0;
	state_near_keep(&p->state);
}

/* So is the peeked message, of (size) bytes. */
static void large_sent(struct pair *p, struct ivsh_chan *ch, size_t size)
{
	struct state_near *near = &p->state.near;

	numbers_sent(p, 1);
	near->index = p->index;
	near->frame = p->frame + 1;
	state_near_keep(&p->state);
	p->counters.sent++;
	p->counters.sent_bytes += size;
	p->is_peeked = false;
	if (ivsh_chan_release(ch)) {
		/* It is noted: where it is found again, it is dropped. */
	}
}

static void loss_sent(struct pair *p)
{
	numbers_sent(p, 1);
	p->state.near.owes_loss = false;
	state_near_keep(&p->state);
}

int outgoing_publish(struct bridge *b, struct pair *p, struct ivsh_chan *ch, enum near_what what,
    const struct ivsh_message *m)
{
	switch (what) {
	case NEAR_KEPT:
		return kept_publish(b, p);
	case NEAR_LARGE:
		return large_publish(b, p, ch, m);
	case NEAR_LOSS:
		break;
	}
	return loss_publish(b, p);
}

void outgoing_sent(
    struct pair *p, struct ivsh_chan *ch, enum near_what what, const struct ivsh_message *m)
{
	switch (what) {
	case NEAR_KEPT:
		kept_sent(p);
		return;
	case NEAR_LARGE:
		large_sent(p, ch, m->size);
		return;
	case NEAR_LOSS:
		loss_sent(p);
		return;
	}
}
