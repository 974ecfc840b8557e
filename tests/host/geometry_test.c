/* SPDX-License-Identifier: MIT */
/*
 * geometry_test.c - geometry files: what is read, and what a memory of any size gets of it.
 */
#include "tests/lib/test.h"
#include "text/geometry.h"
#include "text/sizes.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GOOD "descs = 128\nsmall-size = 16K\nlarge-size = 1M\n"

/* geometry_read() of a file with (size) bytes from (text); its object without the file's name. */
static int read_text(
    const char *text, size_t size, struct ivsh_geometry *most, struct geometry_error *error)
{
	int fd = memfd_create("geometry", MFD_CLOEXEC);
	char path[64];
	size_t length;
	int result;

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	result = geometry_read(path, most, error);
	length = strlen(path);
	if (result) {
		CHECK(!strncmp(error->object, path, length));
		memmove(error->object, error->object + length, strlen(error->object + length) + 1);
	}
	close(fd);
	return result;
}

static void file_good(void)
{
	static const char *const rows[] = {
	    GOOD,
	    "# a comment\r\n\r\nlarge-size=1048576\r\n\tsmall-size = 16384\t\r\ndescs = 128",
	    "\xef\xbb\xbf" GOOD "# the end",
	};
	struct geometry_error error;
	struct ivsh_geometry most;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		NEED_EQ(read_text(rows[i], strlen(rows[i]), &most, &error), 0);
		CHECK_EQ(most.descs, 128);
		CHECK_EQ(most.small_size, 16384);
		CHECK_EQ(most.large_size, 1 << 20);
	}
}

static void file_bad(void)
{
	static const struct {
		const char *text, *object, *what;
	} rows[] = {
	    {"", "", "descs is missing"},
	    {"descs = 128\nsmall-size = 16K\n", "", "large-size is missing"},
	    {GOOD "slots = 8\n", ":4", "slots: no such setting"},
	    {GOOD "descs = 128\n", ":4: descs", "given in line 1 already"},
	    {GOOD "\nrubbish here\n", ":5", "not a setting"},
	    {"descs\n", ":1: descs", "give a value"},
	    {"descs =\n", ":1: descs", "give a value"},
	    {"descs = many\n", ":1: descs", "give a power of two, 16 to 32K"},
	    {"descs = 100\n", ":1: descs", "give a power of two"},
	    {"descs = 8\n", ":1: descs", "give a power of two"},
	    {"descs = 64K\n", ":1: descs", "give a power of two"},
	    {"descs = 4294967424\n", ":1: descs", "give a power of two"},
	    {"descs = -128\n", ":1: descs", "give a power of two"},
	    {"small-size = 512\n", ":1: small-size", "give a power of two, 1K to 128M"},
	    {"large-size = 256M\n", ":1: large-size", "give a power of two"},
	    {"large-size = 1T\n", ":1: large-size", "give a power of two"},
	    {"large-size = 1M # or more\n", ":1: large-size", "give a power of two"},
	    {"descs = 128\nsmall-size = 1M\nlarge-size = 16K\n", "", "less than small-size"},
	    {"descs = 128\rsmall-size = 1M\n", ":1", "a carriage return"},
	    {"descs = 128\n\x01\n", ":2", "a control character, 0x01"},
	};
	static char large[GEOMETRY_FILE_MAX + 1];
	struct geometry_error error;
	struct ivsh_geometry most;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = rows[i].text;

		NEED_EQ(read_text(text, strlen(text), &most, &error), -1);
		if (strcmp(error.object, rows[i].object) || !strstr(error.what, rows[i].what)) {
			printf("row %u: %s: %s\n", i, error.object, error.what);
			CHECK(false);
		}
	}
	CHECK_EQ(read_text("descs = 128\n\0", 13, &most, &error), -1);
	CHECK(strstr(error.what, "a NUL byte"));
	memset(large, '\n', sizeof(large));
	memcpy(large, GOOD, strlen(GOOD));
	CHECK_EQ(read_text(large, sizeof(large) - 1, &most, &error), 0);
	CHECK_EQ(read_text(large, sizeof(large), &most, &error), -1);
	CHECK(strstr(error.what, "more than 65536 bytes"));
	CHECK_EQ(geometry_read("/", &most, &error), -1);
	CHECK(strstr(error.what, "not a regular file"));
	CHECK_EQ(geometry_read("/none/here", &most, &error), -1);
	CHECK(strstr(error.what, "open: "));
}

