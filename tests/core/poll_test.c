/* SPDX-License-Identifier: MIT */
/*
 * poll_test.c - which words a message on the fast path reads. While the notify flags of the other
 * side are 0, these are its own descriptor, its payload, the flags, and the slot's owner. SPEC
 * R5.6, R8.2, and 9, "What a call looks at".
 *
 * The hook of lib/core/atomic.h writes down each access. Host only.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"

static struct end a, b;
static uint8_t in[8192], out[8192];

/* Which words a call made accesses to, and how many. */
enum word {
	DESC = 1 << 0,
	HEARTBEAT = 1 << 1,
	SENDER_FLAGS = 1 << 2,
	RECEIVER_FLAGS = 1 << 3,
	MESSAGE_REQUEST = 1 << 4,
	SPACE_REQUEST = 1 << 5,
	READ = 1 << 6,
	EPOCH = 1 << 7,
	PENDING = 1 << 8,
	NONCE = 1 << 9,
	OTHER = 1 << 10,
};

static uint32_t words, accesses;
static bool counting;

static enum word word_of(const void *word)
{
	const struct ring ring = world_ring(0, 1);
	const uint8_t *at = word, *desc = (const uint8_t *)ring.desc;

	if (at >= desc && at < desc + 64 * sizeof(struct ivsh_wire_desc))
		return DESC;
	if (word == &world_slot(0)->heartbeat || word == &world_slot(1)->heartbeat)
		return HEARTBEAT;
	if (word == &world_slot(0)->nonce || word == &world_slot(1)->nonce)
		return NONCE;
	if (word == &ring.sender->notify_flags)
		return SENDER_FLAGS;
	if (word == &ring.receiver->notify_flags)
		return RECEIVER_FLAGS;
	if (word == &ring.receiver->notify_request)
		return MESSAGE_REQUEST;
	if (word == &ring.sender->notify_request)
		return SPACE_REQUEST;
	if (word == &ring.receiver->read)
		return READ;
	if (word == &ring.sender->generation || word == &ring.receiver->reset_request)
		return EPOCH;
	return at == world_pending(0, 1) ? PENDING : OTHER;
}

/* Behind the load of descriptor (gap), a peer makes each valid whose control word is loaded. */
static struct {
	uint32_t gap, last; /* last: the index of the last one */
	uint32_t times, most;
	bool begun;
} tempting;

static void tempt(const void *word)
{
	struct ivsh_wire_desc *desc = world_desc(0, 1, 0);

	for (uint32_t i = 0; i < 64 && tempting.times < tempting.most; i++) {
		if (word != &desc[i].control)
			continue;
		tempting.begun |= i == tempting.gap;
		if (!tempting.begun || i == tempting.gap)
			return;
		tempting.last += 1 + ((i - tempting.last - 1) & 63);
		desc[i].control = (uint64_t)(tempting.last / 64 + 1) << 48 | 8;
		tempting.times++;
	}
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)size;
	word = world.memory + world_offset(word);
	if (kind == HOOK_LOAD && tempting.most != 0)
		tempt(word);
	if (!counting || kind == HOOK_STORED)
		return;
	words |= word_of(word);
	accesses++;
}

static void count_begin(void)
{
	words = accesses = 0;
	counting = true;
}

static uint32_t count_end(void)
{
	counting = false;
	return words;
}

/* Both areas are known, and both sides have all their credit. */
static void open_both(void)
{
	static const uint32_t sizes[] = {8, 100, 2000};

	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct ivsh_message message;

		CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, sizes[i]), 0);
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
	}
}

/* Send one message of (size) bytes in one of the ways. */
static int send(unsigned way, uint32_t size)
{
	struct ivsh_message message = {out, size, 1, 0};
	uint32_t sent;
	void *payload;
	int error;

	if (way == 0)
		return ivsh_chan_send(&a.chan, 1, out, size);
	if (way == 1)
		return ivsh_chan_send_batch(&a.chan, &message, 1, &sent);
	error = ivsh_chan_reserve(&a.chan, size, &payload);
	return error ? error : ivsh_chan_publish(&a.chan, 1);
}

static int receive(unsigned way)
{
	struct ivsh_message message;
	uint32_t received;
	int error;

	if (way == 0)
		return ivsh_chan_receive(&b.chan, &message, in, sizeof(in));
	if (way == 1)
		return ivsh_chan_receive_batch(&b.chan, &message, 1, in, sizeof(in), &received);
	error = ivsh_chan_peek(&b.chan, &message);
	return error ? error : ivsh_chan_release(&b.chan);
}

