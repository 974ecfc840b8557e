/* SPDX-License-Identifier: MIT */
/*
 * tune.c - measure geometries on this machine's processors, and choose one.
 *
 * Theory of operation: first a ping-pong on pairs of processors finds a pair of each class. Then
 * geometries are measured, in turn, each cell for a slice, in three steps: descriptors and small
 * areas; the best of them with other large areas; and again the best ones. The library's own
 * geometry is among them in each step. What is compared was measured within a second.
 */
#include "tune/tune.h"

#include "process/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLICE_NS 1e6
#define PAIR_TRIES 3u    /* slices, until one is good */
#define PAIR_BYTES 4096u /* of memory, for a ping-pong alone */
#define FINALISTS 3u
#define PATIENCE_NS UINT64_C(20000000000)

static const char *const use_names[TUNE_USES] = {"latency", "throughput", "balanced"};

static const struct {
	struct work work;
	bool latency; /* or throughput */
} all_cells[] = {
    {{WORK_ROUNDTRIP, 8}, true},
    {{WORK_ROUNDTRIP, 64}, true},
    {{WORK_ROUNDTRIP, 256}, true},
    {{WORK_ROUNDTRIP, 1024}, true},
    {{WORK_ROUNDTRIP, 4096}, true},
    {{WORK_ROUNDTRIP, 16384}, true},
    {{WORK_STREAM, 8}, false},
    {{WORK_STREAM, 64}, false},
    {{WORK_STREAM, 256}, false},
    {{WORK_STREAM, 1024}, false},
    {{WORK_STREAM, 4096}, false},
    {{WORK_STREAM, 16384}, false},
    {{WORK_STREAM, 65536}, false},
    {{WORK_BATCH, 64}, false},
    {{WORK_BATCH, 256}, false},
};

#define ALL_CELLS (sizeof(all_cells) / sizeof(all_cells[0]))
_Static_assert(ALL_CELLS <= TABLE_CELLS, "cells");

/*
 * Descriptors beyond IVSH_FIT_DESCS are not tried: programs with memory of a fixed size have no
 * records for them.
 */
static const uint32_t all_descs[] = {64, 256, 1024};
static const uint32_t all_small[] = {4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20};
static const uint32_t all_large[] = {1 << 20, 2 << 20, 4 << 20};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
_Static_assert(1 + COUNT(all_descs) * COUNT(all_small) + (1 + FINALISTS) * COUNT(all_large) <=
		   TABLE_GEOMETRIES,
    "geometries");

static struct ivsh_geometry geometries[TABLE_GEOMETRIES];
/* ns for each message, as last measured: for the number of messages of the next slice. */
static double guesses[TABLE_CELLS];
static uint64_t start_ns;

const char *tune_use_name(enum tune_use use)
{
	return use_names[use];
}

const char *tune_work_name(const struct work *work, char text[32])
{
	static const char *const kinds[] = {"round trip", "stream", "batch"};

	if (work->size >= 1024)
		snprintf(text, 32, "%s %" PRIu32 " KiB", kinds[work->kind], work->size / 1024);
	else
		snprintf(text, 32, "%s %" PRIu32 " B", kinds[work->kind], work->size);
	return text;
}

static enum tune_result failed(struct tune *t, const char *what, const char *why)
{
	snprintf(t->error, sizeof(t->error), "%s%s%s", what, *why ? ": " : "", why);
	return TUNE_FAILED;
}

static void choose_cells(struct tune *t)
{
	t->contest.cells = 0;
	for (uint32_t i = 0; i < ALL_CELLS; i++) {
		if (t->use != TUNE_BALANCED && all_cells[i].latency != (t->use == TUNE_LATENCY))
			continue;
		guesses[t->contest.cells] = 200 + all_cells[i].work.size / 4.0;
		t->cells[t->contest.cells++] = all_cells[i].work;
	}
}

/* One more geometry, if it is not there already. */
static void add_geometry(struct tune *t, const struct ivsh_geometry *g)
{
	for (uint32_t i = 0; i < t->contest.count; i++)
		if (memcmp(&geometries[i], g, sizeof(*g)) == 0)
			return;
	geometries[t->contest.count++] = *g;
}

