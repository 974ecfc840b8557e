/* SPDX-License-Identifier: MIT */
/*
 * sizes_test.c - numbers on the command line.
 */
#include "text/sizes.h"
#include "tests/lib/test.h"

#include <stddef.h>

#define REFUSED UINT64_C(0)

/* As QEMU 7.2's qemu_strtosz() and its server have it. */
static void parse_qemu(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {
	    {"4194304", 4u << 20},
	    {"4M", 4u << 20},
	    {"4m", 4u << 20},
	    {"+4M", 4u << 20},
	    {" 4M", 4u << 20},
	    {"4B", 4},
	    {"4b", 4},
	    {"1.5M", 3u << 19},
	    {"0.5G", 1u << 29},
	    {"1.M", 1u << 20},
	    {"1.0", 1},
	    {"0x1000", 4096},
	    {"0X1b", 27},
	    {"+0x1000", 4096},
	    {"0.0009765625P", UINT64_C(1) << 40},
	    {"1T", UINT64_C(1) << 40},
	    {"010", 10},
	    {"", REFUSED},
	    {"+", REFUSED},
	    {"M", REFUSED},
	    {"-1", REFUSED},
	    {"+-1", REFUSED},
	    {"+ 1", REFUSED},
	    {"1 ", REFUSED},
	    {"4MB", REFUSED},
	    {"4MiB", REFUSED},
	    {"1.5", REFUSED}, /* a part of a byte */
	    {"1.5B", REFUSED},
	    {"1e3", REFUSED},
	    {"1.5e3M", REFUSED},
	    {"1.2.3M", REFUSED},
	    {"0x", REFUSED},
	    {"0xM", REFUSED},
	    {"0x10M", REFUSED}, /* QEMU 7.2 warns, later ones refuse */
	    {"0x1.8M", REFUSED},
	    {"0", REFUSED},
	    {"0x0", REFUSED},
	    {"1P", REFUSED},
	    {"1E", REFUSED},
	    {"1.1T", REFUSED},
	    {"0x10000000001", REFUSED},
	    {"0x10000000000000000000000000", REFUSED},
	    {"18446744073709551617K", REFUSED},
	    {"17179869188G", REFUSED},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t size = 77;
		const char *wrong = sizes_parse_qemu(rows[i].text, &size);

		test_row(rows[i].text);
		CHECK_EQ(wrong == NULL, rows[i].want != REFUSED);
		CHECK_EQ(size, wrong ? 77 : rows[i].want);
	}
}

static void parse(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {
	    {"1", 1},
	    {"4096", 4096},
	    {"4K", 4096},
	    {"4k", 4096},
	    {"4M", 4u << 20},
	    {"1G", UINT64_C(1) << 30},
	    {"4G", UINT64_C(4) << 30},
	    {"5G", UINT64_C(5) << 30},
	    {"1T", UINT64_C(1) << 40},
	    {"1024G", UINT64_C(1) << 40},
	    {"1099511627776", UINT64_C(1) << 40},
	    {"0004096", 4096},
	    {"0", REFUSED},
	    {"0M", REFUSED},
	    {"", REFUSED},
	    {"M", REFUSED},
	    {"-1", REFUSED},
	    {"+1", REFUSED},
	    {" 1", REFUSED},
	    {"1 ", REFUSED},
	    {"1.5M", REFUSED},
	    {"0x1000", REFUSED},
	    {"4MB", REFUSED},
	    {"4P", REFUSED},
	    {"2T", REFUSED},
	    {"1099511627777", REFUSED},
	    {"1025G", REFUSED},
	    {"18446744073709551615", REFUSED},
	    {"18446744073709551616", REFUSED},
	    {"18446744073709551617K", REFUSED},
	    {"17179869184G", REFUSED}, /* 2^64: 0 when it wraps */
	    {"17179869188G", REFUSED}, /* 4G when it wraps */
	    {"99999999999999999999999999", REFUSED},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t size = 77;
		const char *wrong = sizes_parse(rows[i].text, &size);

		test_row(rows[i].text);
		CHECK_EQ(wrong == NULL, rows[i].want != REFUSED);
		CHECK_EQ(size, wrong ? 77 : rows[i].want);
	}
}

static void round_up(void)
{
	CHECK_EQ(sizes_round(1), 4096);
	CHECK_EQ(sizes_round(4096), 4096);
	CHECK_EQ(sizes_round(4097), 8192);
	CHECK_EQ(sizes_round(3u << 20), 4u << 20);
	CHECK_EQ(sizes_round((UINT64_C(1) << 39) + 1), UINT64_C(1) << 40);
	CHECK_EQ(sizes_round(SIZES_MOST), SIZES_MOST);
}

static void counts(void)
{
	uint32_t count = 77;

	CHECK(sizes_count("0", 0, 2048, &count) == NULL);
	CHECK_EQ(count, 0);
	CHECK(sizes_count("2048", 0, 2048, &count) == NULL);
	CHECK_EQ(count, 2048);
	CHECK(sizes_count("2049", 0, 2048, &count) != NULL);
	CHECK(sizes_count("4294967296", 0, 2048, &count) != NULL);
	CHECK(sizes_count("-1", 0, 2048, &count) != NULL);
	CHECK(sizes_count("", 0, 2048, &count) != NULL);
	CHECK(sizes_count("1x", 0, 2048, &count) != NULL);
	CHECK(sizes_count("1", 2, 2048, &count) != NULL);
	CHECK_EQ(count, 2048);
}

static void modes(void)
{
	static const struct {
		const char *text;
		uint32_t want;
	} rows[] = {{"0", 0}, {"0660", 0660}, {"660", 0660}, {"777", 0777}, {"00000777", 0777},
	    {"", 77777}, {"1000", 77777}, {"0800", 77777}, {"4755", 77777}, {"-1", 77777},
	    {"0x1", 77777}, {"rw", 77777}, {" 660", 77777}, {"660 ", 77777},
	    {"77777777777", 77777}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t mode = 77777;
		const char *wrong = sizes_mode(rows[i].text, &mode);

		test_row(rows[i].text);
		CHECK_EQ(wrong != NULL, rows[i].want == 77777);
		CHECK_EQ(mode, rows[i].want);
	}
}

static void pages(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {{"2M", 2u << 20}, {"2048K", 2u << 20}, {"1G", 1u << 30}, {"64k", 65536},
	    {"16G", UINT64_C(16) << 30}, {"4K", REFUSED}, {"1", REFUSED}, {"3M", REFUSED},
	    {"0", REFUSED}, {"", REFUSED}, {"huge", REFUSED}, {"2MB", REFUSED}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t page = REFUSED;
		const char *wrong = sizes_page(rows[i].text, &page);

		test_row(rows[i].text);
		CHECK_EQ(wrong != NULL, rows[i].want == REFUSED);
		CHECK_EQ(page, rows[i].want);
	}
}

static const struct test tests[] = {
    {"size: parse", parse},
    {"sizes: as QEMU reads them", parse_qemu},
    {"size: round up", round_up},
    {"count", counts},
    {"mode", modes},
    {"huge page", pages},
};

int main(void)
{
	return test_main("sizes", tests, sizeof(tests) / sizeof(tests[0]));
}
