/* SPDX-License-Identifier: MIT */
/*
 * kept.h - JetStream: its stream, and what is read from it.
 */
#ifndef BRIDGE_KEPT_H
#define BRIDGE_KEPT_H

#include "bridge/parts.h"

/* Make the stream, ask for messages, and say which ones are done with, as far as that is due. */
void kept_step(struct bridge *b, uint64_t now);

/* The connection is another one: what was asked for will not be answered. */
void kept_reset(struct bridge *b);

/* Take an answer, whose subject has (words) behind the inbox's. The caller frees it. */
void kept_answer(struct bridge *b, const char *words, const struct bus_item *item, uint64_t now);

/* Take a message of (p) from the stream. False: it is none that was asked for. */
bool kept_take(
    struct bridge *b, struct pair *p, struct bus_item *item, uint16_t port, uint64_t now);

/*
 * (item) is no message of a pair. If a consumer delivered it, it was one of those that were asked
 * for: else the bridge would wait for another, and the pair with it.
 */
void kept_skip(struct bridge *b, const struct bus_item *item, uint64_t now);

#endif
