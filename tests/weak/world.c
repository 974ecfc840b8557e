/* SPDX-License-Identifier: MIT */
/*
 * world.c - a region of two slots, attached by hand: the least rings that there can be.
 */
#include "tests/weak/world.h"

#include "core/layout.h"
#include "core/slot.h"

#define AREA 128u
#define STRIDE 16384u
#define SIZE (8192u + 4096u + 2u * STRIDE)

static _Alignas(4096) uint8_t memory[SIZE];
static const uint64_t unmoved;

struct end ends[2];

/* For sizes that are no constants. */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	return weak_copy(to, from, size);
}

/* Structs of words of 4 bytes, which the compiler copies whole: run.py puts this in its place. */
void weak_words(uint32_t *to, const uint32_t *from, uint64_t size)
{
	for (uint64_t i = 0; i < size / 4; i++)
		to[i] = from[i];
}

void weak_nothing(void)
{
}

static void notify(void *ctx, uint32_t peer, uint32_t vector)
{
	struct end *end = ctx;

	(void)peer;
	(void)vector;
	end->rings++;
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return 0;
}

static uint64_t now_ns(void *ctx)
{
	const struct end *end = ctx;

	return end->now_ns;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct end *end = ctx;

	(void)seen;
	if (end->on_sleep)
		end->on_sleep();
	end->now_ns = deadline_ns;
}

static void end_attach(uint32_t self)
{
	struct end *end = &ends[self];
	struct ivsh_region *region = &end->region;
	uint64_t size;

	end->now_ns = 1000000000;
	region->mem.base = memory;
	region->mem.size = SIZE;
	region->mem.self = self;
	region->mem.doorbell.ctx = end;
	region->mem.doorbell.vectors = 1;
	region->mem.doorbell.notify = notify;
	region->mem.doorbell.count = count;
	region->mem.doorbell.now_ns = now_ns;
	region->mem.doorbell.sleep = sleep_until;
	region->mem.vm_generation = &unmoved;
	region->geometry.slots = 2;
	region->geometry.descs = DESCS;
	region->geometry.small_size = AREA;
	region->geometry.large_size = AREA;
	CHECK(ivsh_layout_of(&region->geometry, &region->layout, &size) == 0);
	region->slot = ivsh_slot_at(region, self);
	region->nonce = region->token = 1001 + self;
	region->incarnation = 1;
	region->slot->nonce = region->nonce;
	region->slot->state = IVSH_WIRE_STATE_ATTACHED;
	region->slot->incarnation = 1;
	region->slot->vectors = 1;
	region->attached = true;
}

void world_open(void)
{
	end_attach(0);
	end_attach(1);
	CHECK(ivsh_chan_open(&ends[0].chan, &ends[0].region, 1, ends[0].records, DESCS) == 0);
	CHECK(ivsh_chan_open(&ends[1].chan, &ends[1].region, 0, ends[1].records, DESCS) == 0);
}

struct ivsh_wire_slot *world_slot(uint32_t slot)
{
	return ivsh_slot_at(&ends[0].region, slot);
}
