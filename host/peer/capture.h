/* SPDX-License-Identifier: MIT */
/*
 * capture.h - capture: the messages of a region into a pcapng file, by an observer.
 */
#ifndef PEER_CAPTURE_H
#define PEER_CAPTURE_H

#include "app/options.h"
#include "app/world.h"

/* Take --from, --to, --snap, --unproven. False after a line. */
bool capture_from_take(const char *text);
bool capture_to_take(const char *text);
bool capture_snap_take(const char *text);
bool capture_unproven_take(const char *text);

/* The command capture. */
int capture_command(const struct world *world, const struct options *options);

#endif
