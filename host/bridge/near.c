/* SPDX-License-Identifier: MIT */
/*
 * near.c - messages of local peers for a remote one: from the ring to the bus.
 *
 * Theory of operation: messages of one port, as many as there are, are copied into the pair's kept
 * frame, which outlasts the bridge as the ring does. Each is recorded there before it is released:
 * so a bridge that is killed leaves it in the ring, or in the frame, or in both, and then the
 * record says so. The frame is published, and noted as sent. A bridge that is killed in between
 * publishes it again, the same bytes under the same numbers, and the other bridge drops it. For
 * JetStream, the acknowledgement comes before the note: a frame that the stream does not take
 * stays, so the ring fills, and then the sender waits. In mode core the other bridge says what is
 * in its region, and with that how much may be under way.
 *
 * A message that is too large to be kept is published where it is peeked, noted, and then released.
 */
#include "bridge/near.h"
#include "bridge/events.h"
#include "bridge/outgoing.h"
#include "process/log.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define ANSWER_NS UINT64_C(2000000000) /* what an acknowledgement may take */
#define AGAIN_NS UINT64_C(50000000)    /* after a refusal */
#define UNANSWERED 3u                  /* times, before that is said */
#define SHARE 4u                       /* of JetStream's stream, the part that one pair may fill */
#define SHARE_NS UINT64_C(5000000000)  /* after which a frame more asks whether it still does */
#define RESETS 16u /* of one channel, for each incarnation of its peer, as a node makes */

uint64_t near_epoch_draw(void)
{
	uint64_t epoch = 0;

	while (epoch == 0)
		if (getrandom(&epoch, sizeof(epoch), 0) != (ssize_t)sizeof(epoch))
			epoch = 0;
	return epoch;
}

/* What was sent of this ring, up to its read index, is what the other side knows of. */
static void position_set(struct pair *p, const struct ivsh_chan *ch)
{
	p->state.near.format_id = ch->region->format_id;
	p->state.near.slots = state_slots(p->remote->config.slot, p->slot);
	p->state.near.generation = ch->rx.generation_ack;
	p->state.near.index = ch->rx.read;
	p->state.near.frame = 0;
}

/*
 * Messages of the ring are gone, which the other side is to know, behind those of the kept frame. A
 * large message was perhaps published, so its number is not given to anything else.
 */
static void loss_owe(struct pair *p, const struct ivsh_chan *ch)
{
	struct state_near *near = &p->state.near;

	if (p->flight.what == NEAR_LARGE)
		p->flight.is_up = false;
	if (near->count == 0 && !p->flight.is_up) {
		near->number++;
		near->was_core = false;
	}
	p->is_unnoted = false;
	/* The memory goes with the machine's power, and then the disk may have older numbers. In
	 * mode core the window is shut until the other bridge has said which it has. */
	if (near->format_id != ch->region->format_id && pair_is_kept(p))
		near->renews = true;
	near->owes_loss = true;
	position_set(p, ch);
	state_near_keep(&p->state);
	p->generation = ch->rx.generation_ack;
	p->is_peeked = false;
}

/* Whether the kept frame is what its record says: after a loss of power it may be older. */
static bool kept_is_whole(const struct state *state)
{
	const struct state_near *near = &state->near;
	const struct frame frame = {.number = 1, .count = near->count};

	return near->bytes >= FRAME_SIZE && near->bytes <= STATE_FRAME &&
	       frame_is_whole(&frame, state->kept + FRAME_SIZE, near->bytes - FRAME_SIZE);
}

void near_begin(struct pair *p)
{
	if (p->state.near.count != 0 && !kept_is_whole(&p->state)) {
		/* Its numbers may have been published. */
		p->state.near.number += p->state.near.count;
		p->state.near.count = 0;
		p->state.near.was_core = false;
		p->state.near.owes_loss = true;
		state_near_keep(&p->state);
	}
	if (p->state.near.epoch == 0) {
		p->state.near =
		    (struct state_near){.epoch = near_epoch_draw(), .was_core = !pair_is_kept(p)};
		state_near_keep(&p->state);
	}
	/* How much is under way nobody knows, until the other bridge says what it has. */
	p->window = (struct window){0};
	p->is_unnoted = p->state.near.count == 0;
	if (!pair_is_kept(p) && (p->state.near.number != 0 || !p->state.near.was_core))
		window_sent(&p->window, p->state.near.number, UINT32_MAX, UINT32_MAX);
}

