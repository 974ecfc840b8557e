/* SPDX-License-Identifier: MIT */
/*
 * log_cut_test.c - a log's writer is interrupted, killed or read at every access of shared memory
 * that it makes, and a reader is overtaken at every one of its own. SPEC 15.
 *
 * The hook of lib/core/atomic.h does that. Host only.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"
#include "core/log.h"

#include <ivsh/log.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 4096u
#define CELL 16u

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=0";
}

static struct end a;
static struct ivsh_region probe;
static struct ivsh_log out;
static char text[8 * SIZE]; /* what a reader got */
static uint32_t length;

/* --- The hook --------------------------------------------------------------------------------- */

/* At access (at) of the call, (meanwhile) is called; inside of it, at access (then), (deeper). */
static uint32_t count, at, then;
static void (*meanwhile)(void), (*deeper)(void);
static bool dies;
static jmp_buf out_of_it;

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	void (*now)(void) = meanwhile;

	(void)kind;
	(void)word;
	(void)size;
	if (at == 0 || ++count != at)
		return;
	at = then;
	count = then = 0;
	meanwhile = deeper;
	deeper = NULL;
	if (now)
		now();
	if (dies && at == 0)
		longjmp(out_of_it, 1);
	at = 0;
}

/* Whether the call was long enough for what was to happen. */
static bool run(
    void (*call)(void), uint32_t first, void (*does)(void), uint32_t second, void (*inside)(void))
{
	count = 0;
	meanwhile = does;
	then = second;
	deeper = inside;
	at = first;
	if (setjmp(out_of_it) == 0)
		call();
	first = at;
	at = 0;
	return first == 0;
}

/* --- What is written: cells of one line each, which say what they are ------------------------- */

struct writer {
	char name;
	uint32_t calls, size;   /* of the next call, in cells */
	uint8_t sizes[1u << 9]; /* of those that were made, by their number modulo that */
	int error;              /* of the last call */
} thread = {.name = 't'}, handler = {.name = 'h'}, trap = {.name = 'x'};

static void cell(char to[CELL + 1], const struct writer *w, uint32_t call, uint32_t i)
{
	snprintf(to, CELL + 1, "%c %07u %04u.\n", w->name, call % 10000000, i % 10000);
}

static void writer_call(struct writer *w)
{
	char bytes[64 * CELL + 1];

	for (uint32_t i = 0; i < w->size; i++)
		cell(bytes + i * CELL, w, w->calls, i);
	w->sizes[w->calls++ % sizeof(w->sizes)] = (uint8_t)w->size;
	w->error = ivsh_log_write(&out, bytes, w->size * CELL);
}

static void thread_writes(void)
{
	writer_call(&thread);
}

static void handler_writes(void)
{
	writer_call(&handler);
}

static void trap_writes(void)
{
	writer_call(&trap);
}

static void open_all(void)
{
	const struct ivsh_geometry geometry = {WORLD_SLOTS, 64, 4096, 8192, SIZE};
	struct ivsh_attach attach = {0};
	struct ivsh_mem mem;

	world_format_as(&geometry);
	mem = world_mem(IVSH_SELF_NONE);
	CHECK_EQ(ivsh_region_probe(&probe, &mem, &attach), 0);
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(ivsh_log_open(&out, &a.region), 0);
	thread.calls = handler.calls = trap.calls = 0;
}

/* All that is there now. Answers whether it was read without an error. */
static bool read_all(void)
{
	struct ivsh_log_reader reader;
	uint64_t lost;

	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
	memset(text, 0, sizeof(text));
	length = 0;
	return ivsh_log_read(&reader, text, sizeof(text) - 1, &length, &lost) == 0 && lost == 0;
}

static struct writer *writer_of(char name)
{
	return name == 't' ? &thread : name == 'h' ? &handler : name == 'x' ? &trap : NULL;
}

/*
 * Every line of (text) is a whole cell, and those of each writer come in their order with none
 * missing between two; a killed writer's calls may end early. The oldest one may be cut, and so may
 * the first bytes that put the cells off the ring's boundaries.
 */
static bool is_sound(bool killed)
{
	const char *from = strchr(text, '\n');
	uint32_t calls[3] = {0}, next[3] = {0};
	bool seen[3] = {false};

	for (from = from ? from + 1 : text + length; from < text + length; from += CELL) {
		struct writer *w = writer_of(*from);
		uint32_t call, i, k;
		char want[CELL + 1];

		if (!w || sscanf(from + 1, " %u %u.", &call, &i) != 2)
			return false;
		k = w == &thread ? 0 : w == &handler ? 1 : 2;
		cell(want, w, call, i);
		if (strncmp(from, want, CELL) != 0)
			return false;
		if (seen[k] && !(call == calls[k] && i == next[k]) &&
		    !(i == 0 && (killed ? call > calls[k]
					: call == calls[k] + 1 &&
					      next[k] == w->sizes[calls[k] % sizeof(w->sizes)])))
			return false;
		seen[k] = true;
		calls[k] = call;
		next[k] = i + 1;
	}
	return from == text + length;
}

