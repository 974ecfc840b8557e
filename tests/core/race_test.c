/* SPDX-License-Identifier: MIT */
/*
 * race_test.c - another thread writes into the region while we work in it: anything, or what a
 * peer may.
 *
 * On the host only, for it needs a second processor; under sanitizers each access outside is a
 * failure of its own. SPEC R9.1, R9.2, R9.3.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* How much must happen before the race is done, and when it counts as stuck. */
#define ENOUGH 2000
#define STEPS_MOST 200000000
#define LIVES_MESSAGES 50000

#define BATCH 8u

static struct end a, b;
static uint8_t buffer[8192];
static atomic_bool stop;
static atomic_uint spot; /* words that we read: scribbling elsewhere alone would show little */

static uint64_t random64(uint32_t *seed)
{
	return (uint64_t)world_random(seed) << 40 ^ (uint64_t)world_random(seed) << 20 ^
	       world_random(seed);
}

/* Half of what is written is nearly right: that goes deeper than noise. */
static uint64_t nearly_right(uint32_t *seed)
{
	uint64_t wrap = atomic_load(&spot) / 64 + 1 - world_random(seed) % 2,
		 kind = world_random(seed) % 4;
	uint64_t size = world_random(seed) % 9000;

	return wrap << 48 | kind << 28 | (world_random(seed) & 1) << 30 | size;
}

