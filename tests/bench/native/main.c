/* SPDX-License-Identifier: MIT */
/*
 * main.c - measures all contenders, in random order, until every cell has enough good slices.
 *
 * Prints one line for each good slice: CONTENDER MODE SIZE CLASS NS PINGPONG; report.py makes
 * tables of them. With --check it only runs each cell once, as a test.
 */
#include "tests/bench/native/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SLICE_NS 1e6
/* What is checked, if the command line does not say: each loop, and each way that a size goes. */
#define CHECKED BATCH /* messages */
#define CHECKED_CELLS                                                                   \
	",roundtrip/8,roundtrip/1024,roundtrip/65536,stream/8,stream/256,stream/65536," \
	"zerocopy/1024,batch/8,batch/1024,"
#define LOCK "/tmp/ivsh-bench.lock"

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
static uint32_t cell_count, missing, dropped, failed;
static const char *only = "", *wanted_cells = "";
const char *bench_geometry = "", *bench_tuned_geometry = "";

/* Whether the command line leaves out this cell. */
static bool is_left_out(enum mode mode, uint32_t size)
{
	char name[32];

	snprintf(name, sizeof(name), ",%s/%u,", mode_names[mode], size);
	return *wanted_cells != '\0' && !strstr(wanted_cells, name);
}

/* A weak name whose object was not linked is NULL. */
static void add_contender(const struct contender *c, const char *package)
{
	uint32_t before = cell_count;

	if (!c) {
		fprintf(stderr, "bench: left out: %s is missing (./setup.sh bench)\n", package);
		missing++;
		return;
	}
	if (*only != '\0' && !c->limit && !strstr(only, c->name))
		return;
	for (uint32_t mode = 0; mode < MODES; mode++)
		for (uint32_t i = 0; i < SIZES; i++)
			if (!is_left_out(mode, sizes[i]) && c->can(mode, sizes[i]))
				cells[cell_count++] =
				    (struct cell){c, mode, sizes[i], 200 + sizes[i] / 5.0, {0}};
	/* A kernel without vsock, which its file has said. */
	missing += c == &bench_vsock && cell_count == before && !c->can(MODE_STREAM, 8);
}

static void add_all(void)
{
	const struct {
		const struct contender *contender;
		const char *package;
	} all[] = {{&bench_ivsh, ""}, {&bench_ivsh_tuned, ""}, {&bench_ivsh_split, ""},
	    {&bench_textbook, ""}, {&bench_ck, "libck-dev"}, {&bench_boost, "libboost-dev"},
	    {&bench_dpdk, "libdpdk-dev"}, {&bench_unix_stream, ""}, {&bench_unix_packet, ""},
	    {&bench_vsock, ""}, {&bench_pingpong, ""}, {&bench_slot, ""}, {&bench_chunks, ""},
	    {&bench_copy, ""}};

	_Static_assert(sizeof(all) / sizeof(all[0]) <= CONTENDERS_MOST, "room for all cells");
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		add_contender(all[i].contender, all[i].package);
}

/* (count) messages by this cell, on these processors. A message that is not whole ends it all. */
static bool run(const struct cell *cell, struct slice *s)
{
	/* Flush, so that the children do not print the same text again. */
	fflush(NULL);
	s->contender = cell->contender;
	s->mode = cell->mode;
	s->size = cell->size;
	if (slice_run(s))
		return true;
	if (s->wrong)
		fprintf(stderr, "bench: %s %s: a message of %u bytes did not arrive whole\n",
		    cell->contender->name, mode_names[cell->mode], cell->size);
	return false;
}