/* A power of two, from 2^least on, by a number that goes through all of them. */
static uint32_t power(uint32_t *number, unsigned least, unsigned count)
{
	uint32_t value = UINT32_C(1) << (least + *number % count);

	*number /= count;
	return value;
}

/* A memory gets what fits, no more than the file has, and more if it is larger. */
static void fit_all(void)
{
	for (uint32_t all = 0, number; all < 12u * 18 * 18; all++) {
		struct ivsh_geometry most = {0}, fit;
		uint64_t need, bytes, last = 0;
		uint32_t slots = 2 + all % 9;

		number = all;
		most.descs = power(&number, 4, 12);
		most.small_size = power(&number, 10, 18);
		most.large_size = power(&number, 10, 18);
		if (most.large_size < most.small_size)
			continue;
		for (uint64_t size = 4096; size <= UINT64_C(1) << 36; size *= 4) {
			int error =
			    geometry_fit(&most, size, slots, GEOMETRY_LOG_FITS, &fit, &need);

			if (error) {
				NEED_EQ(error, IVSH_ENOSPC);
				CHECK(need > size);
				continue;
			}
			NEED_EQ(ivsh_geometry_size(&fit, &bytes), 0);
			CHECK(bytes <= size);
			CHECK(bytes >= last);
			CHECK_EQ(fit.slots, slots);
			CHECK(fit.descs <= most.descs);
			CHECK(fit.small_size <= most.small_size);
			CHECK(fit.large_size <= most.large_size);
			last = bytes;
		}
		/* The last one was large enough, also for 10 slots and 2^27 + 2^27 bytes a ring. */
		CHECK(geometry_is_whole(&most, &fit));
	}
}

/* A file with what the library chooses changes nothing, whatever the size of the memory. */
static void fit_own(void)
{
	struct ivsh_geometry own, fit, without;

	NEED_EQ(ivsh_geometry_fit(UINT64_C(1) << 40, 2, &own, NULL), 0);
	for (uint64_t size = 1 << 16; size <= UINT64_C(1) << 34; size += size / 2)
		for (uint32_t slots = 2; slots <= 256; slots *= 2) {
			uint64_t need = 0;
			int error = ivsh_geometry_fit(size, slots, &without, NULL);

			NEED_EQ(
			    geometry_fit(&own, size, slots, GEOMETRY_LOG_FITS, &fit, &need), error);
			if (!error)
				CHECK(!memcmp(&fit, &without, sizeof(fit)));
		}
	CHECK_EQ(
	    geometry_fit(&own, UINT64_C(1) << 30, 1, GEOMETRY_LOG_FITS, &fit, NULL), IVSH_EINVAL);
	CHECK_EQ(
	    geometry_fit(&own, UINT64_C(1) << 30, 257, GEOMETRY_LOG_FITS, &fit, NULL), IVSH_EINVAL);
}

static void less(void)
{
	struct ivsh_geometry most = {0, 128, 16384, 1 << 20, 0}, fit;
	uint64_t need;
	char text[160];

	NEED_EQ(geometry_fit(&most, 1 << 22, 8, GEOMETRY_LOG_FITS, &fit, &need), 0);
	CHECK(geometry_less(&most, &fit, 1 << 22, text));
	CHECK(strstr(text, "4M of memory: "));
	CHECK(strstr(text, " for 8 slots; for all of it give 64M"));
	NEED_EQ(geometry_fit(&most, 64 << 20, 8, GEOMETRY_LOG_FITS, &fit, &need), 0);
	CHECK(!geometry_less(&most, &fit, 64 << 20, text));
}

