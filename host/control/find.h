/* SPDX-License-Identifier: MIT */
/*
 * find.h - the slot that a word of the command line means.
 */
#ifndef FIND_H
#define FIND_H

#include "control/answer.h"

/* The ID of the slot with this number or name. ANSWER_NONE: there is none. */
uint64_t find_slot(const struct answer *answer, const char *text);

#endif
