/* SPDX-License-Identifier: MIT */
/*
 * report.c - the figures that ping, bench and their partners end with.
 */
#include "app/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print_us(const char *name, uint64_t ns)
{
	printf(" %s %" PRIu64 ".%02" PRIu64, name, ns / 1000, ns / 10 % 100);
}

void report_times(uint64_t *times_ns, uint32_t count)
{
	qsort(times_ns, count, sizeof(*times_ns), compare);
	print_us("min", times_ns[0]);
	print_us("p50", times_ns[count / 2]);
	print_us("p99", times_ns[(uint64_t)count * 99 / 100]);
	print_us("max", times_ns[count - 1]);
	printf("\n");
}

void report_wait(const struct session *s, const char *command)
{
	struct ivsh_counters c;
	/* No peer notifies one that polls. */
	uint32_t vectors =
	    s->options->wait == IVSH_WAIT_POLL ? 0 : s->transport.mem.doorbell.vectors;

	session_counters(s, &c);
	printf("%s: wait %s, %" PRIu32 " vector%s: notifications sent %" PRIu64
	       ", suppressed %" PRIu64 "; woken by doorbell %" PRIu64 ", by timer %" PRIu64
	       " (missed %" PRIu64 ")\n",
	    command, options_wait_name(s->options->wait), vectors, vectors == 1 ? "" : "s",
	    c.notifications_sent, c.notifications_suppressed, c.wakes_doorbell, c.wakes_timer,
	    c.missed_notifications);
}
