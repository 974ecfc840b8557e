/* SPDX-License-Identifier: MIT */
/*
 * output.c - what goes to stdout.
 */
#include "app/output.h"

#include "app/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int output_flush(void)
{
	/* The error stays in stdout, and what a command prints at its end asks again: one line. */
	static int failed;

	if (failed || (!fflush(stdout) && !ferror(stdout)))
		return failed;
	if (errno == EPIPE)
		return failed = STATUS_PIPE; /* as of a program that SIGPIPE has ended */
	fprintf(stderr, "ivsh: stdout: %s\n", errno ? strerror(errno) : "write failed");
	return failed = STATUS_FAILED;
}

void output_text(const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		putchar(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
}
