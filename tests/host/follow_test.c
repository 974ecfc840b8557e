/* SPDX-License-Identifier: MIT */
/*
 * follow_test.c - an observer of rings whose peers act between any two of its loads: what it takes
 * for proven is what was sent, and what it missed is counted. SPEC R7.3, R7.5, R7.12, R6.3.
 *
 * The hook of lib/core/atomic.h stands before each of the observer's loads. There, and before it
 * copies a payload, the peers make some steps: they send, in batches and in place, abandon what
 * they have written, receive, reset, end and come back, and the memory goes back. Host only.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "capture/capture.h"
#include "capture/guard.h"
#include "capture/packet.h"
#include "capture/record.h"
#include "core/atomic.h"

#include <stdlib.h>
#include <string.h>

#define IDS (1u << 20) /* messages of a case, at most */
#define SIZE_MOST 4000u
#define BUFFER (16u << 20)

/* What the peers of a case do. */
enum acts {
	ACT_PLAIN,   /* single messages */
	ACT_MANY,    /* batches, packed records, payloads in place that are abandoned */
	ACT_RESTART, /* incarnations end, rings are reset */
	ACT_BACK,    /* the memory goes back */
};

static struct end ends[2];
static uint32_t seed, sent, accepted[2]; /* (sent): ids; accepted: messages of each ring */
static uint8_t sent_by[IDS], snapshot[WORLD_SIZE];
static uint16_t size_of[IDS];
static uint32_t restored; /* bytes of the snapshot that are back; 0: it does not come back now */
static bool has_snapshot, looking, observing;
static enum acts acts;
static unsigned rarely; /* the peers act before one load in so many */
static uint64_t payload[64][SIZE_MOST / 8];

static struct capture capture;
static struct follow rings[2];
static struct guard guard;
static uint32_t seen[2], last_id[2], wrong;

static void message_fill(uint64_t *to, uint32_t id, uint32_t size)
{
	uint8_t bytes[SIZE_MOST];

	memcpy(bytes, &id, sizeof(id));
	for (uint32_t i = sizeof(id); i < size; i++)
		bytes[i] = (uint8_t)(id * 31 + i * 7);
	memcpy(to, bytes, size);
}

static uint32_t size_draw(void)
{
	static const uint32_t sizes[] = {4, 5, 8, 9, 16, 64, 65, 100, 300, 1000, 1500, SIZE_MOST};

	return sizes[world_random(&seed) % (sizeof(sizes) / sizeof(sizes[0]))];
}

/* The next message of (from) was accepted. */
static void note(uint32_t from, uint32_t size)
{
	sent_by[sent] = (uint8_t)from;
	size_of[sent] = (uint16_t)size;
	sent = (sent + 1) % IDS;
	accepted[from]++;
}

static void act_send(uint32_t from)
{
	uint32_t size = size_draw();

	message_fill(payload[0], sent, size);
	if (ivsh_chan_send(&ends[from].chan, 9, payload[0], size) == 0)
		note(from, size);
}

static void act_batch(uint32_t from)
{
	struct ivsh_message messages[64];
	uint32_t count = 1 + world_random(&seed) % 64, done, size = size_draw();
	bool alike = world_random(&seed) % 2;

	for (uint32_t i = 0; i < count; i++) {
		if (!alike)
			size = size_draw();
		message_fill(payload[i], sent + i, size);
		messages[i] = (struct ivsh_message){.data = payload[i], .size = size, .port = 9};
	}
	(void)!ivsh_chan_send_batch(&ends[from].chan, messages, count, &done);
	for (uint32_t i = 0; i < done; i++)
		note(from, messages[i].size);
}

static void act_in_place(uint32_t from)
{
	uint32_t size = size_draw();
	void *at;

	if (ivsh_chan_reserve(&ends[from].chan, size, &at))
		return;
	message_fill(payload[0], sent, size);
	memcpy(at, payload[0], size);
	if (world_random(&seed) % 2 == 0)
		ivsh_chan_abandon(&ends[from].chan);
	else if (ivsh_chan_publish(&ends[from].chan, 9) == 0)
		note(from, size);
}

