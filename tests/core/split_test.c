/* SPDX-License-Identifier: MIT */
/*
 * split_test.c - a split region: which memory is whose, and what is refused. SPEC 17.
 *
 * The other tests of this folder run in a split region, too (IVSH_WORLD=split): there each peer
 * can store into its own part alone.
 */
#include "core/place.h"
#include "core/split.h"
#include "tests/core/world.h"
#include "tests/lib/test.h"

#include <string.h>

#define SLOTS 3u
#define DESCS 16u
#define PART 40960u
#define FORMAT_ID 77u

static const struct ivsh_geometry geometry = {SLOTS, DESCS, 1024, 1024, 4096};

/* The region's memory, a part for each slot, and one more for whoever wants to be another. */
static _Alignas(4096) uint8_t common[8192], memory[SLOTS + 1][PART];
static struct ivsh_mem_part table[SLOTS][SLOTS + 1];
static struct end ends[SLOTS];

static struct ivsh_wire_part *part_at(uint32_t i)
{
	return (struct ivsh_wire_part *)(void *)memory[i];
}

static void format_all(void)
{
	world_reset();
	NEED_EQ(ivsh_split_format(common, sizeof(common), &geometry, FORMAT_ID, true), 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		NEED_EQ(ivsh_part_format(memory[i], PART, &geometry, FORMAT_ID, i, true), 0);
	memset(memory[SLOTS], 0, PART);
}

/* The transport of slot (self): all parts in the order of slots, and the platform knows nothing. */
static struct ivsh_mem mem_of(uint32_t self)
{
	struct ivsh_mem mem = world_mem(self);
	uint32_t row = self < SLOTS ? self : 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		table[row][i] = (struct ivsh_mem_part){
		    memory[i], PART, IVSH_SELF_NONE, i == self, IVSH_SELF_NONE};
	mem.base = common;
	mem.size = sizeof(common);
	mem.parts = table[row];
	mem.part_count = SLOTS;
	mem.split = ivsh_attach_split;
	return mem;
}

static struct ivsh_attach with(void)
{
	static uint64_t nonce = 1;

	return (struct ivsh_attach){.restart = ivsh_attach_restart, .nonce = ++nonce};
}

static int attach(const struct ivsh_mem *mem, struct ivsh_attach *how)
{
	*how = with();
	return ivsh_region_attach(&ends[mem->self].region, mem, how);
}

static int open_to(uint32_t self, uint32_t peer)
{
	return ivsh_chan_open(
	    &ends[self].chan, &ends[self].region, peer, ends[self].records, DESCS);
}

/* Slots (a) and (b) are attached: a message goes each way. */
static void talk(uint32_t a, uint32_t b)
{
	static uint8_t out[700], in[700];
	struct ivsh_message message;

	NEED_EQ(open_to(a, b), 0);
	NEED_EQ(open_to(b, a), 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct end *from = &ends[i ? b : a], *to = &ends[i ? a : b];

		memset(out, (int)(a * 16 + b * 4 + i), sizeof(out));
		NEED_EQ(ivsh_chan_send(&from->chan, 5, out, sizeof(out)), 0);
		NEED_EQ(ivsh_chan_receive(&to->chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(message.size, sizeof(in));
		CHECK_EQ(memcmp(in, out, sizeof(in)), 0);
	}
}

/*
 * By hand: in the part of an odd slot the lines of two rings end at 10240 + 512, so the rings begin
 * at 16384; in a ring the small area is at 256 + 256, the large one at 4096, and the next ring at
 * 8192. The log has 64 + 4096 bytes, so two pages: behind the rings of an even slot, in front of
 * those of an odd one. Without logs it is one page that nothing uses. SPEC R17.2.
 */
static void by_hand(void)
{
	struct ivsh_geometry bad = geometry;
	struct ivsh_layout layout;
	uint64_t size = 5, rings, log;

	CHECK_EQ(IVSH_WIRE_PART_SLOT_OFFSET(0), 4096);
	CHECK_EQ(IVSH_WIRE_PART_LINES_OFFSET(254), 4096 + 2048);
	CHECK_EQ(IVSH_WIRE_PART_SLOT_OFFSET(1), 8192);
	CHECK_EQ(IVSH_WIRE_PART_LINES_OFFSET(255), 8192 + 2048);
	CHECK_EQ(ivsh_part_size(&geometry, &size), 0);
	CHECK_EQ(size, 40960);
	CHECK_EQ(ivsh_split_layout(&geometry, &layout, &size), 0);
	CHECK_EQ(layout.rings, 16384);
	CHECK_EQ(layout.small, 512);
	CHECK_EQ(layout.large, 4096);
	CHECK_EQ(layout.stride, 8192);
	for (uint32_t slot = 0; slot < 4; slot++) {
		ivsh_split_offsets(&geometry, &layout, slot, &rings, &log);
		CHECK_EQ(rings, slot % 2 ? 16384 + 8192 : 16384);
		CHECK_EQ(log, slot % 2 ? 16384 : 16384 + 2 * 8192);
	}
	bad.log_size = 0;
	CHECK_EQ(ivsh_split_layout(&bad, &layout, &size), 0);
	CHECK_EQ(size, 16384 + 2 * 8192 + 4096);
	ivsh_split_offsets(&bad, &layout, 2, &rings, &log);
	CHECK_EQ(rings, 16384);
	ivsh_split_offsets(&bad, &layout, 3, &rings, &log);
	CHECK_EQ(rings, 16384 + 4096);
	bad.descs = 17;
	size = 5;
	CHECK_EQ(ivsh_part_size(&bad, &size), IVSH_EINVAL);
	CHECK_EQ(ivsh_part_short_size(&bad, &size), IVSH_EINVAL);
	CHECK_EQ(size, 5);
}

/*
 * What is before the rings and the log is a power of two for any number of slots: of 25 slots the
 * odd ones have lines up to 10240 + 24 * 256 = 16384, of 26 beyond it, of 89 up to 32768, of 217 up
 * to 65536, of 256 up to 75520. SPEC R17.2.
 */
static void short_sizes(void)
{
	static const struct {
		uint32_t slots;
		uint64_t rings;
	} sizes[] = {{2, 16384}, {25, 16384}, {26, 32768}, {89, 32768}, {90, 65536}, {217, 65536},
	    {218, 131072}, {256, 131072}};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ivsh_geometry g = {sizes[i].slots, 16, 1024, 1024, 0};
		struct ivsh_layout layout;
		uint64_t size;

		NEED_EQ(ivsh_part_short_size(&g, &size), 0);
		CHECK_EQ(size, sizes[i].rings);
		NEED_EQ(ivsh_split_layout(&g, &layout, &size), 0);
		CHECK_EQ(layout.rings, sizes[i].rings);
		CHECK_EQ(size, sizes[i].rings + (uint64_t)(g.slots - 1) * layout.stride + 4096);
	}
}

/*
 * Each place is in the part of its writer, and no two of them have a byte in common, but for the
 * pending bytes, which are in the slot. SPEC R17.1, R17.2.
 */
static void places_apart(void)
{
	static uint8_t taken[SLOTS][PART];
	struct ivsh_mem mem = mem_of(IVSH_SELF_NONE);
	struct ivsh_attach how = with();
	struct ivsh_region region;

	format_all();
	memset(taken, 0, sizeof(taken));
	NEED_EQ(ivsh_region_probe(&region, &mem, &how), 0);
	for (uint32_t from = 0; from < SLOTS; from++)
		for (uint32_t to = 0; to < SLOTS; to++)
			for (uint32_t what = PLACE_SLOT; what <= PLACE_RECEIVER; what++) {
				uint32_t writer = what == PLACE_RECEIVER ? to : from, length = 256;
				const uint8_t *at = ivsh_place(&region, what, from, to);
				size_t offset = (size_t)(at - memory[writer]);

				if ((what == PLACE_SLOT || what == PLACE_LOG) != (from == to))
					continue;
				NEED_EQ(at >= memory[writer] && at < memory[writer] + PART, 1);
				if (what == PLACE_PENDING) {
					CHECK_EQ(offset, (writer == 1 ? 8192 : 4096) + 0x300 + to);
					continue;
				}
				if (what != PLACE_RECEIVER)
					length = what == PLACE_SLOT  ? 2048
						 : what == PLACE_LOG ? 64 + 4096
								     : 8192;
				NEED_EQ(offset >= 4096 && offset <= PART - length, 1);
				for (uint32_t i = 0; i < length; i++)
					CHECK_EQ(taken[writer][offset + i]++, 0);
			}
}

/*
 * What two neighbours use for a channel, each in its own part, is on pages of other numbers: an
 * emulator's TLB, and a processor's, finds a page by the low bits of it. DESIGN "What a message
 * costs there".
 */
static void neighbours_apart(void)
{
	struct ivsh_mem mem = mem_of(IVSH_SELF_NONE);
	struct ivsh_attach how = with();
	struct ivsh_region region;

	format_all();
	NEED_EQ(ivsh_region_probe(&region, &mem, &how), 0);
	for (uint32_t a = 0; a + 1 < SLOTS; a++) {
		size_t page[2][3];

		for (uint32_t i = 0; i < 2; i++) {
			uint32_t own = a + i, other = a + 1 - i;
			const void *at[] = {ivsh_place(&region, PLACE_SLOT, own, own),
			    ivsh_place(&region, PLACE_RECEIVER, other, own),
			    ivsh_place(&region, PLACE_SENDER, own, other)};

			for (uint32_t k = 0; k < 3; k++)
				page[i][k] = (size_t)((const uint8_t *)at[k] - memory[own]) / 4096;
		}
		for (uint32_t k = 0; k < 9; k++)
			CHECK(page[0][k / 3] != page[1][k % 3]);
	}
}

/* Headers tell whose a part is, in whatever order the parts are. SPEC R17.4.2. */
static void any_order(void)
{
	static const uint32_t orders[][SLOTS] = {
	    {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (unsigned row = 0; row < sizeof(orders) / sizeof(orders[0]); row++) {
		struct ivsh_attach how;

		format_all();
		for (uint32_t self = 0; self < SLOTS; self++) {
			struct ivsh_mem mem = mem_of(self);
			struct ivsh_mem_part ordered[SLOTS];

			for (uint32_t i = 0; i < SLOTS; i++)
				ordered[i] = mem.parts[orders[row][i]];
			memcpy(mem.parts, ordered, sizeof(ordered));
			NEED_EQ(attach(&mem, &how), 0);
			CHECK_EQ(how.parts_out, 0);
			CHECK_EQ(how.found_part, SLOTS);
			for (uint32_t i = 0; i < SLOTS; i++)
				CHECK_EQ(mem.parts[i].found, orders[row][i]);
		}
		talk(0, 1);
		talk(1, 2);
		talk(2, 0);
	}
}

static struct ivsh_mem wrong; /* the transport that a row of the next table changes */

static void no_magic(void)
{
	part_at(2)->magic = 0;
}

static void half_magic(void)
{
	part_at(2)->magic &= ~UINT64_C(0xffffffff);
}

static void region_magic(void)
{
	part_at(2)->magic = IVSH_WIRE_MAGIC;
}

static void version(void)
{
	part_at(2)->version++;
}

static void no_feature(void)
{
	part_at(2)->features = 0;
}

static void more_features(void)
{
	part_at(2)->features |= 1u << 31;
}

static void size_less(void)
{
	part_at(2)->size -= 4096;
}

static void slots_more(void)
{
	part_at(2)->slots++;
}

static void descs_more(void)
{
	part_at(2)->descs *= 2;
}

static void small_more(void)
{
	part_at(2)->small_size *= 2;
}

static void large_more(void)
{
	part_at(2)->large_size *= 2;
}

static void log_none(void)
{
	part_at(2)->log_size = 0;
}

static void other_format(void)
{
	part_at(2)->format_id++;
}

static void no_such_slot(void)
{
	part_at(2)->slot = SLOTS;
}

static void no_slot(void)
{
	part_at(2)->slot = IVSH_SELF_NONE;
}

static void not_mapped(void)
{
	wrong.parts[2].base = NULL;
}

static void not_aligned(void)
{
	wrong.parts[2].base = memory[2] + 64;
}

static void no_page(void)
{
	wrong.parts[2].size = 4095;
}

/* SPEC R18.4. */
static void too_small(void)
{
	wrong.parts[2].size = (wrong.self == 2 ? PART : 16384) - 1;
}

static void of_another(void)
{
	wrong.parts[2].slot = 1;
}

/* The platform knows that it is slot 2's, and it claims to be slot 1's. */
static void another_claim(void)
{
	wrong.parts[2].slot = 2;
	part_at(2)->slot = 1;
}

static const struct {
	const char *row;
	void (*make)(void);
} rows[] = {
    {"no magic", no_magic},
    {"half a magic", half_magic},
    {"the magic of a region", region_magic},
    {"version", version},
    {"no feature", no_feature},
    {"more features", more_features},
    {"size", size_less},
    {"slots", slots_more},
    {"descs", descs_more},
    {"small_size", small_more},
    {"large_size", large_more},
    {"log_size", log_none},
    {"format_id", other_format},
    {"a slot that is not there", no_such_slot},
    {"no slot", no_slot},
    {"not mapped", not_mapped},
    {"not aligned", not_aligned},
    {"less than a page", no_page},
    {"a byte too small", too_small},
    {"the memory of another slot", of_another},
    {"a claim that the platform knows better", another_claim},
};

/*
 * A part that does not belong to the region costs the channel to its slot, and nothing else. SPEC
 * R17.4.1, R17.4.3, R17.4.5.
 */
static void left_out(void)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_peer peer = {0};
		struct ivsh_counters counters;
		struct ivsh_service service;
		struct ivsh_mem other;
		struct ivsh_attach how;

		test_row(rows[i].row);
		format_all();
		wrong = mem_of(0);
		other = mem_of(1);
		rows[i].make();
		NEED_EQ(attach(&wrong, &how), 0);
		CHECK_EQ(how.parts_out, 1);
		CHECK_EQ(how.found_part, 2);
		NEED_EQ(attach(&other, &how), 0);
		CHECK_EQ(open_to(0, 2), IVSH_EPART);
		CHECK_EQ(ivsh_chan_send(&ends[0].chan, 1, "x", 1), IVSH_EPROTO);
		CHECK_EQ(ivsh_chan_reset(&ends[0].chan), IVSH_EINVAL);
		CHECK_EQ(ivsh_region_peer(&ends[0].region, 2, &peer), 0);
		CHECK_EQ(peer.presence, IVSH_PEER_ABSENT);
		CHECK_EQ(ivsh_region_counters(&ends[0].region, 2, &counters), IVSH_EPART);
		CHECK_EQ(ivsh_region_service(&ends[0].region, 2, 0, &service), IVSH_EPART);
		CHECK_EQ(ivsh_region_service(&ends[0].region, SLOTS, 0, &service), IVSH_EINVAL);
		talk(0, 1);
	}
}

/* The same of this peer's own part: the attach answers so, and stores nothing. SPEC R17.4.6. */
static void own_refused(void)
{
	static uint8_t before[PART];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_attach how;

		test_row(rows[i].row);
		format_all();
		wrong = mem_of(2);
		rows[i].make();
		memcpy(before, memory[2], PART);
		CHECK_EQ(attach(&wrong, &how), IVSH_EPART);
		CHECK_EQ(how.found_part, 2);
		CHECK_EQ(memcmp(before, memory[2], PART), 0);
	}
	{
		struct ivsh_mem mem = mem_of(2);
		struct ivsh_attach how;

		test_row("it is not there");
		format_all();
		mem.part_count = 2;
		CHECK_EQ(attach(&mem, &how), IVSH_EPART);
		CHECK_EQ(how.found_part, 2);
		CHECK_EQ(how.parts_out, 0);
		test_row("no part is there");
		mem.parts = NULL;
		mem.part_count = 0;
		CHECK_EQ(attach(&mem, &how), IVSH_EPART);
		CHECK_EQ(how.found_part, 0);
		test_row("it is not writable");
		mem = mem_of(2);
		mem.parts[2].is_writable = false;
		memcpy(before, memory[2], PART);
		CHECK_EQ(attach(&mem, &how), IVSH_EREADONLY);
		CHECK_EQ(memcmp(before, memory[2], PART), 0);
		test_row("no such slot");
		mem = mem_of(2);
		mem.self = SLOTS;
		how = with();
		CHECK_EQ(ivsh_region_attach(&ends[0].region, &mem, &how), IVSH_EINVAL);
		CHECK_EQ(how.found_slots, SLOTS);
	}
}

/*
 * Two parts claim slot 1: neither is used, so that nobody takes the other's place; unless the
 * platform knows. SPEC R17.4.4.
 */
static void two_claims(void)
{
	struct ivsh_mem_part more = {memory[SLOTS], PART, IVSH_SELF_NONE, false, IVSH_SELF_NONE};
	struct ivsh_attach how;
	struct ivsh_mem mem;

	for (uint32_t at = 0; at < 2; at++) {
		format_all();
		NEED_EQ(ivsh_part_format(memory[SLOTS], PART, &geometry, FORMAT_ID, 1, true), 0);
		mem = mem_of(0);
		mem.part_count = SLOTS + 1;
		mem.parts[SLOTS] = at ? mem.parts[1] : more;
		if (at)
			mem.parts[1] = more;
		NEED_EQ(attach(&mem, &how), 0);
		CHECK_EQ(how.parts_out, 2);
		CHECK_EQ(how.found_part, 1);
		CHECK_EQ(open_to(0, 1), IVSH_EPART);
		/* Known to be slot 1's. */
		mem.parts[at ? SLOTS : 1].slot = 1;
		NEED_EQ(attach(&mem, &how), 0);
		CHECK_EQ(how.parts_out, 1);
		CHECK_EQ(how.found_part, at ? 1 : SLOTS);
		CHECK_EQ(open_to(0, 1), 0);
		CHECK((uint8_t *)ends[0].chan.rx.own > memory[0]);
		CHECK((const uint8_t *)ends[0].chan.rx.other > memory[1]);
		CHECK((const uint8_t *)ends[0].chan.rx.other < memory[2]);
		/* Our own is the one that is writable. */
		mem = mem_of(1);
		mem.part_count = SLOTS + 1;
		mem.parts[SLOTS] = at ? mem.parts[1] : more;
		if (at)
			mem.parts[1] = more;
		NEED_EQ(attach(&mem, &how), 0);
		CHECK((uint8_t *)ends[1].region.slot == memory[1] + 8192);
	}
}

/*
 * What a part says later is of no consequence to whoever is attached; and one that was formatted
 * later is found by the next open. SPEC R17.4.7.
 */
static void later(void)
{
	struct ivsh_mem mem, other;
	struct ivsh_attach how;

	format_all();
	mem = mem_of(0);
	other = mem_of(1);
	part_at(1)->magic = 0;
	NEED_EQ(attach(&mem, &how), 0);
	CHECK_EQ(how.parts_out, 1);
	CHECK_EQ(open_to(0, 1), IVSH_EPART);
	NEED_EQ(ivsh_part_format(memory[1], PART, &geometry, FORMAT_ID, 1, false), 0);
	NEED_EQ(attach(&other, &how), 0);
	talk(0, 1);
	/* Slot 2 claims to be slot 1, and slot 1 damages its own header. */
	part_at(2)->slot = 1;
	memset(memory[1], 0xee, 64);
	talk(0, 1);
}

/* One memory and a split region are told apart. SPEC R3.6.4, R17.3.3. */
static void told_apart(void)
{
	struct ivsh_mem mem = mem_of(1);
	struct ivsh_attach how;

	format_all();
	mem.split = NULL;
	CHECK_EQ(attach(&mem, &how), IVSH_EVERSION);
	CHECK_EQ(how.found_features, IVSH_WIRE_FEATURE_SPLIT | IVSH_WIRE_FEATURE_LOGS);
	mem = mem_of(1);
	{
		struct ivsh_wire_header *header = (struct ivsh_wire_header *)(void *)common;

		header->features = IVSH_WIRE_FEATURE_LOGS;
		CHECK_EQ(attach(&mem, &how), IVSH_EVERSION);
		CHECK_EQ(how.found_features, IVSH_WIRE_FEATURE_LOGS);
		header->features |= IVSH_WIRE_FEATURE_SPLIT;
		header->size = 4096;
		CHECK_EQ(attach(&mem, &how), IVSH_EPROTO);
		header->size = 8192;
		mem.size = 4096;
		CHECK_EQ(attach(&mem, &how), IVSH_ENOSPC);
		CHECK_EQ(how.need_size, 8192);
		mem.size = 8192;
		header->slots = 1;
		CHECK_EQ(attach(&mem, &how), IVSH_EPROTO);
		header->slots = SLOTS;
		/* Nobody has formatted it. */
		header->magic = 0;
		CHECK_EQ(attach(&mem, &how), IVSH_ENODEV);
		header->magic = IVSH_WIRE_MAGIC;
		CHECK_EQ(attach(&mem, &how), 0);
	}
	/* A peer does not, however large the memory is. */
	memset(memory, 0, sizeof(memory));
	mem = mem_of(0);
	mem.base = memory;
	mem.size = sizeof(memory);
	how = with();
	how.formatter = ivsh_attach_format;
	how.format = (struct ivsh_geometry){2, 16, 1024, 1024, 0};
	CHECK_EQ(ivsh_region_attach(&ends[0].region, &mem, &how), IVSH_ENODEV);
	CHECK_EQ(part_at(0)->magic, 0);
}

/* Everything but the payload areas is cleared. SPEC R17.3.1. */
static void clears(uint32_t slot)
{
	uint32_t rings = slot == 1 ? 24576 : 16384, log = slot == 1 ? 16384 : 32768;

	memset(memory[0], 0xff, PART);
	CHECK_EQ(ivsh_part_format(memory[0], PART, &geometry, 9, slot, true), 0);
	CHECK_EQ(part_at(0)->slot, slot);
	CHECK_EQ(part_at(0)->format_id, 9);
	for (uint32_t i = 64; i < 16384; i++)
		CHECK_EQ(memory[0][i], 0);
	for (uint32_t ring = rings; ring < rings + 2 * 8192; ring += 8192) {
		for (uint32_t i = 0; i < 512; i++)
			CHECK_EQ(memory[0][ring + i], 0);
		CHECK_EQ(memory[0][ring + 512], 0xff);
		CHECK_EQ(memory[0][ring + 8191], 0xff);
	}
	for (uint32_t i = 0; i < 64 + 4096; i++)
		CHECK_EQ(memory[0][log + i], 0);
}

/* SPEC R17.3. */
static void formats(void)
{
	struct ivsh_geometry bad = geometry;

	format_all();
	bad.slots = 1;
	CHECK_EQ(ivsh_split_format(common, 8192, &bad, 1, true), IVSH_EINVAL);
	CHECK_EQ(ivsh_split_format(common + 64, 8192, &geometry, 1, true), IVSH_EINVAL);
	CHECK_EQ(ivsh_split_format(NULL, 8192, &geometry, 1, true), IVSH_EINVAL);
	CHECK_EQ(ivsh_split_format(common, 8191, &geometry, 1, true), IVSH_ENOSPC);
	CHECK_EQ(ivsh_split_format(common, 8192, &geometry, 1, false), IVSH_EBUSY);
	CHECK_EQ(ivsh_part_format(memory[0], PART, &bad, 1, 0, true), IVSH_EINVAL);
	CHECK_EQ(ivsh_part_format(memory[0], PART, &geometry, 1, SLOTS, true), IVSH_EINVAL);
	CHECK_EQ(ivsh_part_format(memory[0] + 64, PART, &geometry, 1, 0, true), IVSH_EINVAL);
	CHECK_EQ(ivsh_part_format(memory[0], PART - 1, &geometry, 1, 0, true), IVSH_ENOSPC);
	CHECK_EQ(ivsh_part_format(memory[0], PART, &geometry, 1, 0, false), IVSH_EBUSY);
	for (uint32_t slot = 1; slot < SLOTS; slot++)
		clears(slot);
}

/* A nonce that no earlier incarnation of the slot had, where the seed repeats. */
static void nonces(void)
{
	struct ivsh_attach how;
	struct ivsh_mem mem;
	uint64_t first;

	format_all();
	mem = mem_of(1);
	first = ivsh_attach_nonce(&mem, 5);
	CHECK(ivsh_attach_nonce(&mem, 5) == first);
	NEED_EQ(attach(&mem, &how), 0);
	ivsh_region_detach(&ends[1].region);
	CHECK(ivsh_attach_nonce(&mem, 5) != first);
}

static const struct test tests[] = {
    {"by hand", by_hand},
    {"short sizes", short_sizes},
    {"places", places_apart},
    {"neighbours apart", neighbours_apart},
    {"any order", any_order},
    {"left out", left_out},
    {"own part", own_refused},
    {"two claims", two_claims},
    {"later", later},
    {"told apart", told_apart},
    {"formats", formats},
    {"nonces", nonces},
};

int main(void)
{
	return test_main("split", tests, sizeof(tests) / sizeof(tests[0]));
}
