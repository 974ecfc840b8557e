/* SPDX-License-Identifier: MIT */
/*
 * bare_test.c - the bare-metal world itself: newlib, time, sleep, words, mapping; and traps.
 *
 * Command line: nothing runs the cases; "words ..." prints its words; "trap ud", "trap null", "trap
 * stack", "trap text", "trap data" or "trap unmapped" raises that exception, whose report and exit
 * status the runner checks; "exit N" exits with N; "sleep MS" sleeps, during which the runner sees no
 * processor time pass; "seconds" prints how long one of the CMOS clock takes; "device" prints what
 * the platform finds of an ivshmem device; "plug" opens and closes it 300 times, without addresses each time.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "bare/words.h"
#include "tests/lib/test.h"

#include <ivsh/device.h>
#include <ivsh/pci.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "bare_test";

#define MS 1000000u
#define US 1000u

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

/* The heap ends where RAM ends: its last bytes are there. */
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

/* Seconds of the CMOS clock (Motorola MC146818A data sheet): another clock than the PIT. */
static unsigned cmos_second(void)
{
	unsigned value;

	__asm__ volatile("outb %b1, $0x70; inb $0x71, %b0" : "=a"(value) : "0"(0));
	return value & 0xff;
}

/* The time at which the next second begins; at most 3 s are waited for it. */
static uint64_t next_second(void)
{
	uint64_t limit = arch_now_ns() + 3000 * (uint64_t)MS;
	unsigned second = cmos_second();

	while (cmos_second() == second && arch_now_ns() < limit)
		arch_sleep(arch_doorbells(), arch_now_ns() + MS / 2);
	return arch_now_ns();
}

