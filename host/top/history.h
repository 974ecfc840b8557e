/* SPDX-License-Identifier: MIT */
/*
 * history.h - the last rates, as a line of small bars.
 */
#ifndef TOP_HISTORY_H
#define TOP_HISTORY_H

#include "top/rates.h"

#include <stddef.h>

#define HISTORY_SIZE 64u

struct history {
	uint32_t count;            /* that were ever added */
	float value[HISTORY_SIZE]; /* below 0: it was not known */
};

void history_add(struct history *history, struct rate rate);

/* Bytes of a line of HISTORY_SIZE bars, the zero included. */
#define HISTORY_TEXT (HISTORY_SIZE * 3 + 1)

/*
 * The last (width) values, up to HISTORY_SIZE, from the oldest on, as bars between 0 and the
 * greatest of them: in UTF-8, or in ASCII. What was not known is "?"; what was not yet, a blank.
 */
void history_text(char *to, const struct history *history, uint32_t width, bool is_utf8);

#endif