/* Whether the last call of (w) is there to its end. */
static bool ends_whole(const struct writer *w)
{
	char want[CELL + 1];

	cell(want, w, w->calls - 1, w->size - 1);
	return strstr(text, want) != NULL;
}

/* So many bytes of the ring are used before a case, and the cells are off its boundaries. */
static void fill(uint32_t bytes)
{
	static char dots[CELL];

	memset(dots, '.', sizeof(dots));
	dots[4] = '\n';
	CHECK_EQ(ivsh_log_write(&out, dots, 5), 0);
	thread.size = 1;
	for (uint32_t i = 0; i < bytes / CELL; i++)
		thread_writes();
}

/* --- Interrupted ------------------------------------------------------------------------------ */

/* R15.2: nothing is cut, nothing is missing, and a handler's bytes do not wait. */
static void interrupted(void)
{
	static const uint32_t sizes[] = {1, 4, 16, 17, 40};
	uint64_t runs = 0;

	for (uint32_t s = 0; s < 5 * 5; s++)
		for (uint32_t second = 0; second < 40; second++)
			for (uint32_t first = 1;; first++) {
				bool deep;

				open_all();
				fill(s % 2 ? SIZE - 100 : 3 * SIZE);
				thread.size = sizes[s % 5];
				handler.size = sizes[s / 5];
				trap.size = 3;
				if (!run(thread_writes, first, handler_writes, second,
					trap_writes) &&
				    handler.calls == 0)
					break;
				deep = second == 0 || trap.calls != 0;
				NEED_EQ(read_all(), true);
				NEED_EQ(thread.error | handler.error, 0);
				NEED_EQ(is_sound(false), true);
				NEED_EQ(ends_whole(&thread) && ends_whole(&handler), true);
				NEED_EQ(trap.calls == 0 || ends_whole(&trap), true);
				NEED_EQ(out.depth, 0);
				runs++;
				if (!deep)
					break; /* the handler's call is not that long */
			}
	printf("     %llu runs\n", (unsigned long long)runs);
	CHECK(runs > 2000);
}

/* A handler that never comes back: what it said is there, and so is what it interrupted. */
static void interrupted_for_ever(void)
{
	for (uint32_t first = 1;; first++) {
		open_all();
		fill(2 * SIZE);
		thread.size = 4;
		handler.size = 20;
		dies = true;
		(void)run(thread_writes, first, handler_writes, 0, NULL);
		dies = false;
		if (handler.calls == 0)
			break;
		NEED_EQ(read_all(), true);
		NEED_EQ(is_sound(true), true);
		NEED_EQ(ends_whole(&handler), true);
	}
}

/* Contexts without end: R15.2.4. */
static void too_deep(void)
{
	open_all();
	out.depth = IVSH_LOG_LEVELS;
	CHECK_EQ(ivsh_log_write(&out, "x", 1), IVSH_EAGAIN);
	out.depth = 0;
	CHECK_EQ(ivsh_log_write(&out, "x", 1), 0);
}

/* A handler that fills the ring within one write is refused at last, and has done no harm. */
static void handler_floods(void)
{
	uint32_t most = 0;

	/* Once it is refused: the call is not there, or its first pieces are. */
	while (most++ < 100 && handler.error == 0)
		writer_call(&handler);
}

static void flooded(void)
{
	uint32_t refused = 0;

	for (uint32_t first = 1;; first++) {
		open_all();
		fill(2 * SIZE);
		thread.size = 4;
		handler.size = 10;
		handler.error = 0;
		if (!run(thread_writes, first, handler_floods, 0, NULL))
			break;
		refused += handler.error == IVSH_EAGAIN;
		CHECK(handler.error == 0 || handler.error == IVSH_EAGAIN);
		handler.error = 0;
		NEED_EQ(read_all(), true);
		NEED_EQ(is_sound(true), true);
		NEED_EQ(thread.error, 0);
	}
	CHECK(refused > 0);
}

/* --- Killed ----------------------------------------------------------------------------------- */

/* R15.1.3, R15.2: whatever is there is right, before and after the next incarnation. */
static void killed(void)
{
	for (uint32_t size = 1; size <= 40; size += 13)
		for (uint32_t filled = 0; filled <= 3 * SIZE; filled += SIZE - 48)
			for (uint32_t first = 1;; first++) {
				bool whole;

				open_all();
				fill(filled);
				thread.size = size;
				dies = true;
				whole = !run(thread_writes, first, NULL, 0, NULL);
				dies = false;
				if (whole)
					break;
				NEED_EQ(read_all(), true);
				NEED_EQ(is_sound(true), true);
				/* At most one piece of the ring was spoiled. */
				CHECK(length + IVSH_LOG_PIECE >= (filled < SIZE ? filled : SIZE));
				end_kill(&a);
				CHECK_EQ(end_open(&a, 0, 1, false), 0);
				CHECK_EQ(ivsh_log_open(&out, &a.region), 0);
				NEED_EQ(read_all(), true);
				NEED_EQ(is_sound(true), true);
				for (uint32_t i = 0; i < 20; i++) {
					thread.size = 1;
					thread_writes();
					NEED_EQ(read_all(), true);
					NEED_EQ(is_sound(true), true);
					NEED_EQ(ends_whole(&thread), true);
				}
			}
}

