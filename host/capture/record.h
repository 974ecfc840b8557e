/* SPDX-License-Identifier: MIT */
/*
 * record.h - from a descriptor to packets in the buffer.
 */
#ifndef CAPTURE_RECORD_H
#define CAPTURE_RECORD_H

#include "capture/state.h"

/* Bytes that one descriptor needs in the buffer at most; (snap) bytes of a message are kept. */
size_t record_room(const struct ivsh_geometry *geometry, uint32_t snap);

/*
 * Put the messages of (sight) into the buffer if their copy is proven to be whole, behind a mark of
 * what was missed before. False: the buffer is full, or the count was reached.
 */
bool record_take(struct capture *c, struct follow *f, const struct sight *sight);

/* A mark of what (f) has missed, if that is anything. False: the buffer is full. */
bool record_mark(struct capture *c, struct follow *f);

/* Whether a block in the buffer is a message's packet, and no mark or damage. */
bool record_is_message(const uint8_t *block);

#endif
