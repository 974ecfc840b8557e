/* SPDX-License-Identifier: MIT */
/*
 * world.c - a small world for tests of the core.
 */
#include "tests/core/world.h"

#include "core/layout.h"
#include "tests/lib/test.h"

#include <string.h>

static _Alignas(4096) uint8_t memory[WORLD_SIZE];

struct world world;

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	if (world.on_now)
		world.on_now();
	return world.now_ns;
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return world.notified;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	if (world.notified != seen || deadline_ns <= world.now_ns)
		return;
	world.slept_ns += deadline_ns - world.now_ns;
	world.now_ns = deadline_ns;
	if (world.on_sleep)
		world.on_sleep();
}

static void ring(void *ctx, uint32_t peer, uint32_t vector)
{
	(void)ctx;
	world.rings++;
	world.ring_peer = peer;
	world.ring_vector = vector;
}

static int recheck(void *ctx, uint32_t *self)
{
	(void)ctx;
	world.rechecks++;
	if (world.moved_to)
		*self = world.moved_to - 1;
	return world.removed ? IVSH_ENODEV : 0;
}

/* Spinning takes time, too. */
static void relax(void *ctx)
{
	(void)ctx;
	world.now_ns += 100;
	world.relaxed++;
	if (world.on_relax)
		world.on_relax();
}

void world_reset(void)
{
	memset(memory, 0, sizeof(memory));
	memset(&world, 0, sizeof(world));
	world.memory = memory;
	world.now_ns = 1000000000;
	world.vectors = 4;
}

void world_format(void)
{
	struct ivsh_geometry geometry = {WORLD_SLOTS, 64, 4096, 8192, 0};

	world_reset();
	CHECK_EQ(ivsh_region_format(memory, WORLD_SIZE, &geometry, 1, false), 0);
}

struct ivsh_mem world_mem(uint32_t self)
{
	struct ivsh_mem mem = {
	    .base = memory,
	    .size = WORLD_SIZE,
	    .self = self,
	    .doorbell = {NULL, world.vectors, ring, count, now_ns, sleep_until, relax, recheck},
	};

	if (self < WORLD_SLOTS) {
		mem.vm_generation = &world.vm_generation[self];
		mem.machine = world.machine[self];
	}

	return mem;
}

struct ivsh_wire_header *world_header(void)
{
	return (struct ivsh_wire_header *)(void *)memory;
}

struct ivsh_wire_server *world_server(void)
{
	return (struct ivsh_wire_server *)(void *)(memory + IVSH_WIRE_SERVER_OFFSET);
}

struct ivsh_wire_slot *world_slot(uint32_t slot)
{
	return (struct ivsh_wire_slot *)(void *)(memory + IVSH_WIRE_SLOTS_OFFSET) + slot;
}

struct ivsh_wire_ring *world_ring(uint32_t sender, uint32_t receiver)
{
	const struct ivsh_wire_header *h = world_header();
	struct ivsh_geometry geometry = {h->slots, h->descs, h->small_size, h->large_size, 0};
	struct ivsh_layout layout;
	uint64_t size;

	CHECK_EQ(ivsh_layout_of(&geometry, &layout, &size), 0);
	return (void *)(memory + layout_ring(&geometry, &layout, sender, receiver));
}

struct ivsh_wire_desc *world_desc(uint32_t sender, uint32_t receiver, uint32_t index)
{
	return (struct ivsh_wire_desc *)(void *)(world_ring(sender, receiver) + 1) +
	       index % world_header()->descs;
}

int end_open(struct end *end, uint32_t self, uint32_t peer, bool fresh)
{
	static uint32_t nonce;
	struct ivsh_mem mem = world_mem(self);
	/* race_test.c comes here in two threads. */
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = __atomic_add_fetch(&nonce, 1, __ATOMIC_RELAXED),
	    .discard = fresh ? ivsh_attach_discard : NULL};
	int error = ivsh_region_attach(&end->region, &mem, &attach);

	if (error)
		return error;
	return ivsh_chan_open(&end->chan, &end->region, peer, end->records, 64);
}

void end_kill(struct end *end)
{
	memset(end, 0xee, sizeof(*end));
}

int world_wait(struct ivsh_region *region, uint64_t timeout_ns)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events;

	return ivsh_region_wait(region, &wait, timeout_ns, &events);
}

/* Numerical Recipes' linear congruence; its low bits are poor, so the high ones are used. */
uint32_t world_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}
