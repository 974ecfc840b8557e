/* SPDX-License-Identifier: MIT */
/*
 * timing.c - the calls of struct ivsh_platform about time and sleep, over arch.h.
 */
#include "bare/timing.h"

#include "bare/arch.h"

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return arch_now_ns();
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	arch_sleep(seen, deadline_ns);
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return arch_doorbells();
}

void bare_timing(struct ivsh_platform *platform)
{
	platform->now_ns = now_ns;
	platform->sleep = sleep_until;
	platform->count = count;
}