static void act_receive(uint32_t at)
{
	static uint64_t buffer[2 * SIZE_MOST / 8];
	struct ivsh_message m;
	uint32_t count = world_random(&seed) % 40;

	while (count-- && ivsh_chan_receive(&ends[at].chan, &m, buffer, sizeof(buffer)) == 0)
		;
	if (world_random(&seed) % 4 == 0)
		(void)!world_wait(&ends[at].region, 0);
}

/* The incarnation ends, detached or killed, and comes back; or its machine is moved. */
static void act_restart(uint32_t at)
{
	if (world_random(&seed) % 2 == 0) {
		world.vm_generation[at]++;
		(void)!world_wait(&ends[at].region, 0);
		(void)!world_wait(&ends[!at].region, 0);
		return;
	}
	if (world_random(&seed) % 2 == 0) {
		ivsh_chan_close(&ends[at].chan);
		ivsh_region_detach(&ends[at].region);
	}
	end_kill(&ends[at]);
	CHECK_EQ(end_open(&ends[at], at, !at, world_random(&seed) % 4 == 0), 0);
}

/* A part of the snapshot, as QEMU loads it: in the order of addresses. */
static void act_back(void)
{
	uint32_t some = 4096 * (1 + world_random(&seed) % 4);

	if (some > WORLD_SIZE - restored)
		some = WORLD_SIZE - restored;
	memcpy(world.memory + restored, snapshot + restored, some);
	restored = (restored + some) % WORLD_SIZE;
}

static void act(void)
{
	uint32_t draw = world_random(&seed) % 100, who = world_random(&seed) % 2;

	if (restored)
		act_back();
	else if (draw < 45)
		act_send(who);
	else if (draw < 75 || acts == ACT_PLAIN)
		act_receive(who);
	else if (draw < 85)
		act_batch(who);
	else if (draw < 95 || acts == ACT_MANY)
		act_in_place(who);
	else if (acts == ACT_RESTART)
		act_restart(who);
	else if (has_snapshot && draw == 99)
		act_back();
	else if (draw == 98 && !looking) {
		memcpy(snapshot, world.memory, WORLD_SIZE);
		has_snapshot = true;
	}
}

static void perhaps_act(void)
{
	uint32_t steps = 1;

	if (!observing || world_random(&seed) % rarely)
		return;
	observing = false;
	if (world_random(&seed) % 512 == 0)
		steps = 300; /* more than a turn of the ring */
	for (; steps; steps--)
		act();
	observing = true;
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)word;
	(void)size;
	if (kind == HOOK_LOAD)
		perhaps_act();
}

static bool take(void *context, struct follow *f, const struct sight *s)
{
	/* Between the descriptor's copy and the payload's. */
	perhaps_act();
	return record_take(context, f, s);
}

/* A message's packet: (id) is in it, and the rest is what that message has. */
static void message_check(const struct packet_header *h, const uint8_t *bytes, uint32_t size)
{
	uint32_t id;

	memcpy(&id, bytes, sizeof(id));
	seen[h->from]++;
	if (h->flags & PACKET_UNPROVEN)
		return;
	if (size < sizeof(id) || id >= IDS || sent_by[id] != h->from || size_of[id] != size ||
	    h->length != size || h->port != 9) {
		wrong++;
		return;
	}
	message_fill(payload[0], id, size);
	wrong += memcmp(payload[0], bytes, size) != 0;
	wrong += acts != ACT_BACK && last_id[h->from] != UINT32_MAX && id <= last_id[h->from];
	last_id[h->from] = id;
}

static void packets_check(size_t end)
{
	struct packet_header h;
	uint32_t captured;

	for (size_t at = 0; at < end; at += drain_block(&capture.drain, at)) {
		const uint8_t *block = capture.drain.buffer + at;

		memcpy(&captured, block + 20, sizeof(captured));
		memcpy(&h, block + PCAPNG_DATA, sizeof(h));
		if (record_is_message(block))
			message_check(
			    &h, block + PCAPNG_DATA + sizeof(h), captured - (uint32_t)sizeof(h));
		/* Nobody damages a descriptor, unless the memory is being restored. */
		else if (h.kind != PACKET_MARK)
			wrong += acts != ACT_BACK;
	}
}

/*
 * The memory goes back: nothing is looked at until that is over, and the peers have noticed it. An
 * observer waits for a second.
 */
