/* SPDX-License-Identifier: MIT */
/*
 * region_test.c - formatting, attaching, claiming, waiting, leaving.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct ivsh_region region;

/* SPEC R3.2, R3.3. */
static void format_refuses(void)
{
	struct ivsh_geometry geometry = {8, 64, 8192, 8192, 0}, bad = {8, 65, 8192, 8192, 0};

	world_reset();
	CHECK_EQ(ivsh_region_format(NULL, WORLD_SIZE, &geometry, 1, false), IVSH_EINVAL);
	CHECK_EQ(
	    ivsh_region_format(world.memory + 64, WORLD_SIZE, &geometry, 1, false), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &bad, 1, false), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_format(world.memory, 65536, &geometry, 1, false), IVSH_ENOSPC);
	CHECK_EQ(world_header()->magic, 0);
	world_header()->magic = 42;
	CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &geometry, 1, false), IVSH_EBUSY);
	CHECK_EQ(world_header()->magic, 42);
	CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &geometry, 1, true), 0);
	CHECK_EQ(world_header()->magic, IVSH_WIRE_MAGIC);
	CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &geometry, 2, false), IVSH_EBUSY);
	CHECK_EQ(world_header()->format_id, 1);
}

/* Whatever an earlier use left, all steering words start at zero. SPEC R3.1.1. */
static void format_clears(void)
{
	struct ivsh_geometry geometry = {8, 64, 8192, 8192, 0};

	world_reset();
	memset(world.memory, 0xff, WORLD_SIZE);
	NEED_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &geometry, 9, true), 0);
	CHECK_EQ(world_header()->version, IVSH_WIRE_VERSION);
	CHECK_EQ(world_header()->features, 0);
	CHECK_EQ(world_header()->format_id, 9);
	CHECK_EQ(world_server()->epoch, 0);
	CHECK_EQ(world_server()->connection[7], 0);
	CHECK_EQ(world_slot(7)->nonce, 0);
	CHECK_EQ(*world_pending(255, 7), 0);
	CHECK_EQ(world_ring(7, 6).receiver->read, 0);
	for (uint32_t i = 0; i < 64; i++)
		CHECK_EQ(world_desc(7, 6, i)->control, 0);
}

static int attach_as(uint32_t self, struct ivsh_attach *attach)
{
	struct ivsh_mem mem = world_mem(self);

	return ivsh_region_attach(&region, &mem, attach);
}

static void attach_refuses_caller(void)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 5};
	struct ivsh_mem mem;

	world_format();
	mem = world_mem(0);
	mem.base = NULL;
	CHECK_EQ(ivsh_region_attach(&region, &mem, &attach), IVSH_EINVAL);
	mem = world_mem(0);
	mem.base = world.memory + 8;
	CHECK_EQ(ivsh_region_attach(&region, &mem, &attach), IVSH_EINVAL);
	mem = world_mem(0);
	mem.size = 100;
	CHECK_EQ(ivsh_region_attach(&region, &mem, &attach), IVSH_ENOSPC);
	CHECK_EQ(attach.need_size, 4096);
	CHECK_EQ(attach_as(IVSH_SELF_NONE, &attach), IVSH_EINVAL);
	CHECK_EQ(attach_as(WORLD_SLOTS, &attach), IVSH_EINVAL);
	CHECK_EQ(attach.found_slots, WORLD_SLOTS);
	attach.name = "12345678901234567890123456789012";
	CHECK_EQ(attach_as(0, &attach), IVSH_EINVAL);
	attach.name = "tab\there";
	CHECK_EQ(attach_as(0, &attach), IVSH_EINVAL);
	CHECK_EQ(world_slot(0)->state, IVSH_WIRE_STATE_EMPTY);
	attach.name = "1234567890123456789012345678901";
	CHECK_EQ(attach_as(0, &attach), 0);
	ivsh_region_detach(&region);
}

/*
 * A wrong header is refused with the error that names it, and nothing is written. SPEC R3.3, R3.6.
 */