/* An attach that opens the log is cut, and the next one opens it again. */
static void open_again(void)
{
	CHECK_EQ(ivsh_log_open(&out, &a.region), 0);
}

static void killed_opening(void)
{
	for (uint32_t first = 1;; first++) {
		bool whole;

		open_all();
		fill(2 * SIZE);
		dies = true;
		whole = !run(open_again, first, NULL, 0, NULL);
		dies = false;
		NEED_EQ(read_all(), true);
		NEED_EQ(is_sound(false), true);
		CHECK_EQ(length, SIZE);
		open_again();
		thread_writes();
		NEED_EQ(read_all(), true);
		NEED_EQ(is_sound(false), true);
		CHECK_EQ(length, SIZE);
		if (whole)
			break;
	}
}

/* --- Read meanwhile --------------------------------------------------------------------------- */

/* The byte at (position), so that each read can be checked at once. */
static char byte_at(uint64_t position)
{
	return (char)(position * 7 + (position >> 8) * 3);
}

static struct ivsh_log_reader follower;
static uint64_t put, followed, missed;
static bool wrong;

static void bytes_put(uint32_t size)
{
	static char bytes[4 * SIZE];

	for (uint32_t i = 0; i < size; i++)
		bytes[i] = byte_at(put + i);
	put += size;
	CHECK_EQ(ivsh_log_write(&out, bytes, size), 0);
}

static uint32_t put_size;

static void some_put(void)
{
	bytes_put(put_size);
}

static void reader_checks(struct ivsh_log_reader *reader)
{
	static char got_bytes[SIZE];
	uint64_t before = reader->next, lost;
	uint32_t got, size = reader == &follower ? 500 : SIZE;
	int error = ivsh_log_read(reader, got_bytes, size, &got, &lost);

	if (error && (error != IVSH_EAGAIN || got != 0 || lost != 0 || reader->next != before))
		wrong = true;
	if (reader->next != before + got + lost)
		wrong = true;
	for (uint32_t i = 0; i < got; i++)
		if (got_bytes[i] != byte_at(reader->next - got + i))
			wrong = true;
	if (reader == &follower) {
		followed += got;
		missed += lost;
	}
}

static void readers_read(void)
{
	struct ivsh_log_reader other;

	reader_checks(&follower);
	if (ivsh_log_reader_open(&other, &probe, 0))
		wrong = true;
	reader_checks(&other);
}

static void follower_reads(void)
{
	reader_checks(&follower);
}

static void begin_reading(void)
{
	open_all();
	put = followed = missed = 0;
	wrong = false;
	CHECK_EQ(ivsh_log_reader_open(&follower, &probe, 0), 0);
	bytes_put(2 * SIZE + 77);
}

/* A reader at each access of a write. */
static void read_meanwhile(void)
{
	static const uint32_t sizes[] = {1, 9, 256, 300, 5000};

	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (uint32_t first = 1;; first++) {
			bool whole;

			begin_reading();
			put_size = sizes[s];
			whole = !run(some_put, first, readers_read, 0, NULL);
			for (unsigned i = 0; i < 40; i++)
				readers_read();
			NEED_EQ(wrong, false);
			NEED_EQ(followed + missed, put);
			if (whole)
				break;
		}
}

/* R15.3.2: a write, of any size, at each access of a read. */
static void overtaken(void)
{
	for (uint32_t size = 1; size <= 2 * SIZE; size += size < 600 ? 50 : 600)
		for (uint32_t behind = 0; behind <= SIZE; behind += 512)
			for (uint32_t first = 1;; first++) {
				bool whole;

				begin_reading();
				follower.next = put - behind;
				followed = put - behind;
				put_size = size;
				whole = !run(follower_reads, first, some_put, 0, NULL);
				for (unsigned i = 0; i < 40; i++)
					follower_reads();
				NEED_EQ(wrong, false);
				NEED_EQ(followed + missed, put);
				if (whole)
					break;
			}
}

static const struct test tests[] = {
    {"log: interrupted", interrupted},
    {"log: interrupted for ever", interrupted_for_ever},
    {"log: too deep", too_deep},
    {"log: flooded", flooded},
    {"log: killed", killed},
    {"log: killed as it opens", killed_opening},
    {"log: read meanwhile", read_meanwhile},
    {"log: overtaken", overtaken},
};

int main(void)
{
	return test_main("core", tests, sizeof(tests) / sizeof(tests[0]));
}
