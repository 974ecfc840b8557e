/* SPDX-License-Identifier: MIT */
/*
 * log_test.c - a slot's log: written, read, wrapped, of dead incarnations, damaged. SPEC 15.
 *
 * Slot 0 writes. log_cut_test.c stops and interrupts it at each access.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/log.h"

#include <ivsh/log.h>

#include <stdio.h>
#include <string.h>

#define SIZE 4096u /* of each log */

static struct end a;
static struct ivsh_region probe;
static struct ivsh_log out;
static struct ivsh_log_reader reader;
static uint8_t got_bytes[4 * SIZE], saved[WORLD_SIZE];
static uint32_t got;
static uint64_t lost;

static struct ivsh_wire_log *line(void)
{
	return (void *)(world.memory + world_offset(ivsh_log_at(&probe, 0)));
}

/* The byte that is written at (position): so each one says where it belongs. */
static uint8_t byte_at(uint64_t position)
{
	return (uint8_t)(position * 7 + (position >> 8) * 3 + (position >> 16));
}

/* Write (count) such bytes behind the others. */
static uint64_t written;
static int put(uint32_t count)
{
	static uint8_t bytes[4 * SIZE];

	for (uint32_t i = 0; i < count; i++)
		bytes[i] = byte_at(written + i);
	written += count;
	return ivsh_log_write(&out, bytes, count);
}

static int get(uint32_t most)
{
	memset(got_bytes, 0xee, sizeof(got_bytes));
	return ivsh_log_read(&reader, got_bytes, most, &got, &lost);
}

/* What was read last is (count) bytes up to the reader's position. */
static bool is_right(uint32_t count)
{
	for (uint32_t i = 0; i < got; i++)
		if (got_bytes[i] != byte_at(reader.next - got + i))
			return false;
	return got == count;
}

static void format(uint32_t log_size)
{
	const struct ivsh_geometry geometry = {WORLD_SLOTS, 64, 4096, 8192, log_size};

	world_reset();
	memset(world.memory, 0xa5, WORLD_SIZE);
	CHECK_EQ(world_format_again(&geometry, true), 0);
}

static void open_all(void)
{
	struct ivsh_attach attach = {0};
	struct ivsh_mem mem;

	format(SIZE);
	mem = world_mem(IVSH_SELF_NONE);
	memset(&out, 0, sizeof(out));
	written = 0;
	CHECK_EQ(ivsh_region_probe(&probe, &mem, &attach), 0);
	CHECK_EQ(probe.geometry.log_size, SIZE);
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(ivsh_log_open(&out, &a.region), 0);
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
}

static void without(void)
{
	struct ivsh_log none = {0};

	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(a.region.geometry.log_size, 0);
	CHECK_EQ(ivsh_log_open(&out, &a.region), IVSH_ENODEV);
	CHECK_EQ(ivsh_log_write(&out, "x", 1), IVSH_ENODEV);
	CHECK_EQ(ivsh_log_write(&none, "x", 1), IVSH_ENODEV);
	CHECK_EQ(ivsh_log_reader_open(&reader, &a.region, 0), IVSH_ENODEV);
	CHECK_EQ(ivsh_log_reader_open(&reader, &a.region, WORLD_SLOTS), IVSH_EINVAL);
	end_kill(&a);
}

/* Where it is, by hand: 24576 + 56 * 16384 = 942080. R3.1.1: the lines are cleared. */
static void places(void)
{
	open_all();
	if (!world_is_split()) {
		CHECK_EQ((uint8_t *)line() - world.memory, 942080);
		CHECK_EQ((uint8_t *)ivsh_log_at(&probe, 7) - world.memory, 942080 + 7 * 4160);
		CHECK_EQ(world_header()->features, 1);
		CHECK_EQ(world_header()->size, 942080 + 36864);
	}
	CHECK(ivsh_log_at(&probe, 8) == NULL);
	CHECK_EQ(world_header()->log_size, SIZE);
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		for (uint32_t k = 0; k < 64; k++)
			CHECK_EQ(((uint8_t *)ivsh_log_at(&probe, i))[k], 0);
	CHECK_EQ(get(16), IVSH_EAGAIN);
	CHECK_EQ(put(5), 0);
	CHECK_EQ(line()->position, 5);
	CHECK_EQ(line()->storing, 5);
	CHECK_EQ(line()->begin, 0);
	CHECK_EQ(line()->incarnation, 1);
	CHECK_EQ(((uint8_t *)(line() + 1))[4], byte_at(4));
	CHECK_EQ(((uint8_t *)(line() + 1))[5], 0);
}

