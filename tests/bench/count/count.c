/* SPDX-License-Identifier: MIT */
/*
 * count.c - both ends of one channel in one program, for counting instructions:
 * tests/bench/counts.sh.
 *
 * Command line: SIZE ROUNDS [slept|node|split]. Each round sends a burst of messages of SIZE bytes
 * and receives them. Both ends poll; with "node" they are nodes; with "slept" both have slept
 * before, so each has set its notify flags for the other, and is awake: no end is notified (SPEC
 * R8.2); with "split" the region is a split one of the same geometry. On the host callgrind counts
 * what happens inside count_send() and count_receive(), and the difference of two lengths leaves
 * out all that happens once. As a guest under -icount the processor's counter counts instructions:
 * the last line of output has them.
 */
#include <ivsh/node.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program's name for lib/bare; the host does not use it. */
extern const char bare_name[];
const char bare_name[] = "count";

#define BURST_MOST 32u    /* a quarter of the descriptors, and half */
#define BURST_BYTES 2048u /* of the small area: neither end ever waits */
#define SIZE_MOST 65536u

static _Alignas(4096) uint8_t memory[0x40000];
/* Of a split region; (memory) has its header then. A part is smaller than a region for two. */
static _Alignas(4096) uint8_t parts[2][sizeof(memory)];
static bool is_split;

/* One side of the channel; its application's own memory. */
static struct side {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[IVSH_FIT_DESCS];
	struct ivsh_mem_part parts[2];
	struct ivsh_node *node; /* instead of them */
	uint8_t block[IVSH_NODE_SIZE(2, IVSH_FIT_DESCS)];
} sides[2];

static _Alignas(64) uint8_t out[SIZE_MOST], in[SIZE_MOST];

static uint32_t messages; /* of one burst */
static uint32_t receiver; /* its slot */

static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 1000000;
}

static uint32_t notified(void *ctx)
{
	(void)ctx;
	return 0;
}

static void sleep_never(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	(void)seen;
	(void)deadline_ns;
}

static void ring(void *ctx, uint32_t peer, uint32_t vector)
{
	(void)ctx;
	(void)peer;
	(void)vector;
}

static void need(int error, const char *what)
{
	if (error == 0)
		return;
	printf("FAIL: count: %s: %s\n", what, ivsh_error_text(error));
	exit(1);
}

static void format(void)
{
	struct ivsh_geometry geometry;

	need(ivsh_geometry_fit(sizeof(memory), 2, &geometry, NULL), "fit");
	if (!is_split) {
		need(ivsh_region_format(memory, sizeof(memory), &geometry, 1, false), "format");
		return;
	}
	for (uint32_t slot = 0; slot < 2; slot++)
		need(ivsh_part_format(parts[slot], sizeof(parts[slot]), &geometry, 1, slot, false),
		    "part");
	need(ivsh_split_format(memory, IVSH_WIRE_COMMON_SIZE, &geometry, 1, false), "format");
}

static void side_open(uint32_t self, bool is_node)
{
	struct ivsh_mem_part *part = sides[self].parts;
	struct ivsh_mem mem = {
	    .base = memory,
	    .size = sizeof(memory),
	    .self = self,
	    .doorbell = {NULL, 1, ring, notified, now_ns, sleep_never, NULL},
	};
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = self + 1};
	struct side *side = &sides[self];

	for (uint32_t slot = 0; slot < 2; slot++)
		part[slot] = (struct ivsh_mem_part){
		    parts[slot], sizeof(parts[slot]), slot, slot == self, IVSH_SELF_NONE};
	if (is_split) {
		mem.parts = part;
		mem.part_count = 2;
		mem.split = ivsh_attach_split;
	}
	if (is_node) {
		need(ivsh_node_open(&side->node, side->block, sizeof(side->block), &mem, NULL),
		    "node");
		return;
	}
	need(ivsh_region_attach(&side->region, &mem, &attach), "attach");
	need(ivsh_chan_open(&side->chan, &side->region, 1 - self, side->records, IVSH_FIT_DESCS),
	    "open");
}

