/* SPDX-License-Identifier: MIT */
/*
 * hostile_test.c - values that no peer may write: each breaks its own channel, and nothing else.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

static struct end a, b;
static uint8_t in[8192];
static const uint8_t out[8192];

/* Descriptors that no sender may write: each costs this channel. SPEC R7.7, R7.8, R9.1, R9.3. */
static void bad_descriptors(void)
{
#define HEAD(wrap, port, rest) ((uint64_t)(wrap) << 48 | (uint64_t)(port) << 32 | (uint64_t)(rest))
#define HOT (1u << 28)
#define BULK (2u << 28)
#define PACKED (3u << 28)
	static const struct {
		const char *row;
		uint64_t head, body;
		int want;
	} rows[] = {
	    {"good inline", HEAD(1, 1, 8), 0, 0},
	    {"good hot", HEAD(1, 1, HOT | 100), 64, 0},
	    {"good bulk", HEAD(1, 1, BULK | 8192), 0, 0},
	    {"wrap 0", HEAD(0, 1, 8), 0, IVSH_EAGAIN},
	    {"wrap 2", HEAD(2, 1, 8), 0, IVSH_EAGAIN},
	    {"inline of 9", HEAD(1, 1, 9), 0, IVSH_EPROTO},
	    {"inline of 2^28-1", HEAD(1, 1, 0x0fffffff), 0, IVSH_EPROTO},
	    {"reserved bit", HEAD(1, 1, 1u << 31 | 8), 0, IVSH_EPROTO},
	    {"good packed", HEAD(1, 1, PACKED | 63u << 22 | 64), 0, 0},
	    {"packed of 0", HEAD(1, 1, PACKED | 3u << 22), 0, IVSH_EPROTO},
	    {"packed beyond", HEAD(1, 1, PACKED | 63u << 22 | 65), 0, IVSH_EPROTO},
	    {"hot of 0", HEAD(1, 1, HOT), 0, IVSH_EPROTO},
	    {"hot beyond", HEAD(1, 1, HOT | 4097), 0, IVSH_EPROTO},
	    {"hot across the end", HEAD(1, 1, HOT | 65), 4096 - 64, IVSH_EPROTO},
	    {"hot at the end", HEAD(1, 1, HOT | 64), 4096 - 64, 0},
	    {"hot off a line", HEAD(1, 1, HOT | 64), 8, IVSH_EPROTO},
	    {"hot above 2^32", HEAD(1, 1, HOT | 64), UINT64_C(1) << 32, IVSH_EPROTO},
	    {"hot all ones", HEAD(1, 1, HOT | 64), UINT64_MAX, IVSH_EPROTO},
	    {"bulk beyond", HEAD(1, 1, BULK | 0x0fffffff), 0, IVSH_EPROTO},
	    {"bulk across the end", HEAD(1, 1, BULK | 8192), 64, IVSH_EPROTO},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_message message;
		struct ivsh_chan other;
		struct ivsh_record records[64];

		test_row(rows[i].row);
		world_format();
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		NEED_EQ(ivsh_chan_open(&other, &b.region, 2, records, 64), 0);
		world_desc(0, 1, 0)->body = rows[i].body;
		world_desc(0, 1, 0)->control = rows[i].head;
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), rows[i].want);
		if (rows[i].want == IVSH_EPROTO) {
			CHECK_EQ(ivsh_chan_send(&b.chan, 1, "x", 1), IVSH_EPROTO);
			CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EPROTO);
			CHECK_EQ(b.region.counters.errors, 1);
			CHECK_EQ(world_slot(1)->errors, 1);
		}
		CHECK_EQ(ivsh_chan_send(&other, 1, "x", 1), 0);
	}
}

/*
 * A payload is where the last one ended, or at its area's next beginning, unless it has the start
 * flag. SPEC R7.7.4.
 */
static void bad_position(void)
{
	static const struct {
		const char *row;
		uint64_t flags, body, areas; /* and so many areas further */
		int want;
	} rows[] = {
	    {"expected", 0, 128, 0, 0},
	    {"the last one again", 0, 0, 0, IVSH_EPROTO},
	    {"one line further", 0, 192, 0, IVSH_EPROTO},
	    {"one area further", 0, 128, 1, IVSH_EPROTO},
	    {"two areas further", 0, 128, 2, IVSH_EPROTO},
	    {"the next beginning", 0, 0, 1, 0},
	    {"a line behind it", 0, 64, 1, IVSH_EPROTO},
	    {"the beginning behind it", 0, 0, 2, IVSH_EPROTO},
	    {"start elsewhere", IVSH_WIRE_CONTROL_START, 192, 0, 0},
	};

	for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t kind = i & 1 ? BULK : HOT, area = i & 1 ? 8192 : 4096;
		struct ivsh_message message;

		test_row(rows[i / 2].row);
		world_format();
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		world_desc(0, 1, 0)->control = HEAD(1, 1, kind | 100);
		world_desc(0, 1, 1)->body = rows[i / 2].body + rows[i / 2].areas * area;
		world_desc(0, 1, 1)->control = HEAD(1, 1, kind | 100) | rows[i / 2].flags;
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), rows[i / 2].want);
	}
}

