/* SPDX-License-Identifier: MIT */
/*
 * plot.c - bench --plot: a histogram of times as a drawing, in SVG 1.1.
 *
 * The bounds of the bars are a constant factor apart, so bars of one width are a logarithmic axis,
 * and no logarithm has to be computed. What is measured decides about every byte: there is no date.
 * A viewer that prefers dark colours gets some.
 */
#include "peer/plot.h"

#include "app/histogram.h"
#include "app/status.h"
#include "peer/machine.h"
#include "peer/target.h"

#include <ivsh/version.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 860
#define HEIGHT 460
#define LEFT 70    /* of the first bar */
#define TOP 160    /* of the highest bar */
#define ACROSS 760 /* all bars */
#define UP 240     /* the highest bar */
#define MARK_TOP 74
#define MARK_STEP 15
#define ROWS 72u
#define TICKS_MOST 6u

static const char *path; /* NULL: no plot */
static struct target target = {.fd = -1, .folder = -1};

bool plot_take(const char *text)
{
	if (path || !*text) {
		fprintf(stderr, "ivsh: --plot: %s\n",
		    *text ? "only once" : "needs a value: --plot=FILE");
		return false;
	}
	if (strcmp(text, "-") == 0) {
		fprintf(stderr, "ivsh: --plot=-: give a file: standard output has the figures\n");
		return false;
	}
	path = text;
	return true;
}

static bool is_wanted(void)
{
	return path != NULL;
}

static int open_file(void)
{
	return target_open(&target, path) ? STATUS_FAILED : STATUS_DONE;
}

static void close_file(void)
{
	target_close(&target);
}

/* What stands between tags. */
static void text_put(FILE *to, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		default:
			fputc(*text >= 0x20 && *text <= 0x7e ? *text : '.', to);
		}
}

/* "950 ns", "12 us", "1.5 ms": a bound, which has two digits that count. */
static void bound_put(FILE *to, uint64_t ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	uint64_t unit = 1;
	unsigned i = 0;

	for (; i < 3 && ns >= unit * 1000; i++)
		unit *= 1000;
	if (ns % unit)
		fprintf(
		    to, "%" PRIu64 ".%" PRIu64 " %s", ns / unit, ns % unit * 10 / unit, units[i]);
	else
		fprintf(to, "%" PRIu64 " %s", ns / unit, units[i]);
}

/* As the command prints it, which is microseconds. */
static void time_put(FILE *to, uint64_t ns)
{
	fprintf(to, "%" PRIu64 ".%02" PRIu64 " us", ns / 1000, ns / 10 % 100);
}

/* Where a time is across, in tenths of a pixel: in its bar, as far as it is between the bounds. */
static unsigned across(const struct histogram *h, uint64_t ns)
{
	uint32_t row = 0;
	uint64_t width, in;

	while (row + 1 < h->rows && ns >= h->from_ns[row + 1])
		row++;
	width = h->from_ns[row + 1] - h->from_ns[row];
	in = ns - h->from_ns[row] < width ? ns - h->from_ns[row] : width;
	return LEFT * 10 + (unsigned)(row * ACROSS * 10u / h->rows) +
	       (unsigned)((double)in / (double)width * ACROSS * 10 / h->rows);
}

static uint32_t highest_of(const struct histogram *h)
{
	uint32_t highest = 1;

	for (uint32_t i = 0; i < h->rows; i++)
		highest = h->count[i] > highest ? h->count[i] : highest;
	return highest;
}

/* From tick to tick of the counts: 1, 2 or 5 and zeros, so that there are few. */
static uint32_t tick_of(uint32_t highest)
{
	uint64_t tick = 1;

	for (unsigned i = 0; highest / tick >= TICKS_MOST; i++)
		tick = i % 3 == 1 ? tick / 2 * 5 : tick * 2;
	return (uint32_t)tick;
}

