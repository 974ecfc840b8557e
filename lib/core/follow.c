/* SPDX-License-Identifier: MIT */
/*
 * follow.c - reading a log, of anybody's, while it is written.
 */
#include "core/log.h"

#include "core/atomic.h"
#include "core/copy.h"

#include <ivsh/log.h>

/* Whether position (a) is before (b), modulo 2^64. */
static bool is_before(uint64_t a, uint64_t b)
{
	return a - b > INT64_MAX;
}

/*
 * The position of the oldest byte that is right, when the writer has written up to (position): it
 * may be storing more, there is none before 0, and none before what the writer says. SPEC R15.3.2.
 */
static uint64_t log_oldest(const struct ivsh_log_reader *reader, uint64_t position)
{
	uint64_t end = load64(&reader->line->storing), have, known;

	if (end - position > reader->size)
		end = position;
	have = end < reader->size ? end : reader->size;
	known = end - load64(&reader->line->first);
	if (known < have)
		have = known;
	return have < end - position ? position : end - have;
}

static void log_look(struct ivsh_log_reader *reader)
{
	reader->incarnation = load32(&reader->line->incarnation);
	reader->begin = load64(&reader->line->begin);
}

int ivsh_log_reader_open(
    struct ivsh_log_reader *reader, const struct ivsh_region *region, uint32_t slot)
{
	__builtin_memset(reader, 0, sizeof(*reader));
	if (slot >= region->geometry.slots)
		return IVSH_EINVAL;
	reader->line = ivsh_log_at(region, slot);
	if (!reader->line)
		return region->geometry.log_size ? IVSH_EPART : IVSH_ENODEV;
	reader->bytes = (const uint8_t *)(reader->line + 1);
	reader->size = region->geometry.log_size;
	reader->next = log_oldest(reader, load64_acquire(&reader->line->position));
	log_look(reader);
	return 0;
}

/*
 * The position went back behind what was read. Once it may be that of a writer which was
 * interrupted as it stored it, or one half of the word.
 */
static int log_is_back(struct ivsh_log_reader *reader, uint64_t position)
{
	if (!reader->is_back) {
		reader->is_back = true;
		return IVSH_EAGAIN;
	}
	reader->is_back = false;
	reader->next = log_oldest(reader, position);
	return IVSH_EPEER;
}

/* (size) bytes at (position), at most the ring's. */
static void log_load(
    const struct ivsh_log_reader *reader, uint64_t position, uint8_t *to, uint32_t size)
{
	uint32_t offset = (uint32_t)position & (reader->size - 1), whole = reader->size - offset;

	if (size < whole)
		whole = size;
	copy_private(to, reader->bytes + offset, whole);
	copy_private(to + whole, reader->bytes, size - whole);
}

int ivsh_log_read(
    struct ivsh_log_reader *reader, void *buffer, uint32_t size, uint32_t *got, uint64_t *lost)
{
	const struct ivsh_wire_log *line = reader->line;
	uint64_t position = load64_acquire(&line->position), start, again, oldest, gone = 0;
	uint8_t *to = buffer;

	*got = 0;
	*lost = 0;
	log_look(reader);
	if (is_before(position, reader->next))
		return log_is_back(reader, position);
	reader->is_back = false;
	start = log_oldest(reader, position);
	if (is_before(start, reader->next))
		start = reader->next;
	if (size > position - start)
		size = (uint32_t)(position - start);
	log_load(reader, start, to, size);
	/* Between the bytes and the second look: what overwrites one was announced before. */
	fence_acquire();
	again = load64(&line->position);
	if (is_before(again, position))
		return IVSH_EAGAIN;
	oldest = log_oldest(reader, again);
	if (is_before(start, oldest))
		gone = oldest - start < size ? oldest - start : size;
	for (uint32_t i = 0; gone != 0 && i < size - gone; i++)
		to[i] = to[i + gone];
	*got = size - (uint32_t)gone;
	*lost = start + gone - reader->next;
	reader->next = start + size;
	return *got == 0 && *lost == 0 ? IVSH_EAGAIN : 0;
}
