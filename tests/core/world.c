/* SPDX-License-Identifier: MIT */
/*
 * world.c - a small world for tests of the core.
 */
#include "tests/core/world.h"

#include "core/layout.h"
#include "core/split.h"
#include "tests/lib/test.h"

#include <string.h>

#if WORLD_HAS_VIEWS
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

static _Alignas(4096) uint8_t whole[WORLD_SIZE];
static uint8_t *memory = whole;

struct world world;

static const struct ivsh_geometry ordinary = {WORLD_SLOTS, 64, 4096, 8192, 0};
static struct ivsh_geometry world_geometry; /* of the region, as it was formatted last */

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

#if WORLD_HAS_VIEWS

/*
 * A split region: the memory that all peers read, and behind it a part for each slot. The test's
 * own view, and each peer's, are mappings of the same bytes at multiples of VIEW. A peer that
 * stores into another's part is ended by the signal.
 */
#define VIEW (UINT32_C(1) << 21)

_Static_assert(WORLD_SIZE <= VIEW, "an address modulo VIEW is an offset");

static uint8_t *views; /* the test's; slot (i)'s is (i + 1) times VIEW further */
static struct ivsh_mem_part parts[WORLD_SLOTS][WORLD_SLOTS];

/* Whether the environment names this world. */
static bool is_named(const char *name)
{
	const char *value = getenv("IVSH_WORLD");

	return value && strcmp(value, name) == 0;
}

bool world_is_split(void)
{
	static int is_split = -1;

	if (is_split < 0)
		is_split = is_named("split") || is_named("one-way");
	return is_split != 0;
}

bool world_is_one_way(void)
{
	static int is_one_way = -1;

	if (is_one_way < 0)
		is_one_way = is_named("one-way");
	return is_one_way != 0;
}