void near_change(struct pair *p)
{
	p->flight.is_up = false;
	near_begin(p);
	p->said_ns = 0;
}

void near_attach(struct pair *p)
{
	struct ivsh_chan *ch = pair_channel(p);
	struct state_near *near = &p->state.near;

	p->is_known = p->is_peeked = false;
	p->resets = 0;
	if (!ch)
		return;
	p->generation = ch->rx.generation_ack;
	if (near->format_id == 0 && (ch->rx.read == 0 || ch->region->incarnation == 1)) {
		position_set(p, ch);
		state_near_keep(&p->state);
		return;
	}
	/* Another memory, or other slots, or the ring was started over, or is not where we left it;
	 * or it was read already, and what was kept of that is gone. */
	if (near->format_id != ch->region->format_id ||
	    near->slots != state_slots(p->remote->config.slot, p->slot) ||
	    near->generation != ch->rx.generation_ack ||
	    near->index + 1 - ch->rx.read > ch->mask + 2)
		loss_owe(p, ch);
}

/* Peek, and keep count of where the message stands: some share a descriptor. SPEC R7.12. */
static int message_peek(struct pair *p, struct ivsh_chan *ch, struct ivsh_message *m)
{
	int error = ivsh_chan_peek(ch, m);
	bool is_same = p->is_known && p->generation == ch->rx.generation_ack;

	if (!is_same && p->generation != ch->rx.generation_ack)
		loss_owe(p, ch);
	if (error)
		return error;
	if (is_same && p->is_peeked && ch->rx.read == p->index)
		return 0;
	p->frame = is_same && ch->rx.read == p->index ? p->frame + 1 : 0;
	p->index = ch->rx.read;
	p->is_known = p->is_peeked = true;
	return 0;
}

/* Whether the peeked message was sent already, or is in the kept frame. */
static bool is_taken(const struct pair *p)
{
	uint32_t ahead = p->state.near.index - p->index;

	return ahead != 0 ? ahead <= INT32_MAX : p->frame < p->state.near.frame;
}

static bool message_release(struct pair *p, struct ivsh_chan *ch)
{
	p->is_peeked = false;
	return ivsh_chan_release(ch) == 0;
}

/* The ring broke: ask for another generation, whose beginning is a loss. */
static bool mend(struct pair *p, struct ivsh_chan *ch)
{
	if (p->resets == RESETS)
		return false;
	event_plain(p, PLAIN_RESET);
	if (++p->resets == RESETS)
		event_plain(p, PLAIN_STOPPED);
	p->counters.resets++;
	p->is_peeked = false;
	return ivsh_chan_reset(ch) == 0;
}

/*
 * Bytes of the largest frame that is kept. In mode core frames follow each other, and the bus
 * passes those on best that are not too large; JetStream acknowledges one after the other, which is
 * worth more with a large one.
 */
static size_t kept_most(const struct bridge *b, const struct pair *p)
{
	size_t most = pair_is_kept(p) ? STATE_FRAME : STATE_FRAME / 4, bus = outgoing_most(b, p);

	return most < bus ? most : bus;
}

/* Bytes of frames that may be sent now, if one more may. */
static size_t room_now(const struct bridge *b, const struct pair *p)
{
	size_t most = kept_most(b, p), window = p->heard.window;

	if (pair_is_kept(p) || window <= p->window.bytes || most < window - p->window.bytes)
		return most;
	return window - (size_t)p->window.bytes;
}

/*
 * Move the peeked message (m), and those of its port that follow, from the ring into the kept
 * frame, which is empty. (m) fits: is_kept().
 */
static void gather(struct bridge *b, struct pair *p, struct ivsh_chan *ch, struct ivsh_message m)
{
	struct state_near *near = &p->state.near;
	size_t most = room_now(b, p);

	near->bytes = FRAME_SIZE;
	near->port = m.port;
	do {
		uint8_t *at = p->state.kept + near->bytes;

		if (m.port != near->port || near->count == FRAME_MESSAGES ||
		    (near->count != 0 && near->bytes + FRAME_LENGTH + (size_t)m.size > most))
			break;
		frame_length_write(at, m.size);
		if (m.size)
			memcpy(at + FRAME_LENGTH, m.data, m.size);
		if (!outgoing_is_same(ch, &m))
			break;
		near->bytes += FRAME_LENGTH + m.size;
		near->count++;
		near->index = p->index;
		near->frame = p->frame + 1;
		state_near_keep(&p->state);
		if (!message_release(p, ch))
			break;
	} while (message_peek(p, ch, &m) == 0 && !near->owes_loss && !is_taken(p));
}

