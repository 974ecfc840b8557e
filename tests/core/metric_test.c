/* SPDX-License-Identifier: MIT */
/*
 * metric_test.c - counters and gauges of a slot: declared, read, damaged, and of an incarnation
 * that has ended. SPEC R5.15.
 *
 * Slot 0 declares, slot 1 reads, and so does somebody without a slot.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <ivsh/metrics.h>

#include <string.h>

static struct end a, b;
static struct ivsh_region probe;
static struct ivsh_metric metrics[IVSH_METRICS + 1];
static uint8_t saved[WORLD_SIZE];

static int look(uint32_t index, struct ivsh_metric_sample *sample)
{
	memset(sample, 0x5a, sizeof(*sample));
	return ivsh_metric_read(&probe, 0, index, sample);
}

/* Whether entry (index) is (name), of (kind), at (value). */
static bool is(uint32_t index, const char *name, enum ivsh_metric_kind kind, uint64_t value)
{
	struct ivsh_metric_sample sample;

	return look(index, &sample) == 0 && !strcmp(sample.name, name) && sample.kind == kind &&
	       sample.value == value;
}

static int answer(uint32_t index)
{
	struct ivsh_metric_sample sample;

	return look(index, &sample);
}

static int declare(const char *name, enum ivsh_metric_kind kind, uint32_t i)
{
	return ivsh_metric_declare(&a.region, name, kind, &metrics[i]);
}

static void open_all(void)
{
	struct ivsh_attach attach = {0};
	struct ivsh_mem mem;

	world_format();
	mem = world_mem(IVSH_SELF_NONE);
	memset(metrics, 0, sizeof(metrics));
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(ivsh_region_probe(&probe, &mem, &attach), 0);
}

/* Publish the counters, as a wait does. */
static void tick(void)
{
	(void)world_wait(&a.region, 1);
}

static void values(void)
{
	open_all();
	CHECK_EQ(answer(0), IVSH_ENODEV);
	CHECK_EQ(declare("requests_total", IVSH_METRIC_COUNTER, 0), 0);
	CHECK_EQ(declare("depth", IVSH_METRIC_GAUGE, 1), 0);
	CHECK(is(0, "requests_total", IVSH_METRIC_COUNTER, 0));
	CHECK(is(1, "depth", IVSH_METRIC_GAUGE, 0));
	CHECK_EQ(answer(2), IVSH_ENODEV);
	ivsh_metric_add(&metrics[0], 3);
	ivsh_metric_add(&metrics[0], UINT64_C(1) << 40);
	ivsh_metric_set(&metrics[1], -5);
	CHECK(is(0, "requests_total", IVSH_METRIC_COUNTER, (UINT64_C(1) << 40) + 3));
	CHECK(is(1, "depth", IVSH_METRIC_GAUGE, (uint64_t)-5));
	ivsh_metric_add(&metrics[1], 7);
	CHECK(is(1, "depth", IVSH_METRIC_GAUGE, 2));
	/* At once, and as they were behind a wait. */
	tick();
	CHECK(is(1, "depth", IVSH_METRIC_GAUGE, 2));
	/* Entries of 64 bytes from 0x400 on, as SPEC.md has them. */
	CHECK_EQ(memcmp((uint8_t *)world_slot(0) + 0x440, "depth\0", 6), 0);
	CHECK_EQ(((uint8_t *)world_slot(0))[0x440 + 0x30], 2);
}

static void refusals(void)
{
	static const char *const bad[] = {"", "A", "_a", "1a", "a-b", "a b", "a.b", "\xc3\xa4",
	    "aB", "a\n", "a123456789b123456789c123456789d123456789"};
	static const char *const good[] = {
	    "a", "a1", "a_", "a123456789b123456789c123456789d12345678"};
	struct ivsh_metric_sample sample;
	char name[] = "a0";

	open_all();
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_row(bad[i]);
		CHECK_EQ(declare(bad[i], IVSH_METRIC_GAUGE, 0), IVSH_EINVAL);
	}
	test_row(NULL);
	CHECK_EQ(declare(NULL, IVSH_METRIC_GAUGE, 0), IVSH_EINVAL);
	CHECK_EQ(declare("a", (enum ivsh_metric_kind)0, 0), IVSH_EINVAL);
	CHECK_EQ(declare("a", (enum ivsh_metric_kind)3, 0), IVSH_EINVAL);
	CHECK_EQ(answer(0), IVSH_ENODEV);
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_EQ(declare(good[i], IVSH_METRIC_GAUGE, i), 0);
		CHECK(is(i, good[i], IVSH_METRIC_GAUGE, 0));
	}
	/* One name once, one struct once: R5.15.5. */
	CHECK_EQ(declare("a1", IVSH_METRIC_COUNTER, 4), IVSH_EINVAL);
	CHECK_EQ(declare("other", IVSH_METRIC_COUNTER, 0), IVSH_EINVAL);
	for (unsigned i = 4; i < IVSH_METRICS; i++) {
		name[0] = (char)('b' + i / 10);
		name[1] = (char)('0' + i % 10);
		CHECK_EQ(declare(name, IVSH_METRIC_COUNTER, i), 0);
	}
	CHECK_EQ(declare("more", IVSH_METRIC_COUNTER, IVSH_METRICS), IVSH_ENOSPC);
	CHECK_EQ(ivsh_metric_read(&probe, WORLD_SLOTS, 0, &sample), IVSH_EINVAL);
	CHECK_EQ(ivsh_metric_read(&probe, 0, IVSH_METRICS, &sample), IVSH_EINVAL);
	CHECK_EQ(ivsh_metric_read(&probe, 0, IVSH_METRICS - 1, &sample), 0);
	/* One that nobody declared changes nothing, and does no harm. */
	memset(&metrics[IVSH_METRICS], 0, sizeof(metrics[0]));
	ivsh_metric_add(&metrics[IVSH_METRICS], 1);
}

