/* SPDX-License-Identifier: MIT */
/*
 * next.c - the next message of any of many channels.
 *
 * Theory of operation: a sender that fills an empty ring changes its mail byte in the receiver's
 * slot, so one line tells of 64 senders. Channels that mail spoke of stand in a queue of our own:
 * the first one is looked at, and goes to the end with a message or out without. What a ring holds
 * when it is found empty and its read index is published, the sender has seen or will mail. A byte
 * is a hint all the same: it may have wrapped, and anybody can write it.
 */
#include "core/ring.h"
#include "core/slot.h"

/* All rings are looked at after so many calls, whatever the mail says. */
#define RELOOK_CALLS 256u

static void busy_add(struct ivsh_region *region, struct ivsh_chan *ch)
{
	/* A channel that broke in somebody else's call is told of once, as if it had a message. */
	if (ch->busy || (ch->dead && !ch->unreported))
		return;
	ch->busy = true;
	ch->busy_next = NULL;
	if (region->busy)
		region->busy_last->busy_next = ch;
	else
		region->busy = ch;
	region->busy_last = ch;
	region->busy_count++;
}

static struct ivsh_chan *busy_take(struct ivsh_region *region)
{
	struct ivsh_chan *ch = region->busy;

	region->busy = ch->busy_next;
	region->busy_count--;
	ch->busy = false;
	return ch;
}

/* Mail that came since the last look. Its byte is stored behind the message that it speaks of. */
static void mail_look(struct ivsh_region *region)
{
	for (uint32_t i = 0; i < (region->geometry.slots + 7) / 8; i++) {
		uint64_t changed = pending_changed(region, i);

		if (changed == 0)
			continue;
		region->pending[i] ^= changed;
		for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next)
			if (ch->peer / 8 == i && ((const uint8_t *)&changed)[ch->peer % 8] != 0)
				busy_add(region, ch);
	}
}

/* Look at all rings, and ask for mail where that was not done. */
static void look_all(struct ivsh_region *region)
{
	region->next_calls = 0;
	region->relook_ns = ivsh_region_now(region);
	region->pending_all = true;
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (!ch->dead)
			ivsh_receiver_ask(ch, ch->rx.notify_flags | IVSH_WIRE_NOTIFY_PENDING);
		busy_add(region, ch);
	}
}

/* Whether there is nothing in the ring, and the sender knows that we think so. */
static bool is_empty(struct ivsh_chan *ch, struct ivsh_message *message, int *error)
{
	/* Twice: the first look may have published the read index, and a message that was stored
	 * before that was seen is not mailed. Without the fence both sides may miss each other. SPEC
	 * R8.6. */
	for (unsigned look = 0; look < 2; look++) {
		*error = ivsh_chan_peek(ch, message);
		if (*error != IVSH_EAGAIN)
			return false;
		if (look == 0)
			fence_full();
	}
	return true;
}

int ivsh_region_next(
    struct ivsh_region *region, struct ivsh_chan **chan, struct ivsh_message *message)
{
	int error;

	slot_beat(region);
	if (!region->attached)
		return IVSH_ELOST;
	mail_look(region);
	if (++region->next_calls >= RELOOK_CALLS || !region->pending_all ||
	    (!region->busy && ivsh_region_now(region) - region->relook_ns >= IVSH_POLL_NS))
		look_all(region);
	for (uint32_t left = region->busy_count; left != 0; left--) {
		struct ivsh_chan *ch = busy_take(region);

		if (ch->rx.peeked && !ch->dead) {
			busy_add(region, ch);
			continue;
		}
		if (is_empty(ch, message, &error))
			continue;
		*chan = ch;
		if (!error)
			busy_add(region, ch);
		else
			ch->unreported = false;
		return error;
	}
	return IVSH_EAGAIN;
}
