/* SPDX-License-Identifier: MIT */
/*
 * hostile.c - a guest that writes anything to any place it can reach, and notifies whom it can: for
 * tests/moved/test_hostile.py. It attaches to nothing, and knows no more of the layout than where
 * headers are.
 *
 * It writes to BAR2 of every ivshmem device: any word; words of lines in use, which are not zero,
 * and there mostly values near to those that they have; and valid headers of parts that claim
 * another slot. Each doorbell device notifies any peer by any vector. What it stored, and loaded
 * again at once, it counts: of a memory that is mapped for reading only, that is nothing.
 *
 * Command line: seed=N. Keys: g begin, w wait, r report, q quit.
 *   memory function=F size=N stores=N kept=N      kept: that were there when loaded again
 *   state name=hostile running=0|1 stores=N doorbells=N claims=N
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"

#include <ivsh/ivsh.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "hostile";

#define DEVICES_MAX 33u /* a common memory, and 32 parts */
#define LINE 64u        /* bytes: of a cache, and of struct ivsh_wire_part */
#define HOT_MAX 2048u
#define SCAN_NS UINT64_C(500000000)
#define TURN 4096u        /* stores from one look at the console to the next */
#define DOORBELL_EVERY 8u /* stores */
#define CLAIM_EVERY 512u  /* stores */

/* One device, and what was stored into its memory. */
struct target {
	struct ivsh_device device;
	uint64_t stores, kept;
	uint64_t header[LINE / 8]; /* the first line, when it was a part's header */
	bool is_part;
	uint32_t hot[HOT_MAX]; /* lines in use */
	uint32_t hot_count;
};

static struct target targets[DEVICES_MAX];
static uint32_t target_count;
static uint64_t doorbells, claims, state;
static bool running;

/* xorshift64: the state is never 0. */
static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void open_all(void)
{
	struct ivsh_pci_windows windows;
	struct ivsh_mem mem;
	int error;

	arch_pci_windows(&windows);
	error = ivsh_pci_assign(arch_platform(), &windows);
	for (uint32_t i = 0; !error && i < DEVICES_MAX; i++) {
		error = ivsh_device_open_any(&targets[i].device, arch_platform(), i, &mem);
		if (!error)
			target_count++;
	}
	if (error != IVSH_ENODEV || target_count == 0) {
		printf("FAIL: device %u: %s\n", (unsigned)target_count, ivsh_error_text(error));
		exit(1);
	}
}

/* Find lines that are in use, or HOT_MAX of them. */
static void scan(struct target *target)
{
	volatile const uint64_t *words = target->device.memory;
	uint64_t lines = target->device.bar[2].size / LINE;
	uint32_t found = 0;
	bool is_used;

	if (!target->is_part && words[0] == IVSH_WIRE_PART_MAGIC) { /* no store of ours yet */
		memcpy(target->header, target->device.memory, LINE);
		target->is_part = true;
	}
	target->hot_count = 0;
	for (uint64_t line = 0; line < lines; line++) {
		is_used = false;
		for (uint32_t i = 0; i < LINE / 8; i++)
			is_used |= words[line * (LINE / 8) + i] != 0;
		if (!is_used)
			continue;
		/* Any of those found so far has the same chance to stay. */
		found++;
		if (target->hot_count < HOT_MAX)
			target->hot[target->hot_count++] = (uint32_t)line;
		else if (draw() % found < HOT_MAX)
			target->hot[draw() % HOT_MAX] = (uint32_t)line;
	}
}

/* Any value, or one near to the word's own, which goes deeper than noise. */
static uint64_t value_near(uint64_t old)
{
	uint64_t any = draw();

	switch (any >> 60) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
	case 3:
		return old ^ UINT64_C(1) << any % 64;
	case 4:
	case 5:
		return old + 1 + any % 64;
	case 6:
	case 7:
		return old - 1 - any % 64;
	case 8:
		return old + (UINT64_C(1) << 32);
	case 9:
		return any % 256;
	default:
		return any;
	}
}

