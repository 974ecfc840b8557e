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
	    {"least", {2, 16, 1024, 1024, 0}, 0},
	    {"default", {8, 64, 8192, 32768, 0}, 0},
	    {"most", {256, 32768, 1u << 27, 1u << 27, 0}, 0},
	    {"one slot", {1, 64, 8192, 32768, 0}, IVSH_EINVAL},
	    {"257 slots", {257, 64, 8192, 32768, 0}, IVSH_EINVAL},
	    {"8 descriptors", {8, 8, 8192, 32768, 0}, IVSH_EINVAL},
	    {"65536 descriptors", {8, 65536, 8192, 32768, 0}, IVSH_EINVAL},
	    {"63 descriptors", {8, 63, 8192, 32768, 0}, IVSH_EINVAL},
	    {"hot 512", {8, 64, 512, 32768, 0}, IVSH_EINVAL},
	    {"hot 8191", {8, 64, 8191, 32768, 0}, IVSH_EINVAL},
	    {"bulk below hot", {8, 64, 8192, 4096, 0}, IVSH_EINVAL},
	    {"bulk 2^28", {8, 64, 8192, 1u << 28, 0}, IVSH_EINVAL},
	    {"all zero", {0, 0, 0, 0, 0}, IVSH_EINVAL},
	    {"all ones", {~0u, ~0u, ~0u, ~0u, 0}, IVSH_EINVAL},
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
	struct ivsh_geometry geometry = {8, 64, 8192, 32768, 0};
	struct ivsh_layout layout;
	uint64_t size = 0;

	CHECK_EQ(ivsh_geometry_size(&geometry, &size), 0);
	CHECK_EQ(size, 24576 + 56 * 45056);
	CHECK_EQ(ivsh_layout_of(&geometry, &layout, &size), 0);
	CHECK_EQ(layout.rings, 24576);
	CHECK_EQ(layout.small, 1280);
	CHECK_EQ(layout.large, 12288);
	CHECK_EQ(layout.stride, 45056);
	CHECK_EQ(layout_ring(&geometry, &layout, 0, 1), 24576);
	CHECK_EQ(layout_ring(&geometry, &layout, 0, 7), 24576 + 6 * 45056);
	CHECK_EQ(layout_ring(&geometry, &layout, 1, 0), 24576 + 7 * 45056);
	CHECK_EQ(layout_ring(&geometry, &layout, 1, 2), 24576 + 8 * 45056);
	CHECK_EQ(layout_ring(&geometry, &layout, 7, 6), 24576 + 55 * 45056);
}

/*
 * Every ordered pair has a ring of its own, and together they fill the region exactly. SPEC R2.1.
 */
