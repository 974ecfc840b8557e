/* SPDX-License-Identifier: MIT */
/*
 * output.c - what goes to stdout.
 */
#include "peer/output.h"
#include "app/status.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

int output_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	if (errno == EPIPE)
		return 128 + SIGPIPE; /* as of a program that it has ended */
	fprintf(stderr, "ivsh: stdout: %s\n", errno ? strerror(errno) : "write failed");
	return STATUS_FAILED;
}

void output_text(const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		putchar(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
}
