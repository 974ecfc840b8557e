/* SPDX-License-Identifier: MIT */
/*
 * far.c - messages of remote peers for local ones: from the bus to the ring.
 *
 * Theory of operation: what comes waits in a list, up to a limit, behind which it is dropped; its
 * numbers show that, as they show what the bus has lost. The other bridge is told what is in the
 * region, and sends no more than there is room for. Before a message goes into the ring, its
 * number and the ring's end are noted in the pair's state. A bridge that is killed around that
 * knows by the ring's end whether the message is there: so it is there once.
 *
 * A loss is told to the receiver by the ring itself: it is started over. The receiver reads it to
 * its end before it follows, so the report, IVSH_PEER_EVENT_LOST, stands where the missing messages
 * would have stood, and nothing else is lost.
 */
#include "bridge/far.h"
#include "bridge/events.h"
#include "bridge/near.h"
#include "process/log.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MOST 65536u
#define BEHIND_NS UINT64_C(3000000000)
#define MESSAGES 64u /* of a frame, in one step */

void far_attach(struct pair *p)
{
	struct ivsh_chan *ch = pair_channel(p);
	struct state_far *far = &p->state.far;

	if (!ch)
		return;
	p->is_unsure = false;
	if (!far->is_begun)
		return;
	/* In another generation, or memory, it has gone the way of everything in the old one. */
	if (far->format_id == ch->region->format_id &&
	    far->slots == state_slots(p->remote->config.slot, p->slot) &&
	    far->generation == ch->tx.generation && far->head == ch->tx.head) {
		far->number--;
		far->sequence -= far->is_begun == STATE_LAST && far->sequence != 0;
	}
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
	if (!p->first) {
		p->last = &p->first;
		p->waiting_last = NULL;
	}
	waiting_free(p, w);
}

void far_clear(struct pair *p)
{
	while (p->first)
		first_drop(p);
}

void far_clear_kept(struct pair *p)
{
	struct waiting **at = &p->first, *w;

	p->waiting_last = NULL;
	while ((w = *at) != NULL) {
		if (w->sequence) {
			*at = w->next;
			waiting_free(p, w);
			continue;
		}
		p->waiting_last = w;
		at = &w->next;
	}
	p->last = at;
}

static void append(struct pair *p, struct waiting *w)
{
	*p->last = w;
	p->last = &w->next;
	p->waiting_last = w;
	p->waiting++;
	p->waiting_bytes += w->item->size;
}

/* Messages of the first one are in the region, or lost: (count) more, behind which stands (at). */
static void first_advance(struct pair *p, uint32_t count, size_t at)
{
	struct waiting *w = p->first;

	w->done += count;
	w->at = at;
	if (w->done >= w->frame.count) {
		p->unsaid += w->item->size;
		first_drop(p);
	}
}

/* Whether the state says of the messages nothing that is not known. */
static bool is_old(const struct pair *p, const struct frame *frame)
{
	const struct state_far *far = &p->state.far;

	if (far->epoch == 0)
		return frame->number == 0;
	return far->epoch == frame->epoch && frame->number <= far->number;
}

/* Whether the last state's number is one that the stream has, and that did not come from there. */
static bool is_missing(const struct pair *p)
{
	const struct state_far *far = &p->state.far;
	const struct heard *heard = &p->heard;
	bool is_core = (heard->flags & FRAME_CORE) != 0;

	if (heard->epoch == far->epoch)
		return !is_core && heard->number > far->number;
	/* With another epoch nobody says of the last one which number the stream has. */
	return (p->takes_kept || !is_core) && (far->epoch != 0 || heard->number != 0);
}

bool far_is_behind(struct pair *p, uint64_t now)
{
	const struct state_far *far = &p->state.far;
	bool is_behind = is_missing(p);

	/* What waits for its receiver is not missing, however long that takes. */
	if (!is_behind || p->first || p->behind_number != far->number || p->behind_ns == 0)
		p->behind_ns = now;
	p->behind_number = far->number;
	return is_behind && now - p->behind_ns < BEHIND_NS;
}

/* Take what a state says of the peer, and of the other way. False: it is none. */
static bool state_take(
    struct pair *p, const struct frame *frame, const struct bus_item *item, uint64_t now)
{
	struct frame_received received;

	if (item->size < FRAME_STATE || item->size > FRAME_STATE_SIZE)
		return false;
	p->heard = (struct heard){.ns = now,
	    .flags = frame->flags,
	    .incarnation = frame->incarnation,
	    .epoch = frame->epoch,
	    .number = frame->number};
	/* Where the mode is another one now, what the stream has comes first. */
	p->takes_kept = (frame->flags & FRAME_KEPT) != 0 || far_is_behind(p, now);
	p->remote->heard_ns = now;
	frame_received_read(&received, item->data + FRAME_SIZE);
	near_received(p, &received);
	p->remote->service_count = frame_services_read(
	    p->remote->services, item->data + FRAME_STATE, item->size - FRAME_STATE);
	return true;
}

