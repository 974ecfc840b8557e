/* SPDX-License-Identifier: MIT */
/*
 * list_test.c - what ls says of 10,000 random or damaged regions: no crash, nothing written, and no
 * claim about a slot, or a header, that breaks SPEC.md.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "observe/parts.h"
#include "tests/host/listing.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROUNDS 10000u

static uint8_t sound[WORLD_SIZE]; /* a region that nobody has damaged */
static uint8_t *memory;           /* the one that is listed */
static struct end a, b;

/* --- What is in the memory ------------------------------------------------------------------ */

/* Slot 0 has a peer that offers a service, slot 1's has left, and nobody was in the others. */
static void make(void)
{
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	NEED_EQ(ivsh_region_offer(&a.region, "echo", 7), 0);
	ivsh_region_detach(&b.region);
	memcpy(sound, world.memory, sizeof(sound));
	memory = mmap(NULL, WORLD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED_EQ(memory == MAP_FAILED, 0);
}

/* Of a region of another geometry than the world's, as damage can say, slots are where one memory
 * has them; a split region is none, then. */
static uint64_t slot_offset(uint32_t slot)
{
	return world_is_split()
		   ? world_offset(world_slot(slot))
		   : IVSH_WIRE_SLOTS_OFFSET + slot * (uint64_t)sizeof(struct ivsh_wire_slot);
}

static const struct ivsh_wire_slot *slot_at(uint32_t slot)
{
	return (const struct ivsh_wire_slot *)(const void *)(memory + slot_offset(slot));
}

/* Whether the slot has a part: both headers are as they were. SPEC R17.4.1. */
static bool has_part(uint32_t slot)
{
	uint64_t at = slot_offset(slot) - IVSH_WIRE_PART_SLOT_OFFSET(slot);

	return !world_is_split() ||
	       (memcmp(memory, sound, offsetof(struct ivsh_wire_header, log_size)) == 0 &&
		   memcmp(memory + at, sound + at, offsetof(struct ivsh_wire_part, reserved)) == 0);
}

static char *list(bool json)
{
	struct ivsh_mem mem = world_mem(IVSH_SELF_NONE);

	mem.base = memory;
	for (uint32_t i = 0; i < mem.part_count; i++)
		mem.parts[i].base = memory + world_offset(mem.parts[i].base);
	return listing(&mem, json);
}

/* Whether the slot is among those that are said to have no part. */
static bool is_partless(const char *text, uint32_t slot)
{
	const char *line = strstr(text, "parts that are not used: of slot ");
	char number[16];

	snprintf(number, sizeof(number), " %u", slot);
	line = line ? strstr(line + 29, number) : NULL;
	return line && (line[2] == ',' || line[2] == ' ');
}

/* The line of (slot) in (text), up to its end; NULL: there is none. */
static const char *row_find(const char *text, uint32_t slot, char *row, size_t size)
{
	char begin[16];
	const char *at;
	size_t length;

	snprintf(begin, sizeof(begin), "\n %4u  ", slot);
	at = strstr(text, begin);
	if (!at)
		return NULL;
	length = strcspn(at + 1, "\n");
	length = length < size - 1 ? length : size - 1;
	memcpy(row, at + 1, length);
	row[length] = '\0';
	return row + 7;
}

/* What R5.3.4 and R5.7.1 say about a slot, and what ls says about it. */
static void slot_check(const char *text, uint32_t slot)
{
	const struct ivsh_wire_slot *s = slot_at(slot);
	char line[256];
	const char *row = row_find(text, slot, line, sizeof(line));
	bool is_broken = s->state > 2 || (s->state != 0 && s->incarnation == 0);

	CHECK_EQ(is_partless(text, slot), !has_part(slot));
	if (!has_part(slot)) {
		CHECK(!row);
		return;
	}
	if (is_broken) {
		CHECK(row && !strncmp(row, "broken ", 7));
	} else if (row) {
		CHECK(!strncmp(row, s->state == 1 ? "silent " : "absent ", 7));
	} else {
		CHECK(s->state == 0 && s->incarnation == 0);
	}
	if (s->sequence & 1)
		CHECK(row && line[strlen(line) - 1] == '?' && line[strlen(line) - 2] == ' ');
	for (size_t i = 0; row && row[i]; i++)
		CHECK(row[i] >= 0x20 && row[i] <= 0x7e);
}

/* The header that is shown is one that an observer finds nothing wrong with. */
static void check(const char *text)
{
	const struct ivsh_wire_server *server =
	    (const struct ivsh_wire_server *)(const void *)(memory + IVSH_WIRE_SERVER_OFFSET);
	struct observe_findings findings = {0};
	struct observed_header header;
	bool is_shown = strncmp(text, "region: version ", 16) == 0;

	observe_header(
	    memory, world_is_split() ? IVSH_WIRE_COMMON_SIZE : WORLD_SIZE, &header, &findings);
	CHECK_EQ(is_shown, header.known == OBSERVED_SOUND);
	if (is_shown && server->epoch == 0 && server->heartbeat != 0)
		CHECK(!strstr(text, "\nserver: none\n"));
	for (uint32_t i = 0; is_shown && i < header.geometry.slots; i++)
		slot_check(text, i);
}

/* As JSON: the same, and a name that is not known is none. */
static void check_json(const char *text)
{
	const char *begin = "{\"type\":\"region\"", *object;
	uint32_t slots = ((const struct ivsh_wire_header *)(const void *)memory)->slots;
	char wanted[40];

	if (strncmp(text, begin, strlen(begin)) != 0)
		return;
	for (uint32_t i = 0; i < slots; i++) {
		const struct ivsh_wire_slot *s = slot_at(i);
		bool is_broken = s->state > 2 || (s->state != 0 && s->incarnation == 0);

		snprintf(wanted, sizeof(wanted), "\"no_part\",\"slot\":%u}", i);
		CHECK_EQ(strstr(text, wanted) != NULL, !has_part(i));
		snprintf(wanted, sizeof(wanted), "\"slot\",\"slot\":%u,", i);
		object = strstr(text, wanted);
		if (!has_part(i)) {
			CHECK(!object);
			continue;
		}
		if (!object) {
			CHECK(s->state == 0 && s->incarnation == 0 && !(s->sequence & 1));
			continue;
		}
		snprintf(wanted, sizeof(wanted), "\"presence\":\"%s\"",
		    is_broken       ? "broken"
		    : s->state == 1 ? "silent"
				    : "absent");
		object = strstr(object, "\"presence\"");
		CHECK(object && !strncmp(object, wanted, strlen(wanted)));
		if (object && s->sequence & 1)
			CHECK(!strncmp(strstr(object, "\"name\""), "\"name\":null,", 12));
	}
}

/* A word, mostly one that ls reads, and mostly with a small number: those come near the rules. */
static void damage(uint32_t *seed)
{
	static const uint32_t fields[] = {0, 4, 8, 0x18, 0x1c, 0x20, 0x40, 0x5c, 0x80, 0x9c};
	uint32_t how = world_random(seed) % 16, value = world_random(seed), at;
	uint32_t slot = world_random(seed) % WORLD_SLOTS;

	at = (uint32_t)slot_offset(slot) +
	     fields[world_random(seed) % (sizeof(fields) / sizeof(fields[0]))];
	if (how == 0)
		at = world_random(seed) % 12 * 4; /* the header's */
	else if (how == 1)
		at = IVSH_WIRE_SERVER_OFFSET + world_random(seed) % 64 * 4;
	else if (how == 2)
		at = world_random(seed) % (WORLD_SIZE / 4) * 4;
	else if (how == 3 && world_is_split()) /* a part's header */
		at = (uint32_t)slot_offset(slot) - IVSH_WIRE_PART_SLOT_OFFSET(slot) +
		     world_random(seed) % 14 * 4;
	if (world_random(seed) % 4)
		value %= 5;
	memcpy(memory + at, &value, sizeof(value));
}

static void damaged(void)
{
	uint32_t seed = 3, shown = 0, broken = 0, partless = 0;

	make();
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t words = 1 + (i % 4 ? 0 : world_random(&seed) % 40);
		char *text;

		mprotect(memory, WORLD_SIZE, PROT_READ | PROT_WRITE);
		memcpy(memory, sound,
		    world_is_split() ? sizeof(sound) : IVSH_WIRE_SLOTS_OFFSET + WORLD_SLOTS * 2048);
		if (i % 64 == 63)
			for (uint32_t at = 0; at < 0x6000; at += 4) {
				uint32_t any = world_random(&seed);

				memcpy(memory + at, &any, sizeof(any));
			}
		while (words--)
			damage(&seed);
		/* A store would end this test. */
		mprotect(memory, WORLD_SIZE, PROT_READ);
		text = list(false);
		NEED_EQ(text != NULL, 1);
		check(text);
		shown += strncmp(text, "region: version ", 16) == 0;
		broken += strstr(text, "broken ") != NULL;
		partless += strstr(text, "parts that are not used") != NULL;
		free(text);
		text = list(true);
		NEED_EQ(text != NULL, 1);
		check_json(text);
		free(text);
	}
	/* The damage is where it is to be. */
	CHECK(shown > ROUNDS / 2 && shown < ROUNDS);
	CHECK(broken > ROUNDS / 50);
	CHECK(world_is_split() ? partless > ROUNDS / 50 : partless == 0);
	munmap(memory, WORLD_SIZE);
}

/* Nobody has damaged anything, and nobody is there any more. */
static void unharmed(void)
{
	char *text;

	make();
	memcpy(memory, sound, WORLD_SIZE);
	text = list(false);
	NEED_EQ(text != NULL, 1);
	check(text);
	CHECK(strstr(text, "\n    0  silent ") != NULL);
	CHECK(strstr(text, "service echo: port 7\n") != NULL);
	CHECK(strstr(text, "\n    1  absent ") != NULL);
	CHECK(strstr(text, "and 6 slots that nobody has used\n") != NULL);
	CHECK(!strchr(text, '?') && !strstr(text, "broken"));
	free(text);
	munmap(memory, WORLD_SIZE);
}

int main(void)
{
	static const struct test tests[] = {
	    {"unharmed: everything is told", unharmed},
	    {"damaged: no claim, no crash, no trace", damaged},
	};

	return test_main("list", tests, sizeof(tests) / sizeof(tests[0]));
}
