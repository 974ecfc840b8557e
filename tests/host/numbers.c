/* SPDX-License-Identifier: MIT */
/*
 * numbers.c - a peer that sends numbers to all others, checks theirs, and may be killed at any
 * time.
 */
#include "tests/host/numbers.h"

#include <ivsh/channel.h>
#include <ivsh/peers.h>
#include <ivsh/wait.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOLD_EVERY 37u
#define HOLD_NS UINT64_C(200000)
#define FEW_NS UINT64_C(500000)   /* a slow incarnation sends so often */
#define MESH_NS UINT64_C(5000000) /* and a peer of a mesh, one message to each other */
#define IDLE_NS UINT64_C(5000000)

static struct numbers *all;
static uint32_t self;
static struct ivsh_region region;
static struct ivsh_chan chans[NUMBERS_PEERS_MAX];
static struct ivsh_record records[NUMBERS_PEERS_MAX][NUMBERS_DESCS];
static struct ivsh_peer seen[IVSH_WIRE_SLOTS_MAX];
static bool slow; /* this incarnation sends few at a time, so that no ring fills */

static struct numbers_notes *notes_of(uint32_t sender, uint32_t receiver)
{
	return &all->notes[sender * all->peers + receiver];
}

static _Noreturn void wrong(const char *what, uint32_t other, long long n, long long want)
{
	snprintf(all->wrong, sizeof(all->wrong), "slot %u and %u: %s: %lld, not %lld", self, other,
	    what, n, want);
	_exit(1);
}

static uint32_t size_of(uint32_t n)
{
	static const uint32_t sizes[] = {4, 40, 2000, 8, 700, 64, 1025, 5, 300};

	return sizes[n % (sizeof(sizes) / sizeof(sizes[0]))];
}

/* One more number to (to): false if there is no room. */
static bool send_one(uint32_t to)
{
	struct numbers_notes *notes = notes_of(self, to);
	uint32_t n = atomic_load(&notes->tried) + 1;
	uint8_t bytes[2048];
	void *payload;
	int error;

	/* A number is used once: take the next one only when there is room for it. */
	error = ivsh_chan_reserve(&chans[to], size_of(n), &payload);
	if (error == IVSH_EAGAIN)
		return false;
	if (error)
		wrong("reserve", to, error, 0);
	memset(bytes, (int)n, sizeof(bytes));
	memcpy(bytes, &n, sizeof(n));
	memcpy(payload, bytes, size_of(n));
	/* The window is a circle: clear the entry half a circle ahead. */
	atomic_store(&notes->accepted[(n + NUMBERS_WINDOW / 2) % NUMBERS_WINDOW], 0);
	atomic_store(&notes->tried, n);
	error = ivsh_chan_publish(&chans[to], 1);
	if (error)
		wrong("publish", to, error, 0);
	atomic_store(&notes->accepted[n % NUMBERS_WINDOW], 1);
	return true;
}

static void take(struct ivsh_chan *chan, const struct ivsh_message *message)
{
	struct numbers_notes *notes = notes_of(chan->peer, self);
	uint32_t n = 0, last = atomic_load(&notes->last), from = chan->peer;

	memcpy(&n, message->data, sizeof(n));
	if (message->size != size_of(n))
		wrong("size", from, message->size, size_of(n));
	for (uint32_t i = sizeof(n); i < message->size; i++)
		if (((const uint8_t *)message->data)[i] != (uint8_t)n)
			wrong("a byte", from, n, i);
	if (n <= last) {
		if (!(message->flags & IVSH_MAYBE_SEEN))
			wrong("again, without a mark", from, n, last);
		atomic_fetch_add(&notes->again, 1);
	}
	if (n > last && n - last > NUMBERS_WINDOW / 2)
		wrong("out of nowhere", from, n, last);
	for (uint32_t missing = last + 1; missing < n; missing++)
		if (atomic_load(&notes->accepted[missing % NUMBERS_WINDOW]))
			wrong("accepted, and never came", from, missing, n);
	if (n > last)
		atomic_store(&notes->last, n);
	/* Hold the message for a while: after a kill now, it comes again. */
	for (uint64_t end = ivsh_region_now(&region) + HOLD_NS; slow && n % HOLD_EVERY == 0;)
		if (ivsh_region_now(&region) >= end)
			break;
	if (ivsh_chan_release(chan))
		wrong("release", from, n, 0);
}

/* Receive a message from one peer: false if there is none. */
static bool receive(uint32_t from)
{
	struct ivsh_message message;
	struct ivsh_chan *chan = &chans[from];
	int error =
	    all->mesh ? ivsh_region_next(&region, &chan, &message) : ivsh_chan_peek(chan, &message);

	if (error == IVSH_EAGAIN)
		return false;
	if (error)
		wrong("receive", from, error, 0);
	take(chan, &message);
	return true;
}

static void count_restarts(void)
{
	struct ivsh_peer_event event;

	while (ivsh_region_peer_event(&region, seen, IVSH_WIRE_SLOTS_MAX, &event) == 0) {
		if (event.kind == IVSH_PEER_EVENT_LOST)
			wrong("lost", event.slot, 0, 0);
		if (event.kind == IVSH_PEER_EVENT_RESTARTED)
			atomic_fetch_add(&all->restarts, 1);
	}
}

/* Send to each peer and receive from it, up to a limit. Returns whether there may be more. */
static bool turn(bool send)
{
	bool more = false;

	for (uint32_t peer = 0; peer < all->peers; peer++) {
		if (peer == self)
			continue;
		for (uint32_t i = 0; send && i < (all->mesh ? 1 : slow ? 6 : 30); i++)
			more |= send_one(peer) && !all->mesh && !slow;
		for (uint32_t i = 0; i < 40 && receive(peer); i++)
			more = true;
	}
	return more;
}

_Noreturn void numbers_run(struct numbers *numbers, const struct ivsh_mem *mem)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = "one of many",
	    .nonce = atomic_fetch_add(&numbers->nonce, 1) + 1};
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint64_t next_ns = 0, pace_ns; /* when, and how often, a slow incarnation sends again */
	uint32_t events;
	int error = ivsh_region_attach(&region, mem, &attach);

	all = numbers;
	self = mem->self;
	slow = !all->mesh && attach.nonce % 2 == 0;
	pace_ns = all->mesh ? MESH_NS : slow ? FEW_NS : 0;
	for (uint32_t peer = 0; peer < all->peers && !error; peer++)
		if (peer != self)
			error = ivsh_chan_open(
			    &chans[peer], &region, peer, records[peer], NUMBERS_DESCS);
	if (error)
		wrong("open", self, error, 0);
	for (;;) {
		bool send = !atomic_load(&all->stop);

		if (pace_ns && send) {
			uint64_t now = ivsh_region_now(&region);

			send = now >= next_ns;
			next_ns = send ? now + pace_ns : next_ns;
		}
		if (!turn(send)) {
			count_restarts();
			if (ivsh_region_wait(&region, &wait, pace_ns ? pace_ns : IDLE_NS, &events))
				wrong("wait", self, 0, 0);
		} else if (all->mesh) {
			count_restarts();
		}
	}
}