/* Like an operating system's calls, mmap() fails here for want of memory alone. */
static void views_map(void)
{
	int fd;
	uint8_t *at;

	if (memory != whole)
		return;
	fd = memfd_create("world", 0);
	at = mmap(NULL, (WORLD_SLOTS + 2) * (size_t)VIEW, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (fd < 0 || at == MAP_FAILED || ftruncate(fd, VIEW) != 0)
		abort();
	views = (uint8_t *)(((uintptr_t)at + VIEW - 1) & ~(uintptr_t)(VIEW - 1));
	for (uint32_t i = 0; i <= WORLD_SLOTS; i++)
		if (mmap(views + i * (size_t)VIEW, VIEW,
			i == 0 ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_FIXED, fd,
			0) == MAP_FAILED)
			abort();
	close(fd);
	memory = views;
}

/* Bytes of a part, as world_format() makes it. */
static size_t part_size(void)
{
	uint64_t size = 0;

	CHECK_EQ(ivsh_part_size(&world_geometry, &size), 0);
	return (size_t)size;
}

static size_t part_offset(uint32_t slot)
{
	return IVSH_WIRE_COMMON_SIZE + slot * part_size();
}

/* The parts of which slot (i) has mapped only what is before the rings: a bit for each slot. */
static uint32_t are_short[WORLD_SLOTS];

/* Each peer's own part, and no other, is writable for it. 0, or an error of a format. */
static int split_format(bool force)
{
	const struct ivsh_geometry *g = &world_geometry;
	size_t size = part_size();
	int error;

	CHECK(g->slots <= WORLD_SLOTS && part_offset(g->slots) <= WORLD_SIZE);
	CHECK_EQ(mprotect(views + VIEW, WORLD_SLOTS * (size_t)VIEW, PROT_READ), 0);
	memset(are_short, 0, sizeof(are_short));
	for (uint32_t slot = 0; slot < g->slots; slot++)
		CHECK_EQ(mprotect(views + (slot + 1) * (size_t)VIEW + part_offset(slot), size,
			     PROT_READ | PROT_WRITE),
		    0);
	error = ivsh_split_format(memory, IVSH_WIRE_COMMON_SIZE, g, 1, force);
	for (uint32_t slot = 0; slot < g->slots; slot++) {
		int answer = ivsh_part_format(memory + part_offset(slot), size, g, 1, slot, force);

		error = error ? error : answer;
	}
	return error;
}

/* Map another's part, or only what is before its rings: a load behind that raises a signal. */
static void part_map(struct ivsh_mem_part *part, uint32_t self)
{
	uint32_t bit = 1u << part->slot, is_short = world.is_short[self] & bit;
	uint64_t size = 0;

	CHECK_EQ(ivsh_part_short_size(&world_geometry, &size), 0);
	if ((are_short[self] & bit) != is_short)
		CHECK_EQ(mprotect((uint8_t *)part->base + size, (size_t)(part->size - size),
			     is_short ? PROT_NONE : PROT_READ),
		    0);
	are_short[self] = (are_short[self] & ~bit) | is_short;
	if (is_short)
		part->size = size;
}

/* The parts in another order than that of the slots. The platform knows whose they are. */
static void split_mem(struct ivsh_mem *mem, uint32_t self)
{
	uint32_t peer = self < WORLD_SLOTS ? self : 0;
	uint8_t *view = views + (peer + 1) * (size_t)VIEW;

	for (uint32_t i = 0; i < world_geometry.slots; i++) {
		uint32_t slot = world_geometry.slots - 1 - i;

		parts[peer][i] = (struct ivsh_mem_part){
		    view + part_offset(slot), part_size(), slot, slot == self, IVSH_SELF_NONE};
		if (slot != peer)
			part_map(&parts[peer][i], peer);
	}
	mem->base = view;
	mem->size = IVSH_WIRE_COMMON_SIZE;
	mem->parts = parts[peer];
	mem->part_count = world_geometry.slots;
	mem->split = ivsh_attach_split;
}

/* The test's own view, in which it may write anything. */
static void split_region(struct ivsh_region *region)
{
	static struct ivsh_mem_part all[WORLD_SLOTS];
	uint64_t size;

	for (uint32_t i = 0; i < world_geometry.slots; i++)
		all[i] = (struct ivsh_mem_part){
		    memory + part_offset(i), part_size(), IVSH_SELF_NONE, true, i};
	region->mem.parts = all;
	region->mem.part_count = world_geometry.slots;
	region->geometry = world_geometry;
	region->place = ivsh_split_place;
	CHECK_EQ(ivsh_split_layout(&region->geometry, &region->layout, &size), 0);
}

#else

/* A guest has one memory. */
bool world_is_split(void)
{
	return false;
}

bool world_is_one_way(void)
{
	return false;
}

static void views_map(void)
{
}

static int split_format(bool force)
{
	return force ? 0 : IVSH_EBUSY;
}

static void split_mem(struct ivsh_mem *mem, uint32_t self)
{
	(void)mem;
	(void)self;
}

static size_t part_offset(uint32_t slot)
{
	return slot;
}

static void split_region(struct ivsh_region *region)
{
	(void)region;
}

#endif

uint64_t world_offset(const void *word)
{
#if WORLD_HAS_VIEWS
	if (world_is_split())
		return (uintptr_t)word % VIEW;
#endif
	return (uint64_t)((const uint8_t *)word - memory);
}

void world_reset(void)
{
	if (world_is_split())
		views_map();
	memset(memory, 0, WORLD_SIZE);
	memset(&world, 0, sizeof(world));
	world.memory = memory;
	world.now_ns = 1000000000;
	world.vectors = 4;
}

int world_format_again(const struct ivsh_geometry *geometry, bool force)
{
	world_geometry = *geometry;
	if (world_is_split())
		views_map();
	else
		return ivsh_region_format(memory, WORLD_SIZE, geometry, 1, force);
	return split_format(force);
}

void world_format_as(const struct ivsh_geometry *geometry)
{
	world_reset();
	CHECK_EQ(world_format_again(geometry, false), 0);
}

void world_format(void)
{
	world_format_as(&ordinary);
}

bool world_holds(const void *data, uint32_t size)
{
	const uint8_t *begin = memory, *at = data;
	uint64_t bytes = WORLD_SIZE, offset = world_offset(data);

#if WORLD_HAS_VIEWS
	if (world_is_split())
		bytes = (WORLD_SLOTS + 1) * (uint64_t)VIEW;
#endif
	return at >= begin && (uint64_t)(at - begin) < bytes && offset <= WORLD_SIZE &&
	       size <= WORLD_SIZE - offset;
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
	if (world_is_split())
		split_mem(&mem, self);
	return mem;
}

struct ivsh_mem world_mem_to(uint32_t self, uint32_t peer)
{
	if (self < WORLD_SLOTS && world_is_one_way())
		world.is_short[self] = self == 0 ? 1u << peer : 0;
	return world_mem(self);
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
	if (world_is_split())
		return (void *)(memory + part_offset(slot) + IVSH_WIRE_PART_SLOT_OFFSET(slot));
	return (struct ivsh_wire_slot *)(void *)(memory + IVSH_WIRE_SLOTS_OFFSET) + slot;
}

struct ring world_ring(uint32_t sender, uint32_t receiver)
{
	const struct ivsh_wire_header *h = world_header();
	struct ivsh_region region = {.mem.base = memory, .mem.size = WORLD_SIZE};
	struct ivsh_area area[IVSH_AREAS];
	struct ring ring = {NULL, NULL, NULL};
	uint64_t size;

	region.geometry =
	    (struct ivsh_geometry){h->slots, h->descs, h->small_size, h->large_size, 0};
	if (world_is_split())
		split_region(&region);
	else
		CHECK_EQ(ivsh_layout_of(&region.geometry, &region.layout, &size), 0);
	CHECK(ivsh_ring_at(&region, sender, receiver, &ring, area));
	return ring;
}

uint8_t *world_pending(uint32_t sender, uint32_t receiver)
{
	return world_is_split() ? &world_slot(sender)->pending[receiver]
				: &world_slot(receiver)->pending[sender];
}

struct ivsh_wire_desc *world_desc(uint32_t sender, uint32_t receiver, uint32_t index)
{
	return world_ring(sender, receiver).desc + index % world_header()->descs;
}

int end_open(struct end *end, uint32_t self, uint32_t peer, bool fresh)
{
	static uint32_t nonce;
	struct ivsh_mem mem = world_mem_to(self, peer);
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