/* Bytes of the files of all parts of (g). */
static uint64_t parts_bytes(const struct ivsh_geometry *g)
{
	uint64_t part = 0;

	CHECK_EQ(ivsh_part_size(g, &part), 0);
	return sizes_round(part) * g->slots;
}

/*
 * A part fits in the power of two that each slot has, and no geometry that one memory of as much,
 * or less, gets is larger and fits, too. Where nothing fits, *need is what does.
 */
static void fit_split(void)
{
	static const uint32_t logs[] = {GEOMETRY_LOG_FITS, 0, 4096, 65536};
	struct ivsh_geometry fit, other;
	uint64_t part, need, bytes, larger, room;

	for (uint64_t size = 1 << 14; size <= UINT64_C(1) << 32; size += size / 2)
		for (uint32_t i = 0; i < 4 * 15; i++) {
			uint32_t slots = 2 + i / 4, log = logs[i % 4];
			int error = geometry_fit_split(NULL, size, slots, log, &fit, &part, &need);

			if (error) {
				NEED_EQ(error, IVSH_ENOSPC);
				CHECK(need > size);
				NEED_EQ(
				    geometry_fit_split(NULL, need, slots, log, &fit, &part, &need),
				    0);
				CHECK_EQ(geometry_fit_split(
					     NULL, need - 1, slots, log, &other, &part, &need),
				    IVSH_ENOSPC);
				continue;
			}
			room = 1;
			while (room * 2 <= size / slots)
				room *= 2;
			CHECK(part <= room);
			CHECK_EQ(part * slots, parts_bytes(&fit));
			CHECK_EQ(part & (part - 1), 0);
			NEED_EQ(ivsh_geometry_size(&fit, &bytes), 0);
			for (larger = bytes; larger <= size; larger += larger / 8) {
				NEED_EQ(geometry_fit(NULL, larger, slots, log, &other, NULL), 0);
				CHECK(parts_bytes(&other) > room * slots ||
				      (geometry_is_whole(&other, &fit) &&
					  other.log_size <= fit.log_size));
			}
		}
	CHECK_EQ(geometry_fit_split(NULL, 1 << 22, 1, 0, &fit, &part, &need), IVSH_EINVAL);
	CHECK_EQ(geometry_fit_split(NULL, 1 << 22, 257, 0, &fit, &part, &need), IVSH_EINVAL);
}

/* By hand: 4M and 8 slots are 512K each: 7 rings of 72K are 504K, and no log has room. */
static void fit_split_by_hand(void)
{
	struct ivsh_geometry fit, most = {0, 128, 16384, 1 << 20, 0};
	uint64_t part, need;
	char text[160];

	NEED_EQ(geometry_fit_split(NULL, 4 << 20, 8, GEOMETRY_LOG_FITS, &fit, &part, &need), 0);
	CHECK_EQ(part, 512 << 10);
	CHECK_EQ(fit.slots, 8);
	CHECK_EQ(fit.descs, 256);
	NEED_EQ(geometry_fit_split(&most, 4 << 20, 8, GEOMETRY_LOG_FITS, &fit, &part, &need), 0);
	CHECK_EQ(part, 512 << 10);
	CHECK_EQ(fit.descs, 128);
	CHECK(geometry_less_split(&most, &fit, 4 << 20, text));
	/* 7 rings of 1M + 20K: 8M for each slot. */
	CHECK(strstr(text, "4M of memory: "));
	CHECK(strstr(text, " for 8 slots; for all of it give 64M"));
	NEED_EQ(geometry_fit_split(&most, 64 << 20, 8, GEOMETRY_LOG_FITS, &fit, &part, &need), 0);
	CHECK_EQ(part, 8 << 20);
	CHECK(!geometry_less_split(&most, &fit, 64 << 20, text));
}

static const struct test tests[] = {
    {"file good", file_good},
    {"file bad", file_bad},
    {"fit all", fit_all},
    {"fit own", fit_own},
    {"less", less},
    {"fit split", fit_split},
    {"fit split by hand", fit_split_by_hand},
};

int main(void)
{
	return test_main("geometry", tests, sizeof(tests) / sizeof(tests[0]));
}
