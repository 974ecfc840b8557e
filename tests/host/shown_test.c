/* SPDX-License-Identifier: MIT */
/*
 * shown_test.c - what strangers say, as terminals and Prometheus get it.
 */
#include "tests/lib/test.h"
#include "text/exposition.h"
#include "text/plain.h"

#include <stdlib.h>
#include <string.h>

/* What plain_write() makes of (text), in pieces of (piece) bytes. */
static char *plain_of(const char *text, size_t length, size_t piece)
{
	struct plain plain = {0};
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	for (size_t at = 0; at < length; at += piece)
		plain_write(&plain, out, (const uint8_t *)text + at,
		    length - at < piece ? length - at : piece);
	fclose(out);
	return got;
}

static void plain_text(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"", ""},
	    {"a line\n\tand another\n", "a line\n\tand another\n"},
	    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n",
		"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n"},
	    {"\x1b[31mred\x1b[0m\r\n", "red\n"},
	    {"\x1b[2J\x1b[Hclear", "clear"},
	    {"\x1b]0;title\x07"
	     "after",
		"after"},
	    {"\x1b]0;title\x1b\\after", "after"},
	    {"\x1bP1$r0m\x1b\\after", "after"},
	    {"\x1b(Bset", "set"},
	    {"\x1b"
	     "cfull reset",
		"full reset"},
	    {"\x1b\x1b[1mtwice", "twice"},
	    {"\x1b[31", ""},
	    /* A sequence without an end hides no more than its line. */
	    {"\x1b]0;never ended\nnext\n", "\nnext\n"},
	    {"\x1b[12;\nnext\n", "\nnext\n"},
	    {"alert\x07 back\x08 and delete\x7f.", "alert back and delete."},
	    /* C1 controls, alone and as characters; the reversal of a text; bytes that are none. */
	    {"\x9b"
	     "31m|\xc2\x9b"
	     "31m",
		"?31m|?31m"},
	    {"a\xe2\x80\xae"
	     "b",
		"a?b"},
	    {"\xff\xc0\xaf|\xed\xa0\x80|\xf5\x80", "???|?|??"},
	    {"cut \xe2\x82\n", "cut ?\n"},
	    {"cut \xe2\xe2\x82\xac", "cut ?\xe2\x82\xac"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t piece = 1; piece < 6; piece++) {
			char *got = plain_of(rows[i].text, strlen(rows[i].text), piece);

			if (strcmp(got, rows[i].want) != 0)
				fprintf(stderr, "row %zu, pieces of %zu: '%s'\n", i, piece, got);
			CHECK_EQ(strcmp(got, rows[i].want), 0);
			free(got);
		}
}

/* Whatever comes: no byte of the output steers a terminal. */
static void plain_random(void)
{
	char text[4096];
	unsigned seed = 1;

	for (unsigned round = 0; round < 200; round++) {
		char *got;

		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 1103515245u + 12345u;
			/* Half of them are those that begin something. */
			text[i] = seed >> 31 ? "\x1b[]P;\xc2\x9b\xe2\x80\xae\n"[(seed >> 16) % 12]
					     : (char)(seed >> 16);
		}
		got = plain_of(text, sizeof(text), 1 + round % 100);
		for (const unsigned char *c = (const unsigned char *)got; *c; c++) {
			CHECK_EQ(*c == '\n' || *c == '\t' || (*c >= 0x20 && *c != 0x7f), 1);
			/* C2 80 to C2 9F are C1 controls. */
			CHECK_EQ(*c == 0xc2 && c[1] < 0xa0, 0);
		}
		free(got);
	}
}

#define GUEST(slot, peer, name, is_counter, value)  \
	{                                           \
		slot, peer, name, is_counter, value \
	}

static char *exposed(const struct exposition_guest *guests, size_t count)
{
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	CHECK_EQ(exposition_guests(out, "region", "/run/s", guests, count), 0);
	fclose(out);
	return got;
}

static void exposition(void)
{
	static const struct exposition_guest guests[] = {
	    GUEST(1, "beta", "frames", false, (uint64_t)-7),
	    GUEST(0, "al\"pha", "frames", true, UINT64_MAX),
	    GUEST(1, "beta", "frames_total", true, 8),
	    GUEST(1, "beta", "frames_total", false, 9),
	    GUEST(0, NULL, "rows_sum", false, 0),
	    /* The same name twice, and two that have the same name here. */
	    GUEST(2, "c", "x", false, 1),
	    GUEST(2, "c", "x", false, 2),
	    GUEST(2, "c", "y", true, 3),
	    GUEST(2, "c", "y_total", true, 4),
	};
	static const char want[] =
	    "# HELP ivsh_guest_frames As the guests that declare it count.\n"
	    "# TYPE ivsh_guest_frames gauge\n"
	    "ivsh_guest_frames{region=\"/run/s\",peer=\"1\",name=\"beta\"} -7\n"
	    "# HELP ivsh_guest_frames_total As the guests that declare it count.\n"
	    "# TYPE ivsh_guest_frames_total counter\n"
	    "ivsh_guest_frames_total{region=\"/run/s\",peer=\"0\",name=\"al\\\"pha\"}"
	    " 18446744073709551615\n"
	    "ivsh_guest_frames_total{region=\"/run/s\",peer=\"1\",name=\"beta\"} 8\n"
	    "# HELP ivsh_guest_frames_total_value As the guests that declare it count.\n"
	    "# TYPE ivsh_guest_frames_total_value gauge\n"
	    "ivsh_guest_frames_total_value{region=\"/run/s\",peer=\"1\",name=\"beta\"} 9\n"
	    "# HELP ivsh_guest_rows_sum_value As the guests that declare it count.\n"
	    "# TYPE ivsh_guest_rows_sum_value gauge\n"
	    "ivsh_guest_rows_sum_value{region=\"/run/s\",peer=\"0\",name=\"\"} 0\n"
	    "# HELP ivsh_guest_x As the guests that declare it count.\n"
	    "# TYPE ivsh_guest_x gauge\n"
	    "ivsh_guest_x{region=\"/run/s\",peer=\"2\",name=\"c\"} 1\n"
	    "# ivsh: peer 2: gauge x is left out: another one of this peer has its name here\n"
	    "# HELP ivsh_guest_y_total As the guests that declare it count.\n"
	    "# TYPE ivsh_guest_y_total counter\n"
	    "ivsh_guest_y_total{region=\"/run/s\",peer=\"2\",name=\"c\"} 3\n"
	    "# ivsh: peer 2: counter y_total is left out: another one of this peer has its name"
	    " here\n";
	char *got = exposed(guests, sizeof(guests) / sizeof(guests[0]));

	if (strcmp(got, want) != 0)
		fprintf(stderr, "%s", got);
	CHECK_EQ(strcmp(got, want), 0);
	free(got);
	got = exposed(NULL, 0);
	CHECK_EQ(strcmp(got, ""), 0);
	free(got);
}

static const struct test tests[] = {
    {"plain: text", plain_text},
    {"plain: random bytes", plain_random},
    {"exposition: names of guests", exposition},
};

int main(void)
{
	return test_main("shown", tests, sizeof(tests) / sizeof(tests[0]));
}