static void attach_refuses_header(void)
{
	static const struct {
		const char *row;
		struct ivsh_wire_header header;
		int want;
	} rows[] = {
#define HEADER(magic, version, features, size, slots, descs, hot, bulk) \
	{magic, version, features, size, slots, descs, hot, bulk, 1, 0, {0}}
#define LOGS(features, size, log)                                \
	{                                                        \
		M, V, features, size, 8, 64, 8192, 8192, 1, log, \
		{                                                \
			0                                        \
		}                                                \
	}
#define M IVSH_WIRE_MAGIC
#define V IVSH_WIRE_VERSION
#define SIZE (24576 + 56 * 20480)
	    {"foreign magic", HEADER(42, V, 0, SIZE, 8, 64, 8192, 8192), IVSH_EPROTO},
	    {"the version before", HEADER(M, V - 1, 0, SIZE, 8, 64, 8192, 8192), IVSH_EVERSION},
	    {"version 7", HEADER(M, 7, 0, SIZE, 8, 64, 8192, 8192), IVSH_EVERSION},
	    {"feature 4", HEADER(M, V, 4, SIZE, 8, 64, 8192, 8192), IVSH_EVERSION},
	    {"size too large", HEADER(M, V, 0, SIZE + 1, 8, 64, 8192, 8192), IVSH_EPROTO},
	    {"size 0", HEADER(M, V, 0, 0, 8, 64, 8192, 8192), IVSH_EPROTO},
	    {"no slots", HEADER(M, V, 0, SIZE, 0, 64, 8192, 8192), IVSH_EPROTO},
	    {"2^32-1 slots", HEADER(M, V, 0, SIZE, ~0u, 64, 8192, 8192), IVSH_EPROTO},
	    {"no descriptors", HEADER(M, V, 0, SIZE, 8, 0, 8192, 8192), IVSH_EPROTO},
	    {"hot no power of two", HEADER(M, V, 0, SIZE, 8, 64, 8000, 8192), IVSH_EPROTO},
	    {"bulk too large", HEADER(M, V, 0, SIZE, 8, 64, 8192, 1u << 31), IVSH_EPROTO},
	    {"more than the memory", HEADER(M, V, 0, 24576 + 56 * 45056, 8, 64, 8192, 32768),
		IVSH_ENOSPC},
	    {"logs", LOGS(1, SIZE + 36864, 4096), 0},
	    {"logs, features 0", LOGS(0, SIZE + 36864, 4096), IVSH_EPROTO},
	    {"no logs, a reserved word", LOGS(0, SIZE, 4096), 0},
	    {"logs of 0", LOGS(1, SIZE, 0), IVSH_EPROTO},
	    {"logs, another size", LOGS(1, SIZE + 32768, 4096), IVSH_EPROTO},
	    {"logs of 2 KiB", LOGS(1, SIZE + 8 * (64 + 2048), 2048), IVSH_EPROTO},
	    {"logs of 5000", LOGS(1, SIZE + 40960, 5000), IVSH_EPROTO},
	    {"logs of 32 MiB", LOGS(1, SIZE + 4096 + 8 * (UINT64_C(1) << 25), 1u << 25),
		IVSH_EPROTO},
	    {"logs and more", LOGS(3, SIZE + 36864, 4096), IVSH_EVERSION},
#undef LOGS
#undef SIZE
#undef V
#undef M
#undef HEADER
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_attach attach = {
		    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 5};

		test_row(rows[i].row);
		world_reset();
		*world_header() = rows[i].header;
		CHECK_EQ(attach_as(1, &attach), rows[i].want);
		CHECK_EQ(world_slot(1)->incarnation, rows[i].want == 0);
		CHECK_EQ(memcmp(world_header(), &rows[i].header, sizeof(rows[i].header)), 0);
		if (rows[i].want == IVSH_EVERSION) {
			CHECK_EQ(attach.found_version, rows[i].header.version);
			CHECK_EQ(attach.found_features, rows[i].header.features);
		}
		if (rows[i].want == IVSH_ENOSPC)
			CHECK_EQ(attach.need_size, rows[i].header.size);
	}
}

static void format_meanwhile(void)
{
	struct ivsh_geometry geometry = {2, 16, 1024, 1024, 0};

	if (world_header()->magic == 0 && world.now_ns > 1000000000)
		CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &geometry, 3, false), 0);
}

