/* SPDX-License-Identifier: MIT */
/*
 * own.c - options of the host's own commands that several of them have: --output, --time, --json.
 */
#include "peer/own.h"

#include <stdio.h>
#include <stdlib.h>

static const char *output, *seconds;

bool own_output_take(const char *text)
{
	if (!*text) {
		fprintf(stderr, "ivsh: --output: needs a value: --output=FILE\n");
		return false;
	}
	output = text;
	return true;
}

bool own_time_take(const char *text)
{
	seconds = text;
	return true;
}

const char *own_output(void)
{
	return output;
}

const char *own_time(void)
{
	return seconds;
}

bool own_time_parse(const char *command, uint32_t most, uint64_t *ns)
{
	char *end = NULL;
	double value = *seconds >= '0' && *seconds <= '9' ? strtod(seconds, &end) : 0;

	if (end && !*end && value >= 1e-9 && value <= most) {
		*ns = (uint64_t)(value * 1e9);
		return true;
	}
	fprintf(stderr, "ivsh: %s: --time=%s: not a number of seconds up to %u\n", command, seconds,
	    most);
	return false;
}
