/* SPDX-License-Identifier: MIT */
/*
 * tune.c - tune: measure this machine, and write a geometry file for it.
 */
#include "peer/tune.h"

#include "app/json.h"
#include "app/status.h"
#include "peer/machine.h"
#include "peer/own.h"
#include "peer/progress.h"
#include "peer/stop.h"
#include "peer/target.h"
#include "text/geometry.h"
#include "tune/tune.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ivsh/version.h>

#define TIME_S 60u
#define TIME_MOST_S 3600u

static enum tune_use use = TUNE_BALANCED;
static uint64_t time_s = TIME_S;
static const char *output;     /* NULL: standard output alone */
static bool is_json, is_quiet; /* quiet: no progress */

bool tune_use_take(const char *text)
{
	for (unsigned i = 0; i < TUNE_USES; i++)
		if (strcmp(text, tune_use_name((enum tune_use)i)) == 0) {
			use = (enum tune_use)i;
			return true;
		}
	fprintf(stderr, "ivsh: --use=%s: not latency, throughput or balanced\n", text);
	return false;
}

/* --time, if it was given. False after a line. */
static bool time_parse(void)
{
	if (!own_time() || options_number(own_time(), 1, TIME_MOST_S, &time_s))
		return true;
	fprintf(stderr, "ivsh: --time=%s: not a number of seconds from 1 to %u\n", own_time(),
	    TIME_MOST_S);
	return false;
}

static bool stopped(void)
{
	return stop_signal() != 0;
}

/* On a terminal one line that changes; elsewhere a line for each step. */
static void progress(const char *what, unsigned percent)
{
	static const char *last;

	if (is_quiet)
		return;
	if (progress_is_shown())
		progress_step("tune", what, percent);
	else if (what != last)
		fprintf(stderr, "ivsh: tune: %s\n", what);
	last = what;
}

static void print_class(FILE *to, const struct tune *t, enum slice_class class)
{
	char name[32];

	fprintf(to, "#\n# class %s: processors %d and %d, ping-pong %.0f ns%s\n",
	    slice_class_name(class), t->pairs[class].cpu[0], t->pairs[class].cpu[1],
	    t->pingpong[class],
	    t->contest.classes[class] ? "" : "; too few good slices: it did not count");
	if (!t->contest.classes[class])
		return;
	fprintf(to, "#   %-18s%12s%12s  ns\n", "", "default", "this one");
	for (uint32_t i = 0; i < t->contest.cells; i++)
		fprintf(to, "#   %-18s%12.1f%12.1f\n", tune_work_name(&t->cells[i], name),
		    table_median(class, 0, i, TABLE_ALL),
		    table_median(class, t->chosen, i, TABLE_ALL));
}

static void print_rings(FILE *to, const char *before, const struct ivsh_geometry *g)
{
	char small[24], large[24];

	fprintf(to, "%sdescs = %" PRIu32 "\n%ssmall-size = %s\n%slarge-size = %s\n", before,
	    g->descs, before, geometry_bytes(g->small_size, small), before,
	    geometry_bytes(g->large_size, large));
}

static void print_file(FILE *to, const struct tune *t)
{
	const struct ivsh_geometry *own = &t->contest.geometries[0];
	char text[MACHINE_SIZE], small[24], large[24];

	machine_processor(text);
	fprintf(to,
	    "# A geometry file, by ivsh tune %s, for ivsh-server --geometry and ivsh mem create.\n"
	    "# machine: %s, %" PRIu32 " processors; use: %s; %" PRIu64 " s, %" PRIu32
	    " slices, %" PRIu32 " dropped\n",
	    IVSH_VERSION, text, t->cpus, tune_use_name(t->use), t->time_ns / 1000000000, t->slices,
	    t->dropped);
	for (unsigned class = 0; class < CLASSES; class ++)
		if (t->pingpong[class] > 0)
			print_class(to, t, (enum slice_class) class);
	fprintf(to, "#\n# default: %" PRIu32 " descriptors, %s + %s%s\n", own->descs,
	    geometry_bytes(own->small_size, small), geometry_bytes(own->large_size, large),
	    t->chosen ? "" : ": nothing was better by more than noise");
	fprintf(to, "# large-size is the largest message, too.\n");
	print_rings(to, "", &t->contest.geometries[t->chosen]);
}

/* A figure in ns, with one digit behind the point. */
static void json_ns(struct json *json, const char *name, double ns)
{
	json_decimal(json, name, ns > 0 ? (uint64_t)(ns * 10 + 0.5) : 0, 1);
}