static void *scribble(void *arg)
{
	uint32_t seed = 99;
	const struct ring *ring = arg;
	struct ivsh_wire_desc *desc = ring->desc;

	while (!atomic_load(&stop)) {
		uint64_t value = world_random(&seed) & 1 ? nearly_right(&seed) : random64(&seed);
		uint32_t which = (atomic_load(&spot) + world_random(&seed) % 4) % 64;

		switch (world_random(&seed) % 4) {
		case 0:
			__atomic_store_n(&desc[which].control, value, __ATOMIC_RELAXED);
			break;
		case 1:
			__atomic_store_n(&desc[which].body, value & 0x1fc0, __ATOMIC_RELAXED);
			break;
		case 2:
			__atomic_store_n(
			    &ring->receiver->read, (uint32_t)(value % 80), __ATOMIC_RELAXED);
			break;
		default:
			__atomic_store_n(
			    &ring->sender->notify_request, (uint32_t)value, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

static int race_send_batch(uint32_t step)
{
	struct ivsh_message messages[BATCH];
	uint32_t sent = UINT32_MAX;
	int error;

	for (uint32_t i = 0; i < BATCH; i++)
		messages[i] = (struct ivsh_message){buffer, (step * (i + 1)) % 1300, 1, 0};
	error = ivsh_chan_send_batch(&a.chan, messages, BATCH, &sent);
	CHECK(sent <= BATCH && (error == 0) == (sent == BATCH));
	return error;
}

static int race_receive_batch(uint32_t step)
{
	struct ivsh_message messages[BATCH];
	uint32_t received = UINT32_MAX, capacity = step % sizeof(buffer), at = 0;
	int error = ivsh_chan_receive_batch(&b.chan, messages, BATCH, buffer, capacity, &received);

	CHECK(received <= BATCH && (error == 0) == (received != 0));
	for (uint32_t i = 0; i < received && received <= BATCH; i++) {
		at = (at + 7) & ~7u;
		CHECK(messages[i].data == buffer + at && messages[i].size <= capacity - at);
		at += messages[i].size;
	}
	return error;
}

/* (sending): we are the sender of the ring that is scribbled over; else its receiver. */
static void race(bool sending)
{
	struct end *self = sending ? &a : &b;
	uint32_t good = 0, broken = 0;
	struct ring ring;
	pthread_t thread;

	world_format();
	ring = world_ring(0, 1);
	NEED_EQ(end_open(self, sending ? 0 : 1, sending ? 1 : 0, false), 0);
	atomic_store(&stop, false);
	NEED_EQ(pthread_create(&thread, NULL, scribble, &ring), 0);
	for (uint32_t step = 0; step < STEPS_MOST && (good < ENOUGH || broken < ENOUGH); step++) {
		struct ivsh_message message;
		void *payload;
		int error;

		atomic_store(&spot, sending ? self->chan.tx.head : self->chan.rx.read);
		if (step % 3 == 0) {
			error = sending ? race_send_batch(step) : race_receive_batch(step);
		} else if (sending) {
			error = ivsh_chan_reserve(&self->chan, step % 8193, &payload);
			if (!error && step % 8193 > 8)
				CHECK(world_holds(payload, step % 8193));
			if (!error)
				error = ivsh_chan_publish(&self->chan, 1);
		} else {
			error = ivsh_chan_peek(&self->chan, &message);
			if (!error && message.size > 8)
				CHECK(world_holds(message.data, message.size));
			if (!error)
				CHECK(message.size <= ivsh_chan_max(&self->chan));
			if (!error)
				error = ivsh_chan_receive(
				    &self->chan, &message, buffer, sizeof(buffer));
		}
		CHECK(error == 0 || error == IVSH_EAGAIN || error == IVSH_EPROTO ||
		      (!sending && error == IVSH_ENOSPC));
		good += error == 0;
		if (error == IVSH_EPROTO) {
			broken++;
			/* Each poll refuses a ring full of scribbles, so mostly the ring is put in
			 * order. */
			for (uint32_t i = 0; sending && i < 64; i++)
				__atomic_store_n(
				    &world_desc(0, 1, i)->control, 0, __ATOMIC_RELAXED);
			error = ivsh_chan_open(
			    &self->chan, &self->region, sending ? 1 : 0, self->records, 64);
			CHECK(error == 0 || error == IVSH_EPROTO);
		}
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	CHECK(good >= ENOUGH);
	CHECK(broken >= ENOUGH);
}

static void *rename_often(void *arg)
{
	static const char *const names[] = {
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
	struct ivsh_region region;

	(void)arg;
	for (unsigned life = 1; !atomic_load(&stop); life++) {
		struct ivsh_mem mem = world_mem(1);
		struct ivsh_attach attach = {.restart = ivsh_attach_restart,
		    .counters = ivsh_attach_counters,
		    .nonce = life,
		    .name = names[life & 1]};

		CHECK_EQ(ivsh_region_attach(&region, &mem, &attach), 0);
	}
	return NULL;
}

/* A name is read whole or not at all, however often its peer comes back as another. SPEC R5.7. */
static void names(void)
{
	uint32_t seen[2] = {0, 0};
	pthread_t thread;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	atomic_store(&stop, false);
	NEED_EQ(pthread_create(&thread, NULL, rename_often, NULL), 0);
	for (uint32_t step = 0; step < STEPS_MOST && (seen[0] < ENOUGH || seen[1] < ENOUGH);
	     step++) {
		struct ivsh_peer peer = {0};

		CHECK_EQ(ivsh_region_peer(&a.region, 1, &peer), 0);
		if (peer.name[0] == '\0')
			continue;
		for (unsigned i = 1; i < 31; i++)
			CHECK_EQ(peer.name[i], peer.name[0]);
		seen[peer.name[0] == 'b']++;
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	CHECK(seen[0] >= ENOUGH);
	CHECK(seen[1] >= ENOUGH);
}

/* Message (n) is its number and then bytes of one value; at most 3000 bytes. */
static uint32_t message_make(uint8_t *bytes, uint32_t n)
{
	uint32_t seed = n, size = 4 + world_random(&seed) % (1u << (n % 12));

	memset(bytes, (int)(n % 251), size);
	memcpy(bytes, &n, sizeof(n));
	return size;
}

/* Sends messages 0 to LIVES_MESSAGES - 1, and begins a new incarnation after every 20 or so. */
static void *send_in_lives(void *arg)
{
	static uint8_t bytes[BATCH][4096];
	uint32_t seed = 5;

	(void)arg;
	for (uint32_t n = 0; n < LIVES_MESSAGES && !atomic_load(&stop);) {
		struct ivsh_message messages[BATCH];
		uint32_t most = 1 + world_random(&seed) % BATCH, sent;
		int error;

		if (most > LIVES_MESSAGES - n)
			most = LIVES_MESSAGES - n;
		for (uint32_t i = 0; i < most; i++)
			messages[i] =
			    (struct ivsh_message){bytes[i], message_make(bytes[i], n + i), 1, 0};
		if (most == 1)
			sent = (error = ivsh_chan_send(&a.chan, 1, bytes[0], messages->size)) == 0;
		else
			error = ivsh_chan_send_batch(&a.chan, messages, most, &sent);
		n += sent;
		CHECK(error == 0 || error == IVSH_EAGAIN);
		if (world_random(&seed) % 20 == 0) {
			end_kill(&a);
			CHECK_EQ(end_open(&a, 0, 1, false), 0);
		}
	}
	return NULL;
}

/* Whether (message) is the next one, or one again that says so; and whole. */
static bool lives_came(const struct ivsh_message *message, uint32_t *expect)
{
	static uint8_t want[4096];
	uint32_t n;

	memcpy(&n, message->data, sizeof(n));
	if (n != *expect && !(n < *expect && message->flags == IVSH_MAYBE_SEEN)) {
		test_fail(__FILE__, __LINE__, "lives: number", n, *expect);
		return false;
	}
	CHECK_EQ(message->size, message_make(want, n));
	CHECK_EQ(memcmp(message->data, want, message->size), 0);
	*expect += n == *expect;
	return true;
}

/*
 * Both ends work at once, and each restarts while the other works: all messages arrive, in order,
 * and none repeats unmarked. SPEC R6.3, R7.1, R7.9, R7.11.
 */
static void lives(void)
{
	uint32_t seed = 6, expect = 0, step;
	pthread_t thread;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	atomic_store(&stop, false);
	NEED_EQ(pthread_create(&thread, NULL, send_in_lives, NULL), 0);
	for (step = 0; step < STEPS_MOST && expect < LIVES_MESSAGES; step++) {
		struct ivsh_message messages[BATCH];
		uint32_t count = 0, i;
		int error;

		if (world_random(&seed) % 2 == 0) {
			error = ivsh_chan_receive(&b.chan, messages, buffer, sizeof(buffer));
			count = error == 0;
		} else {
			error = ivsh_chan_receive_batch(
			    &b.chan, messages, BATCH, buffer, sizeof(buffer), &count);
		}
		for (i = 0; i < count && lives_came(&messages[i], &expect); i++)
			;
		if (i != count || (error != 0 && error != IVSH_EAGAIN)) {
			test_fail(__FILE__, __LINE__, "lives: receive", error, expect);
			break;
		}
		if (world_random(&seed) % 50 == 0) {
			end_kill(&b);
			CHECK_EQ(end_open(&b, 1, 0, false), 0);
		}
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	CHECK_EQ(expect, LIVES_MESSAGES);
}

static void receiver(void)
{
	race(false);
}

static void sender(void)
{
	race(true);
}

static const struct test tests[] = {
    {"receiver", receiver},
    {"sender", sender},
    {"names", names},
    {"lives", lives},
};

int main(void)
{
	return test_main("race", tests, sizeof(tests) / sizeof(tests[0]));
}
