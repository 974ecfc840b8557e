/* SPDX-License-Identifier: MIT */
/*
 * say.c - one line on stderr, and the end of stdout.
 */
#include "control/say.h"
#include "control/write.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SAY_LINE 2048

int say(int status, const char *object, const char *format, ...)
{
	char line[SAY_LINE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	write_plain(stderr, object);
	fputs(": ", stderr);
	write_plain(stderr, line);
	fputc('\n', stderr);
	return status;
}

int say_end(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	return say(1, "stdout", "%s", errno ? strerror(errno) : "write failed");
}