/* SPEC R3.5. */
static void attach_waits(void)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = 5,
	    .timeout_ns = 3000000000};

	world_reset();
	CHECK_EQ(attach_as(1, &attach), IVSH_ENODEV);
	CHECK(world.slept_ns >= 3000000000 && world.slept_ns < 3010000000);
	world.on_sleep = format_meanwhile;
	CHECK_EQ(attach_as(1, &attach), 0);
	CHECK_EQ(region.geometry.slots, 2);
	CHECK_EQ(region.format_id, 3);
	ivsh_region_detach(&region);
}

/* SPEC R3.3, R3.4. */
static void attach_formats(void)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = 77,
	    .formatter = ivsh_attach_format,
	    .format = {8, 64, 8192, 8192, 0}};

	world_reset();
	CHECK_EQ(attach_as(1, &attach), IVSH_ENODEV);
	CHECK_EQ(world_header()->magic, 0);
	CHECK_EQ(attach_as(0, &attach), 0);
	CHECK_EQ(region.format_id, 77);
	ivsh_region_detach(&region);

	world_reset();
	attach.format.large_size = 1u << 20;
	CHECK_EQ(attach_as(0, &attach), IVSH_ENOSPC);
	CHECK(attach.need_size > WORLD_SIZE);
	attach.format.descs = 3;
	CHECK_EQ(attach_as(0, &attach), IVSH_EINVAL);
	CHECK_EQ(world_header()->magic, 0);
	/* A foreign magic is never overwritten. */
	attach.format = (struct ivsh_geometry){8, 64, 8192, 8192, 0};
	world_header()->magic = 42;
	CHECK_EQ(attach_as(0, &attach), IVSH_EPROTO);
	CHECK_EQ(attach.found_magic, 42);
	CHECK_EQ(world_header()->magic, 42);
}

/* A formatter that died halfway left no magic: others wait, slot 0 starts over. SPEC R3.4, R3.5. */
static void formatter_died(void)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = 77,
	    .timeout_ns = 1000000,
	    .formatter = ivsh_attach_format,
	    .format = {8, 64, 8192, 8192, 0}};

	world_reset();
	memset(world.memory, 0xa5, WORLD_SIZE);
	world_header()->magic = 0;
	world_header()->version = IVSH_WIRE_VERSION;
	CHECK_EQ(attach_as(1, &attach), IVSH_ENODEV);
	CHECK_EQ(world_slot(1)->incarnation, 0xa5a5a5a5);
	CHECK_EQ(attach_as(0, &attach), 0);
	CHECK_EQ(region.format_id, 77);
	CHECK_EQ(world_slot(1)->incarnation, 0);
	CHECK_EQ(world_ring(1, 0).sender->generation, 0);
	ivsh_region_detach(&region);
	CHECK_EQ(attach_as(1, &attach), 0);
}

/*
 * From a machine that stores 8 bytes in halves: half a magic is one that is being written, or was
 * by one that died there. SPEC R1.3.
 */
static void magic_in_halves(void)
{
	static const uint64_t halves[] = {
	    IVSH_WIRE_MAGIC & 0xffffffff, IVSH_WIRE_MAGIC & ~UINT64_C(0xffffffff)};

	for (unsigned i = 0; i < 2; i++) {
		struct ivsh_attach attach = {.restart = ivsh_attach_restart,
		    .counters = ivsh_attach_counters,
		    .nonce = 77,
		    .timeout_ns = 1000000,
		    .formatter = ivsh_attach_format,
		    .format = {8, 64, 4096, 8192, 0}};
		struct ivsh_mem mem;

		world_format();
		mem = world_mem(1);
		world_header()->magic = halves[i];
		CHECK_EQ(ivsh_region_probe(&region, &mem, &attach), IVSH_ENODEV);
		CHECK_EQ(attach_as(1, &attach), IVSH_ENODEV);
		CHECK_EQ(attach_as(0, &attach), 0);
		CHECK_EQ(world_header()->magic, IVSH_WIRE_MAGIC);
		/* Half of another one is foreign. */
		world_header()->magic = halves[i] ^ UINT64_C(0x100000001);
		CHECK_EQ(attach_as(0, &attach), IVSH_EPROTO);
	}
}

