/* SPDX-License-Identifier: MIT */
/*
 * mem_test.c - ivsh_conformance_mem() and ivsh_conformance_mapped() over a transport in this
 * process, as it should be, and with one mistake after another in it.
 *
 * A notification to itself is one more in a variable; the registers are words that only store.
 */
#include "tests/lib/test.h"

#include <ivsh/conformance.h>
#include <ivsh/device.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SELF 3u
#define VECTORS 2u
#define SIZE 65536u

static _Alignas(4096) uint8_t memory[SIZE + 4096];
static _Alignas(4096) uint32_t registers[64];

static uint32_t notified; /* what count() answers */
static uint32_t lies;     /* what a wrong one makes of it */

static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return notified;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	uint64_t now = now_ns(ctx);
	struct timespec left = {0, 0};

	if (notified != seen || now >= deadline_ns)
		return;
	left.tv_sec = (time_t)((deadline_ns - now) / 1000000000u);
	left.tv_nsec = (long)((deadline_ns - now) % 1000000000u);
	nanosleep(&left, NULL);
}

static void notify(void *ctx, uint32_t peer, uint32_t vector)
{
	(void)ctx;
	notified += peer == SELF && vector < VECTORS;
}

static int recheck(void *ctx, uint32_t *self)
{
	(void)ctx;
	*self = SELF;
	return 0;
}

static struct ivsh_mem right(void)
{
	return (struct ivsh_mem){
	    .base = memory,
	    .size = SIZE,
	    .self = SELF,
	    .doorbell = {.vectors = VECTORS,
		.notify = notify,
		.count = count,
		.now_ns = now_ns,
		.sleep = sleep_until,
		.recheck = recheck},
	};
}

/* --- Mistakes --------------------------------------------------------------------------------- */

static void make_nothing(struct ivsh_mem *mem)
{
	(void)mem;
}

static void make_misaligned(struct ivsh_mem *mem)
{
	mem->base = memory + 64;
}

static void make_small(struct ivsh_mem *mem)
{
	mem->size = 2048;
}

static void make_self(struct ivsh_mem *mem)
{
	mem->self = 65536;
}

static void make_no_sleep(struct ivsh_mem *mem)
{
	mem->doorbell.sleep = NULL;
}

static void make_no_notify(struct ivsh_mem *mem)
{
	mem->doorbell.notify = NULL;
}

static void make_vectors(struct ivsh_mem *mem)
{
	mem->doorbell.vectors = 4096;
}

/* Destination and vector are the wrong way round. */
static void notify_swapped(void *ctx, uint32_t peer, uint32_t vector)
{
	notify(ctx, vector, peer);
}

static void make_swapped(struct ivsh_mem *mem)
{
	mem->doorbell.notify = notify_swapped;
}

/* Only the low bits of each reach the register. */
static void notify_cut(void *ctx, uint32_t peer, uint32_t vector)
{
	notify(ctx, peer & 0xffff, vector & 0xffff);
}

static void make_cut(struct ivsh_mem *mem)
{
	mem->doorbell.notify = notify_cut;
}

/* It waits for the peer. */
static void notify_slow(void *ctx, uint32_t peer, uint32_t vector)
{
	const struct timespec wait = {0, 10000000};

	notify(ctx, peer, vector);
	nanosleep(&wait, NULL);
}

static void make_slow(struct ivsh_mem *mem)
{
	mem->doorbell.notify = notify_slow;
}

static void notify_first(void *ctx, uint32_t peer, uint32_t vector)
{
	if (vector == 0)
		notify(ctx, peer, vector);
}

static void make_first(struct ivsh_mem *mem)
{
	mem->doorbell.notify = notify_first;
}

static int recheck_fails(void *ctx, uint32_t *self)
{
	(void)ctx, (void)self;
	return IVSH_ENODEV;
}

static void make_recheck_fails(struct ivsh_mem *mem)
{
	mem->doorbell.recheck = recheck_fails;
}

