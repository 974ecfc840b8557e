/* SPDX-License-Identifier: MIT */
/*
 * log.c - what the server says: one line an event, key=value, on stderr.
 */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_LINE 1024 /* below PIPE_BUF: a pipe that polls writable takes it whole */

static bool log_is_verbose;
static char log_where[PATH_MAX + 64];
static unsigned long log_dropped;

void log_open(bool verbose)
{
	log_is_verbose = verbose;
}

static void __attribute__((format(printf, 1, 0))) log_line(const char *format, va_list arguments)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	char line[LOG_LINE];
	int size = 0;

	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT)) {
		log_dropped++;
		return;
	}
	if (log_dropped)
		size = snprintf(line, sizeof line, "event=dropped lines=%lu\n", log_dropped);
	size += vsnprintf(line + size, sizeof line - (size_t)size - 1, format, arguments);
	if (size > LOG_LINE - 2)
		size = LOG_LINE - 2;
	line[size++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)size) < 0)
		log_dropped++;
	else
		log_dropped = 0;
}

void log_event(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}

void log_detail(const char *format, ...)
{
	va_list arguments;

	if (!log_is_verbose)
		return;
	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}

void log_about(const char *where)
{
	snprintf(log_where, sizeof log_where, "%s", where ? where : "");
}

int log_failure(const char *object, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: %s%s%s: ", program_invocation_short_name, log_where,
	    *log_where ? ": " : "", object);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return -1;
}
