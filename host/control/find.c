/* SPDX-License-Identifier: MIT */
/*
 * find.c - the slot that a word of the command line means.
 */
#include "control/find.h"

#include <stdlib.h>
#include <string.h>

uint64_t find_slot(const struct answer *answer, const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits > 0 && digits < 6 && !text[digits]) {
		uint64_t slot = strtoull(text, NULL, 10);

		return slot < answer->slots ? slot : ANSWER_NONE;
	}
	for (size_t i = 0; i < answer->slot_count; i++)
		if (answer->slot[i].name && !strcmp(answer->slot[i].name, text))
			return answer->slot[i].id;
	for (size_t i = 0; i < answer->listener_count; i++)
		if (answer->listener[i].name && !strcmp(answer->listener[i].name, text))
			return answer->listener[i].slot;
	return ANSWER_NONE;
}