/* Store what nobody else stores, so that what is loaded again is what was stored, or another's. */
static void store_any(struct target *target, uint64_t offset)
{
	volatile uint64_t *word = (volatile uint64_t *)((char *)target->device.memory + offset);
	uint64_t value = draw();

	*word = value;
	target->stores++;
	target->kept += *word == value;
}

static void store_near(struct target *target, uint64_t offset)
{
	volatile uint64_t *word = (volatile uint64_t *)((char *)target->device.memory + offset);
	uint64_t value = value_near(*word);
	volatile uint32_t *half = (volatile uint32_t *)word + (draw() & 1);

	if ((draw() & 1) != 0)
		*word = value;
	else
		*half = value_near(*half) & UINT32_MAX;
	target->stores++;
}

/* A valid header, of another slot. */
static void claim(struct target *target)
{
	struct ivsh_wire_part header;

	if (!target->is_part)
		return;
	memcpy(&header, target->header, LINE);
	header.slot = (uint32_t)(draw() % header.slots);
	memcpy(target->device.memory, &header, LINE);
	claims++;
}

static void notify(struct target *target)
{
	uint32_t any = (uint32_t)draw(), peer = (any & 1) != 0 ? any >> 28 : any >> 16;

	if (!target->device.doorbell)
		return;
	target->device.registers[IVSH_REG_DOORBELL / 4] = peer << 16 | (any >> 8 & 3);
	doorbells++;
}

static void attack(struct target *target)
{
	uint64_t words = target->device.bar[2].size / 8;

	for (uint32_t i = 0; i < TURN / target_count + 1; i++) {
		uint32_t line = target->hot_count ? target->hot[draw() % target->hot_count] : 0;

		switch (draw() & 3) {
		case 0:
			store_any(target, draw() % words * 8);
			break;
		case 1:
			store_any(target, (uint64_t)line * LINE + draw() % (LINE / 8) * 8);
			break;
		default:
			store_near(target, (uint64_t)line * LINE + draw() % (LINE / 8) * 8);
		}
		if (i % DOORBELL_EVERY == 0)
			notify(target);
		if (i % CLAIM_EVERY == 0)
			claim(target);
	}
}

static void report(void)
{
	uint64_t stores = 0;

	for (uint32_t i = 0; i < target_count; i++) {
		const struct target *target = &targets[i];

		stores += target->stores;
		printf("memory function=%#x size=%" PRIu64 " stores=%" PRIu64 " kept=%" PRIu64 "\n",
		    (unsigned)target->device.function, target->device.bar[2].size, target->stores,
		    target->kept);
	}
	printf("state name=hostile running=%d stores=%" PRIu64 " doorbells=%" PRIu64
	       " claims=%" PRIu64 "\n",
	    running, stores, doorbells, claims);
}

int main(int argc, char **argv)
{
	uint64_t scan_ns = 0;
	bool scans;
	int key;

	state = arch_nonce() | 1;
	if (argc > 1 && strncmp(argv[1], "seed=", 5) == 0)
		state = strtoull(argv[1] + 5, NULL, 10) | 1;
	open_all();
	printf("ready name=hostile memories=%u seed=%" PRIu64 "\n", (unsigned)target_count, state);
	while ((key = arch_console_read()) != 'q') {
		if (key == 'g' || key == 'w')
			running = key == 'g';
		if (key == 'r')
			report();
		if (!running) {
			arch_sleep(arch_doorbells(), arch_now_ns() + UINT64_C(5000000));
			continue;
		}
		scans = arch_now_ns() >= scan_ns;
		for (uint32_t i = 0; i < target_count; i++) {
			if (scans)
				scan(&targets[i]);
			attack(&targets[i]);
		}
		if (scans)
			scan_ns = arch_now_ns() + SCAN_NS;
	}
	report();
	printf("over name=hostile\n");
	return 0;
}
