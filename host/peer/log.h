/* SPDX-License-Identifier: MIT */
/*
 * log.h - log: what a peer has logged, read without a slot, also of a dead one.
 */
#ifndef PEER_LOG_H
#define PEER_LOG_H

#include "app/options.h"
#include "app/world.h"

int log_command(const struct world *world, const struct options *options);

/* Take --follow, --bytes, --raw. False after a line. */
bool log_follow_take(const char *text);
bool log_bytes_take(const char *text);
bool log_raw_take(const char *text);

#endif
