/* SPDX-License-Identifier: MIT */
/*
 * near.c - messages of local peers for a remote one: from the ring to the bus.
 *
 * Theory of operation: a message is peeked, published, noted as sent in the pair's state, and only
 * then released. A bridge that is killed before it noted that publishes the message again, under
 * the same number, and the other bridge drops it. One that is killed behind that finds the message
 * in the ring again, since a receiver's index is published late, and releases it. In between, for
 * JetStream, comes the acknowledgement: what the stream does not take stays in the ring, so a full
 * stream fills the ring, and then the sender waits.
 */
#include "bridge/near.h"
#include "process/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define ANSWER_NS UINT64_C(2000000000) /* what an acknowledgement may take */
#define AGAIN_NS UINT64_C(50000000)    /* after a refusal */
#define RESETS 16u /* of one channel, for each incarnation of its peer, as a node makes */

static uint64_t epoch_draw(void)
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
	p->state.near.generation = ch->rx.generation_ack;
	p->state.near.index = ch->rx.read;
	p->state.near.frame = 0;
}

void near_begin(struct pair *p)
{
	if (p->state.near.epoch)
		return;
	p->state.near = (struct state_near){.epoch = epoch_draw()};
	state_near_keep(&p->state);
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
	if (near->format_id != ch->region->format_id) {
		/* The first memory, or another one: what the last one had is lost with it. */
		if (near->format_id)
			near->epoch = epoch_draw();
		near->number = 0;
		near->format_id = ch->region->format_id;
		p->flight = (struct flight){0};
		position_set(p, ch);
	} else if (near->generation != ch->rx.generation_ack ||
		   near->index + 1 - ch->rx.read > ch->mask + 2) {
		/* The ring was started over, or is not where we left it. The next number may have
		 * been sent already, with something else. */
		p->owes_loss = true;
		near->number++;
		position_set(p, ch);
	} else {
		return;
	}
	state_near_keep(&p->state);
}

/* Peek, and keep count of where the message stands: some share a descriptor. SPEC R7.12. */
static int message_peek(struct pair *p, struct ivsh_chan *ch, struct ivsh_message *m)
{
	int error = ivsh_chan_peek(ch, m);
	bool is_same = p->is_known && p->generation == ch->rx.generation_ack;

	if (!is_same && p->generation != ch->rx.generation_ack) {
		p->owes_loss = true;
		p->generation = ch->rx.generation_ack;
		p->is_peeked = false;
		position_set(p, ch);
		state_near_keep(&p->state);
	}
	if (error)
		return error;
	if (is_same && p->is_peeked && ch->rx.read == p->index)
		return 0;
	p->frame = is_same && ch->rx.read == p->index ? p->frame + 1 : 0;
	p->index = ch->rx.read;
	p->is_known = p->is_peeked = true;
	return 0;
}

/* Whether the peeked message was sent already. */
static bool is_sent(const struct pair *p)
{
	uint32_t ahead = p->state.near.index - p->index;

	return ahead != 0 ? ahead <= INT32_MAX : p->frame < p->state.near.frame;
}

static bool message_release(struct pair *p, struct ivsh_chan *ch)
{
	p->is_peeked = false;
	return ivsh_chan_release(ch) == 0;
}

/* The ring broke: start it over, and let the other side know. */
static bool mend(struct pair *p, struct ivsh_chan *ch)
{
	if (p->resets == RESETS)
		return false;
	if (p->resets++ == 0)
		log_event(
		    "event=reset slot=%u peer=%u reason=broken", p->remote->config.slot, p->slot);
	p->counters.resets++;
	p->is_peeked = false;
	p->owes_loss = true;
	return ivsh_chan_reset(ch) == 0;
}

/*
 * Publish the peeked message, or with (m) NULL the word of a loss, as (number). 0, or -1: the bus
 * does not take it now, or the message is not what it was.
 */
