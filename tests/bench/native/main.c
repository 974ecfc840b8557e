/* SPDX-License-Identifier: MIT */
/*
 * main.c - measures all contenders, in random order, until every cell has enough good slices.
 *
 * Prints one line for each good slice: CONTENDER MODE SIZE CLASS NS PINGPONG; report.py makes a
 * table of them.
 */
#include "tests/bench/native/slice.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SLICE_NS 1e6
#define AGREE 0.15 /* two calibrations that differ by more: the host moved the processors */
#define LOCK "/tmp/ivsh-bench.lock"

/* Where the two processors stand to each other, by what a ping-pong takes, ns. BRIEF 8. */
static const struct {
	const char *name;
	double below;
} classes[] = {{"sibling", 75}, {"cluster", 200}, {"far", 1000}};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

static const char *const mode_names[MODES] = {"stream", "zerocopy", "batch", "roundtrip"};
static const uint32_t sizes[] = {8, 64, 256, 1024, 4096, 16384, 65536, SIZE_MOST};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define CONTENDERS_MOST 16u

struct cell {
	const struct contender *contender;
	enum mode mode;
	uint32_t size;
	double guess_ns; /* for the number of messages of the next slice */
	uint32_t good[CLASSES];
};

static struct cell cells[CONTENDERS_MOST * MODES * SIZES];
static uint32_t cell_count, dropped, failed;
static const char *only = "", *wanted_cells = "";

/* Whether the command line leaves out this cell. */
static bool is_left_out(enum mode mode, uint32_t size)
{
	char name[32];

	snprintf(name, sizeof(name), ",%s/%u,", mode_names[mode], size);
	return *wanted_cells != '\0' && !strstr(wanted_cells, name);
}

/* A weak name whose object was not linked is NULL. */
static void add_contender(const struct contender *c, const char *missing)
{
	if (!c) {
		fprintf(stderr, "bench: left out: %s is missing (./setup.sh bench)\n", missing);
		return;
	}
	if (*only != '\0' && !c->limit && !strstr(only, c->name))
		return;
	for (uint32_t mode = 0; mode < MODES; mode++)
		for (uint32_t i = 0; i < SIZES; i++)
			if (c->can(mode, sizes[i]) && !is_left_out(mode, sizes[i]))
				cells[cell_count++] =
				    (struct cell){c, mode, sizes[i], 200 + sizes[i] / 5.0, {0}};
}

static void add_all(void)
{
	add_contender(&bench_ivsh, "");
	add_contender(&bench_textbook, "");
	add_contender(&bench_ck, "libck-dev");
	add_contender(&bench_boost, "libboost-dev");
	add_contender(&bench_dpdk, "libdpdk-dev");
	add_contender(&bench_pingpong, "");
	add_contender(&bench_slot, "");
	add_contender(&bench_chunks, "");
	add_contender(&bench_copy, "");
}

static void measure(struct cell *cell)
{
	struct slice s = {.contender = cell->contender, .mode = cell->mode, .size = cell->size};
	uint32_t class = 0;
	double difference;
	static bool told;

	s.count = (uint32_t)(SLICE_NS / cell->guess_ns / BATCH + 1) * BATCH;
	if (!slice_run(&s)) {
		failed++;
		return;
	}
	if (!s.fifo && !told)
		fprintf(stderr, "bench: no real-time priority: expect noise (run as root)\n");
	told = !s.fifo;
	if (s.ns >= 1)
		cell->guess_ns = s.ns;
	difference = s.before > s.after ? s.before - s.after : s.after - s.before;
	while (class < CLASSES && s.before >= classes[class].below)
		class ++;
	if (class == CLASSES || s.after >= classes[class].below || difference > AGREE * s.before) {
		dropped++;
		return;
	}
	cell->good[class]++;
	printf("%s %s %u %s %.2f %.1f\n", cell->contender->name, mode_names[cell->mode], cell->size,
	    classes[class].name, s.ns, (s.before + s.after) / 2);
}

static void shuffle(void)
{
	for (uint32_t i = cell_count; i > 1; i--) {
		uint32_t j = (uint32_t)random() % i;
		struct cell cell = cells[j];

		cells[j] = cells[i - 1];
		cells[i - 1] = cell;
	}
}

/* Whether one class has (wanted) good slices of every cell. */
static bool is_enough(uint32_t wanted)
{
	for (uint32_t class = 0; class < CLASSES; class ++) {
		bool enough = true;

		for (uint32_t i = 0; i < cell_count && enough; i++)
			enough = cells[i].good[class] >= wanted;
		if (enough)
			return true;
	}
	return false;
}

/* The first two processors that this process may use. */
static bool processors(int cpus[2])
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	return found == 2;
}

static int usage(void)
{
	fprintf(stderr, "usage: native [--slices=N] [--time=SECONDS] [--cpus=A,B] [--only=NAMES]\n"
			"              [--cells=,MODE/SIZE,...,]\n"
			"  at least N good slices of every cell (25), at most SECONDS (300)\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint32_t wanted = 25, limit_s = 300;
	uint64_t bytes = 0, start;
	int cpus[2], lock;

	if (!processors(cpus)) {
		fprintf(stderr, "bench: two processors are needed\n");
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--only=", 7) == 0)
			only = argv[i] + 7;
		else if (strncmp(argv[i], "--cells=,", 9) == 0)
			wanted_cells = argv[i] + 8;
		else if (sscanf(argv[i], "--slices=%u", &wanted) != 1 &&
			 sscanf(argv[i], "--time=%u", &limit_s) != 1 &&
			 sscanf(argv[i], "--cpus=%d,%d", &cpus[0], &cpus[1]) != 2)
			return usage();
	}
	lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (lock < 0 || flock(lock, LOCK_EX) != 0) {
		perror("bench: " LOCK);
		return 1;
	}
	add_all();
	for (uint32_t i = 0; i < cell_count; i++)
		if (cells[i].contender->bytes(cells[i].size) > bytes)
			bytes = cells[i].contender->bytes(cells[i].size);
	if (!slice_prepare(cpus, bytes))
		return 1;
	start = bench_now_ns();
	srandom((unsigned)start);
	do {
		shuffle();
		for (uint32_t i = 0; i < cell_count; i++) {
			/* Flush, so that the children do not print the same text again. */
			fflush(NULL);
			measure(&cells[i]);
		}
	} while (!is_enough(wanted) && bench_now_ns() - start < limit_s * UINT64_C(1000000000));
	fprintf(stderr, "bench: %u cells, %u slices dropped, %u failed, %.0f s\n", cell_count,
	    dropped, failed, (double)(bench_now_ns() - start) / 1e9);
	return 0;
}