static void head_put(FILE *to, const struct world_times *t)
{
	char processor[MACHINE_SIZE];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	machine_processor(processor);
	fprintf(to,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d"
	    " %d\" font-family=\"sans-serif\" font-size=\"12\">\n"
	    "<style>\n"
	    ".paper{fill:#fff}text{fill:#222}.axis{stroke:#222}.grid{stroke:#ddd}.bar{fill:#3b75af}"
	    ".mark{stroke:#c1440e}.name{fill:#c1440e}\n"
	    "@media (prefers-color-scheme:dark){.paper{fill:#16191d}text{fill:#ddd}"
	    ".axis{stroke:#ddd}.grid{stroke:#3a3f46}.bar{fill:#6ea8dc}.mark{stroke:#ff9a6b}"
	    ".name{fill:#ff9a6b}}\n"
	    "</style>\n"
	    "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n",
	    WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
	fprintf(to,
	    "<text id=\"title\" x=\"%d\" y=\"26\" font-size=\"17\">bench %s: %" PRIu32 " %s", LEFT,
	    t->command, t->count, t->what);
	fprintf(to, "</text>\n<text id=\"machine\" x=\"%d\" y=\"46\">with ", LEFT);
	text_put(to, t->peer);
	fprintf(to, ", --wait %s, on %s, %ld processor%s: ", t->wait, t->world, cpus,
	    cpus == 1 ? "" : "s");
	text_put(to, processor);
	fprintf(to, "; ivsh %s</text>\n", IVSH_VERSION);
}

/* The counts, on lines across. */
static void counts_put(FILE *to, uint32_t highest)
{
	uint32_t tick = tick_of(highest);

	for (uint64_t count = 0; count <= highest; count += tick) {
		unsigned y = TOP + UP - (unsigned)(count * UP / highest);

		fprintf(to,
		    "<line class=\"%s\" x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\"/>"
		    "<text class=\"count\" x=\"%d\" y=\"%u\" text-anchor=\"end\">%" PRIu64
		    "</text>\n",
		    count ? "grid" : "axis", LEFT, y, LEFT + ACROSS, y, LEFT - 6, y + 4, count);
	}
	fprintf(to,
	    "<text transform=\"translate(16,%d) rotate(-90)\" text-anchor=\"middle\">how many"
	    "</text>\n",
	    TOP + UP / 2);
}

static void bars_put(FILE *to, const struct histogram *h, uint32_t highest)
{
	for (uint32_t i = 0; i < h->rows; i++) {
		unsigned left = i * ACROSS * 10u / h->rows,
			 right = (i + 1) * ACROSS * 10u / h->rows;
		unsigned up = (unsigned)((uint64_t)h->count[i] * UP * 10 / highest);

		if (h->count[i] == 0)
			continue;
		/* What is there is seen. */
		up = up < 10 ? 10 : up;
		fprintf(to,
		    "<rect class=\"bar\" x=\"%u.%u\" y=\"%u.%u\" width=\"%u.%u\" height=\"%u.%u\">"
		    "<title>",
		    LEFT + left / 10, left % 10, ((TOP + UP) * 10 - up) / 10,
		    ((TOP + UP) * 10 - up) % 10, (right - left - 5) / 10, (right - left - 5) % 10,
		    up / 10, up % 10);
		bound_put(to, h->from_ns[i]);
		fputs(" to ", to);
		bound_put(to, h->from_ns[i + 1]);
		fprintf(to, ": %" PRIu32 "</title></rect>\n", h->count[i]);
	}
}

/* One time below the bars. */
static void time_tick_put(FILE *to, const struct histogram *h, uint64_t ns)
{
	unsigned x = across(h, ns);

	fprintf(to,
	    "<line class=\"axis\" x1=\"%u.%u\" y1=\"%d\" x2=\"%u.%u\" y2=\"%d\"/>"
	    "<text class=\"time\" x=\"%u.%u\" y=\"%d\" text-anchor=\"middle\">",
	    x / 10, x % 10, TOP + UP, x / 10, x % 10, TOP + UP + 5, x / 10, x % 10, TOP + UP + 19);
	bound_put(to, ns);
	fputs("</text>\n", to);
}

/*
 * The times below: 1, 2 and 5 and zeros, of many powers of ten only these; or, of a range that has
 * few of them, the bounds of the bars.
 */
static void times_put(FILE *to, const struct histogram *h)
{
	uint64_t first = h->from_ns[0] ? h->from_ns[0] : 1, last = h->from_ns[h->rows];
	bool is_short = last / first < 10, is_long = last / first >= 100000;
	uint32_t step = (h->rows + 10) / 11;

	for (uint32_t i = 0; is_short && i <= h->rows; i += step)
		time_tick_put(to, h, h->from_ns[i]);
	for (uint64_t power = 1; !is_short && power <= last; power *= 10)
		for (uint64_t digit = 1; digit <= 5; digit += digit * digit)
			if (power * digit >= first && power * digit <= last &&
			    (digit == 1 || !is_long))
				time_tick_put(to, h, power * digit);
	fprintf(to,
	    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">time there and back, on a logarithmic"
	    " axis</text>\n",
	    LEFT + ACROSS / 2, TOP + UP + 42);
}

/* A line down for each percentile, with its time at the top, each a little lower. */
static void marks_put(FILE *to, const struct histogram *h, const struct world_times *t)
{
	unsigned y = MARK_TOP;

	for (const struct histogram_mark *m = histogram_marks; m->name; m++, y += MARK_STEP) {
		uint64_t ns = histogram_percentile(t->times_ns, t->count, m->permille);
		unsigned x = across(h, ns);
		bool is_right = x > (LEFT + ACROSS * 3 / 4) * 10;

		fprintf(to,
		    "<line class=\"mark\" x1=\"%u.%u\" y1=\"%u\" x2=\"%u.%u\" y2=\"%d\""
		    " stroke-dasharray=\"3 3\"/><text class=\"name\" x=\"%u\" y=\"%u\""
		    " text-anchor=\"%s\">%s ",
		    x / 10, x % 10, y - 9, x / 10, x % 10, TOP + UP, x / 10 + (is_right ? -5 : 5),
		    y, is_right ? "end" : "start", m->name);
		time_put(to, ns);
		fputs("</text>\n", to);
	}
}

static void svg_put(FILE *to, const struct world_times *t)
{
	struct histogram h;
	uint32_t highest;

	histogram_make(&h, t->times_ns, t->count, ROWS, false);
	highest = highest_of(&h);
	head_put(to, t);
	counts_put(to, highest);
	bars_put(to, &h, highest);
	times_put(to, &h);
	marks_put(to, &h, t);
	fputs("</svg>\n", to);
}

static int draw(const struct world_times *times)
{
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	int status = STATUS_FAILED;

	if (memory) {
		svg_put(memory, times);
		if (fclose(memory) == 0)
			status = STATUS_DONE;
	}
	if (status != STATUS_DONE)
		fprintf(stderr, "ivsh: bench: %s\n", strerror(errno));
	else if (target_write(&target, text, (uint32_t)size) || target_keep(&target))
		status = STATUS_FAILED;
	free(text);
	return status;
}

const struct world_plot plot = {
    .is_wanted = is_wanted,
    .open = open_file,
    .draw = draw,
    .close = close_file,
};
