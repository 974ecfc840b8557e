/* SPDX-License-Identifier: MIT */
/*
 * window.h - how far a sender may be ahead of a receiver whose ring it does not see: in bytes of
 * frames.
 */
#ifndef BRIDGE_WINDOW_H
#define BRIDGE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_ENTRIES 64u

/* Frames that were sent, and are not known to be received, the oldest first. Zeroed: none. */
struct window {
	struct {
		uint64_t last; /* number of its last message */
		uint64_t bytes;
	} entry[WINDOW_ENTRIES]; /* small frames share one */
	uint32_t count;
	uint64_t bytes; /* of all */
};

/*
 * Whether a frame of (bytes) may be sent where the receiver takes (size) beyond what it has: also
 * one that is larger, if nothing else is under way.
 */
bool window_is_open(const struct window *window, uint64_t bytes, uint64_t size);

/* A frame of (bytes) was sent, up to message (last). size: as above. */
void window_sent(struct window *window, uint64_t last, uint64_t bytes, uint64_t size);

/* All messages up to (number) are received, or are known to be lost. */
void window_received(struct window *window, uint64_t number);

#endif