/* Sleep once: from then on this end requests notifications. */
static void side_sleep(uint32_t self)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events;

	need(ivsh_region_wait(&sides[self].region, &wait, 2000000, &events), "wait");
}

/* This is counted: a call, its arguments, and all that happens in it. */
__attribute__((noinline)) static int count_send(void *ch, uint32_t size)
{
	return ivsh_chan_send(ch, 1, out, size);
}

__attribute__((noinline)) static int count_receive(void *ch, uint32_t size)
{
	static struct ivsh_message message;

	return ivsh_chan_receive(ch, &message, in, size);
}

/* The same through the front door, to and from any peer. */
__attribute__((noinline)) static int count_node_send(void *node, uint32_t size)
{
	return ivsh_node_send(node, receiver, 1, out, size, 0);
}

__attribute__((noinline)) static int count_node_receive(void *node, uint32_t size)
{
	static struct ivsh_node_message message;

	return ivsh_node_receive(node, &message, in, size, 0);
}

/* The cost of counting nothing: the loop and an empty call. */
__attribute__((noinline)) static int count_nothing(void *ch, uint32_t size)
{
	__asm__ volatile("" : : "r"(ch), "r"(size));
	return 0;
}

/*
 * Instructions so far. QEMU's -icount shift=0: one is one nanosecond, and the counters of x86_64
 * and aarch64 run at 1 GHz; instret counts by itself. On the host callgrind counts.
 */
static uint64_t instructions(void)
{
	uint64_t count = 0;
#if __STDC_HOSTED__
#elif defined(__x86_64__)
	count = __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	__asm__ volatile("mrs %0, pmccntr_el0" : "=r"(count)::"memory");
#elif defined(__riscv)
	__asm__ volatile("csrr %0, instret" : "=r"(count)::"memory");
#endif
	return count;
}

/* PMCR_EL0.E, PMCNTENSET_EL0.C, PMCCFILTR_EL0: the cycle counter counts, at each level. */
static void start_counter(void)
{
#if defined(__aarch64__) && !__STDC_HOSTED__
	__asm__ volatile(
	    "msr pmccfiltr_el0, xzr\n\tmsr pmcntenset_el0, %0\n\tmsr pmcr_el0, %1\n\tisb"
	    :
	    : "r"(UINT64_C(1) << 31), "r"(UINT64_C(1)));
#endif
}

/* The instructions of one burst. */
__attribute__((noinline)) static uint64_t burst(
    int (*call)(void *end, uint32_t size), void *end, uint32_t size)
{
	uint64_t start = instructions();
	int errors = 0;

	for (uint32_t i = 0; i < messages; i++)
		errors |= call(end, size);
	start = instructions() - start;
	need(errors, "a call");
	return start;
}

int main(int argc, char **argv)
{
	uint32_t size = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 8;
	uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 64;
	bool is_node = argc > 3 && strcmp(argv[3], "node") == 0;
	uint64_t sent = 0, received = 0, nothing;

	if (size == 0 || size > sizeof(out))
		return 2;
	messages = BURST_BYTES / size < BURST_MOST ? BURST_BYTES / size : BURST_MOST;
	if (messages == 0)
		messages = 1;
	is_split = argc > 3 && strcmp(argv[3], "split") == 0;
	format();
	side_open(0, is_node);
	side_open(1, is_node);
	receiver = argc > 2; /* 1, which the compiler must not know */
	for (uint32_t self = 0; argc > 3 && !is_node && !is_split && self < 2; self++)
		side_sleep(self);
	start_counter();
	/* Once for the caches, and for QEMU's translation. */
	(void)burst(count_nothing, &sides[0].chan, size);
	nothing = burst(count_nothing, &sides[0].chan, size);
	for (uint32_t i = 0; i < rounds; i++) {
		sent += is_node ? burst(count_node_send, sides[0].node, size)
				: burst(count_send, &sides[0].chan, size);
		received += is_node ? burst(count_node_receive, sides[1].node, size)
				    : burst(count_receive, &sides[1].chan, size);
		sent -= nothing;
		received -= nothing;
	}
	printf("count %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", size, rounds * messages,
	    sent, received);
	return 0;
}