/* The library's own geometry, where there is enough memory; then those beside it. */
static void make_geometries(struct tune *t)
{
	struct ivsh_geometry *own = &geometries[0];

	t->contest.geometries = geometries;
	t->contest.count = 1;
	memset(t->contest.is_out, 0, sizeof(t->contest.is_out));
	if (ivsh_geometry_fit(UINT64_C(1) << 40, 2, own, NULL))
		return;
	own->log_size = 0; /* rings are measured */
	for (unsigned i = 0; i < COUNT(all_descs); i++)
		for (unsigned k = 0; k < COUNT(all_small); k++) {
			struct ivsh_geometry g = *own;

			g.descs = all_descs[i];
			g.small_size = all_small[k];
			if (g.large_size < g.small_size)
				g.large_size = g.small_size;
			if (g.descs <= IVSH_FIT_DESCS)
				add_geometry(t, &g);
		}
}

/* The same with other large areas, of each one that is not out. */
static void make_large(struct tune *t)
{
	uint32_t count = t->contest.count;

	for (uint32_t i = 0; i < count; i++)
		for (unsigned k = 0; k < COUNT(all_large) && !t->contest.is_out[i]; k++) {
			struct ivsh_geometry g = geometries[i];

			g.large_size = all_large[k];
			if (g.large_size >= g.small_size)
				add_geometry(t, &g);
		}
}

static uint64_t most_bytes(const struct tune *t)
{
	uint64_t most = 0, bytes;

	for (uint32_t i = 0; i < t->contest.count; i++)
		if (ivsh_geometry_size(&geometries[i], &bytes) == 0 && bytes > most)
			most = bytes;
	return most;
}

static void report(const struct tune *t, const char *what)
{
	uint64_t passed = clock_now_ns() - start_ns;

	if (t->progress)
		t->progress(
		    what, passed >= t->time_ns ? 99 : (unsigned)(passed * 100 / t->time_ns));
}

/* One slice by the two processes that there are. */
static enum slice_result run(struct tune *t, struct slice *s)
{
	enum slice_result result = slice_run(s);

	t->slices++;
	t->dropped += result == SLICE_DROPPED || result == SLICE_LOST;
	return result;
}

/* What (s) says of the pair that it ran on. */
static void note_class(struct tune *t, const struct slice *s, const struct pair *pair)
{
	if (t->pingpong[s->class] > 0)
		return;
	t->pingpong[s->class] = s->pingpong;
	t->pairs[s->class] = *pair;
}

static enum tune_result try_pair(struct tune *t, const struct pair *pair)
{
	struct slice s = {.geometry = NULL};
	enum slice_result result = SLICE_LOST;

	for (uint32_t tries = 0; tries < PAIR_TRIES && result != SLICE_GOOD; tries++) {
		if (result == SLICE_LOST && slice_begin(pair->cpu, PAIR_BYTES))
			return failed(t, slice_error(), "");
		result = run(t, &s);
		if (result == SLICE_FAILED)
			return failed(t, slice_error(), "");
	}
	if (result == SLICE_GOOD)
		note_class(t, &s, pair);
	slice_end();
	return t->stopped() ? TUNE_STOPPED : TUNE_DONE;
}

/* Whether a pair of any class was found. */
static bool has_class(const struct tune *t)
{
	for (uint32_t class = 0; class < CLASSES; class ++)
		if (t->pingpong[class] > 0)
			return true;
	return false;
}

/* All pairs once; where none was at rest, again, as long as measure_all() is patient. */
static enum tune_result find_pairs(struct tune *t)
{
	static int cpus[CPUS_MOST];
	static struct pair pairs[PAIRS_MOST];
	uint32_t count = pairs_cpus(cpus), i = 0;

	t->cpus = count;
	if (count == 0)
		return failed(t, "processors", strerror(errno));
	if (count == 1)
		return TUNE_ALONE;
	count = pairs_list(cpus, count, pairs);
	while (i < count || (!has_class(t) && clock_now_ns() - start_ns < PATIENCE_NS)) {
		enum tune_result result = try_pair(t, &pairs[i++ % count]);

		if (result != TUNE_DONE)
			return result;
		report(t, "pairs of processors");
	}
	if (has_class(t))
		return TUNE_DONE;
	return failed(
	    t, "no two processors are at rest: end what else runs here, and try again", "");
}

