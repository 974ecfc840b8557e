/* SPDX-License-Identifier: MIT */
/*
 * print.c - one line on stderr, and the end of stdout.
 */
#include "control/print.h"
#include "text/escape.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 2048

static void __attribute__((format(printf, 2, 0)))
print_line(const char *object, const char *format, va_list arguments)
{
	char line[LINE_SIZE];

	vsnprintf(line, sizeof(line), format, arguments);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	escape_plain(stderr, object);
	fputs(": ", stderr);
	escape_plain(stderr, line);
	fputc('\n', stderr);
}

int print_error(int status, const char *object, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(object, format, arguments);
	va_end(arguments);
	return status;
}

void print_note(const char *object, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(object, format, arguments);
	va_end(arguments);
}

int print_flush(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	return print_error(1, "stdout", "%s", errno ? strerror(errno) : "write failed");
}
