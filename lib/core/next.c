/* SPDX-License-Identifier: MIT */
/*
 * next.c - the next message of any of many channels.
 *
 * Theory of operation: a sender that stores a message into an empty ring changes its pending byte
 * in the receiver's slot, so one line has the hints of 64 senders. (In a split region it changes
 * one in its own: split.c.) The receiver keeps a private queue of the channels that such a hint
 * named. It polls the first one, which goes to the end if it had a message, or else leaves the
 * queue. When the receiver has found a ring empty and published its read index, the sender either
 * stored before that, which the receiver sees, or leaves a hint. A pending byte is still only a
 * hint: it may have wrapped, and every peer can store there.
 */
#include "core/notify.h"
#include "core/slot.h"

#include <ivsh/channel.h>
#include <ivsh/wait.h>

/* All rings are polled after this many calls, whatever the pending bytes say. */
#define POLL_CALLS 256u

static void queue_add(struct ivsh_region *region, struct ivsh_chan *ch)
{
	/* A channel that broke in a call for another one is answered once, as if it had a
	 * message. */
	if (ch->is_queued || (ch->dead ? !ch->unreported : ch->rx.closed))
		return;
	ch->is_queued = true;
	ch->queue_next = NULL;
	if (region->queue)
		region->queue_last->queue_next = ch;
	else
		region->queue = ch;
	region->queue_last = ch;
	region->queue_count++;
}

static struct ivsh_chan *queue_take(struct ivsh_region *region)
{
	struct ivsh_chan *ch = region->queue;

	region->queue = ch->queue_next;
	region->queue_count--;
	ch->is_queued = false;
	return ch;
}

/* Queue the channels whose pending byte has changed. A sender stores it behind the message. */
static void pending_read(struct ivsh_region *region)
{
	if (region->hints) {
		(void)region->hints(region, queue_add);
		return;
	}
	for (uint32_t i = 0; i < (region->geometry.slots + 7) / 8; i++) {
		uint64_t changed = pending_changed(region, i);

		if (changed == 0)
			continue;
		region->pending[i] ^= changed;
		for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next)
			if (ch->peer / 8 == i && ((const uint8_t *)&changed)[ch->peer % 8] != 0)
				queue_add(region, ch);
	}
}

/* Queue all channels, and ask for hints where that was not done. */
static void queue_all(struct ivsh_region *region)
{
	region->next_calls = 0;
	region->polled_ns = ivsh_region_now(region);
	region->pending_all = true;
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (!ch->dead && !ch->rx.closed)
			ivsh_receiver_flags(ch, ch->rx.notify_flags | IVSH_WIRE_NOTIFY_PENDING);
		queue_add(region, ch);
	}
}

/* Whether the ring is empty, and the sender can see that the receiver has found it so. */
static bool is_empty(struct ivsh_chan *ch, struct ivsh_message *message, int *error)
{
	/* Twice: the first poll may have published the read index. The sender leaves no hint for a
	 * message that it stored before it saw that. Without the fence both sides may miss each
	 * other. SPEC R8.6.3. */
	for (unsigned poll = 0; poll < 2; poll++) {
		*error = ivsh_chan_peek(ch, message);
		if (*error != IVSH_EAGAIN)
			return false;
		if (poll == 0)
			fence_full();
	}
	return true;
}

int ivsh_region_next(
    struct ivsh_region *region, struct ivsh_chan **chan, struct ivsh_message *message)
{
	int error = ivsh_slot_enter(region);

	if (error)
		return error;
	pending_read(region);
	if (++region->next_calls >= POLL_CALLS || !region->pending_all ||
	    (!region->queue && ivsh_region_now(region) - region->polled_ns >= IVSH_POLL_NS))
		queue_all(region);
	for (uint32_t left = region->queue_count; left != 0; left--) {
		struct ivsh_chan *ch = queue_take(region);

		if (ch->rx.peeked && !ch->dead) {
			queue_add(region, ch);
			continue;
		}
		/* Queued as broken, and reset since: it only sends. */
		if (ch->rx.closed && !ch->dead)
			continue;
		if (is_empty(ch, message, &error))
			continue;
		*chan = ch;
		if (!error)
			queue_add(region, ch);
		else
			ch->unreported = false;
		return error;
	}
	return IVSH_EAGAIN;
}
