/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the shared memory: that it is there as a whole, keeps what is stored, and is cached.
 *
 * How it is cached is looked up where the caller can, and measured: a load of uncached memory goes
 * to the memory each time, and takes ten to a hundred times as long as one of the cache. An
 * emulator has no caches, and shows no difference.
 */
#include "conformance/check.h"

#include <stddef.h>

#define SCRATCH 4096u /* the last bytes of the memory: conformance.h */

#define BURST 1024u /* loads between two looks at the clock */
#define LOADS_MOST (1u << 28)
#define MEASURE_NS (MS / 50) /* at least */
#define MEASURES 16u
#define RATIO_MOST 8u

/* --- Access ----------------------------------------------------------------------------------- */

/* An access of 8 bytes at any address, as the compiler of the caller's flags makes it. */
struct __attribute__((__packed__)) any {
	uint64_t value;
};

static bool stays(volatile uint8_t *at)
{
	volatile uint8_t *byte = at;
	volatile uint16_t *half = (volatile void *)(at + 2);
	volatile uint32_t *word = (volatile void *)(at + 4);
	volatile uint64_t *wide = (volatile void *)(at + 8);
	volatile struct any *odd = (volatile void *)(at + 17);

	for (uint64_t pattern = UINT64_C(0x0123456789abcdef);; pattern = ~pattern) {
		*byte = (uint8_t)pattern;
		*half = (uint16_t)pattern;
		*word = (uint32_t)pattern;
		*wide = pattern;
		odd->value = pattern;
		if (*byte != (uint8_t)pattern || *half != (uint16_t)pattern ||
		    *word != (uint32_t)pattern || *wide != pattern || odd->value != pattern)
			return false;
		if (pattern >> 63 != 0)
			return true;
	}
}

/* The same, and what was there before is there again. */
static bool stays_restored(volatile uint8_t *at)
{
	uint8_t before[32];
	bool stayed;

	for (uint32_t i = 0; i < sizeof(before); i++)
		before[i] = at[i];
	stayed = stays(at);
	for (uint32_t i = 0; i < sizeof(before); i++)
		at[i] = before[i];
	return stayed;
}

/*
 * Load at each power of two, where a mapping that is too small ends, and store at both ends of the
 * scratch. Answers whether stores stay.
 */
static bool is_memory(const struct range *memory)
{
	volatile uint8_t *base = memory->base, *scratch = base + (memory->size - SCRATCH);

	for (uint64_t at = 1; at < memory->size; at *= 2) {
		(void)base[at];
		(void)base[memory->size - at];
	}
	return stays_restored(scratch) && stays_restored(scratch + SCRATCH - 32);
}

/* --- Cache ------------------------------------------------------------------------------------ */

/* Load one word (loads) times, or until (most_ns) have passed. Answers how long that took. */
static uint64_t load(const struct ivsh_doorbell *clock, const volatile uint32_t *word,
    uint32_t loads, uint64_t most_ns)
{
	uint64_t start = clock->now_ns(clock->ctx), took = 0;

	for (uint32_t done = 0; done < loads && took < most_ns; done += BURST) {
		for (uint32_t i = 0; i < BURST; i++)
			(void)*word;
		took = clock->now_ns(clock->ctx) - start;
	}
	return took;
}

/*
 * Whether a load of (memory) takes more than RATIO_MOST times as long as one of ordinary memory. A
 * machine that is busy otherwise may be slow at any time: the shortest of several measurements
 * counts, of the one and of the other, and none is longer than the clock's step makes necessary.
 */
static bool is_slow(const struct ivsh_doorbell *clock, const struct range *memory)
{
	volatile uint32_t ordinary = 0;
	uint32_t loads = BURST;
	uint64_t fast = 0;
	bool slow = true;

	while (fast < MEASURE_NS && loads < LOADS_MOST) {
		loads *= 2;
		fast = UINT64_MAX;
		for (uint32_t i = 0; i < MEASURES && fast >= MEASURE_NS; i++) {
			uint64_t took = load(clock, &ordinary, loads, UINT64_MAX);

			if (took < fast)
				fast = took;
		}
	}
	for (uint32_t i = 0; slow && i < MEASURES; i++)
		slow = load(clock, memory->base, loads, RATIO_MOST * fast) >= RATIO_MOST * fast;
	return slow;
}

static void check_cached(struct run *run, const struct ivsh_doorbell *clock,
    const struct range *memory, enum clause cached)
{
	struct ivsh_conformance *check = run->check;
	enum ivsh_conformance_cache cache = IVSH_CACHE_UNKNOWN;

	ivsh_check_begins(run, cached);
	if (check->cache != NULL)
		cache = check->cache(check->ctx, memory->base);
	if (cache == IVSH_CACHE_OTHER) {
		ivsh_check_breaks(run, cached, "it is mapped in another way", 0, 0);
		return;
	}
	/* Only with a clock that can be used. */
	if ((run->unusable >> D1_3_UNIT & 1) == 0 && is_slow(clock, memory))
		ivsh_check_breaks(run, cached,
		    "a load takes more than 8 times as long as one of ordinary memory", 0, 0);
	else if (cache == IVSH_CACHE_WRITE_BACK)
		ivsh_check_keeps(run, cached);
	else
		ivsh_check_skips(run, cached,
		    "nothing says how it is mapped, and loads are fast: it is "
		    "write-back, or emulated");
}

/* Without the cache an access of some size, or one that is not aligned, may crash the machine. */
void ivsh_check_memory(struct run *run, const struct ivsh_doorbell *clock,
    const struct range *memory, enum clause access, enum clause cached)
{
	uint32_t broken = run->check->broken;

	check_cached(run, clock, memory, cached);
	if (run->check->broken != broken) {
		ivsh_check_skips(run, access, WHY_NEEDS);
		return;
	}
	ivsh_check_begins(run, access);
	ivsh_check_holds(run, access, is_memory(memory), "a store does not stay", 0, 0);
}