static int recheck_other(void *ctx, uint32_t *self)
{
	(void)ctx;
	*self = SELF + 1;
	return 0;
}

static void make_recheck_other(struct ivsh_mem *mem)
{
	mem->doorbell.recheck = recheck_other;
}

/* Once it has looked, no vector is enabled any more. */
static uint32_t count_until_recheck(void *ctx)
{
	(void)ctx;
	return lies != 0 ? lies : notified;
}

static int recheck_disables(void *ctx, uint32_t *self)
{
	lies = count(ctx);
	return recheck(ctx, self);
}

static void make_recheck_disables(struct ivsh_mem *mem)
{
	lies = 0;
	mem->doorbell.count = count_until_recheck;
	mem->doorbell.recheck = recheck_disables;
}

/* Time goes by, and nothing was sent. */
static uint32_t count_time(void *ctx)
{
	return (uint32_t)(now_ns(ctx) / 1000000);
}

static void make_time(struct ivsh_mem *mem)
{
	mem->doorbell.count = count_time;
}

static void make_polls(struct ivsh_mem *mem)
{
	mem->doorbell.vectors = 0;
	mem->doorbell.notify = NULL;
	mem->self = IVSH_SELF_NONE;
}

/* --- The checks ------------------------------------------------------------------------------- */

static char broken[128];

static void report(void *ctx, const struct ivsh_conformance_result *result)
{
	(void)ctx;
	if (result->state != IVSH_CONFORMANCE_BROKEN)
		return;
	printf("    %s: %s: %s (%llu, %llu)\n", result->clause, result->text, result->what,
	    (unsigned long long)result->got, (unsigned long long)result->want);
	if (strlen(broken) + strlen(result->clause) + 2 > sizeof(broken))
		return;
	if (broken[0] != '\0')
		strcat(broken, " ");
	strcat(broken, result->clause);
}

/* As page tables would say it. */
static enum ivsh_conformance_cache cache(void *ctx, const volatile void *address)
{
	const enum ivsh_conformance_cache *memory_is = ctx;

	return address == memory ? *memory_is : IVSH_CACHE_OTHER;
}

static void expect(const char *name, int error, const char *want)
{
	test_row(name);
	CHECK_EQ(error, want[0] == '\0' ? 0 : IVSH_EPLATFORM);
	if (strcmp(broken, want) != 0)
		printf("    %s: broken: %s; wanted: %s\n", name, broken, want);
	CHECK_EQ(strcmp(broken, want), 0);
}

static struct ivsh_conformance begin(enum ivsh_conformance_cache *is)
{
	broken[0] = '\0';
	notified = 0;
	return (struct ivsh_conformance){
	    .ctx = is, .report = report, .cache = cache, .vectors = VECTORS};
}