static void rings_apart(void)
{
	for (uint32_t slots = 2; slots <= 32; slots++) {
		struct ivsh_geometry geometry = {slots, 16, 1024, 1024, 0};
		static bool taken[32 * 31];
		struct ivsh_layout layout;
		uint64_t size;

		for (unsigned i = 0; i < slots * (slots - 1); i++)
			taken[i] = false;
		NEED_EQ(ivsh_layout_of(&geometry, &layout, &size), 0);
		for (uint32_t s = 0; s < slots; s++)
			for (uint32_t r = 0; r < slots; r++) {
				uint64_t index;

				if (s == r)
					continue;
				index = (layout_ring(&geometry, &layout, s, r) - layout.rings) /
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
		uint32_t hot, bulk, log;
	} rows[] = {
	    {4096, 8, IVSH_ENOSPC, 0, 0, 0},
	    {1u << 19, 8, IVSH_ENOSPC, 0, 0, 0},
	    {1u << 20, 8, 0, 4096, 4096, 32768},
	    {1u << 21, 8, 0, 8192, 16384, 16384},
	    {1u << 22, 8, 0, 32768, 32768, 4096},
	    {1u << 26, 8, 0, 1u << 17, 1u << 20, 65536},
	    {UINT64_C(1) << 36, 8, 0, 1u << 18, 1u << 21, 65536},
	    {1u << 16, 2, 0, 8192, 8192, 0},
	    {1u << 20, 2, 0, 1u << 17, 1u << 18, 65536},
	    {1u << 20, 1, IVSH_EINVAL, 0, 0, 0},
	    {1u << 20, 257, IVSH_EINVAL, 0, 0, 0},
	    {UINT64_C(1) << 33, 256, 0, 32768, 65536, 65536},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_geometry geometry = {0};
		uint64_t need = 0, size = 0;

		CHECK_EQ(
		    ivsh_geometry_fit(rows[i].size, rows[i].slots, &geometry, &need), rows[i].want);
		CHECK_EQ(geometry.small_size, rows[i].hot);
		CHECK_EQ(geometry.large_size, rows[i].bulk);
		CHECK_EQ(geometry.log_size, rows[i].log);
		if (rows[i].want == IVSH_ENOSPC)
			CHECK(need > rows[i].size);
		if (rows[i].want == 0) {
			CHECK(need <= rows[i].size);
			CHECK_EQ(ivsh_geometry_size(&geometry, &size), 0);
			CHECK(size <= rows[i].size);
			CHECK_EQ(geometry.descs, rows[i].bulk == 4096 ? 64 : IVSH_FIT_DESCS);
			/* Nor do larger logs. */
			geometry.log_size = geometry.log_size ? 2 * geometry.log_size : 4096;
			if (geometry.log_size <= IVSH_FIT_LOG) {
				CHECK_EQ(ivsh_geometry_size(&geometry, &size), 0);
				CHECK(size > rows[i].size);
			}
			geometry.log_size = 0;
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

/* Where the rings leave nothing: half of the small area, for a sixteenth of the memory. */
static void geometry_fit_logs(void)
{
	static const struct {
		uint64_t size;
		uint32_t slots, log_size;
		int want;
		struct ivsh_geometry fit;
	} rows[] = {
	    {1u << 20, 3, IVSH_FIT_LOG, 0, {3, 256, 16384, 131072, 16384}},
	    {1u << 20, 3, 0, 0, {3, 256, 32768, 131072, 0}},
	    {1u << 18, 3, IVSH_FIT_LOG, 0, {3, 256, 8192, 16384, 4096}},
	    {1u << 18, 4, IVSH_FIT_LOG, 0, {4, 256, 4096, 8192, 0}},
	    {1u << 18, 4, 4096, 0, {4, 64, 4096, 4096, 4096}},
	    {1u << 22, 8, 65536, 0, {8, 256, 16384, 32768, 65536}},
	    {1u << 22, 8, 1u << 20, IVSH_ENOSPC, {0}},
	    {1u << 22, 8, 4097, IVSH_EINVAL, {0}},
	    {1u << 22, 8, 2048, IVSH_EINVAL, {0}},
	    {UINT64_C(1) << 36, 8, 1u << 25, IVSH_EINVAL, {0}},
	    {UINT64_C(1) << 36, 8, 1u << 24, 0, {8, 256, 1u << 18, 1u << 21, 1u << 24}},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_geometry g = {0};
		uint64_t need = 0;
		/* IVSH_FIT_LOG: what the library chooses, too. */
		int error = rows[i].log_size == IVSH_FIT_LOG && rows[i].slots < 8
				? ivsh_geometry_fit(rows[i].size, rows[i].slots, &g, &need)
				: ivsh_geometry_fit_log(
				      rows[i].size, rows[i].slots, rows[i].log_size, &g, &need);

		CHECK_EQ(error, rows[i].want);
		CHECK_EQ(need > rows[i].size, rows[i].want == IVSH_ENOSPC);
		CHECK_EQ(g.descs, rows[i].fit.descs);
		CHECK_EQ(g.small_size, rows[i].fit.small_size);
		CHECK_EQ(g.large_size, rows[i].fit.large_size);
		CHECK_EQ(g.log_size, rows[i].fit.log_size);
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
	    IVSH_WIRE_SLOTS_MIN, IVSH_WIRE_DESCS_MIN, IVSH_WIRE_AREA_MIN, IVSH_WIRE_AREA_MIN, 0};
	uint64_t size = 0;

	CHECK_EQ(ivsh_geometry_size(&least, &size), 0);
	CHECK_EQ(layout_least(), size);
}

static const struct test tests[] = {
    {"geometry: ranges", geometry_ranges},
    {"geometry: by hand", geometry_by_hand},
    {"geometry: fit", geometry_fit},
    {"geometry: fit with logs", geometry_fit_logs},
    {"geometry: least", geometry_least},
    {"rings: each pair its own", rings_apart},
    {"door: offset and length", door},
};

int main(void)
{
	return test_main("layout", tests, sizeof(tests) / sizeof(tests[0]));
}