/* A slice of one cell. The class is what the processors are by now. */
static enum tune_result measure(
    struct tune *t, const struct pair *pair, uint32_t geometry, uint32_t cell)
{
	struct slice s = {.geometry = &geometries[geometry], .work = t->cells[cell]};
	enum slice_result result;

	s.count = (uint32_t)(SLICE_NS / guesses[cell] / WORK_TOGETHER + 1) * WORK_TOGETHER;
	result = run(t, &s);
	if (result == SLICE_FAILED ||
	    (result == SLICE_LOST && slice_begin(pair->cpu, most_bytes(t))))
		return failed(t, slice_error(), "");
	if (result == SLICE_GOOD) {
		table_add(s.class, geometry, cell, s.ns);
		note_class(t, &s, pair);
	}
	if (s.ns >= 1)
		guesses[cell] = s.ns;
	return t->stopped() ? TUNE_STOPPED : TUNE_DONE;
}

/* All cells of every geometry that is not out, once, by two new processes. */
static enum tune_result measure_pair(struct tune *t, const struct pair *pair, const char *what)
{
	if (slice_begin(pair->cpu, most_bytes(t)))
		return failed(t, slice_error(), "");
	for (uint32_t cell = 0; cell < t->contest.cells; cell++) {
		for (uint32_t i = 0; i < t->contest.count; i++) {
			enum tune_result result =
			    t->contest.is_out[i] ? TUNE_DONE : measure(t, pair, i, cell);

			if (result != TUNE_DONE)
				return result;
		}
		report(t, what);
	}
	return TUNE_DONE;
}

/*
 * Rounds over all classes until (end_ns), and until one of them has enough slices: on a machine
 * that is busy with other things for up to PATIENCE_NS more.
 */
static enum tune_result measure_all(struct tune *t, uint64_t end_ns, const char *what)
{
	uint64_t last_ns = end_ns + PATIENCE_NS, now;

	do {
		for (uint32_t class = 0; class < CLASSES; class ++) {
			struct pair pair = t->pairs[class];
			enum tune_result result =
			    t->pingpong[class] > 0 ? measure_pair(t, &pair, what) : TUNE_DONE;

			if (result != TUNE_DONE)
				return result;
		}
		now = clock_now_ns();
	} while (now < end_ns || (now < last_ns && choose_classes(&t->contest) == 0));
	return TUNE_DONE;
}

/* Keep the library's own geometry, and the best ones. */
static enum tune_result keep_best(struct tune *t)
{
	uint32_t best[FINALISTS], count;

	if (choose_classes(&t->contest) == 0)
		return failed(t, "too few good slices: give more --time, or a machine at rest", "");
	count = choose_best(&t->contest, FINALISTS, best);
	for (uint32_t i = 1; i < t->contest.count; i++)
		t->contest.is_out[i] = true;
	for (uint32_t i = 0; i < count; i++)
		t->contest.is_out[best[i]] = false;
	return TUNE_DONE;
}

static enum tune_result measure_and_choose(struct tune *t)
{
	uint64_t tenth = t->time_ns / 10;
	enum tune_result result = find_pairs(t);

	if (result == TUNE_DONE)
		result = measure_all(t, start_ns + 4 * tenth, "descriptors, small areas");
	if (result == TUNE_DONE)
		result = keep_best(t);
	if (result == TUNE_DONE) {
		make_large(t);
		result = measure_all(t, start_ns + 7 * tenth, "large areas");
	}
	if (result == TUNE_DONE)
		result = keep_best(t);
	if (result == TUNE_DONE)
		result = measure_all(t, start_ns + 10 * tenth, "the best ones");
	if (result == TUNE_DONE && choose_classes(&t->contest) > 0)
		t->chosen = choose_one(&t->contest);
	return result;
}

enum tune_result tune_run(struct tune *t)
{
	enum tune_result result;

	start_ns = clock_now_ns();
	t->error[0] = '\0';
	choose_cells(t);
	make_geometries(t);
	table_clear();
	result = measure_and_choose(t);
	slice_end();
	return result;
}
