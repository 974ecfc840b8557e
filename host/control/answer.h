/* SPDX-License-Identifier: MIT */
/*
 * answer.h - a server's answer to a status request: the facts, which the server writes as text
 * (render.h), and the text, parsed and checked.
 *
 * The text comes from a server, or from any process that listens on its socket, so all of it is
 * checked before a command shows anything.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "control/facts.h"

#include <stddef.h>

/*
 * Parse (size) bytes of (text), with a NUL behind them. They are changed, and the answer points
 * into them.
 *
 * Returns NULL, or what is wrong. The caller frees the answer in either case.
 */
const char *answer_parse(struct answer *answer, char *text, size_t size);

/*
 * One more record, without a value in any member, for a caller that makes an answer. answer_free()
 * frees the answer in the end; its texts stay the caller's.
 *
 * NULL: out of memory, or too many.
 */
struct answer_listener *answer_add_listener(struct answer *answer);
struct answer_refused *answer_add_refused(struct answer *answer);
struct answer_client *answer_add_slot(struct answer *answer);
struct answer_client *answer_add_waiting(struct answer *answer);
struct answer_metric *answer_add_metric(struct answer *answer);

/* Free what was allocated. Harmless on zeroes. */
void answer_free(struct answer *answer);

#endif
