/* SPDX-License-Identifier: MIT */
/*
 * frozen_test.c - what an observer says of a region whose peers stop behind any store. Host only.
 *
 * Two sides send, receive, batch, pack, reset, are killed behind a random store, and come back as a
 * new incarnation, by claim, with or without the backlog. Behind each store all rings and slots are
 * checked, as if both sides stood still there for ever: nothing may be called broken, since nobody
 * broke a rule. The hook of lib/core/atomic.h stops them.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"
#include "observe/parts.h"
#include "observe/rings.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 600u

static struct observer observer;
static struct end ends[2];
static bool open_ends[2];
static uint32_t seed, kill_in; /* behind so many stores; 0: not */
static jmp_buf out;
static bool armed, failed;
static uint64_t checks, in_flight, resets;
static int answer; /* of calls that may fail */

/* As in crash_test.c: frames that longjmp() leaves cost too much otherwise. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=0";
}

static void check(void)
{
	struct observe_findings findings = {0};
	struct observed_header header;
	struct observed_slot slot;
	struct observed_part part;
	struct observed_ring ring;

	observe_header(world.memory, observer.size, &header, &findings);
	for (uint32_t i = 0; i < 2; i++) {
		if (observer.is_split)
			observe_part(&observer, i, &part, &findings);
		(void)observe_slot(&observer, i, &slot, &findings);
		observe_ring(&observer, i, 1 - i, &ring, &findings);
		in_flight += ring.is_known ? ring.messages : 0;
		resets += ring.state == OBSERVED_RESET;
		if (ring.state == OBSERVED_CHANGING)
			test_fail(__FILE__, __LINE__, "nothing moves", ring.state, 0);
	}
	checks++;
	for (uint32_t i = 0; i < findings.kept && !failed; i++) {
		const struct observe_finding *f = &findings.list[i];

		if (f->grade != OBSERVE_BROKEN)
			continue;
		failed = true;
		fprintf(stderr, "frozen: %s %s at 0x%llx = 0x%llx: %s\n", f->rule, f->word,
		    (unsigned long long)f->offset, (unsigned long long)f->value, f->why);
		test_fail(__FILE__, __LINE__, "called broken", (long long)checks, 0);
	}
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)word;
	(void)size;
	if (!armed || kind != HOOK_STORED)
		return;
	armed = false;
	check();
	if (kill_in != 0 && --kill_in == 0)
		longjmp(out, 1);
	armed = true;
}

static uint32_t random_below(uint32_t most)
{
	return world_random(&seed) % most;
}

static void begin(uint32_t i)
{
	static uint64_t nonce;
	struct ivsh_mem mem = world_mem(i);
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = ++nonce,
	    .name = "a name",
	    .discard = random_below(4) ? NULL : ivsh_attach_discard,
	    .claim = random_below(2) ? NULL : ivsh_attach_claim,
	};

	end_kill(&ends[i]);
	open_ends[i] =
	    ivsh_region_attach(&ends[i].region, &mem, &attach) == 0 &&
	    ivsh_chan_open(&ends[i].chan, &ends[i].region, 1 - i, ends[i].records, 64) == 0;
}

static void batch_send(struct ivsh_chan *ch)
{
	static const uint8_t bytes[256];
	struct ivsh_message messages[24];
	uint32_t sent, size = random_below(2) ? 12 : 0;

	for (uint32_t i = 0; i < 24; i++)
		messages[i] = (struct ivsh_message){
		    .data = bytes, .size = size ? size : random_below(200), .port = 7};
	answer |= ivsh_chan_send_batch(ch, messages, 24, &sent);
}

static void step(uint32_t i)
{
	static uint8_t bytes[8192];
	struct ivsh_chan *ch = &ends[i].chan;
	struct ivsh_message message;
	uint32_t what = random_below(32);

	if (!open_ends[i]) {
		begin(i);
	} else if (what < 10) {
		answer |= ivsh_chan_send(
		    ch, 1, bytes, random_below(8) ? random_below(64) : random_below(8192));
	} else if (what < 12) {
		batch_send(ch);
	} else if (what < 29) {
		for (uint32_t n = random_below(24); n > 0; n--)
			answer |= ivsh_chan_receive(ch, &message, bytes, sizeof(bytes));
	} else if (what == 29 && random_below(4) == 0) {
		answer |= ivsh_chan_reset(ch);
	} else if (what == 30) {
		answer |= world_wait(&ends[i].region, 1000);
	} else if (random_below(6) == 0) {
		ivsh_region_detach(&ends[i].region);
		open_ends[i] = false;
	}
}

/* Rounds of random steps; every now and then a side is killed behind one of its next stores. */
static void play(void)
{
	const char *soak = getenv("IVSH_SOAK");
	uint32_t steps = soak && *soak == '1' ? 40 * STEPS : STEPS;
	const struct ivsh_geometry geometry = {WORLD_SLOTS, 64, 4096, 8192, 0};
	static volatile uint32_t i, n; /* longjmp() leaves them */
	struct ivsh_mem mem;

	seed = 7;
	world_format();
	mem = world_mem(IVSH_SELF_NONE);
	NEED_EQ(observe_open(&observer, &mem, &geometry, world_is_split()), 0);
	observer.format_id = 1;
	for (n = 0; n < steps && !failed; n++) {
		i = random_below(2);
		kill_in = random_below(8) ? 0 : 1 + random_below(30);
		if (setjmp(out) == 0) {
			armed = true;
			step(i);
			armed = false;
		} else {
			open_ends[i] = false;
		}
	}
	observe_close(&observer);
	printf("frozen: %llu checks, %llu messages in flight in all, %llu rings out of step\n",
	    (unsigned long long)checks, (unsigned long long)in_flight, (unsigned long long)resets);
	CHECK(checks > 1000 && in_flight > 1000 && resets > 10);
}

int main(void)
{
	static const struct test tests[] = {{"frozen: nothing is called broken", play}};

	return test_main("observe", tests, sizeof(tests) / sizeof(tests[0]));
}
