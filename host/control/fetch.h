/* SPDX-License-Identifier: MIT */
/*
 * fetch.h - ask, and understand.
 */
#ifndef FETCH_H
#define FETCH_H

#include "control/answer.h"

#include <sys/types.h>

struct fetch {
	struct answer answer; /* points into (text) */
	char *text;
	uid_t user; /* who made the socket: what it answers is his word */
};

/* Ask the control socket (path). 0, or 1 after one line and with nothing to close. */
int fetch_open(struct fetch *fetch, const char *path);

void fetch_close(struct fetch *fetch);

#endif