/* The notify flags are 0, whatever requests stand there. */
static void fast_paths(void)
{
	static const uint32_t sizes[] = {8, 0, 3, 9, 64, 65, 500, 1100};

	for (unsigned way = 0; way < 3; way++)
		for (unsigned i = 0; i < 8; i++) {
			open_both();
			world_ring(0, 1).receiver->notify_request =
			    1u << IVSH_WIRE_REQUEST_SHIFT | 1;
			count_begin();
			CHECK_EQ(send(way, sizes[i]), 0);
			CHECK_EQ(count_end(), DESC | NONCE | HEARTBEAT | RECEIVER_FLAGS);
			CHECK(accesses <= 6);
			count_begin();
			CHECK_EQ(receive(way), 0);
			CHECK_EQ(count_end(), DESC | NONCE | HEARTBEAT | SPACE_REQUEST);
			CHECK(accesses <= 10);
		}
	CHECK_EQ(world.rings, 0);
}

/* If a flag is set, the word that it is about is loaded. */
static void asked(void)
{
	static const struct {
		uint32_t notify_flags, words;
	} rows[] = {
	    {IVSH_WIRE_NOTIFY_REQUEST, MESSAGE_REQUEST},
	    {IVSH_WIRE_NOTIFY_REQUEST | IVSH_WIRE_NOTIFY_PENDING, MESSAGE_REQUEST | READ | PENDING},
	    {IVSH_WIRE_NOTIFY_RESET, MESSAGE_REQUEST},
	};

	for (unsigned way = 0; way < 3; way++)
		for (unsigned i = 0; i < 3; i++) {
			open_both();
			world_ring(0, 1).receiver->notify_flags = rows[i].notify_flags;
			world_ring(0, 1).receiver->notify_request =
			    1u << IVSH_WIRE_REQUEST_SHIFT | 1;
			count_begin();
			CHECK_EQ(send(way, 8), 0);
			CHECK_EQ(
			    count_end(), DESC | NONCE | HEARTBEAT | RECEIVER_FLAGS | rows[i].words);
			CHECK_EQ(world.rings, 1);
			/* The receiver's request is seen in its word, whatever the flags say. */
			world_ring(0, 1).sender->notify_request = 1u << IVSH_WIRE_REQUEST_SHIFT | 1;
			world_ring(0, 1).sender->notify_flags = i ? IVSH_WIRE_NOTIFY_REQUEST : 0;
			count_begin();
			CHECK_EQ(receive(way), 0);
			CHECK_EQ(count_end(),
			    DESC | NONCE | HEARTBEAT | SPACE_REQUEST | READ | SENDER_FLAGS);
			CHECK_EQ(world.rings, i ? 2 : 1);
		}
}

/* In a batch each message reads only its descriptor, and the slot before each store. */
static void batches(void)
{
	static struct ivsh_message messages[12];
	static const uint32_t sizes[] = {8, 40, 3};
	uint32_t count;

	for (unsigned i = 0; i < 3; i++) {
		open_both();
		for (unsigned n = 0; n < 12; n++)
			messages[n] = (struct ivsh_message){out, sizes[i], 1, 0};
		count_begin();
		CHECK_EQ(ivsh_chan_send_batch(&a.chan, messages, 12, &count), 0);
		CHECK_EQ(count_end(), DESC | NONCE | HEARTBEAT | RECEIVER_FLAGS);
		CHECK(accesses <= 3 * 12 + 3);
		count_begin();
		CHECK_EQ(ivsh_chan_receive_batch(&b.chan, messages, 12, in, sizeof(in), &count), 0);
		CHECK_EQ(count, 12);
		CHECK_EQ(count_end(), DESC | NONCE | HEARTBEAT | SPACE_REQUEST);
		CHECK(accesses <= 2 * 12 + 6);
	}
}

/*
 * What a new incarnation makes invalid behind its index is no more than the ring has, whatever
 * comes there. SPEC R7.9.3, R9.1.
 */
static void repair(void)
{
	uint32_t of_round[] = {0, 0};

	world_format();
	world_desc(0, 1, 0)->control = world_desc(0, 1, 1)->control = UINT64_C(1) << 48 | 8;
	tempting.gap = tempting.last = 2;
	tempting.most = 1000;
	count_begin();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	(void)count_end();
	tempting.most = 0;
	CHECK_EQ(a.chan.tx.head, 2);
	CHECK_EQ(tempting.times, 61);
	CHECK(accesses <= 256 + 4 * 64);
	for (uint32_t i = 0; i < 64; i++)
		if (world_desc(0, 1, i)->control >> 48 < 2)
			of_round[world_desc(0, 1, i)->control >> 48]++;
	CHECK_EQ(of_round[1], 2);
	CHECK_EQ(of_round[0], 62);
}

static const struct test tests[] = {
    {"fast paths", fast_paths},
    {"repair", repair},
    {"asked", asked},
    {"batches", batches},
};

int main(void)
{
	return test_main("poll", tests, sizeof(tests) / sizeof(tests[0]));
}
