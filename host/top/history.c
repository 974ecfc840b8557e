/* SPDX-License-Identifier: MIT */
/*
 * history.c - the last rates, as a line of small bars.
 */
#include "top/history.h"

#include <string.h>

void history_add(struct history *h, struct rate rate)
{
	h->value[h->count++ % HISTORY_SIZE] = rate.is_known ? (float)rate.value : -1;
}

void history_text(char *to, const struct history *h, uint32_t width, bool is_utf8)
{
	static const char *const utf8[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {"_", ".", "-", ":", "=", "+", "*", "#"};
	uint32_t known = h->count < HISTORY_SIZE ? h->count : HISTORY_SIZE;
	float most = 0;

	if (width > HISTORY_SIZE)
		width = HISTORY_SIZE;
	for (uint32_t i = 0; i < width && i < known; i++) {
		float value = h->value[(h->count - 1 - i) % HISTORY_SIZE];

		most = value > most ? value : most;
	}
	*to = '\0';
	for (uint32_t i = width; i-- > 0;) {
		float value = i < known ? h->value[(h->count - 1 - i) % HISTORY_SIZE] : 0;
		/* The lowest bar is that of nothing at all. */
		int bar = most > 0 && value > 0 ? 1 + (int)(value / most * 6.999f) : 0;
		const char *text = is_utf8 ? utf8[bar > 7 ? 7 : bar] : ascii[bar > 7 ? 7 : bar];

		to = stpcpy(to, i >= known ? " " : value < 0 ? "?" : text);
	}
}
