/* SPDX-License-Identifier: MIT */
/*
 * dump.c - an observer of memories of any content: two looks, everything printed. SPEC R2.1, R9.1.
 *
 * The input is the memory, or pieces that are laid over one that the library has formatted; between
 * the two looks more pieces come. Of a split region parts can be cut, or missing.
 */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/room.h"

#include "observe/survey.h"

#include <stdio.h>

/* The sanitizer's: sanitizer/asan_interface.h. */
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);

#define PART (room_part_offset(1) - room_part_offset(0))

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

/* Each part is as long as it is, or ends at any page; or it is not there. */
static void parts_cut(struct ivsh_mem *mem)
{
	uint32_t cut = feed_byte();

	for (uint32_t i = 0; i < mem->part_count; i++) {
		uint64_t pages = feed_byte() % 32;

		if (!(cut >> i & 1))
			continue;
		if (pages * IVSH_WIRE_PAGE < mem->parts[i].size)
			mem->parts[i].size = pages * IVSH_WIRE_PAGE;
		if (pages == 0)
			mem->parts[i].base = NULL;
	}
}

/* What is behind the end of a part is not to be read. */
static void ends_guard(const struct ivsh_mem *mem, bool yes)
{
	for (uint32_t i = 0; i < mem->part_count; i++) {
		uint8_t *part = room_memory + room_part_offset(i);
		uint64_t size = mem->parts[i].base ? mem->parts[i].size : 0;

		if (yes)
			__asan_poison_memory_region(part + size, PART - size);
		else
			__asan_unpoison_memory_region(part, PART);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ivsh_geometry geometry = {2, ROOM_DESCS, 1024, 1024, 0};
	struct survey survey = {0};
	static FILE *nowhere;
	uint8_t how;

	if (!nowhere)
		nowhere = freopen("/dev/null", "w", stdout);
	feed_set(data, size);
	how = feed_byte();
	survey.parts = feed_byte();
	survey.rows = feed_byte() & 7;
	survey.to = how >> 4 & 1;
	if (how & 8)
		room_split_format(how & 32, false);
	else if (how & 1)
		room_format(2 + (how >> 5) % 3);
	else
		room_clear();
	survey.mem = room_mem(IVSH_SELF_NONE);
	parts_cut(&survey.mem);
	if (how & 2)
		pieces();
	else
		feed_bytes(room_memory, ROOM_SIZE);
	ends_guard(&survey.mem, true);
	FUZZ_MUST(survey_begin(&survey, how & 4 ? &geometry : NULL) == 0);
	ends_guard(&survey.mem, false);
	pieces();
	ends_guard(&survey.mem, true);
	survey_print(&survey);
	ends_guard(&survey.mem, false);
	FUZZ_MUST(survey.checked <=
		  (uint64_t)survey.observer.geometry.slots * (survey.observer.geometry.slots - 1));
	survey_end(&survey);
	return 0;
}
