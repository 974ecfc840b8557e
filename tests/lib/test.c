/* SPDX-License-Identifier: MIT */
/*
 * test.c - runs a table of cases and counts.
 */
#include "tests/lib/test.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static const char *room_name, *case_name, *row_name;
static bool case_failed;

void test_row(const char *row)
{
	row_name = row;
}

void test_fail(const char *file, int line, const char *what, long long got, long long want)
{
	case_failed = true;
	printf("FAIL: %s: %s: %s%s%s: got %lld, want %lld (%s:%d)\n", room_name, case_name,
	    row_name ? row_name : "", row_name ? ": " : "", what, got, want, file, line);
}

bool test_failed(void)
{
	return case_failed;
}

int test_main(const char *room, const struct test *tests, unsigned count)
{
	unsigned passed = 0;

	room_name = room;
	for (unsigned i = 0; i < count; i++) {
		case_name = tests[i].name;
		row_name = NULL;
		case_failed = false;
		tests[i].run();
		if (!case_failed) {
			passed++;
			printf("ok: %s: %s\n", room, case_name);
		}
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, count - passed);
	return passed == count ? 0 : 1;
}
