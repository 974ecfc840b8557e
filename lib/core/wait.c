/* SPDX-License-Identifier: MIT */
/*
 * wait.c - sleeping until there is something to do, without losing a wakeup.
 *
 * Theory of operation: before a peer sleeps, it stores a notification request, and then polls once
 * more. A peer that stores a message, or a read index, then loads the request. The full fences
 * between the two steps, one on each side, make sure that at least one of them sees the other;
 * DESIGN.md, "Notifications", and the model in tests/model have the argument. The sleeper also
 * wakes by a timer: notifications can be lost without a fault of either peer (interrupts that are
 * not enabled yet, fences that an emulator drops).
 */
#include "core/receiver.h"
#include "core/request.h"
#include "core/sender.h"
#include "core/server.h"
#include "core/slot.h"
#include "core/trace.h"

#include <ivsh/channel.h>
#include <ivsh/wait.h>

#define NAP_NS UINT64_C(500000)

/* No processor keeps a store to itself for longer. SPEC R8.7.4. */
#define STORE_NS UINT64_C(1000000)

/*
 * Whether the pending bytes say that no ring has anything new. Only a receiver that calls
 * ivsh_region_next() has asked for these hints, and a hint can be lost: before a sleep, and now and
 * then, all rings are polled instead. SPEC R8.6.4.
 */
static bool is_quiet(const struct ivsh_region *region, uint64_t now)
{
	if (!region->pending_all || region->queue || now - region->polled_ns >= IVSH_POLL_NS)
		return false;
	if (region->hints)
		return !region->hints(region, NULL);
	for (uint32_t i = 0; i < (region->geometry.slots + 7) / 8; i++)
		if (pending_changed(region, i) != 0)
			return false;
	return true;
}

/*
 * Poll the server page and each open channel once, or with (quiet) only the channels that wait for
 * room. Answers the events found.
 */
static uint32_t poll(struct ivsh_region *region, uint32_t wanted, bool quiet)
{
	uint32_t events = 0, change = server_change(region);

	if ((wanted & IVSH_EVENT_CONTROL) && change != region->change) {
		region->change = change;
		/* SPEC R8.4.1: so ivsh_region_next() polls all rings, too. */
		region->pending_all = false;
		events |= IVSH_EVENT_CONTROL;
	}
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (ch->dead)
			continue;
		if (!quiet && ivsh_receiver_is_ready(ch))
			events |= IVSH_EVENT_MESSAGE;
		if ((!quiet || ch->tx.blocked) && ivsh_sender_is_ready(ch))
			events |= IVSH_EVENT_SPACE;
		if (ch->dead)
			ch->unreported = region->broke = true;
	}
	/* A ring was reset, or the machine was moved: ivsh_region_peer_event() says which. */
	if ((wanted & IVSH_EVENT_CONTROL) &&
	    (region->counters.lost != region->lost || region->moved != region->moved_waited)) {
		region->lost = region->counters.lost;
		region->moved_waited = region->moved;
		events |= IVSH_EVENT_CONTROL;
	}
	/* A channel broke here, or in a call for another channel. */
	if ((wanted & IVSH_EVENT_BROKEN) && region->broke) {
		region->broke = region->pending_all = false;
		events |= IVSH_EVENT_BROKEN;
	}
	return events & wanted;
}

/* Several regions with one common wait, and the events found in each. */
struct many {
	struct ivsh_region *const *regions;
	uint32_t count;
	uint32_t wanted;
	uint32_t *events; /* of each */
};

/* Poll all of them; answer the events of any. With (hints): not where the hints say quiet. */
static uint32_t poll_many(const struct many *m, bool hints, uint64_t now)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		struct ivsh_region *region = m->regions[i];

		m->events[i] = poll(region, m->wanted, hints && is_quiet(region, now));
		any |= m->events[i];
	}
	return any;
}

/*
 * Request notifications in each. True if the sleep is cut short, to *deadline_ns, because stores
 * may be on their way from a peer that has not seen our notify flags. SPEC R8.7.4.
 */
static bool request_many(const struct many *m, uint64_t *deadline_ns)
{
	bool is_cut = false;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->regions[i]->mem.doorbell.vectors != 0)
			ivsh_requests_make(m->regions[i]);
	/* Here: our requests' stores, this fence, the loads of descriptors and read indices in
	 * poll(). There: the store of a descriptor or a read index, a fence, the load of the
	 * request. Without either fence both loads may come first: we sleep, and no peer
	 * notifies us. SPEC R8.2.7. */
	fence_full();
	/* The time is taken before the poll, which then sees the stores that were on their way.
	 * SPEC R8.7.5. */
	for (uint32_t i = 0; i < m->count; i++) {
		const struct ivsh_region *region = m->regions[i];

		/* The difference is below 0 if a short wait ends before the requests were made. */
		if ((int64_t)(*deadline_ns - region->requests_ns) <= (int64_t)STORE_NS ||
		    ivsh_region_now(region) - region->requests_ns >= STORE_NS)
			continue;
		*deadline_ns = region->requests_ns + STORE_NS;
		is_cut = true;
	}
	return is_cut;
}