void near_answer(struct pair *p, uint64_t epoch, uint64_t number, bool is_taken, uint64_t now)
{
	/* One of an earlier epoch may come late. */
	if (!p->flight.is_up || p->flight.number != number || p->state.near.epoch != epoch)
		return;
	p->flight.is_acknowledged = is_taken;
	if (is_taken)
		return;
	p->counters.refused++;
	p->flight.retry_ns = now + AGAIN_NS;
	p->flight.unanswered = 0;
}

void near_received(struct pair *p, const struct frame_received *received)
{
	const struct state_near *near = &p->state.near;
	bool is_one = p->is_unnoted || (p->flight.is_up && p->flight.what != NEAR_KEPT);
	uint64_t published = near->number + (near->count ? near->count : is_one), under_way;
	bool is_ours = received->epoch == near->epoch;
	uint64_t number = is_ours ? received->number : 0;

	p->heard.window = received->window;
	/* Numbers of another epoch are another count's. Who knows none has all that was published
	 * when that is none. */
	if (!is_ours && (received->epoch != 0 || near->number != 0))
		return;
	under_way = p->window.bytes;
	window_received(&p->window, number);
	if (p->window.bytes < under_way)
		p->moved_ns = p->heard.ns;
	p->is_overtaken = number > published;
}

/*
 * The other bridge has numbers of this epoch that were never published: somebody else has published
 * them, or this machine has lost its power, and the record of them. It would drop what comes next.
 * Nothing is in the kept frame: what was has the numbers that it was perhaps published with.
 */
static void epoch_renew(struct pair *p)
{
	struct state_near *near = &p->state.near;

	near->epoch = near_epoch_draw();
	near->number = 0;
	near->renews = false;
	state_near_keep(&p->state);
	/* The window is shut until the other bridge has heard of it, at once. */
	p->window = (struct window){0};
	if (!pair_is_kept(p))
		window_sent(&p->window, 0, UINT32_MAX, UINT32_MAX);
	if (p->is_overtaken)
		event_plain(p, PLAIN_OVERTAKEN);
	p->is_overtaken = false;
	p->said_ns = 0;
}

void near_renew(struct pair *p)
{
	p->state.near.renews = true;
	state_near_keep(&p->state);
}

/* Whether the large message in flight is what is peeked. */
static bool is_flight(const struct pair *p)
{
	return p->is_peeked && p->flight.generation == p->generation &&
	       p->flight.index == p->index && p->flight.frame == p->frame;
}

/* Bytes of the stream that one pair may fill. */
static uint64_t share_of(const struct bridge *b)
{
	return b->config->stream_size / SHARE;
}

/*
 * Whether the stream, which is one for all pairs, has room for this pair: one whose receiver takes
 * nothing leaves some to the others. What somebody has removed from the stream is never received:
 * what comes behind it shows that, so once in a while a frame is sent all the same.
 */
static bool has_share(const struct bridge *b, const struct pair *p, size_t bytes, uint64_t now)
{
	return window_is_open(&p->window, bytes, share_of(b)) || now - p->moved_ns >= SHARE_NS;
}

/* What is in flight: end it, or send it again. m: what is peeked, if anything is. */
static bool flight_step(struct bridge *b, struct pair *p, struct ivsh_chan *ch,
    const struct ivsh_message *m, uint64_t now)
{
	struct flight *f = &p->flight;

	/* Its ring was lost, and nobody knows whether the stream has it. */
	if (f->what == NEAR_LARGE && !is_flight(p)) {
		loss_owe(p, ch);
		return true;
	}
	if (f->is_acknowledged) {
		f->is_up = false;
		outgoing_sent(p, ch, f->what, m);
		window_sent(&p->window, p->state.near.number, f->bytes, share_of(b));
		p->moved_ns = now;
		return true;
	}
	if (now < f->retry_ns || b->twin.is_there || outgoing_publish(b, p, ch, f->what, m))
		return false;
	f->retry_ns = now + ANSWER_NS;
	if (++f->unanswered == UNANSWERED)
		event_not_taken(
		    p, "none: the stream has other subjects, or its server does not run", now);
	return false;
}