/* Where no region fits, the attach does not wait for a formatter. */
static void too_small(void)
{
	const struct ivsh_geometry least = {2, 16, 1024, 1024, 0};
	uint64_t bytes;

	CHECK_EQ(ivsh_geometry_size(&least, &bytes), 0);
	for (uint32_t self = 0; self < 2; self++)
		for (uint32_t one = 0; one < 2; one++) {
			struct ivsh_attach attach = {.restart = ivsh_attach_restart,
			    .counters = ivsh_attach_counters,
			    .nonce = 5,
			    .timeout_ns = 5000000000};
			struct ivsh_mem mem;

			world_reset();
			mem = world_mem(self);
			mem.size = one ? bytes - 1 : IVSH_WIRE_PAGE;
			CHECK_EQ(ivsh_region_attach(&region, &mem, &attach), IVSH_ENOSPC);
			CHECK_EQ(attach.need_size, bytes);
			CHECK_EQ(world.slept_ns, 0);
			mem.size = bytes;
			CHECK_EQ(ivsh_region_attach(&region, &mem, &attach), IVSH_ENODEV);
		}
}

/* A clock that shows the same at each start gives the same seed, and no nonce twice. */
static void nonces(void)
{
	uint64_t seen[64];
	unsigned count = 0;

	world_format();
	for (unsigned life = 0; life < 20; life++) {
		struct ivsh_mem mem = world_mem(2);
		struct ivsh_attach attach = {.restart = ivsh_attach_restart,
		    .counters = ivsh_attach_counters,
		    .nonce = ivsh_attach_nonce(&mem, 7)};

		seen[count++] = attach.nonce;
		/* Cut before and behind each store of an attach. */
		if (life % 3 == 0)
			world_slot(2)->nonce = attach.nonce;
		else
			NEED_EQ(ivsh_region_attach(&region, &mem, &attach), 0);
	}
	for (unsigned i = 0; i < 6; i++) {
		struct ivsh_mem mem = world_mem(i == 5 ? 3 : 2);

		world_header()->format_id += i == 0;
		world_server()->epoch += i == 1;
		world_server()->heartbeat += i == 2;
		world_slot(2)->incarnation += i == 3;
		world_slot(2)->heartbeat += i == 4;
		seen[count++] = ivsh_attach_nonce(&mem, 7);
	}
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
}

/*
 * The header's geometry counts, not the one that this peer would have formatted. SPEC R2.1, R3.6.
 */
static void other_geometry(void)
{
	const struct ivsh_geometry there = {3, 16, 1024, 4096, 0};
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = 77,
	    .formatter = ivsh_attach_format,
	    .format = {8, 64, 8192, 8192, 0}};

	world_reset();
	CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &there, 5, false), 0);
	CHECK_EQ(attach_as(3, &attach), IVSH_EINVAL);
	CHECK_EQ(attach.found_slots, 3);
	CHECK_EQ(attach_as(0, &attach), 0);
	CHECK_EQ(memcmp(&region.geometry, &there, sizeof(there)), 0);
	CHECK_EQ(region.format_id, 5);
	ivsh_region_detach(&region);
}

/* Formatted again under a living peer, which is not allowed: its handle dies. SPEC R3.2, R5.6. */
static void formatted_again(void)
{
	struct ivsh_geometry geometry = {2, 16, 1024, 1024, 0};
	struct end end;
	int error = 0;

	world_format();
	NEED_EQ(end_open(&end, 1, 0, false), 0);
	CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &geometry, 9, true), 0);
	for (unsigned i = 0; i < 256 && (error == 0 || error == IVSH_EAGAIN); i++)
		error = ivsh_chan_send(&end.chan, 1, "x", 1);
	CHECK_EQ(error, IVSH_ELOST);
	CHECK_EQ(world_slot(1)->state, IVSH_WIRE_STATE_EMPTY);
}

static void owner_beats(void)
{
	world_slot(3)->heartbeat++;
}