/* R15.3.1. */
static void follows(void)
{
	open_all();
	CHECK_EQ(put(100), 0);
	CHECK_EQ(get(60), 0);
	CHECK(is_right(60));
	CHECK_EQ(get(60), 0);
	CHECK(is_right(40));
	CHECK_EQ(get(60), IVSH_EAGAIN);
	CHECK_EQ(got, 0);
	CHECK_EQ(put(0), 0);
	CHECK_EQ(get(60), IVSH_EAGAIN);
	CHECK_EQ(put(1), 0);
	CHECK_EQ(get(60), 0);
	CHECK(is_right(1));
	CHECK_EQ(lost, 0);
	/* A reader that comes now begins at the oldest byte. */
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
	CHECK_EQ(reader.next, 0);
	CHECK_EQ(reader.incarnation, 1);
	CHECK_EQ(get(SIZE), 0);
	CHECK(is_right(101));
	/* Another slot's is empty. */
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 7), 0);
	CHECK_EQ(reader.incarnation, 0);
	CHECK_EQ(get(SIZE), IVSH_EAGAIN);
}

/* Writes and reads of all lengths around the end of the ring, at each offset. */
static void wraps(void)
{
	static const uint32_t lengths[] = {1, 2, 8, 9, 33, 63, 64, 65, 100, 256, 257, 1000};
	uint64_t all = 0;

	open_all();
	for (uint32_t i = 0; i < 3 * SIZE; i++) {
		uint32_t length = lengths[i % (sizeof(lengths) / sizeof(lengths[0]))];

		CHECK_EQ(put(length), 0);
		NEED_EQ(get(SIZE), 0);
		NEED_EQ(is_right(length), true);
		NEED_EQ(lost, 0);
		all += length;
	}
	CHECK_EQ(reader.next, all);
	for (uint32_t offset = 0; offset < SIZE; offset++) {
		NEED_EQ(put(SIZE - 1), 0); /* each time one less than the ring */
		NEED_EQ(get(SIZE), 0);
		NEED_EQ(is_right(SIZE - 1), true);
	}
}

/* R15.3.4: what was overwritten is counted; the whole ring is there. */
static void overtaken(void)
{
	open_all();
	CHECK_EQ(put(SIZE), 0);
	CHECK_EQ(get(10), 0);
	CHECK(is_right(10));
	CHECK_EQ(put(10), 0);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
	CHECK_EQ(lost, 0);
	CHECK_EQ(put(SIZE + 17), 0);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
	CHECK_EQ(lost, 17);
	CHECK_EQ(put(3 * SIZE), 0);
	CHECK_EQ(get(5), 0);
	CHECK(is_right(5));
	CHECK_EQ(lost, 2 * SIZE);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE - 5));
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
	CHECK_EQ(reader.next, written - SIZE);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
}

/* R15.1: the next incarnation goes on behind the last one's bytes, and says where. */
static void restarts(void)
{
	uint64_t position = 0;

	open_all();
	for (uint32_t life = 1; life < 40; life++) {
		CHECK_EQ(put(life * 17), 0);
		position += life * 17;
		CHECK_EQ(get(SIZE), 0);
		CHECK(is_right(life * 17));
		CHECK_EQ(reader.incarnation, life);
		CHECK_EQ(reader.begin, position - life * 17);
		/* Dead: it stays. */
		end_kill(&a);
		CHECK_EQ(get(SIZE), IVSH_EAGAIN);
		CHECK_EQ(end_open(&a, 0, 1, false), 0);
		CHECK_EQ(get(SIZE), IVSH_EAGAIN);
		CHECK_EQ(ivsh_log_open(&out, &a.region), 0);
		CHECK_EQ(get(SIZE), IVSH_EAGAIN);
		CHECK_EQ(line()->begin, position);
	}
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
	/* A detach takes nothing away. */
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	CHECK_EQ(ivsh_log_write(&out, "x", 1), IVSH_ELOST);
	CHECK_EQ(ivsh_log_open(&out, &a.region), IVSH_ELOST);
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
}

/* Lost: R15.2.6. Moved: the log goes on in the new incarnation. */
static void owners(void)
{
	open_all();
	CHECK_EQ(put(10), 0);
	world.vm_generation[0]++;
	CHECK_EQ(put(10), 0);
	CHECK_EQ(line()->incarnation, 1);
	(void)world_wait(&a.region, 1);
	CHECK_EQ(a.region.incarnation, 2);
	CHECK_EQ(put(10), 0);
	CHECK_EQ(line()->incarnation, 2);
	CHECK_EQ(line()->begin, 20);
	CHECK_EQ(get(SIZE), 0);
	CHECK(is_right(30));
	world_slot(0)->nonce ^= 1;
	CHECK_EQ(ivsh_log_write(&out, "x", 1), IVSH_ELOST);
	CHECK_EQ(line()->position, 30);
	CHECK_EQ(get(SIZE), IVSH_EAGAIN);
}

