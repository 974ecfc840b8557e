/* SPDX-License-Identifier: MIT */
/*
 * bare_test.c - the bare-metal platform itself: newlib, time, sleep, words, mapping, exceptions.
 *
 * Command line: without words it runs the cases. "words ..." prints its words. "trap ud", "trap
 * null", "trap stack", "trap text", "trap rodata", "trap data" and "trap unmapped" raise that
 * exception, and some an architecture has alone; the runner checks its report and the exit status.
 * "exit N" exits with N. "sleep MS" sleeps, and the runner checks that the guest uses no processor
 * time. "seconds" prints how long one of another clock takes. "read" reads lines to the end of its
 * input, and prints how many bytes and what sum that was. "device" prints what it finds of an
 * ivshmem device; "plug" opens and closes it 300 times, each time without addresses.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "bare/words.h"
#include "tests/guest/bare.h"
#include "tests/lib/test.h"

#include <ivsh/bare.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "bare_test";

#define MS 1000000u
#define US 1000u

#define TIMES_MOST 99u /* sleeps of one length */

static void test_printf(void)
{
	char text[64];

	snprintf(text, sizeof(text), "%d %s %llx %5.2f", -7, "word", 0x123456789abULL, 2.5);
	CHECK_EQ(strcmp(text, "-7 word 123456789ab  2.50"), 0);
}

static void test_malloc(void)
{
	static char *blocks[64];

	for (unsigned i = 0; i < 64; i++) {
		blocks[i] = malloc(1000 * (i + 1));
		NEED_EQ(blocks[i] != NULL, 1);
		memset(blocks[i], (int)i, 1000 * (i + 1));
	}
	for (unsigned i = 0; i < 64; i++) {
		CHECK_EQ(blocks[i][0], i);
		CHECK_EQ(blocks[i][1000 * (i + 1) - 1], i);
		free(blocks[i]);
	}
	CHECK(malloc((size_t)1 << 40) == NULL);
}

/* The heap ends where RAM ends: its last byte keeps a value. */
static void test_heap(void)
{
	char *start, *end;

	arch_heap(&start, &end);
	NEED_EQ(end - start > 32 << 20, 1);
	end[-1] = 0x5a;
	CHECK_EQ(end[-1], 0x5a);
}

static void test_clock_monotonic(void)
{
	uint64_t before = arch_now_ns();

	for (unsigned i = 0; i < 100000; i++) {
		uint64_t now = arch_now_ns();

		NEED_EQ(now >= before, 1);
		before = now;
	}
}

/* The time at which the next second begins; waits at most 3 s. */
static uint64_t next_second(void)
{
	uint64_t limit = arch_now_ns() + 3000 * (uint64_t)MS;
	unsigned second = bare_second();

	while (bare_second() == second && arch_now_ns() < limit)
		arch_sleep(arch_doorbells(), arch_now_ns() + MS / 2);
	return arch_now_ns();
}

