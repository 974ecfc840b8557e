/* SPDX-License-Identifier: MIT */
/*
 * status.h - what a running bridge says of itself: the socket "control" in the folder of its state.
 *
 * Whoever connects gets lines of a word and KEY=VALUE, the last one is "end", and the connection
 * ends. The folder is the bridge's user's alone, so nobody else gets there.
 */
#ifndef BRIDGE_STATUS_H
#define BRIDGE_STATUS_H

#include "bridge/parts.h"

/* Listen. The descriptor to poll for reading; or -1 after one line. */
int status_listen(int folder);

/* Answer all that have connected. Never blocks: one that does not read gets a part, or nothing. */
void status_answer(struct bridge *b, int listener);

enum status_form {
	STATUS_TEXT,
	STATUS_JSON,
	STATUS_PROMETHEUS,
};

/* Print what the bridge of (config) says. Answers an exit status. */
int status_print(const struct config *config, enum status_form form);

#endif