static void back_wait(void)
{
	while (restored)
		act_back();
	for (uint32_t i = 0; i < 6; i++)
		(void)!world_wait(&ends[i % 2].region, 0);
	for (uint32_t i = 0; i < 2; i++)
		follow_skip(&rings[i], PACKET_BACK);
	(void)guard_check(&guard, true);
}

/* One round, as capture.c makes it. */
static void look(void)
{
	bool back, same;

	capture.drain.used = 0;
	/* A snapshot is older than a round: each peer has advanced its heartbeat since. */
	if (acts == ACT_BACK && !restored)
		for (uint32_t i = 0; i < 2; i++)
			(void)!world_wait(&ends[i].region, 0);
	if (guard_check(&guard, true) != GUARD_SAME) {
		back_wait();
		return;
	}
	looking = observing = true;
	for (uint32_t i = 0; i < 2; i++) {
		follow_round(&rings[i]);
		(void)follow_look(&rings[i], take, &capture);
	}
	looking = observing = false;
	back = guard_check(&guard, false) != GUARD_SAME;
	same = follow_is_same(&rings[0]);
	same &= follow_is_same(&rings[1]);
	if (!back && same) {
		packets_check(capture.drain.used);
		return;
	}
	capture.at_least = true;
	if (back)
		back_wait();
}

static void begin(enum acts what, uint32_t number)
{
	uint8_t *buffer = capture.drain.buffer ? capture.drain.buffer : malloc(BUFFER);

	world_format();
	acts = what;
	seed = number;
	rarely = 4 + number * 7 % 120;
	sent = accepted[0] = accepted[1] = seen[0] = seen[1] = wrong = restored = 0;
	has_snapshot = false;
	last_id[0] = last_id[1] = UINT32_MAX;
	CHECK_EQ(end_open(&ends[0], 0, 1, false), 0);
	CHECK_EQ(end_open(&ends[1], 1, 0, false), 0);
	capture = (struct capture){.region = &ends[0].region, .snap = SIZE_MOST, .guard = &guard};
	capture.drain.buffer = buffer;
	capture.drain.capacity = BUFFER;
	capture.unproven = number % 3 == 0;
	for (uint32_t i = 0; i < 2; i++)
		CHECK(follow_begin(&rings[i], &ends[0].region, i, !i));
	guard_begin(&guard, &ends[0].region);
}

/* The peers are at rest, and the rest is taken: all that was accepted was seen or missed. */
static void end(void)
{
	uint64_t all = accepted[0] + accepted[1];

	rarely = UINT32_MAX;
	restored = 0;
	look();
	for (uint32_t i = 0; i < 2; i++) {
		follow_end(&rings[i]);
		capture.missed += rings[i].missed.messages;
		capture.at_least |= rings[i].missed.at_least;
	}
	CHECK_EQ(wrong, 0);
	if (acts != ACT_BACK && !capture.at_least)
		CHECK_EQ(seen[0] + seen[1] + capture.missed, all);
	if (acts != ACT_BACK)
		CHECK(seen[0] + seen[1] + capture.missed <= all);
}

static void run(enum acts what)
{
	uint32_t rounds = getenv("IVSH_SOAK") ? 20000 : 400, exact = 0, some = 0;

	for (uint32_t number = 1; number <= rounds && !test_failed(); number++) {
		begin(what, number);
		for (uint32_t i = 0; i < 60; i++) {
			act();
			look();
		}
		end();
		exact += !capture.at_least;
		some += seen[0] != 0 && seen[1] != 0 && capture.missed != 0;
	}
	/* The cases are no cases if nothing is seen, nothing missed, or nothing exact. */
	CHECK(some > rounds / 2);
	CHECK(what == ACT_BACK || exact > rounds / 20);
}

static void test_plain(void)
{
	run(ACT_PLAIN);
}

static void test_many(void)
{
	run(ACT_MANY);
}

static void test_restart(void)
{
	run(ACT_RESTART);
}

static void test_back(void)
{
	run(ACT_BACK);
}

int main(void)
{
	static const struct test tests[] = {
	    {"single messages", test_plain},
	    {"batches and payloads in place", test_many},
	    {"incarnations that end, and resets", test_restart},
	    {"a memory that goes back", test_back},
	};

	return test_main("follow", tests, sizeof(tests) / sizeof(tests[0]));
}
