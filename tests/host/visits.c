/* SPDX-License-Identifier: MIT */
/*
 * visits.c - one client after the other: clients that leave early, that finish their handshake, and
 * that send bytes.
 */
#include "tests/host/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VISITS_GARBAGE 4096

static uint32_t handshake_length(const struct load *load)
{
	return LOAD_HEAD + load->vectors * (load->classic ? 1 : load->slots);
}

static bool fail(const char *what, uint32_t visit, uint32_t step)
{
	fprintf(stderr, "load: visit %u: message %u: %s\n", visit, step, what);
	return false;
}

/* Take at most (count) messages of a handshake, and check them. */
static bool take_handshake(const struct load *load, int fd, uint32_t visit, uint32_t count)
{
	struct load_message messages[LOAD_BATCH];
	uint32_t step = 0, id = 0;

	while (step < count) {
		uint32_t ask = count - step < LOAD_BATCH ? count - step : LOAD_BATCH;
		int got = load_take(load, fd, messages, ask, true);

		if (got <= 0)
			return fail(got ? strerror(errno) : "the end", visit, step);
		for (int i = 0; i < got; i++) {
			const struct load_message *message = &messages[i];

			if (step == 1)
				id = (uint32_t)message->value;
			/* With --classic the server may still send that the last client left. */
			if (load->classic && step >= LOAD_HEAD && message->value != id)
				continue;
			if (!load->classic && message->value != load_slot_value(load, id, step))
				return fail("another value", visit, step);
			if (message->has_fd != (step >= 2))
				return fail("the descriptor", visit, step);
			step++;
		}
	}
	return true;
}

static void report(
    const struct load *load, const char *phase, uint32_t count, double began_ms, double cpu_ms)
{
	double wall = load_now_ms() - began_ms;

	printf("phase=%s count=%u wall_ms=%.1f rate=%.0f cpu_ms=%.3f", phase, count, wall,
	    count * 1e3 / wall, load_cpu_ms(load) - cpu_ms);
}

bool visits_cycles(struct load *load)
{
	double began = load_now_ms(), cpu = load_cpu_ms(load);
	uint32_t length = handshake_length(load);

	for (uint32_t i = 0; i < load->cycles; i++) {
		uint32_t count =
		    load->after == LOAD_ALL ? load_random(load, length + 1) : load->after;
		int fd = load_connect(load, true);
		bool good;

		if (fd < 0)
			return fail(strerror(errno), i, 0);
		good = take_handshake(load, fd, i, count < length ? count : length);
		close(fd);
		if (!good || load_is_late(load))
			return fail("late", i, 0);
	}
	report(load, "cycles", load->cycles, began, cpu);
	printf(" result=ok\n");
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

bool visits_joins(struct load *load)
{
	double began = load_now_ms(), cpu = load_cpu_ms(load);
	double *took = calloc(load->joins, sizeof(*took));
	bool good = took;

	for (uint32_t i = 0; good && i < load->joins; i++) {
		double start = load_now_ms();
		int fd = load_connect(load, true);

		if (fd < 0 || load_is_late(load)) {
			good = fail(fd < 0 ? strerror(errno) : "late", i, 0);
		} else {
			good = take_handshake(load, fd, i, handshake_length(load));
			took[i] = load_now_ms() - start;
		}
		if (fd >= 0)
			close(fd);
	}
	if (good) {
		report(load, "joins", load->joins, began, cpu);
		qsort(took, load->joins, sizeof(*took), compare);
		printf(" median_us=%.1f p99_us=%.1f max_us=%.1f result=ok\n",
		    took[load->joins / 2] * 1e3, took[load->joins / 100 * 99] * 1e3,
		    took[load->joins - 1] * 1e3);
	}
	free(took);
	return good;
}

/* Every second client reads until the server closes the connection; the others just leave. */
bool visits_garbage(struct load *load)
{
	double began = load_now_ms(), cpu = load_cpu_ms(load);
	unsigned char bytes[VISITS_GARBAGE];

	for (uint32_t i = 0; i < load->garbage; i++) {
		uint32_t size = 1 + load_random(load, VISITS_GARBAGE);
		struct load_message messages[LOAD_BATCH];
		int fd = load_connect(load, true), got = 1;

		if (fd < 0)
			return fail(strerror(errno), i, 0);
		for (uint32_t k = 0; k < size; k++)
			bytes[k] = (unsigned char)load_random(load, 256);
		if (send(fd, bytes, size, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
		    errno != ECONNRESET)
			return fail(strerror(errno), i, 0);
		while (i % 2 && got > 0)
			got = load_take(load, fd, messages, LOAD_BATCH, true);
		close(fd);
		if (load_is_late(load))
			return fail("late", i, 0);
	}
	report(load, "garbage", load->garbage, began, cpu);
	printf(" result=ok\n");
	return true;
}