/* A read index can only lie between the last one and our own. SPEC R7.5.4. */
static void bad_read(void)
{
	static const struct {
		uint32_t read;
		int want;
	} rows[] = {{0, IVSH_EAGAIN}, {1, 0}, {64, 0}, {65, IVSH_EPROTO}, {UINT32_MAX, IVSH_EPROTO},
	    {1u << 31, IVSH_EPROTO}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_format();
		NEED_EQ(end_open(&a, 0, 1, false), 0);
		for (unsigned n = 0; n < 64; n++)
			NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
		world_ring(0, 1).receiver->read = rows[i].read;
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), rows[i].want);
	}
	/* Behind our own index, though a ring away from the last one it is not. */
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 8192), 0);
	world_ring(0, 1).receiver->read = 2;
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 8192), IVSH_EPROTO);
}

/* A new incarnation checks its own ring before it goes on in it. SPEC R7.9. */
static void scribbled(void)
{
	static const struct {
		const char *row;
		uint32_t index;
		uint64_t head, body;
		int want;
	} rows[] = {
	    {"untouched", 5, 0, 0, 0},
	    {"kind 3", 0, HEAD(1, 1, 3u << 28 | 8), 0, IVSH_EPROTO},
	    {"too long", 0, HEAD(1, 1, 9), 0, IVSH_EPROTO},
	    {"moved", 1, HEAD(1, 1, HOT | 100), 256, IVSH_EPROTO},
	    {"out of the area", 1, HEAD(1, 1, HOT | 100), 4096 - 64, IVSH_EPROTO},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		test_row(rows[i].row);
		world_format();
		world_desc(0, 1, 0)->control = HEAD(1, 1, HOT | 100);
		world_desc(0, 1, 1)->control = HEAD(1, 1, HOT | 100);
		world_desc(0, 1, 1)->body = 128;
		world_desc(0, 1, rows[i].index)->control = rows[i].head;
		world_desc(0, 1, rows[i].index)->body = rows[i].body;
		CHECK_EQ(end_open(&a, 0, 1, false), rows[i].want);
		if (rows[i].want == 0)
			CHECK_EQ(a.chan.tx.head, 2);
	}
	/* Each follows the last one, and together they are more than the area. */
	world_format();
	for (uint32_t n = 0; n < 5; n++) {
		world_desc(0, 1, n)->body = n * 1024;
		world_desc(0, 1, n)->control = HEAD(1, 1, HOT | 1024);
	}
	CHECK_EQ(end_open(&a, 0, 1, false), IVSH_EPROTO);
}

/*
 * Messages that stand behind the first descriptor that is not valid are of a batch that was cut: a
 * new incarnation makes them invalid, each by the counter of one round before. If that first
 * descriptor has another counter than that, it is damaged, and so is the ring. SPEC R7.9.2, R7.9.3.
 */
static void behind_a_gap(void)
{
	static const struct {
		const char *row;
		uint32_t start; /* of the generation */
		uint16_t
		    gap; /* the wrap counter in front of the messages; 2 is of the round before */
		int want;
	} rows[] = {
	    {"a batch that was cut", 0, 2, 0},
	    {"the gap is cleared", 0, 0, IVSH_EPROTO},
	    {"the gap is of two rounds before", 0, 1, IVSH_EPROTO},
	    {"the gap is of the next round", 0, 4, IVSH_EPROTO},
	    {"the gap is far away", 0, 0x8003, IVSH_EPROTO},
	    {"the generation's first round: nobody knows", 128, 0x8003, 0},
	};
	/* Of index 128 + 10 on: two messages, the gap, and messages here and there. */
	static const uint32_t behind[] = {13, 14, 20, 63, 64, 73};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		test_row(rows[i].row);
		world_format();
		world_ring(0, 1).sender->start = rows[i].start;
		world_ring(0, 1).receiver->read = 128 + 10;
		for (uint32_t n = 0; n < 64; n++)
			world_desc(0, 1, n)->control = HEAD(n < 10 ? 3 : 2, 1, 8);
		world_desc(0, 1, 10)->control = world_desc(0, 1, 11)->control = HEAD(3, 1, 8);
		world_desc(0, 1, 12)->control = HEAD(rows[i].gap, 1, 8);
		for (unsigned n = 0; n < sizeof(behind) / sizeof(behind[0]); n++)
			world_desc(0, 1, behind[n])->control = HEAD(3 + behind[n] / 64, 1, 8);
		CHECK_EQ(end_open(&a, 0, 1, false), rows[i].want);
		CHECK_EQ(world_desc(0, 1, 12)->control >> 48, rows[i].gap);
		for (unsigned n = 0; n < sizeof(behind) / sizeof(behind[0]); n++)
			CHECK_EQ(world_desc(0, 1, behind[n])->control >> 48,
			    3 + behind[n] / 64 - (rows[i].want == 0));
		if (rows[i].want == 0)
			CHECK_EQ(a.chan.tx.head, 128 + 12);
		/* A repair that was cut goes on; one that is complete changes nothing. */
		world_desc(0, 1, 20)->control = HEAD(3, 1, 8);
		CHECK_EQ(end_open(&a, 0, 1, false), rows[i].want);
		CHECK_EQ(world_desc(0, 1, 20)->control >> 48, rows[i].want == 0 ? 2 : 3);
	}
}

static const struct test tests[] = {
    {"descriptors", bad_descriptors},
    {"positions", bad_position},
    {"read index", bad_read},
    {"own ring scribbled", scribbled},
    {"behind a gap", behind_a_gap},
};

int main(void)
{
	return test_main("hostile", tests, sizeof(tests) / sizeof(tests[0]));
}
