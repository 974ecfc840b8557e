/* SPDX-License-Identifier: MIT */
/*
 * progress.c - how far a command is, as a line on the terminal that changes, and goes at the end.
 *
 * Any line of a program may come in between, from wherever it prints one. So while there is a line,
 * stderr is a stream of our own, which erases it first.
 */
#include "peer/progress.h"

#include "process/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_NS UINT64_C(500000000) /* a command that is done by then shows nothing */
#define EVERY_NS UINT64_C(100000000)
#define WIDTH 80u /* of a terminal that does not tell */
#define WIDTH_MOST 200u
#define SMOOTH 0.15 /* of a new rate in the one shown */

static enum {
	UNKNOWN,
	MUTED,
	SHOWN
} state;
static bool is_drawn;
static uint64_t began_ns, drawn_ns, drawn_done;
static double rate; /* bytes a second */

static void put_out(const char *text, size_t size)
{
	ssize_t written = write(STDERR_FILENO, text, size);

	/* A terminal that is gone ends the command elsewhere. */
	(void)written;
}

static void erase(void)
{
	static const char line[] = "\r\033[K"; /* ECMA-48: erase to the end of the line */

	if (is_drawn)
		put_out(line, sizeof(line) - 1);
	is_drawn = false;
}

static ssize_t line_write(void *cookie, const char *data, size_t size)
{
	ssize_t written;

	(void)cookie;
	erase();
	written = write(STDERR_FILENO, data, size);
	return written < 0 ? 0 : written; /* fopencookie(3) */
}

/* Whether a line can be shown; then stderr is ours from here on. */
static bool take_terminal(void)
{
	static const cookie_io_functions_t calls = {.write = line_write};
	const char *term = getenv("TERM");
	FILE *stream;

	if (isatty(STDERR_FILENO) != 1 || !term || !*term || strcmp(term, "dumb") == 0)
		return false;
	stream = fopencookie(NULL, "w", calls);
	if (!stream)
		return false;
	setvbuf(stream, NULL, _IONBF, 0);
	/* A variable in glibc: "Standard Streams" of its manual. */
	stderr = stream;
	return true;
}

bool progress_is_shown(void)
{
	if (state == UNKNOWN)
		state = take_terminal() ? SHOWN : MUTED;
	return state == SHOWN;
}

void progress_mute(void)
{
	erase();
	state = MUTED;
}

/* Whether another program has the terminal; one that controls nobody is had by nobody. */
static bool is_in_background(void)
{
	pid_t group = tcgetpgrp(STDERR_FILENO);

	return group >= 0 && group != getpgrp();
}

/* Whether it is time for another line. */
static bool is_due(uint64_t now)
{
	if (!progress_is_shown())
		return false;
	if (began_ns == 0)
		began_ns = now;
	return now - began_ns >= FIRST_NS && now - drawn_ns >= EVERY_NS && !is_in_background();
}

static void draw(const char *text, uint64_t now)
{
	struct winsize size;
	char line[WIDTH_MOST + 8];
	unsigned width = WIDTH;
	int length;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	/* The last column stays free: some terminals go on in the next line behind it. */
	width = width > WIDTH_MOST ? WIDTH_MOST : width;
	length = snprintf(line, sizeof(line), "\r%.*s\033[K", (int)width - 1, text);
	put_out(line, (size_t)length);
	is_drawn = true;
	drawn_ns = now;
}

/* "1023 B", "12.3 MiB". */
static void amount(char text[24], double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;

	for (; bytes >= 1024 && unit < 4; unit++)
		bytes /= 1024;
	snprintf(text, 24, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

/* "7 s", "1:07 min", "2:01:07 h". */
static void duration(char text[32], uint64_t seconds)
{
	uint64_t hours = seconds / 3600, minutes = seconds / 60 % 60;

	if (seconds < 60)
		snprintf(text, 32, "%" PRIu64 " s", seconds);
	else if (hours == 0)
		snprintf(text, 32, "%" PRIu64 ":%02" PRIu64 " min", minutes, seconds % 60);
	else
		snprintf(text, 32, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " h", hours, minutes,
		    seconds % 60);
}

/* The bytes since the last line, at the rate that they had, in the rate that is shown. */
static void rate_take(uint64_t done, uint64_t now)
{
	uint64_t since = drawn_ns ? drawn_ns : began_ns;
	double last = (double)(done - drawn_done) * 1e9 / (double)(now - since);

	rate = drawn_ns ? rate + SMOOTH * (last - rate) : last;
	drawn_done = done;
}

void progress_bytes(const char *what, uint64_t done, uint64_t total)
{
	char has[24], all[24], speed[24], left[32] = "", line[WIDTH_MOST];
	uint64_t now = clock_now_ns();
	int length;

	if (!is_due(now))
		return;
	rate_take(done, now);
	amount(has, (double)done);
	amount(all, (double)total);
	amount(speed, rate);
	if (total == 0 || done > total)
		length = snprintf(line, sizeof(line), "%s: %s, %s/s", what, has, speed);
	else
		length = snprintf(line, sizeof(line), "%s: %3u %%, %s of %s, %s/s", what,
		    (unsigned)((double)done * 100 / (double)total), has, all, speed);
	/* So long at this rate, unless there is none, or it makes more than a week. */
	if (total > done && rate >= 1 && (double)(total - done) / rate < 604800) {
		duration(left, (uint64_t)((double)(total - done) / rate) + 1);
		snprintf(line + length, sizeof(line) - (size_t)length, ", %s left", left);
	}
	draw(line, now);
}

void progress_step(const char *what, const char *step, unsigned percent)
{
	uint64_t now = clock_now_ns();
	char line[WIDTH_MOST];

	if (!is_due(now))
		return;
	snprintf(line, sizeof(line), "%s: %3u %%: %s", what, percent, step);
	draw(line, now);
}

void progress_end(void)
{
	erase();
	began_ns = drawn_ns = drawn_done = 0;
}
