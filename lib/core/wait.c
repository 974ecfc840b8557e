/* SPDX-License-Identifier: MIT */
/*
 * wait.c - sleeping until there is something to do, without losing a wakeup.
 *
 * Theory of operation: whoever wants to be woken says so in a word of its own, and then looks once
 * more. Whoever brings something stores it, and then looks for the wish. The full fences between
 * the two steps, one on each side, make sure that at least one of them sees the other; DESIGN.md,
 * "Notifications", and the model in tests/model have the argument. A timer looks again all the same: bells
 * can be lost where nobody is to blame (interrupts not enabled yet, fences that an emulator drops).
 */
#include "core/atomic.h"
#include "core/ring.h"
#include "core/slot.h"

#include <ivsh/channel.h>

#define NAP_NS UINT64_C(500000)

/* No processor keeps a store to itself for longer. */
#define ASK_NS UINT64_C(1000000)

/* (slot) modulo (count): by subtraction, since not every processor divides. */
static uint32_t slot_modulo(uint32_t slot, uint32_t count)
{
	for (uint32_t times = IVSH_WIRE_SLOTS_MAX; times != 0; times /= 2)
		if (slot >= count * times)
			slot -= count * times;
	return slot;
}

/*
 * SPEC R8.4: the vector on which slot (peer) is to ring us. Not called without vectors. Its device
 * has to know the vector too, or the doorbell goes nowhere (QEMU, hw/misc/ivshmem.c:
 * ivshmem_io_write). What it says of itself can cost nobody but itself a bell.
 */
static uint32_t vector_for(const struct ivsh_region *region, uint32_t peer)
{
	const struct ivsh_wire_server *server = server_page(region);
	uint32_t vectors = region->mem.doorbell.vectors;
	uint32_t served = server && load32(&server->epoch) ? load32(&server->vectors) : 0;
	const struct ivsh_wire_slot *slot = ivsh_slot_at(region, peer);
	uint32_t theirs = slot ? load32(&slot->vectors) : 0;

	if (served != 0 && served < vectors)
		vectors = served;
	if (theirs < vectors)
		vectors = theirs;
	return vectors < 2 ? 0 : 1 + slot_modulo(peer, vectors - 1);
}

/* Store a new wish for (vector) into (word), our own; (wish) is what stands there. */
static void wish_make(uint32_t *word, uint32_t *wish, uint32_t vector)
{
	*wish = ((*wish >> IVSH_WIRE_REQUEST_SHIFT) + 1) << IVSH_WIRE_REQUEST_SHIFT | (vector + 1);
	store32(word, *wish);
}

/* Take the wish back and keep the count: the next one differs from all that were answered. */
static void wish_end(uint32_t *word, uint32_t *wish)
{
	if ((*wish & IVSH_WIRE_REQUEST_VECTOR) == 0)
		return;
	*wish &= ~IVSH_WIRE_REQUEST_VECTOR;
	store32(word, *wish);
}

/*
 * Whether the mail says that no ring has anything new. Only who takes messages by ivsh_region_next()
 * has asked for mail, and it can be lost: a sleeper, and one look in a while, go without. SPEC R8.6.
 */
static bool is_quiet(const struct ivsh_region *region, uint64_t now)
{
	if (!region->pending_all || region->busy || now - region->relook_ns >= IVSH_POLL_NS)
		return false;
	for (uint32_t i = 0; i < (region->geometry.slots + 7) / 8; i++)
		if (pending_changed(region, i) != 0)
			return false;
	return true;
}

/*
 * What there is to do, by one look at the server page and at each open channel, or when all is
 * (quiet) only at those that wait for room.
 */
static uint32_t look(struct ivsh_region *region, uint32_t wanted, bool quiet)
{
	uint32_t events = 0, change = server_change(region);

	if ((wanted & IVSH_EVENT_CONTROL) && change != region->change) {
		region->change = change;
		/* SPEC R8.4: so does ivsh_region_next(). */
		region->pending_all = false;
		events |= IVSH_EVENT_CONTROL;
	}
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (ch->dead)
			continue;
		if (!quiet && ivsh_receiver_ready(ch))
			events |= IVSH_EVENT_MESSAGE;
		if ((!quiet || ch->tx.blocked) && ivsh_sender_ready(ch))
			events |= IVSH_EVENT_SPACE;
		if (ch->dead)
			ch->unreported = region->broke = true;
	}
	/* A ring was reset: ivsh_region_peer_event() says which. */
	if ((wanted & IVSH_EVENT_CONTROL) && region->counters.lost != region->lost) {
		region->lost = region->counters.lost;
		events |= IVSH_EVENT_CONTROL;
	}
	/* Found here, or in a call for another channel. */
	if ((wanted & IVSH_EVENT_BROKEN) && region->broke) {
		region->broke = region->pending_all = false;
		events |= IVSH_EVENT_BROKEN;
	}
	return events & wanted;
}

