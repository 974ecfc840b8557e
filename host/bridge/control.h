/* SPDX-License-Identifier: MIT */
/*
 * control.h - the socket in the state's folder, where a running bridge says what it has done.
 */
#ifndef BRIDGE_CONTROL_H
#define BRIDGE_CONTROL_H

#include "bridge/parts.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>

#define CONTROL_ANSWERS 8u /* that are read at a time; behind them the oldest ends */
#define CONTROL_FDS (1u + CONTROL_ANSWERS)

struct control {
	void (*write)(FILE *out, struct bridge *b); /* what is answered */
	int listener;                               /* -1: not open */
	int spare; /* a descriptor held back, to answer when there are no others; -1 */
	struct control_answer {
		int fd; /* who reads it; -1: nobody */
		char *text;
		size_t size, done;
		uint64_t number; /* of all answers */
	} answers[CONTROL_ANSWERS];
	uint64_t count;
};

/* Listen in the (folder), which is ours alone; (write) answers. 0, or -1 after one line. */
int control_open(struct control *control, int folder, void (*write)(FILE *out, struct bridge *b));

/* What to wait for: how many of (fds). No more than are open: poll(2) takes no more than these. */
nfds_t control_poll(struct control *control, struct pollfd fds[CONTROL_FDS]);

/* Answer those who ask, as far as they read: it never waits. (fds): what poll(2) has found. */
void control_process(
    struct control *control, struct bridge *b, const struct pollfd *fds, nfds_t count);

/* Harmless on what is not open. */
void control_close(struct control *control);

/* Ask the bridge of that folder: a socket where the answer comes; or -1, and errno. */
int control_connect(int folder);

#endif