/* Whether every slot is still ours: a machine is most likely stopped in a sleep. SPEC R5.6.1. */
static bool is_kept(const struct many *m)
{
	bool all = true;

	for (uint32_t i = 0; i < m->count; i++) {
		int error = ivsh_slot_keep(m->regions[i]);

		all &= error == 0 || error == IVSH_EAGAIN;
	}
	return all;
}

/*
 * Count in each region what ended the sleep. is_notified: a doorbell did; is_late: one came while
 * we polled; is_cut: as request_many().
 */
static void wakes_count(const struct many *m, bool is_notified, bool is_cut, bool is_late)
{
	for (uint32_t i = 0; i < m->count; i++) {
		struct ivsh_region *region = m->regions[i];
		bool some = m->events[i] != 0;

		if (!is_notified)
			region->counters.wakes_timer++;
		else if (some || m->count == 1)
			region->counters.wakes_doorbell++;
		/* A doorbell that is a moment late is not missed: it comes after the message or
		 * index. */
		if (!is_notified && !is_late && !is_cut &&
		    (m->events[i] & ~IVSH_EVENT_CONTROL) != 0 && region->mem.doorbell.vectors != 0)
			region->counters.missed_notifications++;
	}
}

/* Sleep once, to (deadline_ns) at the latest. Answers the events found afterwards. */
static uint32_t sleep_once(const struct many *m, uint64_t deadline_ns)
{
	const struct ivsh_doorbell *doorbell = &m->regions[0]->mem.doorbell;
	uint32_t seen = doorbell->count(doorbell->ctx), any;
	bool is_notified, is_cut = request_many(m, &deadline_ns);

	any = poll_many(m, false, 0);
	if (any == 0) {
		TRACE2(wait, m->regions[0]->mem.self, deadline_ns);
		doorbell->sleep(doorbell->ctx, seen, deadline_ns);
		is_notified = doorbell->count(doorbell->ctx) != seen;
		if (is_kept(m)) {
			any = poll_many(m, false, 0);
			wakes_count(m, is_notified, is_cut, doorbell->count(doorbell->ctx) != seen);
		}
		TRACE3(wake, m->regions[0]->mem.self, is_notified, any);
	}
	for (uint32_t i = 0; i < m->count; i++)
		if (m->regions[i]->mem.doorbell.vectors != 0)
			ivsh_requests_end(m->regions[i]);
	return any;
}

/* How long one sleep may last: a peer that cannot be notified polls again soon. */
static uint64_t sleep_limit(const struct many *m, const struct ivsh_wait *wait)
{
	uint64_t nap = wait->nap_ns == 0 ? NAP_NS : wait->nap_ns;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->regions[i]->mem.doorbell.vectors == 0 && nap < IVSH_POLL_NS)
			return nap;
	return IVSH_POLL_NS;
}

/*
 * Advance the heartbeats. 0; IVSH_ELOST, IVSH_EREMOVED: a slot is not ours any more, and its
 * *events says so.
 */
static int enter_many(const struct many *m, bool tick)
{
	int error = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		struct ivsh_region *region = m->regions[i];

		(void)ivsh_slot_enter(region);
		if (tick && region->attached)
			(void)ivsh_slot_tick(region);
		m->events[i] = region->attached ? 0 : IVSH_EVENT_LOST;
		if (!region->attached)
			error = slot_error(region);
	}
	return error;
}

/* SPEC R8.5: before a sleep the senders know of everything that was released. */
static void publish_many(const struct many *m)
{
	for (uint32_t i = 0; i < m->count; i++)
		for (struct ivsh_chan *ch = m->regions[i]->chans; ch; ch = ch->next)
			if (!ch->dead && m->regions[i]->attached)
				(void)ivsh_receiver_publish(ch);
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
	publish_many(&m);
	for (;;) {
		bool spin = wait->mode == IVSH_WAIT_POLL ||
			    (wait->mode == IVSH_WAIT_SPIN && waited < wait->spin_ns);
		uint64_t left = timeout_ns - waited, limit = sleep_limit(&m, wait);
		int error = enter_many(&m, !spin);
		uint32_t any;

		if (error)
			return error;
		if (spin || left == 0)
			any = poll_many(&m, true, start + waited);
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
