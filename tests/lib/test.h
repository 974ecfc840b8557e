/* SPDX-License-Identifier: MIT */
/*
 * test.h - the parts of a C test: checks that say what failed, and a count at the end.
 *
 * A test program lists its cases in one table and answers test_main(). The same sources run on the
 * host and inside a guest, so this uses printf and nothing else.
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stdint.h>

struct test {
	const char *name; /* "reserve: full ring" */
	void (*run)(void);
};

/* Run each case of (tests); print a line for each and the count. Answers the exit status. */
int test_main(const char *room, const struct test *tests, unsigned count);

/* The current case failed; it goes on. */
void test_fail(const char *file, int line, const char *what, long long got, long long want);

/* Whether the current case has failed: for one that runs a part of it in another process. */
bool test_failed(void);

/* Text for the next failures of this case: the row of the table being tried. NULL: none. */
void test_row(const char *row);

/* (got) is evaluated once. */
#define CHECK_EQ(got, want)                                                   \
	do {                                                                  \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_)                                            \
			test_fail(__FILE__, __LINE__, #got, got_, want_);     \
	} while (0)

#define CHECK(condition) CHECK_EQ(!!(condition), 1)

/* For a condition that the rest of the case needs: a failure leaves the case. */
#define NEED_EQ(got, want)                                                    \
	do {                                                                  \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_) {                                          \
			test_fail(__FILE__, __LINE__, #got, got_, want_);     \
			return;                                               \
		}                                                             \
	} while (0)

#endif
