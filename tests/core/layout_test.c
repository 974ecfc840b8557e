/* SPDX-License-Identifier: MIT */
/*
 * layout_test.c - sizes and offsets follow from the geometry.
 */
#include "core/layout.h"
#include "tests/lib/test.h"

#include <stddef.h>

static void geometry_ranges(void)
{
	static const struct {
		const char *row;
		struct ivsh_geometry geometry;
		int want;
	} rows[] = {
	    {"least", {2, 16, 1024, 1024}, 0},
	    {"default", {8, 64, 8192, 32768}, 0},
	    {"most", {256, 32768, 1u << 27, 1u << 27}, 0},
	    {"one slot", {1, 64, 8192, 32768}, IVSH_EINVAL},
	    {"257 slots", {257, 64, 8192, 32768}, IVSH_EINVAL},
	    {"8 descriptors", {8, 8, 8192, 32768}, IVSH_EINVAL},
	    {"65536 descriptors", {8, 65536, 8192, 32768}, IVSH_EINVAL},
	    {"63 descriptors", {8, 63, 8192, 32768}, IVSH_EINVAL},
	    {"hot 512", {8, 64, 512, 32768}, IVSH_EINVAL},
	    {"hot 8191", {8, 64, 8191, 32768}, IVSH_EINVAL},
	    {"bulk below hot", {8, 64, 8192, 4096}, IVSH_EINVAL},
	    {"bulk 2^28", {8, 64, 8192, 1u << 28}, IVSH_EINVAL},
	    {"all zero", {0, 0, 0, 0}, IVSH_EINVAL},
	    {"all ones", {~0u, ~0u, ~0u, ~0u}, IVSH_EINVAL},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t size = 77;

		test_row(rows[i].row);
		CHECK_EQ(ivsh_geometry_size(&rows[i].geometry, &size), rows[i].want);
		if (rows[i].want)
			CHECK_EQ(size, 77);
	}
}

/*
 * By hand: 4096 + 4096 + 8 * 2048 = 24576; a ring is 256 + 64 * 16 + 8192 = 9472, the large area at
 * 12288, stride 45056; 56 rings.
 */
static void geometry_by_hand(void)
{
	struct ivsh_geometry geometry = {8, 64, 8192, 32768};
	struct layout layout;
	uint64_t size = 0;

	CHECK_EQ(ivsh_geometry_size(&geometry, &size), 0);
	CHECK_EQ(size, 24576 + 56 * 45056);
	ivsh_layout_of(&geometry, &layout);
	CHECK_EQ(layout.rings, 24576);
	CHECK_EQ(layout.small, 1280);
	CHECK_EQ(layout.large, 12288);
	CHECK_EQ(layout.stride, 45056);
	CHECK_EQ(ivsh_layout_ring(&geometry, &layout, 0, 1), 24576);
	CHECK_EQ(ivsh_layout_ring(&geometry, &layout, 0, 7), 24576 + 6 * 45056);
	CHECK_EQ(ivsh_layout_ring(&geometry, &layout, 1, 0), 24576 + 7 * 45056);
	CHECK_EQ(ivsh_layout_ring(&geometry, &layout, 1, 2), 24576 + 8 * 45056);
	CHECK_EQ(ivsh_layout_ring(&geometry, &layout, 7, 6), 24576 + 55 * 45056);
}

/*
 * Every ordered pair has a ring of its own, and together they fill the region exactly. SPEC R2.1.
 */
static void rings_apart(void)
{
	for (uint32_t slots = 2; slots <= 32; slots++) {
		struct ivsh_geometry geometry = {slots, 16, 1024, 1024};
		static bool taken[32 * 31];
		struct layout layout;

		for (unsigned i = 0; i < slots * (slots - 1); i++)
			taken[i] = false;
		ivsh_layout_of(&geometry, &layout);
		for (uint32_t s = 0; s < slots; s++)
			for (uint32_t r = 0; r < slots; r++) {
				uint64_t index;

				if (s == r)
					continue;
				index =
				    (ivsh_layout_ring(&geometry, &layout, s, r) - layout.rings) /
				    layout.stride;
				NEED_EQ(index < slots * (slots - 1), 1);
				CHECK_EQ(taken[index], false);
				taken[index] = true;
			}
	}
}

