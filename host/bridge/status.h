/* SPDX-License-Identifier: MIT */
/*
 * status.h - what a running bridge says of itself, at the socket of control.h.
 *
 * Whoever connects gets lines of a word and KEY=VALUE, the last one is "end", and the connection
 * ends. The folder is the bridge's user's alone, so nobody else gets there.
 */
#ifndef BRIDGE_STATUS_H
#define BRIDGE_STATUS_H

#include "bridge/parts.h"

#include <stdio.h>

/* Write these lines. */
void status_write(FILE *out, struct bridge *b);

enum status_form {
	STATUS_TEXT,
	STATUS_JSON,
	STATUS_PROMETHEUS,
};

/* Print what the bridge of (config) says. 0, or -1 after one line; the caller flushes stdout. */
int status_print(const struct config *config, enum status_form form);

#endif
