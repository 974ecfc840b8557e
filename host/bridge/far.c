/* SPDX-License-Identifier: MIT */
/*
 * far.c - messages of remote peers for local ones: from the bus to the ring.
 *
 * Theory of operation: what comes waits in a list, up to a limit, behind which it is dropped; its
 * numbers show that, as they show what the bus has lost. Before a message goes into the ring, its
 * number and the ring's end are noted in the pair's state. A bridge that is killed around that
 * knows by the ring's end whether the message is there: so it is there once.
 *
 * A loss is told to the receiver by the ring itself: it is started over. The receiver reads it to
 * its end before it follows, so the report, IVSH_PEER_EVENT_LOST, stands where the missing messages
 * would have stood, and nothing else is lost.
 */
#include "bridge/far.h"
#include "process/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MOST 65536u

void far_attach(struct pair *p)
{
	struct ivsh_chan *ch = pair_channel(p);
	struct state_far *far = &p->state.far;

	if (!ch || !far->is_begun)
		return;
	/* In another generation, or memory, it has gone the way of everything in the old one. */
	if (far->format_id == ch->region->format_id && far->generation == ch->tx.generation &&
	    far->head == ch->tx.head)
		far->number--;
	far->is_begun = 0;
	state_far_keep(&p->state);
}

static void waiting_free(struct pair *p, struct waiting *w)
{
	p->waiting--;
	p->waiting_bytes -= w->item->size;
	bus_free(w->item);
	free(w);
}

/* The first one is done. */
static void first_drop(struct pair *p)
{
	struct waiting *w = p->first;

	p->first = w->next;
	if (!p->first)
		p->last = &p->first;
	waiting_free(p, w);
}

void far_clear(struct pair *p)
{
	while (p->first)
		first_drop(p);
}

static void append(struct pair *p, struct waiting *w)
{
	*p->last = w;
	p->last = &w->next;
	p->waiting++;
	p->waiting_bytes += w->item->size;
}

/* Whether the state says of the messages nothing that is not known. */
static bool is_old(const struct pair *p, const struct frame *frame)
{
	const struct state_far *far = &p->state.far;

	if (far->epoch == 0 || pair_is_kept(p))
		return frame->number == 0 || pair_is_kept(p);
	return far->epoch == frame->epoch && frame->number <= far->number;
}

