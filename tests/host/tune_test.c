/* SPDX-License-Identifier: MIT */
/*
 * tune_test.c - which pairs of processors tune tries, how often, and which geometry it chooses.
 */
#include "tests/lib/test.h"
#include "tune/choose.h"
#include "tune/pairs.h"
#include "tune/tune.h"

#include <stdio.h>
#include <string.h>

#define CELLS 4u
#define SLICES 20u

static const struct ivsh_geometry geometries[] = {
    {2, 256, 4096, 1 << 22, 0},
    {2, 256, 65536, 1 << 22, 0},
    {2, 256, 262144, 1 << 22, 0},
    {2, 256, 1 << 20, 1 << 22, 0},
};

#define COUNT (sizeof(geometries) / sizeof(geometries[0]))

static struct contest contest;

/* In the place of slice.c: (to_drop) slices on a busy machine, then good ones. */
static uint32_t to_drop, good;

int slice_begin(const int cpu[2], uint64_t bytes)
{
	(void)cpu, (void)bytes;
	return 0;
}

void slice_end(void)
{
}

enum slice_result slice_run(struct slice *slice)
{
	if (to_drop > 0) {
		to_drop--;
		return SLICE_DROPPED;
	}
	good++;
	slice->class = CLASS_FAR;
	slice->pingpong = 400;
	return SLICE_GOOD;
}

const char *slice_error(void)
{
	return "";
}

static bool is_good(void)
{
	return good > 0;
}

/* A machine that is busy in the first milliseconds is tried again. */
static void busy(void)
{
	static struct tune tune;
	static int cpus[CPUS_MOST];

	to_drop = 1000, good = 0;
	tune = (struct tune){.time_ns = 1000000000, .stopped = is_good};
	if (pairs_cpus(cpus) < 2) {
		CHECK_EQ(tune_run(&tune), TUNE_ALONE);
		return;
	}
	CHECK_EQ(tune_run(&tune), TUNE_STOPPED);
	CHECK_EQ(to_drop, 0);
	CHECK(tune.pingpong[CLASS_FAR] > 0);
}

/* Nothing is measured yet; of the geometries the first (count) are compared. */
static void begin(uint32_t count)
{
	table_clear();
	contest = (struct contest){.geometries = geometries, .count = COUNT, .cells = CELLS};
	for (uint32_t i = count; i < COUNT; i++)
		contest.is_out[i] = true;
}

/* (count) slices of one cell, whose medians are (ns): half are less, half more. */
static void add(enum slice_class class, uint32_t geometry, uint32_t cell, double ns, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		table_add(class, geometry, cell, ns * (0.9 + 0.2 * ((i / 2) % 5) / 4));
}

/* All cells of a geometry, (ratio) times as long as the library's own. */
static void fill(enum slice_class class, uint32_t geometry, double ratio)
{
	for (uint32_t cell = 0; cell < CELLS; cell++)
		add(class, geometry, cell, 100 * (cell + 1) * ratio, SLICES);
}

static uint32_t choose(void)
{
	(void)choose_classes(&contest);
	return choose_one(&contest);
}

static void medians(void)
{
	begin(COUNT);
	for (uint32_t i = 1; i < TABLE_FEW; i++)
		table_add(CLASS_FAR, 1, 2, 10);
	CHECK_EQ(table_median(CLASS_FAR, 1, 2, TABLE_ALL), 0);
	table_clear();
	for (uint32_t i = 0; i < 7; i++)
		table_add(CLASS_FAR, 1, 2, (double[]){9, 2, 1, 7, 5, 100, 3}[i]);
	CHECK_EQ(table_slices(CLASS_FAR, 1, 2), 7);
	CHECK_EQ(table_median(CLASS_FAR, 1, 2, TABLE_ALL), 5);
	CHECK_EQ(table_median(CLASS_FAR, 1, 2, TABLE_EVEN), 4); /* of 1, 3, 5, 9 */
	CHECK_EQ(table_median(CLASS_FAR, 1, 2, TABLE_ODD), 7);  /* of 2, 7, 100 */
	CHECK_EQ(table_median(CLASS_CLUSTER, 1, 2, TABLE_ALL), 0);
	for (uint32_t i = 0; i < 2 * TABLE_SLICES; i++)
		table_add(CLASS_FAR, 1, 2, 1);
	CHECK_EQ(table_slices(CLASS_FAR, 1, 2), TABLE_SLICES);
}