static void rival_writes(void)
{
	world_slot(3)->nonce = 99;
}

/* The other claimant reads before us, and announces itself after our read. */
static void rival_announces(void)
{
	world_slot(3)->heartbeat = 1;
	world_slot(3)->state = IVSH_WIRE_STATE_ATTACHED;
}

/* SPEC R5.1, R5.2. */
static void claims(void)
{
	static const struct {
		const char *row;
		uint32_t state;
		void (*on_sleep)(void);
		int want;
		uint64_t least_ns, most_ns;
	} rows[] = {
	    {"never used", IVSH_WIRE_STATE_EMPTY, NULL, 0, 50000000, 60000000},
	    {"left", IVSH_WIRE_STATE_DETACHED, NULL, 0, 50000000, 60000000},
	    {"owner died", IVSH_WIRE_STATE_ATTACHED, NULL, 0, 2000000000, 2100000000},
	    {"owner lives", IVSH_WIRE_STATE_ATTACHED, owner_beats, IVSH_EBUSY, 0, 250000000},
	    {"a rival was later", IVSH_WIRE_STATE_EMPTY, rival_writes, IVSH_EBUSY, 50000000,
		60000000},
	    {"a rival was a moment earlier", IVSH_WIRE_STATE_EMPTY, rival_announces, IVSH_EBUSY,
		50000000, 60000000},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_attach attach = {.restart = ivsh_attach_restart,
		    .counters = ivsh_attach_counters,
		    .nonce = 5,
		    .claim = ivsh_attach_claim};

		test_row(rows[i].row);
		world_format();
		world_slot(3)->state = rows[i].state;
		world.on_sleep = rows[i].on_sleep;
		CHECK_EQ(attach_as(3, &attach), rows[i].want);
		CHECK(world.slept_ns >= rows[i].least_ns);
		CHECK(world.slept_ns <= rows[i].most_ns);
		CHECK_EQ(world_slot(3)->incarnation, rows[i].want == 0);
	}
}

/*
 * A machine that was reset finds the slot that its last start has left: it is back within 1 s. SPEC
 * R5.1.2, R5.2.5.
 */
static void claims_own(void)
{
	static const struct {
		const char *row;
		uint64_t owner, claimant;
		void (*on_sleep)(void);
		int want;
		uint64_t least_ns, most_ns;
	} rows[] = {
	    {"the same machine", 77, 77, NULL, 0, 550000000, 600000000},
	    {"the same machine, still running", 77, 77, owner_beats, IVSH_EBUSY, 0, 250000000},
	    {"another machine", 77, 78, NULL, 0, 2000000000, 2100000000},
	    {"no identity", 0, 0, NULL, 0, 2000000000, 2100000000},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_attach attach = {.restart = ivsh_attach_restart,
		    .counters = ivsh_attach_counters,
		    .nonce = 5,
		    .claim = ivsh_attach_claim};
		uint32_t before;

		test_row(rows[i].row);
		world_format();
		world.machine[3] = rows[i].owner;
		attach.claim = NULL;
		CHECK_EQ(attach_as(3, &attach), 0);
		CHECK_EQ(world_slot(3)->machine, rows[i].owner);
		before = world_slot(3)->heartbeat;
		world.machine[3] = rows[i].claimant;
		world.on_sleep = rows[i].on_sleep;
		attach.claim = ivsh_attach_claim;
		attach.nonce = 6;
		CHECK_EQ(attach_as(3, &attach), rows[i].want);
		CHECK(world.slept_ns >= rows[i].least_ns);
		CHECK(world.slept_ns <= rows[i].most_ns);
		if (rows[i].want == 0) {
			CHECK_EQ(world_slot(3)->machine, rows[i].claimant);
			CHECK_EQ(before + 1 - world_slot(3)->heartbeat, 1u << 30);
		}
	}
}

/* Without a claim, as behind a server, an attach does not wait. */
static void no_claim(void)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 5};

	world_format();
	world_slot(3)->state = IVSH_WIRE_STATE_ATTACHED;
	CHECK_EQ(attach_as(3, &attach), 0);
	CHECK_EQ(world.slept_ns, 0);
}

