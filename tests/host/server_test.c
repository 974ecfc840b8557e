/* SPDX-License-Identifier: MIT */
/*
 * server_test.c - numbers on the command line, and the sequence that they lead to.
 */
#include "handshake.h"
#include "sizes.h"
#include "test.h"

#include <stddef.h>

#define REFUSED UINT64_C(0)

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

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
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

/* Eventfds are numbered slot * 10 + vector here, so that each message says where it comes from. */
static void sequence(void)
{
	static int bells[] = {0, 1, 10, 11, 20, 21};
	static const struct slots slots = {.count = 3, .vectors = 2, .bells = bells};
	static const struct handshake_message want[] = {
	    {0, -1}, {1, -1}, {-1, 99}, {0, 0}, {0, 1}, {2, 20}, {2, 21}, {1, 10}, {1, 11}};

	NEED_EQ(handshake_length(&slots), sizeof want / sizeof want[0]);
	for (uint32_t i = 0; i < handshake_length(&slots); i++) {
		struct handshake_message got = handshake_message(&slots, 99, 1, i);

		CHECK_EQ(got.value, want[i].value);
		CHECK_EQ(got.fd, want[i].fd);
	}
}

static const struct test tests[] = {
    {"size: parse", parse},
    {"size: round up", round_up},
    {"count", counts},
    {"handshake: sequence", sequence},
};

int main(void)
{
	return test_main("server", tests, sizeof tests / sizeof tests[0]);
}