/*
 * Ask for bells, and for the fence that goes with them, where that was not done. A message or read
 * index may be on its way now from one who has not seen it: until ASK_NS from here on no sleep is
 * long. SPEC R8.7.
 */
static void bells_ask(struct ivsh_region *region, struct ivsh_chan *ch)
{
	if (ch->tx.notify_flags & ch->rx.notify_flags & IVSH_WIRE_NOTIFY_REQUEST)
		return;
	ivsh_receiver_ask(ch, ch->rx.notify_flags | IVSH_WIRE_NOTIFY_REQUEST);
	store32(&ch->tx.own->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	ch->tx.notify_flags = IVSH_WIRE_NOTIFY_REQUEST;
	region->asked_ns = ivsh_region_now(region);
}

static void wishes_make(struct ivsh_region *region)
{
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		uint32_t vector = vector_for(region, ch->peer);

		if (ch->dead)
			continue;
		bells_ask(region, ch);
		wish_make(&ch->rx.own->notify_request, &ch->rx.wish, vector);
		if (ch->tx.blocked)
			wish_make(&ch->tx.own->notify_request, &ch->tx.wish, vector);
	}
}

static void wishes_end(struct ivsh_region *region)
{
	/* Of a slot that was lost meanwhile nothing is ours any more. */
	if (!region->attached)
		return;
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		wish_end(&ch->rx.own->notify_request, &ch->rx.wish);
		wish_end(&ch->tx.own->notify_request, &ch->tx.wish);
	}
}

/* Several regions that are waited for as one, and what there is to do in each. */
struct many {
	struct ivsh_region *const *regions;
	uint32_t count;
	uint32_t wanted;
	uint32_t *events; /* of each */
};

/* Look at all of them: what there is to do in any. With (now): only where no mail says that it is quiet. */
static uint32_t look_many(const struct many *m, bool hints, uint64_t now)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		struct ivsh_region *region = m->regions[i];

		m->events[i] = look(region, m->wanted, hints && is_quiet(region, now));
		any |= m->events[i];
	}
	return any;
}

/* Ask for bells in each, and for how long no sleep may be: SPEC R8.7. */
static bool ask_many(const struct many *m, uint64_t *deadline_ns)
{
	bool asking = false;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->regions[i]->mem.doorbell.vectors != 0)
			wishes_make(m->regions[i]);
	/* Our wishes' stores, this fence, the loads of descriptors and read indices in look(); over
	 * there a descriptor's or read index's store, a fence, the load of the wish. Without either
	 * fence both loads may come first, and we sleep on what nobody announces. SPEC R8.2. */
	fence_full();
	/* The time before the look: what is on its way is there by the end of it. SPEC R8.7. */
	for (uint32_t i = 0; i < m->count; i++) {
		const struct ivsh_region *region = m->regions[i];

		/* A short wait ends before it was asked for: below 0. */
		if ((int64_t)(*deadline_ns - region->asked_ns) <= (int64_t)ASK_NS ||
		    ivsh_region_now(region) - region->asked_ns >= ASK_NS)
			continue;
		*deadline_ns = region->asked_ns + ASK_NS;
		asking = true;
	}
	return asking;
}

/* Whether every slot is still ours, after a sleep: where a machine is stopped most likely. SPEC R5.6. */
static bool is_kept(const struct many *m)
{
	bool all = true;

	for (uint32_t i = 0; i < m->count; i++)
		all &= slot_keep(m->regions[i]);
	return all;
}