bool far_take(struct bridge *b, struct pair *p, struct bus_item *item, bool is_state, uint16_t port,
    uint64_t sequence, uint64_t now)
{
	struct frame frame;
	struct waiting *w;

	if (!frame_read(&frame, item->data, item->size))
		return false;
	if (is_state) {
		p->heard = (struct heard){now, frame.flags, frame.incarnation};
		p->remote->service_count = frame_services_read(
		    p->remote->services, item->data + FRAME_SIZE, item->size - FRAME_SIZE);
		if (!p->first && is_old(p, &frame)) {
			bus_free(item);
			return true;
		}
	} else if (p->waiting_bytes + item->size > b->config->buffer ||
		   p->waiting == WAITING_MOST) {
		b->dropped++;
		bus_free(item);
		return true;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return false;
	*w = (struct waiting){
	    .item = item, .frame = frame, .sequence = sequence, .port = port, .is_state = is_state};
	append(p, w);
	return true;
}

static void mend(struct pair *p, struct ivsh_chan *ch)
{
	p->is_peeked = false;
	p->counters.resets++;
	if (ivsh_chan_reset(ch)) {
		/* The slot is lost: the next look at the host says so. */
	}
}

/* The receiver is to see that messages are missing here. False: later. */
static bool loss_report(struct pair *p, struct ivsh_chan *ch, uint64_t count, const char *reason)
{
	uint32_t generation = ch->tx.generation;
	int error = ivsh_chan_report_loss(ch);

	if (error == IVSH_EPROTO)
		mend(p, ch);
	if (error)
		return false;
	/* One that it has not followed yet stands at the same place. */
	p->counters.resets += ch->tx.generation != generation;
	p->counters.lost += count;
	log_event("event=lost from=%s/%s to=%u count=%" PRIu64 " reason=%s", p->in.host, p->in.peer,
	    p->slot, count, reason);
	return true;
}

static void number_set(struct pair *p, const struct waiting *w, uint64_t number)
{
	struct state_far *far = &p->state.far;

	far->epoch = w->frame.epoch;
	far->number = number;
	far->is_begun = 0;
	if (w->sequence && number == w->frame.number)
		far->sequence = w->sequence;
	state_far_keep(&p->state);
}

/* Tell of what is missing before the first one that waits. False: the ring is not ready. */
static bool gap_close(struct pair *p, struct ivsh_chan *ch, struct waiting *w)
{
	struct state_far *far = &p->state.far;
	/* The number that comes before what is next. */
	uint64_t before =
	    w->is_state || w->frame.number == 0 ? w->frame.number : w->frame.number - 1;

	if (far->epoch != w->frame.epoch) {
		/* A new count, since the last one was lost: with the messages of a region's memory,
		 * or by a bridge, which cannot know what it had sent. */
		bool is_sure = far->epoch == 0;

		if ((!is_sure || before != 0) && !loss_report(p, ch, before ? before : 1, "epoch"))
			return false;
		number_set(p, w, before);
		return true;
	}
	if (frame_order(far->number, before) == FRAME_REPEATED)
		return true;
	/* Perhaps we have dropped it ourselves: what the stream has is read again, once. */
	if (pair_is_kept(p) && p->consumer.again != far->number + 1) {
		p->consumer.again = far->number + 1;
		p->consumer.state = CONSUMER_NONE;
		far_clear(p);
		return false;
	}
	if (!loss_report(p, ch, before - far->number, w->is_state ? "tail" : "gap"))
		return false;
	number_set(p, w, before);
	return true;
}

/* The bytes behind the frame go into the ring. 0, or an error of the channel. */
static int put(struct pair *p, struct ivsh_chan *ch, const struct waiting *w, uint32_t size)
{
	struct state_far *far = &p->state.far, kept = *far;
	void *payload;
	int error = ivsh_chan_reserve(ch, size, &payload);

	if (error)
		return error;
	if (size)
		memcpy(payload, w->item->data + FRAME_SIZE, size);
	far->number = w->frame.number;
	far->sequence = w->sequence ? w->sequence : far->sequence;
	far->format_id = ch->region->format_id;
	far->generation = ch->tx.generation;
	far->head = ch->tx.head;
	far->is_begun = 1;
	state_far_keep(&p->state);
	error = ivsh_chan_publish(ch, w->port);
	if (!error)
		return 0;
	*far = kept;
	state_far_keep(&p->state);
	return error;
}

bool far_step(struct pair *p)
{
	struct ivsh_chan *ch = pair_channel(p);
	struct waiting *w = p->first;
	size_t size;
	int error;

	if (!ch || !w)
		return false;
	if (!gap_close(p, ch, w))
		return false;
	if (w->is_state) {
		first_drop(p);
		return true;
	}
	if (frame_order(p->state.far.number, w->frame.number) == FRAME_REPEATED) {
		p->counters.repeated++;
		first_drop(p);
		return true;
	}
	size = w->item->size - FRAME_SIZE;
	if ((w->frame.flags & FRAME_LOST) || size > ivsh_chan_max(ch)) {
		if (!loss_report(p, ch, 1, w->frame.flags & FRAME_LOST ? "near" : "size"))
			return false;
		number_set(p, w, w->frame.number);
		first_drop(p);
		return true;
	}
	error = put(p, ch, w, (uint32_t)size);
	if (error == IVSH_EPROTO)
		mend(p, ch);
	if (error)
		return false;
	p->counters.received++;
	p->counters.received_bytes += size;
	first_drop(p);
	return true;
}