/* One class: geometry 1 takes so many times as long. */
static void one_class(void)
{
	static const struct {
		double ratio;
		uint32_t want;
	} rows[] = {{0.5, 1}, {0.9, 1}, {0.97, 0}, {1, 0}, {1.2, 0}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(2);
		fill(CLASS_CLUSTER, 0, 1);
		fill(CLASS_CLUSTER, 1, rows[i].ratio);
		CHECK_EQ(choose_classes(&contest), 1);
		CHECK_EQ(choose(), rows[i].want);
	}
}

/* Two classes: what counts is the largest distance from what each class has at best. */
static void two_classes(void)
{
	static const struct {
		double cluster[3], far[3]; /* of geometries 1 to 3 */
		uint32_t want;
	} rows[] = {
	    {{1, 1.1, 1.1}, {0.4, 1.1, 1.1}, 1},     /* far gains, and cluster loses nothing */
	    {{1.2, 1.1, 1.1}, {0.4, 1.1, 1.1}, 0},   /* cluster would lose */
	    {{1, 0.6, 1.1}, {0.4, 0.5, 1.1}, 2},     /* a little less in one, much more in both */
	    {{1.2, 0.97, 1.1}, {0.4, 0.97, 1.1}, 0}, /* no more than noise */
	    {{0.9, 1, 1}, {1, 0.9, 0.9}, 0},         /* each is as far from the best as the own */
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(COUNT);
		fill(CLASS_CLUSTER, 0, 1);
		fill(CLASS_FAR, 0, 1);
		for (uint32_t k = 1; k < COUNT; k++) {
			fill(CLASS_CLUSTER, k, rows[i].cluster[k - 1]);
			fill(CLASS_FAR, k, rows[i].far[k - 1]);
		}
		CHECK_EQ(choose_classes(&contest), 2);
		if (choose() != rows[i].want) {
			printf("row %u: %u\n", i, choose());
			CHECK(false);
		}
	}
}

/* No cell may lose, though the mean gains. */
static void one_cell_worse(void)
{
	begin(2);
	fill(CLASS_FAR, 0, 1);
	for (uint32_t cell = 0; cell < CELLS; cell++)
		add(CLASS_FAR, 1, cell, 100 * (cell + 1) * (cell == 2 ? 1.15 : 0.5), SLICES);
	CHECK_EQ(choose(), 0);
	contest.is_out[2] = false;
	fill(CLASS_FAR, 2, 0.8);
	CHECK_EQ(choose(), 2);
}

/* A gain in one half of the slices alone is luck. */
static void luck(void)
{
	begin(2);
	fill(CLASS_FAR, 0, 1);
	for (uint32_t cell = 0; cell < CELLS; cell++)
		for (uint32_t i = 0; i < SLICES; i++)
			table_add(CLASS_FAR, 1, cell, 100 * (cell + 1) * (i % 2 ? 1.01 : 0.7));
	CHECK_EQ(choose(), 0);
}

/* Of two that are level, the one that takes less memory; the best one else. */
static void level(void)
{
	begin(COUNT);
	contest.is_out[2] = true;
	fill(CLASS_FAR, 0, 1);
	fill(CLASS_FAR, 3, 0.600);
	fill(CLASS_FAR, 1, 0.605);
	CHECK_EQ(choose(), 1);
	begin(COUNT);
	contest.is_out[2] = true;
	fill(CLASS_FAR, 0, 1);
	fill(CLASS_FAR, 3, 0.60);
	fill(CLASS_FAR, 1, 0.65);
	CHECK_EQ(choose(), 3);
	contest.is_out[3] = true;
	CHECK_EQ(choose(), 1);
}

