/* SPDX-License-Identifier: MIT */
/*
 * pair.c - two guests that take turns at a bare flag ping-pong and at the library's round trips.
 *
 * Theory of operation. How long a store of one guest takes to be seen by the other depends on where
 * the host has put the two, and changes from one second to the next. So one program measures both,
 * in slices of less than a millisecond: flags, 8 bytes, flags, 64 bytes, flags, 1 KiB, flags. Each
 * slice of messages stands between two of flags, which say where the host had the guests just then,
 * and what a message costs in round trips of flags. Slot 0 prints one line for each round: the
 * nanoseconds of its slices. tests/demos/pair.py makes medians of them.
 *
 * One round has a pause instruction between two polls, in all its slices, the next has none. A
 * processor profits from it; a hypervisor that translates leaves its fast path at each one, which
 * costs time, but also leaves the line to the other side for longer.
 *
 * The flags are two lines behind the region, in the same shared memory: the region gets the lower
 * half of BAR2. Slot 0 leads and has the clock; slot 1 follows the same plan. Only the flags and
 * the messages themselves keep them in step, and each side waits by polling.
 *
 * With "split" each slice of messages is followed by one in a split region, whose devices the
 * machine has, too.
 *
 * Command line: SLOT ROUNDS TRIPS [split]: rounds of each kind, and round trips of a slice.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"

#include <ivsh/ivsh.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "pair";

#define INLINE static inline __attribute__((always_inline))

#define LINE 128u /* a processor may fetch lines of 64 bytes in twos */
#define SIZE_MOST 1024u
#define READY 8u /* messages made in advance: their bytes are stored long before they are copied */
#define PORT 9u
#define ROUNDS_MOST 2000u
#define CHECKED 64u /* round trips of each kind whose bytes are all checked, before any slice */

#define SIZES 3u
static const uint32_t sizes[SIZES] = {8, 64, SIZE_MOST};

#define PARTS 2u
static struct ivsh_device device;
static struct ivsh_set_device devices[PARTS];
static struct ivsh_mem_part parts[PARTS];
static struct ivsh_set set = {.devices = devices, .parts = parts, .room = PARTS};

/* In one memory, and in a split region. */
#define ENDS 2u
static struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[IVSH_FIT_DESCS];
} ends[ENDS];
static uint32_t end_count = 1;

static uint32_t rounds, trips;
static bool leads;
static uint32_t *own_flag;
static const uint32_t *other_flag;
static uint32_t turn;     /* of the flags */
static uint64_t number;   /* of the round trip of a message, from the start on */
static uint64_t verified; /* messages that came and were the right ones */

/* Nanoseconds of the slices of one round; flags stand before and behind each size of each end. */
#define SLICES (SIZES * ENDS)
struct round {
	uint64_t flag[SLICES + 1];
	uint64_t slice[SLICES];
};

/* [0] without, [1] with a pause. */
static struct round took[2][ROUNDS_MOST];

static _Alignas(64) uint8_t ready[SIZES][2][READY][SIZE_MOST], in[SIZE_MOST];

static void need(int error, const char *what)
{
	if (error == 0)
		return;
	printf("FAIL: pair: %s: %s\n", what, ivsh_error_text(error));
	exit(1);
}

static void open_end(struct end *end, const struct ivsh_mem *mem, uint32_t slot)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = bare_name,
	    .nonce = arch_nonce(),
	    .timeout_ns = UINT64_C(20000000000),
	    .claim = ivsh_attach_claim,
	    .formatter = mem->split ? NULL : ivsh_attach_format,
	};

	/* Both have the same geometry. */
	if (end_count == 2)
		attach.format = ends[1].region.geometry;
	else if (!mem->split)
		need(ivsh_geometry_fit(mem->size, 2, &attach.format, NULL), "memory");
	need(ivsh_region_attach(&end->region, mem, &attach), "attach");
	need(ivsh_chan_open(&end->chan, &end->region, 1 - slot, end->records, IVSH_FIT_DESCS),
	    "channel");
}