static void geometry_fit(void)
{
	static const struct {
		uint64_t size;
		uint32_t slots;
		int want;
		uint32_t hot, bulk;
	} rows[] = {
	    {4096, 8, IVSH_ENOSPC, 0, 0},
	    {1u << 19, 8, IVSH_ENOSPC, 0, 0},
	    {1u << 20, 8, 0, 4096, 4096},
	    {1u << 21, 8, 0, 8192, 16384},
	    {1u << 22, 8, 0, 32768, 32768},
	    {1u << 26, 8, 0, 1u << 17, 1u << 20},
	    {UINT64_C(1) << 36, 8, 0, 1u << 18, 1u << 21},
	    {1u << 16, 2, 0, 8192, 8192},
	    {1u << 20, 2, 0, 1u << 17, 1u << 18},
	    {1u << 20, 1, IVSH_EINVAL, 0, 0},
	    {1u << 20, 257, IVSH_EINVAL, 0, 0},
	    {UINT64_C(1) << 33, 256, 0, 32768, 65536},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_geometry geometry = {0};
		uint64_t need = 0, size = 0;

		CHECK_EQ(
		    ivsh_geometry_fit(rows[i].size, rows[i].slots, &geometry, &need), rows[i].want);
		CHECK_EQ(geometry.small_size, rows[i].hot);
		CHECK_EQ(geometry.large_size, rows[i].bulk);
		if (rows[i].want == IVSH_ENOSPC)
			CHECK(need > rows[i].size);
		if (rows[i].want == 0) {
			CHECK(need <= rows[i].size);
			CHECK_EQ(ivsh_geometry_size(&geometry, &size), 0);
			CHECK(size <= rows[i].size);
			CHECK_EQ(geometry.descs, rows[i].bulk == 4096 ? 64 : IVSH_FIT_DESCS);
			/* No larger small area fits, or would be of use. */
			geometry.small_size *= 2;
			if (ivsh_geometry_size(&geometry, &size) == 0)
				CHECK(size > rows[i].size || rows[i].hot == 1u << 18);
			/* Nor does a larger large one. */
			geometry.small_size = 4096;
			geometry.descs = IVSH_FIT_DESCS;
			geometry.large_size *= 2;
			CHECK_EQ(ivsh_geometry_size(&geometry, &size), 0);
			CHECK(size > rows[i].size || rows[i].bulk == 1u << 21);
		}
	}
}

static void door(void)
{
	static uint8_t memory[4096];

	CHECK(layout_at(memory, 4096, 0, 4096) == memory);
	CHECK(layout_at(memory, 4096, 4096, 0) == memory + 4096);
	CHECK(layout_at(memory, 4096, 4095, 1) == memory + 4095);
	CHECK(layout_at(memory, 4096, 4095, 2) == NULL);
	CHECK(layout_at(memory, 4096, 4097, 0) == NULL);
	CHECK(layout_at(memory, 4096, 1, UINT64_MAX) == NULL);
	CHECK(layout_at(memory, 4096, UINT64_MAX, 2) == NULL);
}

/* What a memory must have at least is what the smallest geometry takes. */
static void geometry_least(void)
{
	const struct ivsh_geometry least = {
	    IVSH_WIRE_SLOTS_MIN, IVSH_WIRE_DESCS_MIN, IVSH_WIRE_AREA_MIN, IVSH_WIRE_AREA_MIN};
	uint64_t size = 0;

	CHECK_EQ(ivsh_geometry_size(&least, &size), 0);
	CHECK_EQ(layout_least(), size);
}

static const struct test tests[] = {
    {"geometry: ranges", geometry_ranges},
    {"geometry: by hand", geometry_by_hand},
    {"geometry: fit", geometry_fit},
    {"geometry: least", geometry_least},
    {"rings: each pair its own", rings_apart},
    {"door: offset and length", door},
};

int main(void)
{
	return test_main("layout", tests, sizeof(tests) / sizeof(tests[0]));
}