/* R15.2.5, R15.3.5: after that, no byte of the wrong time. */
static void goes_back(void)
{
	open_all();
	CHECK_EQ(put(SIZE + 1000), 0);
	memcpy(saved, line(), 64 + SIZE);
	CHECK_EQ(put(1500), 0);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
	CHECK_EQ(lost, 2500);
	memcpy(line(), saved, 64 + SIZE);
	/* One look behind what was read says nothing yet. */
	CHECK_EQ(get(2 * SIZE), IVSH_EAGAIN);
	CHECK_EQ(get(2 * SIZE), IVSH_EPEER);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
	/* The writer has more in hand than there is: what stands between is nobody's. */
	CHECK_EQ(put(7), 0);
	CHECK_EQ(line()->first, SIZE + 2500);
	CHECK_EQ(line()->position, SIZE + 2507);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(7));
	CHECK_EQ(lost, 1500);
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(7));
	/* Once it has wrapped, all is as it was. */
	CHECK_EQ(put(SIZE), 0);
	CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
	CHECK_EQ(get(2 * SIZE), 0);
	CHECK(is_right(SIZE));
	/* Formatted again: from 0 on, behind a reader that had come far. */
	format(SIZE);
	CHECK_EQ(get(2 * SIZE), IVSH_EAGAIN);
	CHECK_EQ(get(2 * SIZE), IVSH_EPEER);
	CHECK_EQ(get(2 * SIZE), IVSH_EAGAIN);
}

/* R15.3.3. Whatever the words are, only this log is written, and what is written can be read. */
static void hostile(void)
{
	static const uint64_t words[] = {0, 1, 5, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, INT32_MAX,
	    UINT32_MAX, UINT32_MAX - 100, UINT64_C(1) << 32, INT64_MAX, UINT64_C(1) << 63,
	    UINT64_MAX - SIZE, UINT64_MAX - 300, UINT64_MAX};
	const unsigned count = sizeof(words) / sizeof(words[0]);
	size_t begin, end;

	open_all();
	begin = (size_t)world_offset(line());
	end = begin + sizeof(struct ivsh_wire_log) + SIZE;
	memcpy(saved, world.memory, WORLD_SIZE);
	for (unsigned i = 0; i < count * count * count; i++) {
		uint64_t position = words[i % count];
		char row[80];

		snprintf(row, sizeof(row), "position %llx storing %llx first %llx",
		    (unsigned long long)position, (unsigned long long)words[i / count % count],
		    (unsigned long long)words[i / count / count]);
		test_row(row);
		line()->position = position;
		line()->storing = words[i / count % count];
		line()->first = words[i / count / count];
		CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
		CHECK(position - reader.next <= SIZE);
		(void)(get(4 * SIZE) != 0);
		CHECK(got <= SIZE);
		CHECK_EQ(got_bytes[got], 0xee);
		/* The next incarnation, and one that finds its own words damaged. */
		if (i % 2 == 0) {
			CHECK_EQ(ivsh_log_open(&out, &a.region), 0);
			CHECK_EQ(line()->begin, position);
		}
		CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
		reader.next = line()->position;
		written = out.part[0].end;
		NEED_EQ(put(300), 0);
		CHECK_EQ(line()->position, written);
		if (i % 2 == 0 && position < UINT64_MAX - 2 * SIZE) {
			NEED_EQ(get(4 * SIZE), 0);
			CHECK(is_right(300));
			CHECK_EQ(lost, 0);
		}
		/* A whole ring later nothing is left of it, unless the count has wrapped. */
		NEED_EQ(put(SIZE), 0);
		CHECK_EQ(ivsh_log_reader_open(&reader, &probe, 0), 0);
		if (line()->position >= SIZE && line()->position - position < 3 * SIZE &&
		    line()->first - (line()->position - SIZE) > SIZE) {
			NEED_EQ(get(4 * SIZE), 0);
			CHECK(is_right(SIZE));
		}
	}
	test_row(NULL);
	CHECK_EQ(memcmp(saved, world.memory, begin), 0);
	CHECK_EQ(memcmp(saved + end, world.memory + end, WORLD_SIZE - end), 0);
}

static const struct test tests[] = {
    {"log: none in the region", without},
    {"log: places", places},
    {"log: follows", follows},
    {"log: wraps", wraps},
    {"log: overtaken", overtaken},
    {"log: restarts", restarts},
    {"log: owners", owners},
    {"log: goes back", goes_back},
    {"log: hostile", hostile},
};

int main(void)
{
	return test_main("core", tests, sizeof(tests) / sizeof(tests[0]));
}
