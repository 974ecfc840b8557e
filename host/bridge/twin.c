/* SPDX-License-Identifier: MIT */
/*
 * twin.c - another bridge that has the name of this host.
 *
 * Theory of operation: a bridge draws an identity for each connection, and says it on a subject
 * that it hears itself, with the identity of another one that it has heard there last. Who names an
 * identity of ours has heard it, and so runs beside us. A bridge that has ended cannot name one
 * that was drawn since, nor can what an old connection of ours had under way, however late it
 * comes: so neither is taken for a twin. Nor is what somebody says who may not hear us.
 */
#include "bridge/twin.h"
#include "bridge/near.h"
#include "process/log.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_NS UINT64_C(100000000) /* between two answers, whoever asks for them */

int twin_begin(struct bridge *b)
{
	snprintf(b->twin.subject, sizeof(b->twin.subject), "ivsh.%s.%s.$inbox.here",
	    b->config->region, b->config->host);
	return bus_subscribe(b->bus, b->twin.subject);
}

/* Some of the numbers that our pairs have were perhaps given to other messages. SPEC R19.3.7 */
static void epochs_renew(struct bridge *b)
{
	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++)
			near_renew(&b->remotes[i]->pairs[k]);
}

bool twin_take(struct bridge *b, const struct bus_item *item, uint64_t now)
{
	struct twin *t = &b->twin;
	struct frame frame;

	if (strcmp(item->subject, t->subject) != 0 || !frame_read(&frame, item->data, item->size))
		return false;
	if (frame.epoch == t->identity)
		return true;
	t->is_asked |= frame.epoch != t->other;
	t->other = frame.epoch;
	if (frame.number != t->identity || t->identity == 0)
		return true;
	t->heard_ns = now;
	if (t->is_there)
		return true;
	t->is_there = true;
	epochs_renew(b);
	log_event("event=warning what=twin host=%s hint=\"another bridge runs with this host's "
		  "name in region %s, such as on a clone of this machine: nothing passes "
		  "either one, until one ends or has another host = NAME\"",
	    b->config->host, b->config->region);
	return true;
}

static void here_say(struct bridge *b, uint64_t now)
{
	struct twin *t = &b->twin;
	const struct frame frame = {.epoch = t->identity, .number = t->other};
	uint8_t bytes[FRAME_SIZE];

	frame_write(bytes, &frame);
	if (bus_publish(b->bus, t->subject, NULL, NULL, bytes, sizeof(bytes)))
		return;
	t->said_ns = now;
	t->is_asked = false;
}

/* Silence counts only over a connection: without one nobody is heard. */
static bool is_silent(const struct bridge *b, uint64_t now)
{
	const struct twin *t = &b->twin;
	uint64_t since = t->heard_ns > b->up_ns ? t->heard_ns : b->up_ns;

	return bus_is_up(b->bus) && now > since && now - since >= STATE_LIMIT_NS;
}

static void twin_end(struct bridge *b)
{
	b->twin.is_there = false;
	/* Also of pairs that were made meanwhile. */
	epochs_renew(b);
	log_event("event=twin-gone host=%s", b->config->host);
}

void twin_step(struct bridge *b, uint64_t now)
{
	struct twin *t = &b->twin;

	if (t->connects != b->connects) {
		t->connects = b->connects;
		t->identity = near_epoch_draw();
		t->other = t->said_ns = 0;
	}
	if (t->identity == 0 || !bus_is_up(b->bus))
		return;
	if (t->said_ns == 0 || now - t->said_ns >= (t->is_asked ? ANSWER_NS : STATE_NS))
		here_say(b, now);
	if (t->is_there && is_silent(b, now))
		twin_end(b);
}