/*
 * Whether the number of a state, (frame), is compared with that of the last message: where the
 * stream is read, only one of mode core, which nothing follows yet. With another epoch it may come
 * before what the stream has of the last one.
 */
static bool is_telling(struct pair *p, const struct frame *frame, uint64_t now)
{
	if (!p->takes_kept)
		return true;
	return (frame->flags & FRAME_CORE) != 0 &&
	       (frame->epoch == p->state.far.epoch || !far_is_behind(p, now));
}

/* Whether another version of a bridge speaks there, which is said once, and then only counted. */
static bool is_version(struct pair *p, const struct bus_item *item)
{
	uint32_t version = frame_version(item->data, item->size);

	if (version == 0 || version == FRAME_VERSION)
		return false;
	if (!p->is_version_reported)
		log_event("event=version from=%s/%s version=%u reason=\"this bridge speaks %u: "
			  "both hosts need the same\"",
		    p->in.host, p->in.peer, version, FRAME_VERSION);
	p->is_version_reported = true;
	return true;
}

/*
 * Whether all messages of (frame) wait already, as after a kill of their bridge: they would take
 * the room of others.
 */
static bool is_waiting(const struct pair *p, const struct frame *frame)
{
	const struct waiting *last = p->waiting_last;

	return last && !last->is_state && last->frame.epoch == frame->epoch &&
	       frame->number + (frame->count - 1) <= last->frame.number + (last->frame.count - 1);
}

/* Whether there is no room for (item). One that is larger than all room still has its turn. */
static bool is_full(const struct bridge *b, const struct pair *p, const struct bus_item *item)
{
	return p->waiting == WAITING_MOST ||
	       (p->waiting != 0 && p->waiting_bytes + item->size > b->config->buffer);
}

/* Whether a state that waits behind all messages says what (frame) says now. */
static bool state_replace(struct pair *p, const struct frame *frame)
{
	struct waiting *last = p->waiting_last;

	if (!last || !last->is_state)
		return false;
	last->frame = *frame;
	last->frame.count = 0;
	return true;
}

bool far_take(struct bridge *b, struct pair *p, struct bus_item *item, bool is_state, uint16_t port,
    uint64_t sequence, uint64_t now)
{
	struct frame frame;
	struct waiting *w;

	if (!frame_read(&frame, item->data, item->size)) {
		b->is_said = is_version(p, item);
		return false;
	}
	if (is_state) {
		if (!state_take(p, &frame, item, now))
			return false;
		/* Of what the stream brings a state says nothing. One that there is no room for
		 * comes again, within a second. */
		if (!is_telling(p, &frame, now) || (!p->first && is_old(p, &frame)) ||
		    state_replace(p, &frame) || is_full(b, p, item)) {
			bus_free(item);
			return true;
		}
		frame.count = 0;
	} else if (!frame_is_whole(&frame, item->data + FRAME_SIZE, item->size - FRAME_SIZE)) {
		return false;
	} else if (!sequence && is_waiting(p, &frame)) {
		p->counters.repeated += frame.count;
		bus_free(item);
		return true;
	}
	w = is_state || !is_full(b, p, item) ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		b->dropped++;
		bus_free(item);
		return true;
	}
	*w = (struct waiting){.item = item,
	    .frame = frame,
	    .at = FRAME_SIZE,
	    .sequence = sequence,
	    .port = port,
	    .is_state = is_state};
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
static bool loss_report(struct pair *p, struct ivsh_chan *ch, uint64_t count, enum loss loss)
{
	uint32_t generation = ch->tx.generation;
	int error = ivsh_chan_report_loss(ch);

	if (error == IVSH_EPROTO)
		mend(p, ch);
	if (error && error != IVSH_EONEWAY)
		return false;
	/* One that it has not followed yet stands at the same place. */
	p->counters.resets += ch->tx.generation != generation;
	p->counters.gaps++;
	p->counters.lost += count;
	event_lost(p, loss, count);
	return true;
}

/* The number of the next message of (w), which are not over. */
static uint64_t number_of(const struct waiting *w)
{
	return w->frame.number + w->done;
}

/* All up to (number) is in the region, or lost. */
static void number_set(struct pair *p, const struct waiting *w, uint64_t number)
{
	struct state_far *far = &p->state.far;

	far->epoch = w->frame.epoch;
	far->number = number;
	far->is_begun = 0;
	state_far_keep(&p->state);
}