static int publish(struct bridge *b, struct pair *p, struct ivsh_chan *ch,
    const struct ivsh_message *m, uint64_t number)
{
	struct frame frame = {.epoch = p->state.near.epoch,
	    .number = number,
	    .incarnation = look_incarnation(&b->look, p->slot)};
	char subject[SUBJECT_SIZE], reply[SUBJECT_SIZE], id[64];
	size_t size = m ? m->size : 0;
	struct ivsh_message again;

	if (FRAME_SIZE + size > bus_most(b->bus) || FRAME_SIZE + size > b->scratch_size) {
		frame.flags = FRAME_LOST;
		size = 0;
	}
	if (!m)
		frame.flags = FRAME_LOST;
	frame_write(b->scratch, &frame);
	if (size)
		memcpy(b->scratch + FRAME_SIZE, m->data, size);
	/* Behind the copy: whether it was the message's. */
	if (m && (ivsh_chan_peek(ch, &again) || again.size != m->size || again.port != m->port))
		return -1;
	subject_make(
	    subject, &p->out, pair_is_kept(p) ? SUBJECT_KEPT : SUBJECT_MESSAGE, m ? m->port : 0);
	if (!pair_is_kept(p))
		return bus_publish(b->bus, subject, NULL, NULL, b->scratch, FRAME_SIZE + size);
	snprintf(reply, sizeof(reply), "%s.ack.%u.%u.%" PRIu64, bus_inbox(b->bus),
	    p->remote->config.slot, p->slot, number);
	snprintf(id, sizeof(id), "%016" PRIx64 ".%" PRIu64, frame.epoch, number);
	return bus_publish(b->bus, subject, reply, id, b->scratch, FRAME_SIZE + size);
}

/* Message (number) is the other side's now: the peeked one, or a loss. */
static void sent(struct pair *p, struct ivsh_chan *ch, uint64_t number, bool is_loss, size_t size)
{
	p->state.near.number = number;
	if (is_loss) {
		p->owes_loss = false;
	} else {
		p->state.near.index = p->index;
		p->state.near.frame = p->frame + 1;
		p->counters.sent++;
		p->counters.sent_bytes += size;
	}
	state_near_keep(&p->state);
	if (!is_loss)
		(void)message_release(p, ch);
}

void near_answer(struct pair *p, uint64_t number, bool is_taken, uint64_t now)
{
	if (!p->flight.is_up || p->flight.number != number)
		return;
	p->flight.is_acknowledged = is_taken;
	if (is_taken)
		return;
	p->counters.refused++;
	p->flight.retry_ns = now + AGAIN_NS;
}

/* What is in flight: end it, or send it again. */
static bool flight_step(struct bridge *b, struct pair *p, struct ivsh_chan *ch, uint64_t now)
{
	struct flight *f = &p->flight;
	struct ivsh_message m = {0};
	int error = message_peek(p, ch, &m);

	if (f->is_acknowledged) {
		/* The ring may have been started over since; then the loss is still to be told. */
		bool is_loss = f->is_loss || error != 0 || !p->is_peeked;
		bool owes = p->owes_loss && !f->is_loss;

		f->is_up = false;
		sent(p, ch, f->number, is_loss, m.size);
		p->owes_loss = p->owes_loss || owes;
		return true;
	}
	if (now < f->retry_ns)
		return false;
	if (!f->is_loss && error) {
		/* It is gone, and nobody knows whether the stream has it: its number is a loss. */
		f->is_loss = true;
	}
	if (publish(b, p, ch, f->is_loss ? NULL : &m, f->number) == 0)
		f->retry_ns = now + ANSWER_NS;
	return false;
}

/*
 * Whether somebody takes what is published: the other bridge has said something over the connection
 * that there is now, and so has subscribed there. JetStream takes it in any case.
 */
static bool is_heard(const struct bridge *b, const struct pair *p, uint64_t now)
{
	return pair_is_kept(p) || (pair_is_heard(p, now) && p->heard.ns >= b->up_ns);
}

bool near_step(struct bridge *b, struct pair *p, uint64_t now)
{
	struct ivsh_chan *ch = pair_channel(p);
	struct ivsh_message m = {0};
	bool is_loss;
	int error;

	if (!ch)
		return false;
	if (p->flight.is_up)
		return flight_step(b, p, ch, now);
	/* Also where it cannot be sent: what is peeked ends no sleep. */
	error = message_peek(p, ch, &m);
	if (error == IVSH_EPROTO)
		return mend(p, ch);
	is_loss = p->owes_loss;
	if (error && !is_loss)
		return false;
	if (!error && is_sent(p)) {
		p->counters.repeated++;
		return message_release(p, ch);
	}
	if (!bus_is_up(b->bus) || bus_most(b->bus) == 0 || !is_heard(b, p, now))
		return false;
	if (publish(b, p, ch, is_loss ? NULL : &m, p->state.near.number + 1))
		return false;
	if (!pair_is_kept(p)) {
		sent(p, ch, p->state.near.number + 1, is_loss, m.size);
		return true;
	}
	p->flight = (struct flight){.is_up = true,
	    .is_loss = is_loss,
	    .number = p->state.near.number + 1,
	    .retry_ns = now + ANSWER_NS};
	return false;
}

bool near_has_more(const struct pair *p)
{
	/* What waits for a remote peer that is not there waits in the ring, without us. */
	return p->remote->host && (p->is_peeked || p->flight.is_up || p->owes_loss);
}
