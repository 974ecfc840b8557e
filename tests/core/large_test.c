/* SPDX-License-Identifier: MIT */
/*
 * large_test.c - where a sender puts large payloads: within the first MiB of a large area while the
 * receiver keeps up, and else anywhere in it.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/layout.h"

#include <string.h>

#define SIZE (5u << 20)
#define LARGE (2u << 20)
#define WINDOW (1u << 20)
#define DESCS 64u

static _Alignas(4096) uint8_t memory[SIZE];
static uint8_t out[LARGE], in[LARGE];
static struct end ends[2];
static const struct ivsh_wire_desc *descs;

/* Two slots with a large area that is larger than the window, and both ends of the ring. */
static void open_both(void)
{
	static const struct ivsh_geometry geometry = {2, DESCS, 4096, LARGE, 0};
	struct ivsh_layout layout;
	uint64_t bytes;

	world_reset();
	NEED_EQ(ivsh_region_format(memory, SIZE, &geometry, 1, true), 0);
	NEED_EQ(ivsh_layout_of(&geometry, &layout, &bytes), 0);
	descs = (const void *)(memory + layout_ring(&geometry, &layout, 0, 1) +
			       sizeof(struct ivsh_wire_ring));
	for (uint32_t i = 0; i < 2; i++) {
		struct ivsh_mem mem = world_mem(i);
		struct ivsh_attach attach = {.nonce = i + 1};

		mem.base = memory;
		mem.size = SIZE;
		NEED_EQ(ivsh_region_attach(&ends[i].region, &mem, &attach), 0);
		NEED_EQ(
		    ivsh_chan_open(&ends[i].chan, &ends[i].region, 1 - i, ends[i].records, 64), 0);
	}
}

/* Send message (n), of (size) bytes. Answers where it stands in the large area. */
static uint32_t send(uint32_t n, uint32_t size)
{
	uint32_t index = ends[0].chan.tx.head;

	out[0] = out[size - 1] = (uint8_t)n;
	CHECK_EQ(ivsh_chan_send(&ends[0].chan, (uint16_t)n, out, size), 0);
	return (uint32_t)descs[index % DESCS].body % LARGE;
}

static void receive(uint32_t n, uint32_t size)
{
	struct ivsh_message message;

	NEED_EQ(ivsh_chan_receive(&ends[1].chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(message.size, size);
	CHECK_EQ(message.port, (uint16_t)n);
	CHECK_EQ(in[0], (uint8_t)n);
	CHECK_EQ(in[size - 1], (uint8_t)n);
}

/* The receiver has found the ring empty, and published its read index. */
static void find_empty(void)
{
	struct ivsh_message message;

	NEED_EQ(ivsh_chan_receive(&ends[1].chan, &message, in, sizeof(in)), IVSH_EAGAIN);
}

/* One message at a time: all of them within the window, and most of it is used. SPEC R7.6.2. */
static void keeps_up(void)
{
	static const uint32_t sizes[] = {4096, 5000, 16384, 65536, 100000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t most = 0, size = sizes[i];

		open_both();
		for (uint32_t n = 0; n < 3 * WINDOW / size; n++) {
			uint32_t end = send(n, size) + size;

			most = end > most ? end : most;
			receive(n, size);
			find_empty();
		}
		CHECK(most <= WINDOW);
		CHECK(most > WINDOW - 2 * size);
	}
}

/* A receiver that is behind has the whole area for its queue, and then the sender goes back. */
static void queue_grows(void)
{
	uint32_t n;

	open_both();
	for (n = 0; n < LARGE / 65536; n++)
		CHECK_EQ(send(n, 65536), n * 65536);
	CHECK_EQ(ivsh_chan_send(&ends[0].chan, 1, out, 65536), IVSH_EAGAIN);
	for (n = 0; n < LARGE / 65536; n++)
		receive(n, 65536);
	find_empty();
	for (n = 0; n < 40; n++) {
		CHECK_EQ(send(n, 65536), n % 16 * 65536);
		receive(n, 65536);
		find_empty();
	}
}

/* Messages that the window does not hold: as many in flight as the area holds. */
static void larger_than_window(void)
{
	open_both();
	for (uint32_t n = 0; n < 6; n += 2) {
		CHECK_EQ(send(n, WINDOW), 0);
		CHECK_EQ(send(n + 1, WINDOW), WINDOW);
		CHECK_EQ(ivsh_chan_send(&ends[0].chan, 1, out, WINDOW), IVSH_EAGAIN);
		receive(n, WINDOW);
		receive(n + 1, WINDOW);
		find_empty();
	}
	for (uint32_t n = 0; n < 3; n++) {
		CHECK_EQ(send(n, LARGE), 0);
		receive(n, LARGE);
		find_empty();
		CHECK_EQ(send(n, WINDOW + 1), 0);
		receive(n, WINDOW + 1);
		find_empty();
	}
}

static const struct test tests[] = {
    {"keeps up", keeps_up},
    {"the queue grows", queue_grows},
    {"larger than the window", larger_than_window},
};

int main(void)
{
	return test_main("large", tests, sizeof(tests) / sizeof(tests[0]));
}