static void open_split(uint32_t slot)
{
	struct ivsh_mem mem;

	need(ivsh_set_open_any(&set, arch_platform(), 0, &mem), "split region");
	mem.self = slot;
	open_end(&ends[1], &mem, slot);
	end_count = 2;
}

/* The first device that is no common memory, and no part. */
static void open_one(void)
{
	bool is_other = true;
	uint32_t function;

	for (uint32_t i = 0; is_other; i++) {
		need(ivsh_device_find(arch_platform(), i, &function), "find");
		need(ivsh_device_open(&device, arch_platform(), function), "open");
		is_other = ivsh_set_is_split(&device) || ivsh_set_is_part(&device);
		if (is_other)
			ivsh_device_close(&device);
	}
}

static void open_all(uint32_t slot, bool has_split)
{
	struct ivsh_pci_windows windows;
	struct ivsh_mem mem;
	uint8_t *flags;

	arch_pci_windows(&windows);
	need(ivsh_pci_assign(arch_platform(), &windows), "assign");
	open_one();
	ivsh_device_mem(&device, &mem);
	mem.self = slot;
	mem.size /= 2;
	flags = (uint8_t *)mem.base + mem.size;
	own_flag = (uint32_t *)(void *)(flags + slot * LINE);
	other_flag = (const uint32_t *)(const void *)(flags + (1 - slot) * LINE);
	if (has_split)
		open_split(slot);
	open_end(&ends[0], &mem, slot);
}

/* Each direction has its own bytes; the first and the last eight say which message it is. */
static void make_ready(void)
{
	for (uint32_t s = 0; s < SIZES; s++)
		for (uint32_t from = 0; from < 2; from++)
			for (uint32_t i = 0; i < READY; i++) {
				uint8_t *bytes = ready[s][from][i];
				uint64_t mark = UINT64_C(0x0101010101010101) * (2 * i + from + 1);

				for (uint32_t k = 0; k < sizes[s]; k++)
					bytes[k] = (uint8_t)(k * 7 + i * 31 + from * 101 + s);
				memcpy(bytes, &mark, sizeof(mark));
				memcpy(bytes + sizes[s] - sizeof(mark), &mark, sizeof(mark));
			}
}

INLINE void relax(bool pause)
{
	if (pause)
		__builtin_ia32_pause();
}

/* --- Flags ------------------------------------------------------------------------------------ */

INLINE void flag_await(uint32_t value, bool pause)
{
	while (__atomic_load_n(other_flag, __ATOMIC_ACQUIRE) != value)
		relax(pause);
}

INLINE void flag_trips(uint32_t count, bool pause)
{
	uint32_t value = turn, end = turn + count;

	while (value != end) {
		value++;
		if (leads)
			__atomic_store_n(own_flag, value, __ATOMIC_RELEASE);
		flag_await(value, pause);
		if (!leads)
			__atomic_store_n(own_flag, value, __ATOMIC_RELEASE);
	}
	turn = end;
}

/* --- Messages --------------------------------------------------------------------------------- */

INLINE void put(struct ivsh_chan *chan, const uint8_t *bytes, uint32_t size, bool pause)
{
	int error;

	while ((error = ivsh_chan_send(chan, PORT, bytes, size)) == IVSH_EAGAIN)
		relax(pause);
	need(error, "send");
}

INLINE bool same_ends(const uint8_t *a, const uint8_t *b, uint32_t size)
{
	uint64_t first[2], last[2];

	__builtin_memcpy(&first[0], a, 8);
	__builtin_memcpy(&first[1], b, 8);
	__builtin_memcpy(&last[0], a + size - 8, 8);
	__builtin_memcpy(&last[1], b + size - 8, 8);
	return first[0] == first[1] && last[0] == last[1];
}

