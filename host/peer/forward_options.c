/* SPDX-License-Identifier: MIT */
/*
 * forward_options.c - the options that cat, serve and forward have alone.
 */
#include "peer/forward_options.h"

#include "app/options.h"

#include <stdio.h>

#define LIMIT 256u
#define LIMIT_MOST 8191u

struct forward_options forward_options = {.limit = LIMIT};

bool forward_limit_take(const char *text)
{
	if (options_number(text, 1, LIMIT_MOST, &forward_options.limit))
		return true;
	fprintf(stderr, "ivsh: --limit=%s: not a number of connections from 1 to %u\n", text,
	    LIMIT_MOST);
	return false;
}

bool forward_reverse_take(const char *text)
{
	(void)text;
	forward_options.reverse = true;
	return true;
}

bool forward_any_take(const char *text)
{
	(void)text;
	forward_options.any_address = true;
	return true;
}

bool forward_stdin_take(const char *text)
{
	(void)text;
	forward_options.with_stdin = true;
	return true;
}