/* SPEC R5.3. */
static void lives(void)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = 5,
	    .name = "alpha"};

	world_format();
	for (uint32_t life = 1; life <= 3; life++) {
		CHECK_EQ(attach_as(2, &attach), 0);
		CHECK_EQ(world_slot(2)->state, IVSH_WIRE_STATE_ATTACHED);
		CHECK_EQ(world_slot(2)->incarnation, life);
		CHECK_EQ(world_slot(2)->vectors, 4);
		CHECK_EQ(world_slot(2)->sequence, 2 * life);
		CHECK_EQ(memcmp(world_slot(2)->name, "alpha\0", 6), 0);
		ivsh_region_detach(&region);
		CHECK_EQ(world_slot(2)->state, IVSH_WIRE_STATE_DETACHED);
	}
	ivsh_region_detach(&region);
	/* An incarnation is cut in the middle of storing its name; a shorter name follows; no
	 * services. */
	world_slot(2)->sequence = 9;
	memset(world_slot(2)->service, 0x55, sizeof(world_slot(2)->service));
	attach.name = "al";
	CHECK_EQ(attach_as(2, &attach), 0);
	CHECK_EQ(world_slot(2)->sequence, 10);
	CHECK_EQ(memcmp(world_slot(2)->name, "al\0\0\0", 6), 0);
	CHECK_EQ(world_slot(2)->service[0].name[0] + world_slot(2)->service[15].port, 0);
	/* 0 means never: the count leaves it out. */
	world_slot(2)->incarnation = UINT32_MAX;
	CHECK_EQ(attach_as(2, &attach), 0);
	CHECK_EQ(world_slot(2)->incarnation, 1);
}

/* A double claim is noticed, and then nothing of the slot is written any more. SPEC R5.6. */
static void slot_lost(void)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 5};
	struct ivsh_peer peer = {0};
	struct ivsh_wire_slot before;

	world_format();
	NEED_EQ(attach_as(2, &attach), 0);
	world_slot(2)->nonce = 6;
	CHECK_EQ(world_wait(&region, 1000), IVSH_ELOST);
	before = *world_slot(2);
	CHECK_EQ(world_wait(&region, 1000), IVSH_ELOST);
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	ivsh_region_detach(&region);
	CHECK_EQ(memcmp(&before, world_slot(2), sizeof(before)), 0);

	/* The detach itself finds it. */
	world_format();
	NEED_EQ(attach_as(2, &attach), 0);
	world_slot(2)->nonce = 6;
	before = *world_slot(2);
	ivsh_region_detach(&region);
	CHECK_EQ(memcmp(&before, world_slot(2), sizeof(before)), 0);
}

/* A peer that has detached is not there: no call of it advances the heartbeat. SPEC R5.4. */
static void detached(void)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 5};
	struct ivsh_peer peer = {0};
	struct ivsh_wire_slot before;

	world_format();
	NEED_EQ(attach_as(2, &attach), 0);
	ivsh_region_detach(&region);
	before = *world_slot(2);
	CHECK_EQ(world_wait(&region, 1000), IVSH_ELOST);
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	CHECK_EQ(memcmp(&before, world_slot(2), sizeof(before)), 0);
}

static const struct test tests[] = {
    {"format: refuses", format_refuses},
    {"format: clears", format_clears},
    {"attach: bad arguments", attach_refuses_caller},
    {"attach: headers that lie", attach_refuses_header},
    {"attach: waits for the formatter", attach_waits},
    {"attach: slot 0 formats", attach_formats},
    {"attach: formatter died", formatter_died},
    {"attach: magic in halves", magic_in_halves},
    {"attach: too small", too_small},
    {"attach: nonces", nonces},
    {"attach: another geometry", other_geometry},
    {"formatted again", formatted_again},
    {"claim: outcomes", claims},
    {"claims of a machine that was reset", claims_own},
    {"claim: not behind a server", no_claim},
    {"attach: lives", lives},
    {"wait: slot lost", slot_lost},
    {"detached", detached},
};

int main(void)
{
	return test_main("region", tests, sizeof(tests) / sizeof(tests[0]));
}