static void class_json(const struct tune *t, enum slice_class class)
{
	struct json json;
	char name[32];

	json_begin(&json, "class");
	json_text(&json, "class", slice_class_name(class));
	json_array(&json, "processors");
	json_u64(&json, NULL, (uint64_t)t->pairs[class].cpu[0]);
	json_u64(&json, NULL, (uint64_t)t->pairs[class].cpu[1]);
	json_close(&json);
	json_ns(&json, "ping_pong_ns", t->pingpong[class]);
	json_bool(&json, "counted", t->contest.classes[class]);
	json_end(&json);
	for (uint32_t i = 0; t->contest.classes[class] && i < t->contest.cells; i++) {
		json_begin(&json, "cell");
		json_text(&json, "class", slice_class_name(class));
		json_text(&json, "cell", tune_work_name(&t->cells[i], name));
		json_ns(&json, "default_ns", table_median(class, 0, i, TABLE_ALL));
		json_ns(&json, "chosen_ns", table_median(class, t->chosen, i, TABLE_ALL));
		json_end(&json);
	}
}

/* What the file says, as objects of JSON. */
static void result_json(const struct tune *t)
{
	const struct ivsh_geometry *g = &t->contest.geometries[t->chosen];
	struct json json;
	char text[MACHINE_SIZE];

	machine_processor(text);
	json_begin(&json, "machine");
	json_text(&json, "processor", text);
	json_u64(&json, "processors", t->cpus);
	json_text(&json, "use", tune_use_name(t->use));
	json_u64(&json, "time_ns", t->time_ns);
	json_u64(&json, "slices", t->slices);
	json_u64(&json, "dropped", t->dropped);
	json_end(&json);
	for (unsigned class = 0; class < CLASSES; class ++)
		if (t->pingpong[class] > 0)
			class_json(t, (enum slice_class) class);
	json_begin(&json, "geometry");
	json_u64(&json, "descs", g->descs);
	json_u64(&json, "small_bytes", g->small_size);
	json_u64(&json, "large_bytes", g->large_size);
	json_bool(&json, "is_default", t->chosen == 0);
	json_end(&json);
}

/* Print the file, and write it where --output says. The exit status. */
static int put_out(const struct tune *t, struct target *target)
{
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	int status = STATUS_FAILED;

	if (memory) {
		print_file(memory, t);
		if (fclose(memory) == 0)
			status = STATUS_DONE;
	}
	if (status != STATUS_DONE)
		fprintf(stderr, "ivsh: tune: %s\n", strerror(errno));
	if (status == STATUS_DONE && is_json)
		result_json(t);
	else if (status == STATUS_DONE && (!output || target->fd != STDOUT_FILENO))
		fputs(text, stdout);
	if (status == STATUS_DONE && output &&
	    (target_write(target, text, (uint32_t)size) || target_keep(target)))
		status = STATUS_FAILED;
	free(text);
	return status;
}

static int measure(struct tune *t)
{
	switch (tune_run(t)) {
	case TUNE_DONE:
		return STATUS_DONE;
	case TUNE_STOPPED:
		progress_end();
		fprintf(stderr, "ivsh: stopped\n");
		return STATUS_STOPPED;
	case TUNE_ALONE:
		progress_end();
		fprintf(stderr, "ivsh: tune: this process may use one processor, and two are"
				" needed: see taskset(1), or take the default\n");
		return STATUS_ONE_CPU;
	default:
		progress_end();
		fprintf(stderr, "ivsh: tune: %s\n", t->error);
		return STATUS_FAILED;
	}
}

int tune_command(const struct world *world, const struct options *options)
{
	static struct tune tune;
	struct target target = {.fd = -1, .folder = -1};
	int status;

	(void)world;
	is_quiet = options->quiet;
	if (!time_parse())
		return STATUS_USAGE;
	output = own_output();
	is_json = options->json;
	if (is_json && output && strcmp(output, "-") == 0) {
		fprintf(stderr, "ivsh: tune: --output=- and --json: both take standard output\n");
		return STATUS_USAGE;
	}
	/* A path that is wrong shall not cost a minute. */
	if (output && target_open(&target, output))
		return STATUS_FAILED;
	stop_listen();
	tune = (struct tune){.use = use,
	    .time_ns = time_s * UINT64_C(1000000000),
	    .stopped = stopped,
	    .progress = progress};
	status = measure(&tune);
	if (status == STATUS_DONE) {
		progress_end();
		status = put_out(&tune, &target);
	}
	if (output)
		target_close(&target);
	return status;
}