static void measure(struct cell *cell, const int cpus[2])
{
	struct slice s = {.cpus = {cpus[0], cpus[1]}, .calibrate = true};
	static bool warned;
	uint32_t class;

	s.count = (uint32_t)(SLICE_NS / cell->guess_ns / BATCH + 1) * BATCH;
	if (!run(cell, &s)) {
		if (s.wrong)
			exit(1);
		failed++;
		return;
	}
	if (!s.fifo && !warned)
		fprintf(stderr, "bench: no real-time priority: expect noise (run as root)\n");
	warned = !s.fifo;
	if (s.ns >= 1)
		cell->guess_ns = s.ns;
	class = place_of(&s);
	if (class == CLASSES) {
		dropped++;
		return;
	}
	cell->good[class]++;
	printf("%s %s %u %s %.2f %.1f\n", cell->contender->name, mode_names[cell->mode], cell->size,
	    place_names[class], s.ns, (s.before + s.after) / 2);
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

/* Whether as many classes as there are pairs have (wanted) good slices of every cell. */
static bool is_enough(uint32_t wanted, uint32_t pairs)
{
	uint32_t done = 0;

	for (uint32_t class = 0; class < CLASSES; class ++) {
		bool enough = true;

		for (uint32_t i = 0; i < cell_count && enough; i++)
			enough = cells[i].good[class] >= wanted;
		done += enough;
	}
	return done >= pairs;
}

/* Each cell once, beside whatever else runs: a test. (alone): no other benchmark runs. */
static int check_all(bool alone)
{
	int cpus[2];
	/* Two that have processors and a priority of their own are done sooner, but two pairs of
	 * such processes would keep each other from going on. */
	bool pinned = alone && place_first(cpus);

	for (uint32_t i = 0; i < cell_count; i++) {
		const struct cell *cell = &cells[i];
		struct slice s = {.count = CHECKED, .cpus = {-1, -1}};

		if (pinned)
			memcpy(s.cpus, cpus, sizeof(cpus));
		if (run(cell, &s))
			continue;
		printf("FAIL: bench: %s %s %u B: %s\n", cell->contender->name,
		    mode_names[cell->mode], cell->size, s.wrong ? "not whole" : "no end");
		failed++;
	}
	printf("%u passed, %u failed, %u skipped\n", cell_count - failed, failed, missing);
	return failed != 0;
}

/* Until there are enough slices, or it has taken (limit_s) for each pair of processors. */
static int measure_all(uint32_t wanted, uint32_t limit_s, int pairs[CLASSES][2], uint32_t count)
{
	uint64_t start = bench_now_ns();

	srandom((unsigned)start);
	do {
		shuffle();
		for (uint32_t i = 0; i < cell_count; i++)
			for (uint32_t pair = 0; pair < count; pair++)
				measure(&cells[i], pairs[pair]);
	} while (!is_enough(wanted, count) &&
		 bench_now_ns() - start < count * limit_s * UINT64_C(1000000000));
	fprintf(stderr, "bench: %u cells, %u slices dropped, %u failed, %.0f s\n", cell_count,
	    dropped, failed, (double)(bench_now_ns() - start) / 1e9);
	return 0;
}

static int usage(void)
{
	fprintf(stderr,
	    "usage: native [--slices=N] [--time=SECONDS] [--cpus=A,B] [--only=NAMES]\n"
	    "              [--cells=,MODE/SIZE,...,] [--geometry=DESCS,SMALL,LARGE]\n"
	    "              [--tuned=DESCS,SMALL,LARGE]\n"
	    "       native --check\n"
	    "  at least N good slices of every cell (25), at most SECONDS for each class (300);\n"
	    "  --tuned: ours once more, with that geometry; --check: each cell once, as a test\n");
	return 2;
}

/* No two benchmarks of this project at once: wait for the other's end, or answer false. */
static bool lock(bool wait)
{
	int fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd >= 0 && flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0)
		return true;
	if (wait)
		perror("bench: " LOCK);
	return false;
}

static bool prepare(void)
{
	uint64_t bytes = bench_pingpong.bytes(8);

	add_all();
	for (uint32_t i = 0; i < cell_count; i++)
		if (cells[i].contender->bytes(cells[i].size) > bytes)
			bytes = cells[i].contender->bytes(cells[i].size);
	if (cell_count == 0)
		fprintf(stderr, "bench: no cell of that name: MODE/SIZE is as in stream/64\n");
	return cell_count != 0 && slice_prepare(bytes);
}

int main(int argc, char **argv)
{
	uint32_t wanted = 25, limit_s = 300, count = 0;
	int pairs[CLASSES][2];
	bool check = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--check") == 0)
			check = true;
		else if (strncmp(argv[i], "--only=", 7) == 0)
			only = argv[i] + 7;
		else if (strncmp(argv[i], "--cells=,", 9) == 0)
			wanted_cells = argv[i] + 8;
		else if (strncmp(argv[i], "--geometry=", 11) == 0)
			bench_geometry = argv[i] + 11;
		else if (strncmp(argv[i], "--tuned=", 8) == 0)
			bench_tuned_geometry = argv[i] + 8;
		else if (sscanf(argv[i], "--cpus=%d,%d", &pairs[0][0], &pairs[0][1]) == 2)
			count = 1;
		else if (sscanf(argv[i], "--slices=%u", &wanted) != 1 &&
			 sscanf(argv[i], "--time=%u", &limit_s) != 1)
			return usage();
	}
	if (check && *wanted_cells == '\0')
		wanted_cells = CHECKED_CELLS;
	if (check)
		return prepare() ? check_all(lock(false)) : 1;
	if (!lock(true) || !prepare())
		return 1;
	if (count == 0)
		count = place_pairs(pairs);
	if (count == 0) {
		fprintf(stderr, "bench: two processors are needed\n");
		return 1;
	}
	return measure_all(wanted, limit_s, pairs, count);
}
