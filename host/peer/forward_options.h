/* SPDX-License-Identifier: MIT */
/*
 * forward_options.h - the options that cat, serve and forward have alone.
 */
#ifndef PEER_FORWARD_OPTIONS_H
#define PEER_FORWARD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

extern struct forward_options {
	uint64_t limit;   /* --limit: connections at a time */
	bool reverse;     /* --reverse */
	bool any_address; /* --any */
	bool with_stdin;  /* --stdin */
} forward_options;

/* Take --limit, --reverse, --any, --stdin. False after a line. */
bool forward_limit_take(const char *text);
bool forward_reverse_take(const char *text);
bool forward_any_take(const char *text);
bool forward_stdin_take(const char *text);

#endif
