/* SPDX-License-Identifier: MIT */
/*
 * quiet.c - drops the server's log; the hook of the core does nothing here.
 */
#include "tests/fuzz/quiet.h"
#include "core/atomic.h"
#include "tests/fuzz/feed.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

__attribute__((weak)) void quiet_log(void)
{
}

__attribute__((weak)) void quiet_store(const void *address)
{
	(void)address;
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)kind;
	(void)word;
	(void)size;
}

/* The functions that -fsanitize-coverage=trace-stores calls. */
#define COVERAGE_STORE(name)           \
	void name(const void *);       \
	void name(const void *address) \
	{                              \
		quiet_store(address);  \
	}
COVERAGE_STORE(__sanitizer_cov_store1)
COVERAGE_STORE(__sanitizer_cov_store2)
COVERAGE_STORE(__sanitizer_cov_store4)
COVERAGE_STORE(__sanitizer_cov_store8)
COVERAGE_STORE(__sanitizer_cov_store16)

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list arguments)
{
	char line[8192];

	FUZZ_MUST(vsnprintf(line, sizeof line, format, arguments) >= 0);
}

#define SAY(name, result)                                                     \
	result name(const char *, ...) __attribute__((format(printf, 1, 2))); \
	result name(const char *format, ...)

SAY(__wrap_log_event, void)
{
	va_list arguments;

	/* The server goes on when it finds a bug of its own; a fuzzer does not. */
	FUZZ_MUST(strncmp(format, "event=bug", 9) != 0);
	quiet_log();
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

SAY(__wrap_log_detail, void)
{
	va_list arguments;

	quiet_log();
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

int __wrap_log_failure(const char *object, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int __wrap_log_failure(const char *object, const char *format, ...)
{
	va_list arguments;

	FUZZ_MUST(object != NULL);
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	return -1;
}

void __wrap_log_hold(void);
void __wrap_log_hold(void)
{
}

void __wrap_log_release(void);
void __wrap_log_release(void)
{
}