/* A busy host makes some seconds seem shorter or longer: one of ten is as long as it should be. */
static void test_clock_rate(void)
{
	bool good = false;

	for (unsigned i = 0; i < 10 && !good; i++) {
		uint64_t start = next_second(), took = next_second() - start;

		printf("    a second of another clock took %u us\n", (unsigned)(took / US));
		good = took > 900 * MS && took < 1100 * MS;
	}
	CHECK(good);
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/*
 * A sleep never ends early. The host makes some end late, so the check is of the least late, and
 * there are more of them while that one is late.
 */
static void test_sleep(void)
{
	static const struct {
		const char *name;
		uint64_t ns;
		unsigned times;
	} rows[] = {{"10 us", 10 * US, 99}, {"50 us", 50 * US, 99}, {"200 us", 200 * US, 99},
	    {"1 ms", MS, 49}, {"10 ms", 10 * MS, 9}, {"100 ms", 100 * MS, 6}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t late[TIMES_MOST], least = UINT64_MAX;
		unsigned times = 0;

		test_row(rows[i].name);
		while (times < rows[i].times || (times < TIMES_MOST && least >= 5 * MS)) {
			uint64_t deadline = arch_now_ns() + rows[i].ns, now;

			arch_sleep(arch_doorbells(), deadline);
			now = arch_now_ns();
			NEED_EQ(now >= deadline, 1);
			late[times] = now - deadline;
			least = late[times] < least ? late[times] : least;
			times++;
		}
		qsort(late, times, sizeof(late[0]), compare);
		printf("    sleep %s: late by %u ns (median), %u (least), %u (most)\n",
		    rows[i].name, (unsigned)late[times / 2], (unsigned)late[0],
		    (unsigned)late[times - 1]);
		CHECK(late[0] < 5 * MS);
	}
}

static void test_sleep_at_once(void)
{
	uint64_t took = UINT64_MAX;

	for (unsigned i = 0; i < 10 && took >= 50 * MS; i++) { /* the host may be busy */
		uint64_t before = arch_now_ns();

		arch_sleep(arch_doorbells() - 1, UINT64_MAX); /* a doorbell has come already */
		arch_sleep(arch_doorbells(), 0);              /* the deadline has passed */
		took = arch_now_ns() - before;
	}
	CHECK(took < 50 * MS);
}

static void test_words(void)
{
	static const struct {
		const char *line;
		int count;
		const char *words; /* joined by '|' */
		int error;
	} rows[] = {
	    {"", 0, "", 0},
	    {"  \t ", 0, "", 0},
	    {"one", 1, "one", 0},
	    {" one  two\tthree ", 3, "one|two|three", 0},
	    {"say \"two words\" end", 3, "say|two words|end", 0},
	    {"a\"b c\"d \"\"", 2, "ab cd|", 0},
	    {"1 2 3 4", 4, "1|2|3|4", 0},
	    {"1 2 3 4 5", 4, "1|2|3|4", BARE_WORDS_TOO_MANY},
	    {"open \"quote", 1, "open", BARE_WORDS_OPEN_QUOTE},
	    {"exactly-fifteen", 1, "exactly-fifteen", 0},
	    {"sixteen-bytes-is", 0, "", BARE_WORDS_TOO_LONG},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buffer[16 + 16], joined[64] = "", *words[4];
		int count = 4;
		int error = bare_words_split(rows[i].line, buffer,
		    strlen(rows[i].line) > 16 ? sizeof(buffer) : 16, words, &count);

		test_row(rows[i].line);
		CHECK_EQ(error, rows[i].error);
		CHECK_EQ(count, rows[i].count);
		for (int w = 0; w < count; w++) {
			strcat(joined, w ? "|" : "");
			strcat(joined, words[w]);
		}
		CHECK_EQ(strcmp(joined, rows[i].words), 0);
	}
}

static char teed[64];
static size_t teed_size;

/* A sink that prints: it is not entered again. */
static void tee(void *ctx, const char *bytes, size_t size)
{
	if (size <= sizeof(teed) - teed_size)
		memcpy(teed + teed_size, bytes, size);
	teed_size += size;
	(*(unsigned *)ctx)++;
	arch_console_write("(in the sink) ", 14);
}

static void test_tee(void)
{
	unsigned calls = 0;

	ivsh_bare_tee(tee, &calls);
	arch_console_write("    abc", 7);
	printf(" %d\n", 42);
	fflush(stdout);
	ivsh_bare_tee(NULL, NULL);
	printf("    after\n");
	CHECK(calls >= 2);
	CHECK_EQ(teed_size, 11);
	CHECK_EQ(memcmp(teed, "    abc 42\n", 11), 0);
}

static const struct test tests[] = {
    {"printf", test_printf},
    {"malloc", test_malloc},
    {"heap reaches the end of RAM", test_heap},
    {"clock never goes back", test_clock_monotonic},
    {"clock runs at its rate", test_clock_rate},
    {"sleep ends in time", test_sleep},
    {"sleep returns at once", test_sleep_at_once},
    {"interrupts leave the registers alone", test_registers},
    {"words of a command line", test_words},
    {"a sink for what is printed", test_tee},
    {"map", test_map},
    {"map and unmap, 300 rounds", test_map_rounds},
    {"map, shared pages", test_map_shared},
    {"map without memory for tables", test_map_no_memory},
    {"map pages without memory for tables", test_map_no_memory_for_pages},
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "plug") == 0)
		return act_plug();
	if (argc == 3 && strcmp(argv[1], "trap") == 0)
		return act_trap(argv[2]);
	if (argc == 3 && strcmp(argv[1], "exit") == 0)
		return printf("exit %s\n", argv[2]) > 0 ? atoi(argv[2]) : 127;
	if (argc == 3 && strcmp(argv[1], "sleep") == 0) {
		arch_sleep(arch_doorbells(), arch_now_ns() + strtoul(argv[2], NULL, 10) * MS);
		printf("slept\n");
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "seconds") == 0) {
		test_clock_rate();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "read") == 0)
		return act_read();
	if (argc == 2 && strcmp(argv[1], "device") == 0)
		return act_device();
	if (argc > 1 && strcmp(argv[1], "words") == 0) {
		for (int i = 0; i < argc; i++)
			printf("word %d: [%s]\n", i, argv[i]);
		return 0;
	}
	return test_main("bare", tests, sizeof(tests) / sizeof(tests[0]));
}