INLINE void take(struct ivsh_chan *chan, const uint8_t *bytes, uint32_t size, bool pause)
{
	struct ivsh_message message;
	int error;

	while ((error = ivsh_chan_receive(chan, &message, in, sizeof(in))) == IVSH_EAGAIN)
		relax(pause);
	need(error, "receive");
	if (message.size != size || message.port != PORT || !same_ends(in, bytes, size))
		need(IVSH_EPROTO, "a message is not the one that was sent");
	verified++;
}

INLINE void size_trips(struct ivsh_chan *chan, uint32_t s, uint32_t count, bool pause)
{
	uint32_t size = sizes[s];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t which = number++ % READY;

		if (leads)
			put(chan, ready[s][0][which], size, pause);
		take(chan, ready[s][leads][which], size, pause);
		if (!leads)
			put(chan, ready[s][1][which], size, pause);
	}
}

/* --- Slices ----------------------------------------------------------------------------------- */

static void run_flags(uint32_t count, bool pause)
{
	if (pause)
		flag_trips(count, true);
	else
		flag_trips(count, false);
}

static void run_size(struct ivsh_chan *chan, uint32_t s, uint32_t count, bool pause)
{
	if (pause)
		size_trips(chan, s, count, true);
	else
		size_trips(chan, s, count, false);
}

/* Every byte of a few messages; and the code is translated, the memory there. */
static void check(struct ivsh_chan *chan, bool pause)
{
	run_flags(CHECKED, pause);
	for (uint32_t s = 0; s < SIZES; s++)
		for (uint32_t i = 0; i < CHECKED; i++) {
			uint32_t which = number % READY;

			run_size(chan, s, 1, pause);
			if (memcmp(in, ready[s][leads][which], sizes[s]) != 0)
				need(IVSH_EPROTO, "a byte is not the one that was sent");
		}
}

static void measure(struct round *round, bool pause)
{
	uint64_t then = arch_now_ns(), now;
	uint32_t count = SIZES * end_count;

	for (uint32_t i = 0; i <= count; i++) {
		run_flags(trips, pause);
		now = arch_now_ns();
		round->flag[i] = now - then;
		then = now;
		if (i == count)
			return;
		run_size(&ends[i % end_count].chan, i / end_count, trips, pause);
		now = arch_now_ns();
		round->slice[i] = now - then;
		then = now;
	}
}

static void print(const struct round *round, bool pause)
{
	uint32_t count = SIZES * end_count;

	printf("pair: %s", pause ? "pause" : "none");
	for (uint32_t i = 0; i < count; i++)
		printf(" flag %" PRIu64 " %" PRIu32 " %" PRIu64, round->flag[i],
		    sizes[i / end_count], round->slice[i]);
	printf(" flag %" PRIu64 "\n", round->flag[count]);
}

int main(int argc, char **argv)
{
	uint32_t slot = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2;

	rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100;
	trips = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1000;
	if (slot > 1 || rounds == 0 || rounds > ROUNDS_MOST || trips == 0)
		return 2;
	leads = slot == 0;
	make_ready();
	open_all(slot, argc > 4 && strcmp(argv[4], "split") == 0);
	for (uint32_t kind = 0; kind < 2; kind++)
		for (uint32_t i = 0; i < end_count; i++)
			check(&ends[i].chan, kind);
	for (uint32_t i = 0; i < rounds; i++)
		for (uint32_t kind = 0; kind < 2; kind++)
			measure(&took[kind][i], kind);
	for (uint32_t i = 0; i < rounds && leads; i++)
		for (uint32_t kind = 0; kind < 2; kind++)
			print(&took[kind][i], kind);
	for (uint32_t i = 0; i < end_count; i++) {
		ivsh_chan_close(&ends[i].chan);
		ivsh_region_detach(&ends[i].region);
	}
	ivsh_set_close(&set);
	ivsh_device_close(&device);
	printf("pair: %" PRIu64 " messages verified\n", verified);
	return 0;
}