/* JetStream's stream need not have (w) any more: its last message is over. */
static void sequence_set(struct pair *p, const struct waiting *w)
{
	if (w->sequence == 0 || w->done + 1 < w->frame.count)
		return;
	p->state.far.sequence = w->sequence;
	state_far_keep(&p->state);
}

/* Tell of what is missing before the first one that waits. False: the ring is not ready. */
static bool gap_close(struct pair *p, struct ivsh_chan *ch, struct waiting *w)
{
	struct state_far *far = &p->state.far;
	/* The number that comes before what is next. */
	uint64_t before = w->is_state ? w->frame.number : number_of(w) - 1;

	if (far->epoch != w->frame.epoch) {
		/* A new count: what its bridge had kept is lost, and nobody knows what it had
		 * sent. */
		bool is_sure = far->epoch == 0;

		if ((!is_sure || before != 0) &&
		    !loss_report(p, ch, before ? before : 1, LOSS_EPOCH))
			return false;
		number_set(p, w, before);
		return true;
	}
	if (frame_order(far->number, before) == FRAME_REPEATED)
		return true;
	if (!loss_report(p, ch, before - far->number, w->is_state ? LOSS_TAIL : LOSS_GAP))
		return false;
	number_set(p, w, before);
	return true;
}

/* The (size) bytes of the next message go into the ring. 0, or an error of the channel. */
static int put(struct pair *p, struct ivsh_chan *ch, const struct waiting *w, uint32_t size)
{
	struct state_far *far = &p->state.far, kept = *far;
	void *payload;
	int error = ivsh_chan_reserve(ch, size, &payload);

	if (error)
		return error;
	if (size)
		memcpy(payload, w->item->data + w->at + FRAME_LENGTH, size);
	far->number = number_of(w);
	far->is_begun = 1;
	if (w->sequence && w->done + 1 == w->frame.count) {
		far->sequence = w->sequence;
		far->is_begun = STATE_LAST;
	}
	far->format_id = ch->region->format_id;
	far->slots = state_slots(p->remote->config.slot, p->slot);
	far->generation = ch->tx.generation;
	far->head = ch->tx.head;
	state_far_keep(&p->state);
	error = ivsh_chan_publish(ch, w->port);
	if (!error)
		return 0;
	*far = kept;
	state_far_keep(&p->state);
	return error;
}

/* The next message, which ends at (next), does not come to the receiver. */
static int message_lose(
    struct pair *p, struct ivsh_chan *ch, struct waiting *w, enum loss loss, size_t next)
{
	if (!loss_report(p, ch, 1, loss))
		return IVSH_EAGAIN;
	number_set(p, w, number_of(w));
	sequence_set(p, w);
	first_advance(p, 1, next);
	return 0;
}

/* Do the next message of the first frame: 0, or an error of the channel. */
static int message_step(struct pair *p, struct ivsh_chan *ch, struct waiting *w)
{
	bool is_loss = (w->frame.flags & FRAME_LOST) != 0;
	uint32_t size = is_loss ? 0 : frame_length_read(w->item->data + w->at);
	size_t next = w->at + FRAME_LENGTH + size;
	int error;

	if (frame_order(p->state.far.number, number_of(w)) == FRAME_REPEATED) {
		p->counters.repeated++;
		sequence_set(p, w);
		first_advance(p, 1, next);
		return 0;
	}
	if (is_loss || size > ivsh_chan_max(ch))
		return message_lose(p, ch, w, is_loss ? LOSS_NEAR : LOSS_SIZE, next);
	error = put(p, ch, w, size);
	if (error == IVSH_EONEWAY)
		return message_lose(p, ch, w, LOSS_UNREAD, next);
	if (error)
		return error;
	p->counters.received++;
	p->counters.received_bytes += size;
	first_advance(p, 1, next);
	return 0;
}

/* Who sends (w) is not known to be there: so the slot names whose messages they are. SPEC R5.16 */
static void origin_follow(const struct pair *p, struct ivsh_chan *ch, const struct waiting *w)
{
	uint32_t incarnation = w->frame.incarnation;

	if (p->remote->incarnation || incarnation == 0 || ch->region->origin == incarnation)
		return;
	if (ivsh_region_origin(ch->region, incarnation)) {
		/* The slot is lost: the next look at the host says so. */
	}
}

bool far_step(struct pair *p)
{
	struct ivsh_chan *ch = pair_channel(p);
	struct waiting *w = p->first;
	int error = 0;

	if (!ch || !w || !gap_close(p, ch, w))
		return false;
	if (w->is_state) {
		first_drop(p);
		return true;
	}
	origin_follow(p, ch, w);
	/* Behind its first message none of a frame is missing. */
	for (uint32_t i = 0; !error && i < MESSAGES && p->first == w; i++)
		error = message_step(p, ch, w);
	if (error == IVSH_EPROTO)
		mend(p, ch);
	return !error;
}