/* A class in which any geometry has too few slices of one cell does not count. */
static void too_few(void)
{
	uint32_t best[COUNT];

	begin(COUNT);
	CHECK_EQ(choose_classes(&contest), 0);
	CHECK_EQ(choose_one(&contest), 0);
	CHECK_EQ(choose_best(&contest, COUNT, best), 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		fill(CLASS_FAR, i, i == 1 ? 0.5 : 1);
		fill(CLASS_CLUSTER, i, i == 1 ? 2 : 1);
		for (uint32_t cell = 0; cell < CELLS; cell++)
			add(CLASS_SIBLING, i, cell, i == 1 ? 200 : 100,
			    i == 2 && cell == 3 ? TABLE_FEW - 1 : SLICES);
	}
	CHECK_EQ(choose_classes(&contest), 2);
	CHECK(!contest.classes[CLASS_SIBLING]);
	CHECK_EQ(choose_one(&contest), 0); /* cluster would lose */
	contest.classes[CLASS_CLUSTER] = false;
	CHECK_EQ(choose_one(&contest), 1);
	/* One that is out holds nothing up. */
	contest.is_out[2] = true;
	CHECK_EQ(choose_classes(&contest), 3);
}

static void best_ones(void)
{
	uint32_t best[COUNT];

	for (uint32_t turn = 0; turn < 3; turn++) {
		begin(COUNT);
		fill(CLASS_FAR, 0, 1);
		for (uint32_t i = 0; i < 3; i++)
			fill(CLASS_FAR, 1 + (turn + i) % 3, 0.5 + 0.2 * i);
		(void)choose_classes(&contest);
		CHECK_EQ(choose_best(&contest, 2, best), 2);
		CHECK_EQ(best[0], 1 + turn);
		CHECK_EQ(best[1], 1 + (turn + 1) % 3);
		CHECK_EQ(choose_best(&contest, COUNT, best), 3);
		CHECK_EQ(best[2], 1 + (turn + 2) % 3);
	}
}

static void pairs(void)
{
	static const struct {
		uint32_t cpus, want;
	} rows[] = {
	    {0, 0}, {1, 0}, {2, 1}, {3, 3}, {16, 120}, {23, 253}, {24, 45}, {64, 125}, {8192, 255}};
	static struct pair list[PAIRS_MOST + 1];
	static int cpus[CPUS_MOST];

	for (uint32_t i = 0; i < CPUS_MOST; i++)
		cpus[i] = (int)(3 * i);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t count, last = rows[i].cpus;

		memset(list, 0xff, sizeof(list));
		count = pairs_list(cpus, last, list);
		if (count != rows[i].want)
			printf("%u processors: %u pairs\n", last, count);
		CHECK_EQ(count, rows[i].want);
		CHECK(list[count].cpu[0] == -1);
		for (uint32_t k = 0; k < count; k++) {
			CHECK(list[k].cpu[0] < list[k].cpu[1]);
			CHECK(list[k].cpu[1] <= cpus[last - 1]);
			for (uint32_t j = 0; j < k; j++)
				CHECK(memcmp(&list[j], &list[k], sizeof(list[k])) != 0);
		}
	}
	/* The second thread of the first core is among them, wherever systems number it. */
	CHECK_EQ(pairs_list(cpus, 64, list), 125);
	CHECK(list[0].cpu[0] == 0 && list[0].cpu[1] == cpus[1]);
	CHECK(list[1].cpu[0] == 0 && list[1].cpu[1] == cpus[32]);
}

static const struct test tests[] = {
    {"medians", medians},
    {"one class", one_class},
    {"two classes", two_classes},
    {"one cell worse", one_cell_worse},
    {"luck", luck},
    {"level", level},
    {"too few slices", too_few},
    {"best ones", best_ones},
    {"pairs", pairs},
    {"busy machine", busy},
};

int main(void)
{
	return test_main("tune", tests, sizeof(tests) / sizeof(tests[0]));
}