/* R5.15.1: the values of a dead peer stay, those of the next incarnation are its own. */
static void incarnations(void)
{
	open_all();
	CHECK_EQ(declare("old", IVSH_METRIC_COUNTER, 0), 0);
	CHECK_EQ(declare("older", IVSH_METRIC_COUNTER, 1), 0);
	ivsh_metric_add(&metrics[0], 9);
	end_kill(&a);
	CHECK(is(0, "old", IVSH_METRIC_COUNTER, 9));
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(answer(0), IVSH_ENODEV);
	CHECK_EQ(answer(1), IVSH_ENODEV);
	CHECK_EQ(declare("fresh", IVSH_METRIC_GAUGE, 2), 0);
	CHECK(is(0, "fresh", IVSH_METRIC_GAUGE, 0));
	CHECK_EQ(answer(1), IVSH_ENODEV);
	tick();
	CHECK_EQ(answer(1), IVSH_ENODEV);
	ivsh_metric_set(&metrics[2], 4);
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	CHECK(is(0, "fresh", IVSH_METRIC_GAUGE, 4));
	/* Void behind the detach. */
	ivsh_metric_set(&metrics[2], 5);
	CHECK(is(0, "fresh", IVSH_METRIC_GAUGE, 4));
	CHECK_EQ(declare("late", IVSH_METRIC_GAUGE, 3), IVSH_ELOST);
	/* Another's slot: nothing is stored there. */
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(declare("mine", IVSH_METRIC_GAUGE, 0), 0);
	world_slot(0)->nonce ^= 1;
	ivsh_metric_set(&metrics[0], 5);
	CHECK(is(0, "mine", IVSH_METRIC_GAUGE, 0));
	CHECK_EQ(declare("yours", IVSH_METRIC_GAUGE, 1), IVSH_ELOST);
	CHECK_EQ(answer(1), IVSH_ENODEV);
}

/* R5.15.4: damaged, they are there again. R5.15.6: meanwhile nothing is claimed. */
static void damage(void)
{
	struct ivsh_wire_metric *entry;

	open_all();
	CHECK_EQ(declare("first", IVSH_METRIC_COUNTER, 0), 0);
	CHECK_EQ(declare("second", IVSH_METRIC_COUNTER, 1), 0);
	ivsh_metric_add(&metrics[1], 2);
	entry = &world_slot(0)->metric[1];
	for (uint32_t byte = 0; byte < offsetof(struct ivsh_wire_metric, reserved); byte++)
		for (unsigned value = 0; value < 256; value += 51) {
			struct ivsh_metric_sample sample;
			int error;

			((uint8_t *)entry)[byte] = (uint8_t)value;
			error = look(1, &sample);
			CHECK(error == 0 || error == IVSH_ENODEV || error == IVSH_EPROTO);
			if (error == 0) {
				CHECK(memchr(sample.name, 0, sizeof(sample.name)) != NULL);
				CHECK(sample.name[0] >= 'a' && sample.name[0] <= 'z');
				CHECK(sample.kind == 1 || sample.kind == 2);
			}
			tick();
			CHECK(is(0, "first", IVSH_METRIC_COUNTER, 0));
			CHECK(is(1, "second", IVSH_METRIC_COUNTER, 2));
		}
	entry->name[3] = 'B';
	CHECK_EQ(answer(1), IVSH_EPROTO);
	memset(entry->name, 'b', sizeof(entry->name));
	CHECK_EQ(answer(1), IVSH_EPROTO);
	tick();
	entry->kind = 3;
	CHECK_EQ(answer(1), IVSH_EPROTO);
	/* A slot that says it has no incarnation has no metrics. */
	world_slot(0)->incarnation = entry->incarnation = 0;
	CHECK_EQ(answer(1), IVSH_ENODEV);
}

static void moves(void)
{
	open_all();
	memcpy(saved, world.memory, WORLD_SIZE);
	CHECK_EQ(declare("first", IVSH_METRIC_COUNTER, 0), 0);
	ivsh_metric_add(&metrics[0], 2);
	/* The machine: between the move and the next call nothing is stored. */
	world.vm_generation[0]++;
	ivsh_metric_add(&metrics[0], 1);
	CHECK(is(0, "first", IVSH_METRIC_COUNTER, 2));
	tick();
	CHECK_EQ(a.region.moved, 1);
	CHECK_EQ(world_slot(0)->metric[0].incarnation, world_slot(0)->incarnation);
	CHECK(is(0, "first", IVSH_METRIC_COUNTER, 3));
	/* The memory alone, of a time before it was declared. */
	for (unsigned i = 0; i < 300; i++)
		tick();
	memcpy(world.memory, saved, WORLD_SIZE);
	world_slot(0)->nonce = a.region.nonce;
	CHECK_EQ(answer(0), IVSH_ENODEV);
	tick();
	CHECK_EQ(a.region.moved, 2);
	CHECK(is(0, "first", IVSH_METRIC_COUNTER, 3));
	ivsh_metric_add(&metrics[0], 1);
	CHECK(is(0, "first", IVSH_METRIC_COUNTER, 4));
}

static const struct test tests[] = {
    {"metric: values", values},
    {"metric: refusals", refusals},
    {"metric: incarnations", incarnations},
    {"metric: damage", damage},
    {"metric: moves", moves},
};

int main(void)
{
	return test_main("core", tests, sizeof(tests) / sizeof(tests[0]));
}
