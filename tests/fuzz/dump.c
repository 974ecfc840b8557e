/* SPDX-License-Identifier: MIT */
/*
 * dump.c - an observer of a memory of any content: two looks, everything printed. SPEC R2.1, R9.1.
 *
 * The input is the memory, or pieces that are laid over one that the library has formatted; between
 * the two looks more pieces come.
 */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/room.h"

#include "observe/survey.h"

#include <stdio.h>

static void pieces(void)
{
	for (unsigned i = 0; i < 64 && feed_left(); i++) {
		uint32_t at = (uint32_t)feed_number(2) * 4 % ROOM_SIZE, most = ROOM_SIZE - at;
		uint32_t bytes = feed_byte();

		if (bytes == 0)
			break;
		feed_bytes(room_memory + at, bytes < most ? bytes : most);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ivsh_geometry geometry = {2, ROOM_DESCS, 1024, 1024, 0};
	struct survey survey = {.mem = {.base = room_memory, .size = ROOM_SIZE}};
	static FILE *nowhere;
	uint8_t how;

	if (!nowhere)
		nowhere = freopen("/dev/null", "w", stdout);
	feed_set(data, size);
	how = feed_byte();
	survey.parts = feed_byte();
	survey.rows = feed_byte() & 7;
	survey.to = how >> 4 & 1;
	if (how & 1)
		room_format(2 + (how >> 5) % 3);
	else
		room_clear();
	if (how & 2)
		pieces();
	else
		feed_bytes(room_memory, ROOM_SIZE);
	FUZZ_MUST(survey_begin(&survey, how & 4 ? &geometry : NULL) == 0);
	pieces();
	survey_print(&survey);
	FUZZ_MUST(survey.checked <= 12);
	survey_end(&survey);
	return 0;
}
