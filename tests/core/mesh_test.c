/* SPDX-License-Identifier: MIT */
/*
 * mesh_test.c - 64 slots: how many lines of shared memory a poll touches. SPEC R8.6.
 *
 * Lines are counted by the hook of lib/core/atomic.h. Host only.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"

#include <stdio.h>
#include <string.h>

#define SLOTS 64u
#define SIZE (64u << 20)

static _Alignas(4096) uint8_t memory[SIZE];
static struct ivsh_region hub, regions[SLOTS];
static struct ivsh_chan to_hub[SLOTS], chans[SLOTS];
static struct ivsh_record records[SLOTS][2][16];

/* Lines seen since lines_count(), and how often. */
static uintptr_t lines[4096];
static unsigned line_count, accesses;
static bool counting;

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	uintptr_t line = (uintptr_t)word / 64;

	(void)size;
	if (!counting || kind == HOOK_STORED)
		return;
	accesses++;
	for (unsigned i = 0; i < line_count; i++)
		if (lines[i] == line)
			return;
	if (line_count < sizeof(lines) / sizeof(lines[0]))
		lines[line_count++] = line;
}

/* Not counted: the check of our own words, once in 256 calls. SPEC R6.6. */
static void count_begin(void)
{
	hub.ticked = hub.heartbeat;
	line_count = accesses = 0;
	counting = true;
}

static unsigned count_end(void)
{
	counting = false;
	return line_count;
}

static void open_all(void)
{
	struct ivsh_geometry geometry = {SLOTS, 16, 1024, 1024, 0};

	world_reset();
	memset(memory, 0, sizeof(memory));
	CHECK_EQ(ivsh_region_format(memory, SIZE, &geometry, 1, false), 0);
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct ivsh_mem mem = world_mem(i);
		struct ivsh_attach attach = {.restart = ivsh_attach_restart,
		    .counters = ivsh_attach_counters,
		    .nonce = i + 1};

		mem.base = memory;
		mem.size = SIZE;
		CHECK_EQ(ivsh_region_attach(i ? &regions[i] : &hub, &mem, &attach), 0);
	}
	for (uint32_t i = 1; i < SLOTS; i++) {
		CHECK_EQ(ivsh_chan_open(&chans[i], &hub, i, records[i][0], 16), 0);
		CHECK_EQ(ivsh_chan_open(&to_hub[i], &regions[i], 0, records[i][1], 16), 0);
	}
}

static int take(void)
{
	struct ivsh_message message;
	struct ivsh_chan *chan;
	int error = ivsh_region_next(&hub, &chan, &message);

	return error ? error : ivsh_chan_release(chan) ? -100 : (int)chan->peer;
}

/* Nothing there: the slot's own line and one line of pending bytes, not 63 rings. */
static void idle(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_POLL};
	struct ivsh_message message;
	uint32_t events;
	unsigned all;

	open_all();
	/* The cost of polling each channel. */
	count_begin();
	for (uint32_t i = 1; i < SLOTS; i++)
		CHECK_EQ(ivsh_chan_peek(&chans[i], &message), IVSH_EAGAIN);
	all = count_end();
	CHECK(all > 2 * (SLOTS - 1));
	CHECK_EQ(take(), IVSH_EAGAIN);
	count_begin();
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(take(), IVSH_EAGAIN);
	CHECK_EQ(count_end(), 2);
	CHECK_EQ(accesses, 100 * 12);
	/* A spinning wait: the server's page besides. */
	NEED_EQ(ivsh_region_wait(&hub, &wait, 0, &events), 0);
	count_begin();
	NEED_EQ(ivsh_region_wait(&hub, &wait, 5000, &events), 0);
	CHECK(count_end() <= 3);
	printf("idle: 64 slots: 2 lines a look, not %u\n", all);
}

/* One of 63 sends: its ring is found by its pending byte. */
static void one_of_many(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_POLL};
	uint32_t events;

	open_all();
	CHECK_EQ(take(), IVSH_EAGAIN);
	for (uint32_t i = 1; i < SLOTS; i++) {
		NEED_EQ(ivsh_chan_send(&to_hub[i], 1, "x", 1), 0);
		count_begin();
		CHECK_EQ(take(), i);
		CHECK_EQ(take(), IVSH_EAGAIN);
		/* Slot, pending bytes, two descriptors in a line or two, both sides' lines. */
		CHECK(count_end() <= 6);
		CHECK(accesses <= 64);
	}
	/* A spinning wait wakes for it. */
	NEED_EQ(ivsh_chan_send(&to_hub[9], 1, "x", 1), 0);
	NEED_EQ(ivsh_region_wait(&hub, &wait, 1000000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(take(), 9);
}

/* All 63 send: each is served once before any is served twice. */
static void fair(void)
{
	open_all();
	for (unsigned n = 0; n < 16; n++)
		for (uint32_t i = 1; i < SLOTS; i++)
			NEED_EQ(ivsh_chan_send(&to_hub[i], 1, "x", 1), 0);
	for (unsigned round = 0; round < 16; round++) {
		uint64_t served = 0;

		for (uint32_t i = 1; i < SLOTS; i++)
			served |= UINT64_C(1) << (take() & 63);
		CHECK_EQ(served, ~UINT64_C(1));
	}
	CHECK_EQ(take(), IVSH_EAGAIN);
	/* One that fills its ring again and again gets one message in two, not more. */
	for (unsigned n = 0; n < 500; n++) {
		int other = 0, flood = 0;

		while (ivsh_chan_send(&to_hub[1], 1, "x", 1) == 0)
			;
		NEED_EQ(ivsh_chan_send(&to_hub[2 + n % 62], 1, "x", 1), 0);
		for (unsigned i = 0; i < 3 && !other; i++) {
			int from = take();

			other = from > 1;
			flood += from == 1;
		}
		CHECK_EQ(other, 1);
		CHECK(flood <= 2);
	}
}

static const struct test tests[] = {
    {"idle", idle},
    {"one of many", one_of_many},
    {"fair", fair},
};

int main(void)
{
	return test_main("mesh", tests, sizeof(tests) / sizeof(tests[0]));
}
