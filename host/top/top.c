/* SPDX-License-Identifier: MIT */
/*
 * top.c - top: the command.
 */
#include "top/top.h"

#include "top/screen.h"
#include "top/show.h"

#include "app/output.h"
#include "app/status.h"

#include <ivsh/error.h>

#include <stdio.h>
#include <unistd.h>

#define INTERVAL_NS UINT64_C(1000000000)
#define INTERVAL_LEAST_NS UINT64_C(100000000)
#define INTERVAL_MOST_NS UINT64_C(3600000000000)

static enum view_column sort = VIEW_SLOT;
static bool is_plain;

bool top_sort_take(const char *text)
{
	if (view_sort_find(text, &sort))
		return true;
	fprintf(stderr, "ivsh: --sort=%s: no such column:", text);
	for (unsigned i = 0; i < VIEW_COLUMNS; i++)
		fprintf(stderr, "%s%s", i ? ", " : " ", view_titles[i].name);
	fprintf(stderr, "\n");
	return false;
}

bool top_plain_take(const char *text)
{
	(void)text;
	is_plain = true;
	return true;
}

static void pause_for(const struct world *world, uint64_t ns)
{
	uint64_t start = world->now_ns(), waited = 0;

	while (waited < ns && !world->stopped()) {
		world->nap(ns - waited);
		waited = world->now_ns() - start;
	}
}

/* Blocks of text, or objects of JSON, until (count) of them; 0: until a signal. */
static int print(
    struct view *v, const struct world *world, const struct transport *t, const struct options *o)
{
	int error = view_look(v), status;

	for (uint32_t i = 0; !error && (o->count == 0 || i < o->count); i++) {
		pause_for(world, v->interval_ns);
		if (world->stopped())
			return o->count ? STATUS_STOPPED : STATUS_DONE;
		error = view_look(v);
		if (o->given & OPTION_JSON)
			show_json(v, t);
		else
			show_plain(v, t);
		status = output_flush();
		if (status)
			return status;
	}
	if (error)
		fprintf(stderr, "ivsh: top: %s\n", ivsh_error_text(error));
	return error || !v->sample.is_open ? STATUS_FAILED : STATUS_DONE;
}

int top_command(const struct world *world, const struct options *o)
{
	static struct view view;
	struct transport transport;
	int status;

	view.interval_ns = o->given & OPTION_INTERVAL ? o->interval_ns : INTERVAL_NS;
	if (view.interval_ns < INTERVAL_LEAST_NS || view.interval_ns > INTERVAL_MOST_NS) {
		fprintf(stderr, "ivsh: top: --interval: give 0.1 to 3600 seconds\n");
		return STATUS_USAGE;
	}
	status = world->probe(&transport, 0, o);
	if (status != STATUS_DONE)
		return status < 0 ? STATUS_NO_DEVICE : status;
	sample_begin(&view.sample, &transport.mem);
	view.sort = sort;
	if (!is_plain && !(o->given & OPTION_JSON) && isatty(STDIN_FILENO) &&
	    isatty(STDOUT_FILENO) && screen_begin()) {
		status = screen_run(&view, &transport, o->count);
	} else {
		status = print(&view, world, &transport, o);
	}
	sample_end(&view.sample);
	world->close(&transport);
	return status;
}