/*
 * Whether a frame of (bytes) may be sent: the other bridge has said something over the connection
 * that there is now, and so has subscribed there, and it has room. JetStream keeps it for one that
 * does not run: but not without end for one that has no such pair.
 */
static bool may_send(struct bridge *b, const struct pair *p, size_t bytes, uint64_t now)
{
	if (!bus_is_up(b->bus) || bus_most(b->bus) == 0 || b->twin.is_there)
		return false;
	if (pair_is_kept(p) ? !pair_is_named(p) || !has_share(b, p, bytes, now)
			    : !(pair_is_heard(p, now) && p->heard.ns >= b->up_ns &&
				  window_is_open(&p->window, bytes, p->heard.window)))
		return false;
	/* SPEC R19.3.8: some of them name their sender's incarnation. */
	look_refresh(&b->look, p->slot);
	if (p->said_incarnation != look_incarnation(&b->look, p->slot)) {
		b->is_unsaid = true;
		return false;
	}
	/* Room that comes free is the next pair's that waits for it, and no other's. */
	b->is_full |= !bus_has_room(b->bus);
	return !b->is_full;
}

/* Whether a message of (size) bytes is to be kept. */
static bool is_kept(const struct bridge *b, const struct pair *p, size_t size)
{
	return FRAME_SIZE + FRAME_LENGTH + size <= kept_most(b, p);
}

/* The folder of the states may be full: then all stays in the ring. */
static bool has_room(struct pair *p)
{
	if (state_has_room(&p->state)) {
		p->is_full_reported = false;
		return true;
	}
	if (!p->is_full_reported)
		log_event(
		    "event=state-failed peer=%s/%s local=%u reason=\"%s: its messages stay in "
		    "the ring\"",
		    p->remote->config.host, p->remote->config.peer, p->slot, strerror(errno));
	p->is_full_reported = true;
	return false;
}

bool near_step(struct bridge *b, struct pair *p, uint64_t now)
{
	struct ivsh_chan *ch = pair_channel(p);
	const struct state_near *near = &p->state.near;
	enum near_what what = NEAR_KEPT;
	struct ivsh_message m = {0};
	size_t bytes = near->bytes;
	int error;

	if (!ch)
		return false;
	/* Also where it cannot be sent: what is peeked ends no sleep. */
	error = message_peek(p, ch, &m);
	if (error)
		p->is_peeked = false;
	/* Also while one is in flight: a slot that was attached anew begins before that. */
	if (!error && is_taken(p)) {
		p->counters.repeated++;
		return message_release(p, ch);
	}
	if (p->flight.is_up && (p->flight.what != NEAR_LARGE || !error || error == IVSH_EAGAIN))
		return flight_step(b, p, ch, &m, now);
	if (error == IVSH_EPROTO)
		return mend(p, ch);
	/* Its ring is not there now: it may still be in there. */
	if (p->flight.is_up)
		return false;
	if ((p->is_overtaken || near->renews) && near->count == 0)
		epoch_renew(p);
	if (near->count == 0) {
		if (!near->owes_loss && error)
			return false;
		what = near->owes_loss ? NEAR_LOSS : is_kept(b, p, m.size) ? NEAR_KEPT : NEAR_LARGE;
		bytes = FRAME_SIZE + FRAME_LENGTH + (what == NEAR_LOSS ? 0 : (size_t)m.size);
	}
	if (!may_send(b, p, bytes, now))
		return false;
	if (what == NEAR_KEPT && near->count == 0) {
		if (!has_room(p))
			return false;
		gather(b, p, ch, m);
		if (near->count == 0)
			return false;
	}
	if (outgoing_publish(b, p, ch, what, &m))
		return false;
	if (!pair_is_kept(p)) {
		outgoing_sent(p, ch, what, &m);
		return true;
	}
	p->flight = (struct flight){.is_up = true,
	    .what = what,
	    .generation = p->generation,
	    .index = p->index,
	    .frame = p->frame,
	    .number = near->number + 1,
	    .unanswered = 1,
	    .bytes = what == NEAR_KEPT ? near->bytes : bytes,
	    .retry_ns = now + ANSWER_NS};
	return false;
}

bool near_has_more(const struct pair *p)
{
	/* What waits for a remote peer that is not there waits in the ring, without us. */
	return p->remote->host && (p->is_peeked || p->flight.is_up || p->state.near.count != 0 ||
				      p->state.near.owes_loss);
}