/* Count in each why we are awake. */
static void woken(const struct many *m, bool rung, bool asking, bool rung_since)
{
	for (uint32_t i = 0; i < m->count; i++) {
		struct ivsh_region *region = m->regions[i];
		bool some = m->events[i] != 0;

		if (!rung)
			region->counters.wakes_timer++;
		else if (some || m->count == 1)
			region->counters.wakes_doorbell++;
		/* A bell that is a moment late is not lost: it is rung after what it announces. */
		if (!rung && !rung_since && !asking && (m->events[i] & ~IVSH_EVENT_CONTROL) != 0 &&
		    region->mem.doorbell.vectors != 0)
			region->counters.missed_notifications++;
	}
}

/* One sleep, to (deadline_ns) at the latest: what there is to do afterwards. */
static uint32_t sleep_once(const struct many *m, uint64_t deadline_ns)
{
	const struct ivsh_doorbell *doorbell = &m->regions[0]->mem.doorbell;
	uint32_t seen = doorbell->count(doorbell->ctx), any;
	bool rung, asking = ask_many(m, &deadline_ns);

	any = look_many(m, false, 0);
	if (any == 0) {
		doorbell->sleep(doorbell->ctx, seen, deadline_ns);
		rung = doorbell->count(doorbell->ctx) != seen;
		if (is_kept(m)) {
			any = look_many(m, false, 0);
			woken(m, rung, asking, doorbell->count(doorbell->ctx) != seen);
		}
	}
	for (uint32_t i = 0; i < m->count; i++)
		if (m->regions[i]->mem.doorbell.vectors != 0)
			wishes_end(m->regions[i]);
	return any;
}

/* How long one sleep may last: what cannot be rung looks again soon. */
static uint64_t sleep_limit(const struct many *m, const struct ivsh_wait *wait)
{
	uint64_t nap = wait->nap_ns == 0 ? NAP_NS : wait->nap_ns;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->regions[i]->mem.doorbell.vectors == 0 && nap < IVSH_POLL_NS)
			return nap;
	return IVSH_POLL_NS;
}

/* Heartbeats, and whether every slot is still ours; *events of a lost one says so. */
static bool keep_many(const struct many *m, bool tick)
{
	bool all = true;

	for (uint32_t i = 0; i < m->count; i++) {
		struct ivsh_region *region = m->regions[i];

		slot_beat(region);
		if (tick)
			ivsh_slot_tick(region);
		m->events[i] = region->attached ? 0 : IVSH_EVENT_LOST;
		all &= region->attached;
	}
	return all;
}

int ivsh_regions_wait(struct ivsh_region *const *regions, uint32_t count,
    const struct ivsh_wait *wait, uint64_t timeout_ns, uint32_t *events)
{
	const struct many m = {regions, count, wait->wanted ? wait->wanted : UINT32_MAX, events};
	const struct ivsh_doorbell *doorbell;
	uint64_t start, waited = 0;

	if (count == 0)
		return IVSH_EINVAL;
	doorbell = &regions[0]->mem.doorbell;
	start = doorbell->now_ns(doorbell->ctx);
	/* SPEC R8.5. */
	for (uint32_t i = 0; i < count; i++)
		for (struct ivsh_chan *ch = regions[i]->chans; ch; ch = ch->next)
			if (!ch->dead && regions[i]->attached)
				(void)ivsh_receiver_publish(ch);
	for (;;) {
		bool spin = wait->mode == IVSH_WAIT_POLL ||
			    (wait->mode == IVSH_WAIT_SPIN && waited < wait->spin_ns);
		uint64_t left = timeout_ns - waited, limit = sleep_limit(&m, wait);
		uint32_t any;

		if (!keep_many(&m, !spin))
			return IVSH_ELOST;
		if (spin || left == 0)
			any = look_many(&m, true, start + waited);
		else
			any = sleep_once(&m, start + waited + (left < limit ? left : limit));
		if (any != 0 || left == 0)
			return 0;
		if (spin && doorbell->relax)
			doorbell->relax(doorbell->ctx);
		waited = doorbell->now_ns(doorbell->ctx) - start;
		if (waited > timeout_ns)
			waited = timeout_ns;
	}
}

int ivsh_region_wait(
    struct ivsh_region *region, const struct ivsh_wait *wait, uint64_t timeout_ns, uint32_t *events)
{
	struct ivsh_region *const one = region;

	return ivsh_regions_wait(&one, 1, wait, timeout_ns, events);
}
