/* SPDX-License-Identifier: MIT */
/*
 * tee.c - what is printed goes to the console, and to a sink that the program has set.
 *
 * The sink has the bytes first: whatever the console shows, the sink has taken, also if the machine
 * is killed between the two. While the sink runs, what is printed goes to the console alone: a sink
 * may print, and an exception that it raises is reported.
 */
#include "bare/arch.h"

#include <stdbool.h>

static void (*sink)(void *ctx, const char *bytes, size_t size);
static void *sink_ctx;
static bool inside;

void arch_console_tee(void (*to)(void *ctx, const char *bytes, size_t size), void *ctx)
{
	sink_ctx = ctx;
	sink = to;
}

void arch_console_write(const char *bytes, size_t size)
{
	if (sink != NULL && !inside) {
		inside = true;
		sink(sink_ctx, bytes, size);
		inside = false;
	}
	arch_console_put(bytes, size);
}