static void test_mem(void)
{
	static const struct {
		const char *name;
		void (*make)(struct ivsh_mem *mem);
		const char *broken;
	} rows[] = {
	    {"as it should be", make_nothing, ""},
	    {"one that polls", make_polls, ""},
	    {"the memory is not aligned", make_misaligned, "M1.1"},
	    {"the memory is too small", make_small, "M1.1"},
	    {"a slot that no peer has", make_self, "M2.1"},
	    {"no sleep", make_no_sleep, "D6.1"},
	    {"no notify", make_no_notify, "D6.1"},
	    {"too many vectors", make_vectors, "D6.1"},
	    {"peer and vector swapped", make_swapped, "D4.1"},
	    {"bits of the peer are cut off", make_cut, "D4.3"},
	    {"notify waits", make_slow, "D4.2"},
	    {"only vector 0", make_first, "D6.2"},
	    {"recheck fails", make_recheck_fails, "D5.1"},
	    {"recheck answers another slot", make_recheck_other, "D5.1"},
	    {"no notification behind recheck", make_recheck_disables, "D5.1"},
	    {"count is a clock", make_time, "D2.2"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum ivsh_conformance_cache is = IVSH_CACHE_WRITE_BACK;
		struct ivsh_conformance check = begin(&is);
		struct ivsh_mem mem = right();

		rows[i].make(&mem);
		expect(rows[i].name, ivsh_conformance_mem(&check, &mem), rows[i].broken);
	}
}

static void test_uncached(void)
{
	enum ivsh_conformance_cache is = IVSH_CACHE_OTHER;
	struct ivsh_conformance check = begin(&is);
	struct ivsh_mem mem = right();

	expect("uncached", ivsh_conformance_mem(&check, &mem), "M1.3");
	is = IVSH_CACHE_UNKNOWN;
	check = begin(&is);
	expect("unknown", ivsh_conformance_mem(&check, &mem), "");
	CHECK_EQ(check.skipped, 1);
}

/* What is in the memory is there again. */
static void test_restored(void)
{
	enum ivsh_conformance_cache is = IVSH_CACHE_WRITE_BACK;
	struct ivsh_conformance check = begin(&is);
	struct ivsh_mem mem = right();

	for (unsigned i = 0; i < SIZE; i++)
		memory[i] = (uint8_t)(i * 7 + 1);
	expect("restored", ivsh_conformance_mem(&check, &mem), "");
	for (unsigned i = 0; i < SIZE; i++)
		NEED_EQ(memory[i], (uint8_t)(i * 7 + 1));
}

/* --- What a system that owns PCI fills in ----------------------------------------------------- */

static int mapped_recheck(void *ctx)
{
	(void)ctx;
	return 0;
}

static struct ivsh_mapped polling(void)
{
	return (struct ivsh_mapped){
	    .registers = registers,
	    .memory = memory,
	    .size = SIZE,
	    .now_ns = now_ns,
	    .sleep = sleep_until,
	    .count = count,
	    .recheck = mapped_recheck,
	};
}

static void test_mapped(void)
{
	enum ivsh_conformance_cache is = IVSH_CACHE_WRITE_BACK;
	struct ivsh_conformance check = begin(&is);
	struct ivsh_mapped mapped = polling();

	expect("as it should be", ivsh_conformance_mapped(&check, &mapped), "");
	check = begin(&is);
	mapped.registers = NULL;
	expect("without registers", ivsh_conformance_mapped(&check, &mapped), "");
	check = begin(&is);
	mapped = polling();
	mapped.vectors = 2;
	expect("vectors without a doorbell", ivsh_conformance_mapped(&check, &mapped), "S2.1");
	check = begin(&is);
	mapped = polling();
	memset(memory, 0, SIZE);
	mapped.registers = (volatile void *)memory;
	expect("registers that are cached", ivsh_conformance_mapped(&check, &mapped), "S1.2");
	check = begin(&is);
	mapped = polling();
	registers[IVSH_REG_IVPOSITION / 4] = 0x12345678;
	expect("registers of something else", ivsh_conformance_mapped(&check, &mapped), "S1.1");
	registers[IVSH_REG_IVPOSITION / 4] = 0;
	/* The doorbell register only stores here: no notification comes. */
	check = begin(&is);
	mapped.doorbell = true;
	mapped.vectors = VECTORS;
	expect("a doorbell that reaches nobody", ivsh_conformance_mapped(&check, &mapped), "D4.1");
	registers[IVSH_REG_DOORBELL / 4] = 0;
}

static void test_no_report(void)
{
	struct ivsh_conformance check = {.report = NULL};
	struct ivsh_mapped mapped = polling();
	struct ivsh_mem mem = right();

	CHECK_EQ(ivsh_conformance_mem(&check, &mem), IVSH_EINVAL);
	CHECK_EQ(ivsh_conformance_mapped(&check, &mapped), IVSH_EINVAL);
}

int main(void)
{
	static const struct test tests[] = {
	    {"transports", test_mem},
	    {"how the memory is cached", test_uncached},
	    {"the memory is restored", test_restored},
	    {"mapped", test_mapped},
	    {"no report", test_no_report},
	};

	return test_main("conformance", tests, sizeof(tests) / sizeof(tests[0]));
}