static void test_clock_rate(void)
{
	uint64_t start = next_second(), took = next_second() - start;

	printf("    a second of the CMOS clock took %u us\n", (unsigned)(took / US));
	CHECK(took > 900 * MS && took < 1100 * MS);
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* A sleep never ends early. How late it ends is up to the host too, so the least is judged. */
static void test_sleep(void)
{
	static const struct {
		const char *name;
		uint64_t ns;
		unsigned times;
	} rows[] = {{"10 us", 10 * US, 99}, {"50 us", 50 * US, 99}, {"200 us", 200 * US, 99},
	    {"1 ms", MS, 49}, {"10 ms", 10 * MS, 9}, {"100 ms", 100 * MS, 3}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t late[99];
		unsigned times = rows[i].times;

		test_row(rows[i].name);
		for (unsigned t = 0; t < times; t++) {
			uint64_t deadline = arch_now_ns() + rows[i].ns;

			arch_sleep(arch_doorbells(), deadline);
			late[t] = arch_now_ns();
			NEED_EQ(late[t] >= deadline, 1);
			late[t] -= deadline;
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
	uint64_t before = arch_now_ns();

	arch_sleep(arch_doorbells() - 1, UINT64_MAX); /* a bell came already */
	arch_sleep(arch_doorbells(), 0);              /* the deadline has passed */
	CHECK(arch_now_ns() - before < 50 * MS);
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

/* Nothing need be there: the mapping itself is probed at, and what must be refused. */
static void test_map(void)
{
	static const struct {
		const char *name;
		uint64_t address, size;
		bool maps;
	} rows[] = {
	    {"256 bytes, below 4 GiB", 0xfea01100, 256, true},
	    {"1 MiB, not on 2 MiB", 0xfe700000, 1 << 20, true},
	    {"64 GiB at 64 GiB", UINT64_C(1) << 36, UINT64_C(1) << 36, true},
	    {"64 GiB again", UINT64_C(1) << 36, UINT64_C(1) << 36, true},
	    {"4 GiB at 512 GiB", UINT64_C(1) << 39, UINT64_C(1) << 32, true},
	    {"256 GiB at 256 GiB", UINT64_C(1) << 38, UINT64_C(1) << 38, true},
	    {"nothing", 0xfea00000, 0, false},
	    {"page 0", 0, 4096, false},
	    {"beyond the processor", UINT64_C(1) << 62, 4096, false},
	    {"around the end", UINT64_MAX - 4095, 8192, false},
	};
	const struct ivsh_platform *platform = arch_platform();

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum ivsh_map kind = rows[i].size < 4096 ? IVSH_MAP_REGISTERS : IVSH_MAP_MEMORY;
		volatile uint8_t *at =
		    platform->map(platform->ctx, rows[i].address, rows[i].size, kind);

		test_row(rows[i].name);
		CHECK_EQ(at != NULL, rows[i].maps);
		if (at == NULL)
			continue;
		CHECK_EQ((uintptr_t)at, rows[i].address);
		(void)at[0], (void)at[rows[i].size - 1];
		if (platform->unmap != NULL)
			platform->unmap(platform->ctx, (void *)(uintptr_t)at, rows[i].size);
	}
	test_row("the image's code");
	CHECK(platform->map(platform->ctx, (uint64_t)(uintptr_t)test_map, 16, IVSH_MAP_MEMORY) ==
	      NULL);
}

/* What is mapped and unmapped, each time elsewhere, takes memory for its tables once. */
static void test_map_rounds(void)
{
	const struct ivsh_platform *platform = arch_platform();
	uint64_t size = UINT64_C(1) << 30, address = UINT64_C(1) << 38;
	char *start, *end, *before = NULL;

	NEED_EQ(platform->unmap != NULL, 1);
	for (unsigned round = 0; round < 300; round++, address += size) {
		/* Ends that share 2 MiB with nothing, so that there are small pages too. */
		void *at = platform->map(platform->ctx, address - 4096, size, IVSH_MAP_MEMORY);

		NEED_EQ(at != NULL, 1);
		platform->unmap(platform->ctx, at, size);
		arch_heap(&start, &end);
		if (round == 1)
			before = end;
	}
	CHECK(before == end);
}

/* Two that share a page: it is there until both have unmapped it. */
static void test_map_shared(void)
{
	const struct ivsh_platform *platform = arch_platform();
	uint64_t address = 0xfea00000;
	volatile uint8_t *a = platform->map(platform->ctx, address, 256, IVSH_MAP_REGISTERS);
	volatile uint8_t *b = platform->map(platform->ctx, address + 256, 256, IVSH_MAP_REGISTERS);

	NEED_EQ(a != NULL && b != NULL, 1);
	CHECK(platform->map(platform->ctx, address, 256, IVSH_MAP_MEMORY) == NULL);
	platform->unmap(platform->ctx, (void *)(uintptr_t)a, 256);
	(void)b[0];
	platform->unmap(platform->ctx, (void *)(uintptr_t)b, 256);
	a = platform->map(platform->ctx, address, 256, IVSH_MAP_MEMORY);
	CHECK(a != NULL);
	platform->unmap(platform->ctx, (void *)(uintptr_t)a, 256);
}

/* Page1GB (Intel's Software Developer's Manual, volume 2, CPUID). */
static bool has_pages_of_1_gib(void)
{
	uint32_t a = 0x80000001, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (d & (1u << 26)) != 0;
}

/* The program has all of the heap: no tables, no mapping. Then it gives the heap back. */
static void test_map_no_memory(void)
{
	const struct ivsh_platform *platform = arch_platform();
	uint64_t size = UINT64_C(1)
			<< 39; /* 512 tables of small pages: more than were used so far */
	ptrdiff_t step = 1 << 30, taken = 0;
	void *at;

	for (; step >= 4096; step /= 2)
		while (arch_heap_grow(step) != NULL)
			taken += step;
	at = platform->map(platform->ctx, size, size, IVSH_MAP_MEMORY);
	CHECK_EQ(at != NULL, has_pages_of_1_gib());
	if (at != NULL)
		platform->unmap(platform->ctx, at, size);
	NEED_EQ(arch_heap_grow(-taken) != NULL, 1);
	at = platform->map(platform->ctx, size, size, IVSH_MAP_MEMORY);
	NEED_EQ(at != NULL, 1);
	platform->unmap(platform->ctx, at, size);
}

static const struct test tests[] = {
    {"printf", test_printf},
    {"malloc", test_malloc},
    {"heap reaches the end of RAM", test_heap},
    {"clock never goes back", test_clock_monotonic},
    {"clock runs at its rate", test_clock_rate},
    {"sleep ends in time", test_sleep},
    {"sleep returns at once", test_sleep_at_once},
    {"words of a command line", test_words},
    {"map", test_map},
    {"map and unmap, 300 rounds", test_map_rounds},
    {"map, shared pages", test_map_shared},
    {"map without memory for tables", test_map_no_memory},
};

static int __attribute__((noinline)) fill_stack(volatile char *above, unsigned depth)
{
	volatile char bytes[256];

	bytes[0] = *above;
	return depth == 0 ? bytes[0] : fill_stack(bytes, depth - 1) + bytes[0];
}

extern char image_text[]; /* linker/x86_64.ld */

static char touch_unmapped(void)
{
	const struct ivsh_platform *platform = arch_platform();
	volatile char *at =
	    platform->map(platform->ctx, UINT64_C(1) << 38, 1 << 21, IVSH_MAP_MEMORY);

	if (at != NULL)
		platform->unmap(platform->ctx, (void *)(uintptr_t)at, 1 << 21);
	return at != NULL ? *at : 0;
}

static int trap(const char *what)
{
	volatile uintptr_t address = 0;
	char byte = 0;

	if (strcmp(what, "ud") == 0)
		__asm__ volatile("ud2");
	else if (strcmp(what, "null") == 0)
		byte = *(volatile char *)address;
	else if (strcmp(what, "stack") == 0)
		return fill_stack(&byte, 1000000);
	else if (strcmp(what, "text") == 0)
		*(volatile char *)(uintptr_t)image_text = 0;
	else if (strcmp(what, "unmapped") == 0)
		byte = touch_unmapped();
	else if (strcmp(what, "data") == 0)
		__asm__ volatile("call *%0" : : "r"((uintptr_t)&address) : "memory");
	printf("FAIL: bare: trap %s: nothing happened %d\n", what, byte);
	return 1;
}

/* Everything that an ivshmem device needs of this platform: found, with addresses, at both ends there. */
static int show_device(void)
{
	const struct ivsh_platform *platform = arch_platform();
	struct ivsh_pci_windows windows;
	struct ivsh_bar bar;
	uint32_t function;
	volatile uint64_t *memory;
	uint64_t last, start = arch_now_ns();
	int error;

	arch_pci_windows(&windows);
	printf("windows: low %#llx-%#llx, high %#llx-%#llx\n", (unsigned long long)windows.low.next,
	    (unsigned long long)windows.low.end, (unsigned long long)windows.high.next,
	    (unsigned long long)windows.high.end);
	error = ivsh_pci_assign(platform, &windows);
	if (!error)
		error = ivsh_pci_find(platform, 0x1af4, 0x1110, 0, &function);
	if (!error)
		error = ivsh_pci_bar(platform, function, 2, &bar);
	if (error) {
		printf("FAIL: bare: device: %s\n", ivsh_error_text(error));
		return 1;
	}
	platform->config_write(platform->ctx, function, 4,
	    (platform->config_read(platform->ctx, function, 4) & 0xffff) | 6);
	memory = platform->map(platform->ctx, bar.address, bar.size, IVSH_MAP_MEMORY);
	printf("device: function %#x, BAR2 %#llx, %#llx bytes, mapped at %p\n", (unsigned)function,
	    (unsigned long long)bar.address, (unsigned long long)bar.size,
	    (void *)(uintptr_t)memory);
	if (memory == NULL)
		return 1;
	last = bar.size / sizeof(*memory) - 1;
	memory[0] = 0x1122334455667788;
	memory[last] = 0x99aabbccddeeff00;
	if (memory[0] != 0x1122334455667788 || memory[last] != 0x99aabbccddeeff00) {
		printf("FAIL: bare: device: the memory does not keep what is written\n");
		return 1;
	}
	printf("device: first and last word kept, after %u us\n",
	    (unsigned)((arch_now_ns() - start) / US));
	return 0;
}

/*
 * As if the device was unplugged and plugged in again, 300 times: without addresses each time. They
 * are found, mapped, used, and given back, and so are the page tables.
 */
static int plug_rounds(void)
{
	const struct ivsh_platform *platform = arch_platform();
	struct ivsh_pci_windows windows;
	struct ivsh_device device;
	char *start, *end, *before = NULL;
	uint32_t function;

	for (unsigned round = 0; round < 300; round++) {
		int error;

		arch_pci_windows(&windows);
		ivsh_pci_unused(platform, &windows);
		error = ivsh_pci_assign(platform, &windows);
		if (!error)
			error = ivsh_device_find(platform, 0, &function);
		if (!error)
			error = ivsh_device_open(&device, platform, function);
		if (error) {
			printf("FAIL: bare: plug: round %u: %s\n", round, ivsh_error_text(error));
			return 1;
		}
		*(volatile uint32_t *)device.memory = round;
		ivsh_device_close(&device);
		for (uint32_t bar = 0x10; bar < 0x20; bar += 4)
			platform->config_write(platform->ctx, function, bar, 0);
		arch_heap(&start, &end);
		if (round == 1)
			before = end;
	}
	printf("plug: 300 rounds, page tables %s\n", before == end ? "given back" : "LOST");
	return before != end;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "plug") == 0)
		return plug_rounds();
	if (argc == 3 && strcmp(argv[1], "trap") == 0)
		return trap(argv[2]);
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
	if (argc == 2 && strcmp(argv[1], "device") == 0)
		return show_device();
	if (argc > 1 && strcmp(argv[1], "words") == 0) {
		for (int i = 0; i < argc; i++)
			printf("word %d: [%s]\n", i, argv[i]);
		return 0;
	}
	return test_main("bare", tests, sizeof(tests) / sizeof(tests[0]));
}
