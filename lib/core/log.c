/* SPDX-License-Identifier: MIT */
/*
 * log.c - a slot's log: a ring of bytes that wraps for ever.
 *
 * Theory of operation: the writer says how far it is about to store, stores a piece, and then says
 * how far the bytes are written. A reader copies bytes up to the position, and looks again at how
 * far the writer may have come meanwhile: what that has overwritten, or may have, is lost.
 *
 * An interrupt handler may write in the middle of a write. There is no atomic update that could
 * keep the two apart (SPEC R1.2 is for shared words, but some processors have none at all), and the
 * handler may never return. But it runs as a whole between two instructions of what it interrupts.
 * So each level leaves its piece where a handler finds it, and the handler finishes it: the bytes
 * are the same, and so is their place, and what the interrupted level stores later is what stands
 * there already. Each level has an end of its own, which only grows: the latest one is the log's.
 */
#include "core/log.h"

#include "core/atomic.h"
#include "core/copy.h"
#include "core/place.h"
#include "core/slot.h"

#include <ivsh/log.h>

struct ivsh_wire_log *ivsh_log_at(const struct ivsh_region *region, uint32_t slot)
{
	if (region->geometry.log_size == 0 || slot >= region->geometry.slots)
		return NULL;
	return ivsh_place(region, PLACE_LOG, slot, 0);
}

/* How far all levels have come. */
static uint64_t log_end(const struct ivsh_log *log)
{
	uint64_t end = log->part[0].end;

	for (unsigned i = 1; i < IVSH_LOG_LEVELS; i++)
		if (log->part[i].end - end <= INT64_MAX)
			end = log->part[i].end;
	return end;
}

static bool part_is_pending(const struct ivsh_log_part *part)
{
	return part->size != 0 && part->end == part->before;
}

/* Any number of bytes: copy() is for more than 8. */
static void bytes_store(uint8_t *to, const uint8_t *from, uint32_t size)
{
	if (size > 8)
		copy(to, from, size);
	else
		for (uint32_t i = 0; i < size; i++)
			store8(to + i, from[i]);
}

/* (size) bytes at (position): at most IVSH_LOG_PIECE, so that they wrap once. */
static void log_store(struct ivsh_log *log, uint64_t position, const uint8_t *from, uint32_t size)
{
	uint32_t offset = (uint32_t)position & (log->size - 1), whole = log->size - offset;
	uint64_t storing = position + size;

	if (log->spoiled - storing <= log->size)
		storing = log->spoiled;
	store64(&log->line->storing, storing);
	/* Between that and the bytes: a reader that finds one of them finds (storing) behind it. */
	fence_release();
	if (size < whole)
		whole = size;
	bytes_store(log->bytes + offset, from, whole);
	bytes_store(log->bytes, from + whole, size - whole);
}

/* Finish the piece in (part): of this level, or of one that it has interrupted. */
static void part_finish(struct ivsh_log *log, struct ivsh_log_part *part)
{
	uint64_t start;

	/* A handler that comes in between finishes it, and appends: then the end is another one. */
	do {
		if (!part_is_pending(part))
			return;
		start = log_end(log);
		part->start = start;
		order_program();
	} while (!part_is_pending(part) || log_end(log) != start);
	log_store(log, start, part->from, part->size);
	order_program();
	part->end = start + part->size;
	order_program();
}

/* SPEC R15.2.3. A handler that comes in between has stored a later position: then once more. */
static void log_publish(struct ivsh_log *log)
{
	uint64_t position;

	do {
		position = log_end(log);
		log->published = position;
		order_program();
		store64_release(&log->line->position, position);
		order_program();
	} while (log_end(log) != position);
}

/* Our own words have to be what we left there: SPEC R15.2.5. By the outermost level alone. */
static void log_check(struct ivsh_log *log)
{
	struct ivsh_wire_log *line = log->line;
	uint64_t published, position;

	do {
		published = log->published;
		order_program();
		position = load64(&line->position);
		order_program();
	} while (published != log->published);
	if (position != published) {
		log->spoiled = log_end(log);
		store64(&line->first, log->spoiled);
	}
	if (load32(&line->incarnation) != log->region->incarnation) {
		store64(&line->begin, log_end(log));
		store32(&line->incarnation, log->region->incarnation);
	}
}

int ivsh_log_open(struct ivsh_log *log, const struct ivsh_region *region)
{
	struct ivsh_wire_log *line;
	uint64_t position, storing, most;

	__builtin_memset(log, 0, sizeof(*log));
	if (!region->attached)
		return slot_error(region);
	log->size = region->geometry.log_size;
	line = ivsh_log_at(region, region->mem.self);
	if (!line)
		return IVSH_ENODEV;
	/* Another incarnation's words, or anybody's: any value will do. */
	position = load64(&line->position);
	storing = load64(&line->storing);
	log->published = position;
	/* It was killed with bytes under way, over those of a ring's length before. */
	log->spoiled = storing - position <= log->size ? storing : position;
	for (unsigned i = 0; i < IVSH_LOG_LEVELS; i++)
		log->part[i].end = position;
	most = position < log->size ? position : log->size;
	if (position - load64(&line->first) > most)
		store64(&line->first, position - most);
	store64(&line->begin, position);
	store32(&line->incarnation, region->incarnation);
	log->bytes = (uint8_t *)(line + 1);
	log->region = region;
	/* Last: a handler that writes meanwhile finds the log closed. */
	order_program();
	log->line = line;
	return 0;
}

/*
 * Whether (size) more bytes leave alone what the interrupted levels below (level) will store once
 * more when they go on.
 */
static bool log_has_room(const struct ivsh_log *log, uint32_t level, uint32_t size)
{
	for (uint32_t i = 0; i < level; i++)
		if (log->part[i].size != 0 &&
		    log_end(log) + size - log->part[i].start > log->size - IVSH_LOG_PIECE)
			return false;
	return true;
}

/* Append one piece at (level). */
static void log_append(struct ivsh_log *log, uint32_t level, const uint8_t *from, uint32_t size)
{
	struct ivsh_log_part *part = &log->part[level];

	for (uint32_t i = 0; i < level; i++)
		part_finish(log, &log->part[i]);
	part->from = from;
	part->before = part->end;
	part->start = log_end(log);
	order_program();
	part->size = size;
	order_program();
	part_finish(log, part);
	part->size = 0;
	order_program();
	log_publish(log);
}

int ivsh_log_write(struct ivsh_log *log, const void *bytes, uint32_t size)
{
	const uint8_t *from = bytes;
	uint32_t level = log->depth;
	int error = 0;

	if (!log->line)
		return IVSH_ENODEV;
	if (level == IVSH_LOG_LEVELS)
		return IVSH_EAGAIN;
	if (!log->region->attached || !slot_is_signed(log->region))
		return slot_error(log->region);
	log->depth = level + 1;
	order_program();
	if (level == 0)
		log_check(log);
	while (size != 0 && !error) {
		uint32_t piece = size < IVSH_LOG_PIECE ? size : IVSH_LOG_PIECE;

		if (log_has_room(log, level, piece))
			log_append(log, level, from, piece);
		else
			error = IVSH_EAGAIN;
		from += piece;
		size -= piece;
	}
	order_program();
	log->depth = level;
	return error;
}
