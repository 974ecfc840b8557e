/* SPDX-License-Identifier: MIT */
/*
 * migrate_test.c - a machine is migrated at every access that a call makes, with a peer that goes
 * on. SPEC R5.11.
 *
 * Slot 0 is the machine's, slot 1 its peer's. QEMU copies again only what the machine itself wrote.
 * So at the destination a descriptor of the peer's may be new and its payload old: before each
 * access of each call in turn, the payload areas of the ring to slot 0 get the bytes of an earlier
 * message back, and the VM generation changes. Nothing of that may be taken for a message, and what
 * is lost must be reported on both sides. The hook of lib/core/atomic.h does the migration. Host
 * only.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"

#include <ivsh/stream.h>

#include <setjmp.h>
#include <string.h>

/* The payload areas of a ring: behind the lines and 64 descriptors. */
#define AREAS_OFFSET (256u + 64u * 16u)
#define AREAS (WORLD_RING - AREAS_OFFSET)
#define PORT_STREAM 40u

static struct end a, b;
static struct ivsh_peer peers[2][WORLD_SLOTS];
static uint8_t old_areas[AREAS];
static uint32_t stop_at, accesses; /* the access before which the machine is migrated; 0: none */
static uint32_t put, got;          /* the peer's messages: accepted, and the last one taken */
static uint32_t sent, arrived;     /* the machine's, likewise */
static uint32_t missing;           /* messages that were not taken, either way */
static struct ivsh_stream stream[2];
static uint8_t stream_buffer[2][512];
static bool streaming;

static uint8_t *areas(void)
{
	return (uint8_t *)world_ring(1, 0).sender + AREAS_OFFSET;
}

static void migrate(void)
{
	stop_at = 0;
	memcpy(areas(), old_areas, AREAS);
	world.vm_generation[0] += 0x100;
}

static uint32_t kill_at; /* the store before which the migrated machine is killed; 0: none */
static jmp_buf killed;

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)word;
	(void)size;
	if (kill_at != 0 && kind == HOOK_STORE && --kill_at == 0)
		longjmp(killed, 1);
	if (stop_at != 0 && kind != HOOK_STORED && ++accesses == stop_at)
		migrate();
}

/* The application's own accesses of a payload in the ring can be interrupted, too. */
static void copy_out(void *to, const void *from, uint32_t size)
{
	ivsh_hook(HOOK_LOAD, from, size);
	memcpy(to, from, size / 2);
	ivsh_hook(HOOK_LOAD, from, size);
	memcpy((uint8_t *)to + size / 2, (const uint8_t *)from + size / 2, size - size / 2);
	ivsh_hook(HOOK_LOAD, from, size);
}

/* --- Messages: a number, and its low byte up to the end -------------------------------------- */

static uint32_t size_of(uint32_t number)
{
	static const uint32_t sizes[] = {8, 64, 300, 5, 1024, 8, 100, 1500};

	return sizes[number / 2 % 8]; /* pairs: some are packed */
}

static void fill(uint8_t *bytes, uint32_t number)
{
	memset(bytes, (uint8_t)number, size_of(number));
	memcpy(bytes, &number, sizeof(number));
}

static void check(const uint8_t *bytes, uint32_t size, uint32_t *last, uint32_t most)
{
	uint32_t number;

	memcpy(&number, bytes, sizeof(number));
	CHECK(number > *last && number <= most);
	CHECK_EQ(size, size_of(number));
	for (uint32_t i = sizeof(number); i < size; i++)
		if (bytes[i] != (uint8_t)number) {
			CHECK_EQ(bytes[i], (uint8_t)number);
			break;
		}
	missing += number - *last - 1;
	*last = number;
}

static void peer_sends(uint32_t count)
{
	uint8_t bytes[2048];

	for (uint32_t i = 0; i < count; i++) {
		fill(bytes, put + 1);
		if (ivsh_chan_send(&b.chan, 1, bytes, size_of(put + 1)) != 0)
			return;
		put++;
	}
}

static int machine_sends(void)
{
	uint8_t bytes[2048];
	int error;

	fill(bytes, sent + 1);
	error = ivsh_chan_send(&a.chan, 1, bytes, size_of(sent + 1));
	sent += error == 0;
	return error;
}

static void peer_takes(void)
{
	struct ivsh_message message;
	uint8_t bytes[2048];

	while (ivsh_chan_receive(&b.chan, &message, bytes, sizeof(bytes)) == 0)
		if (message.port == 1)
			check(bytes, message.size, &arrived, sent);
}

/* --- The calls of the machine ----------------------------------------------------------------- */

static uint8_t in[16384];

static int call_receive(void)
{
	struct ivsh_message message;
	int error = ivsh_chan_receive(&a.chan, &message, in, sizeof(in));
	uint32_t number;

	memcpy(&number, in, sizeof(number));
	/* The last incarnation may have taken it. */
	if (!error && ((message.flags & IVSH_MAYBE_SEEN) == 0 || number > got))
		check(in, message.size, &got, put);
	return error;
}

static int call_receive_batch(void)
{
	struct ivsh_message batch[6];
	uint32_t received;
	int error = ivsh_chan_receive_batch(&a.chan, batch, 6, in, sizeof(in), &received);

	for (uint32_t i = 0; i < received; i++)
		check(batch[i].data, batch[i].size, &got, put);
	return error;
}

static int call_peek(void)
{
	struct ivsh_message message;
	int error = ivsh_chan_peek(&a.chan, &message);

	if (error)
		return error;
	copy_out(in, message.data, message.size);
	error = ivsh_chan_release(&a.chan);
	if (!error)
		check(in, message.size, &got, put);
	return error;
}

static int call_next(void)
{
	struct ivsh_message message;
	struct ivsh_chan *ch;
	int error = ivsh_region_next(&a.region, &ch, &message);

	return error ? error : call_receive();
}

/* A payload that goes on as it stands in the ring, from the memory into the memory. */
static int call_forward(void)
{
	struct ivsh_message message;
	void *payload;
	int error = ivsh_chan_peek(&a.chan, &message);
	uint32_t number;

	if (!error)
		error = ivsh_chan_reserve(&a.chan, message.size, &payload);
	if (error)
		return error;
	copy_out(payload, message.data, message.size);
	memcpy(&number, payload, sizeof(number));
	error = ivsh_chan_publish(&a.chan, 2);
	if (error)
		return error;
	check(payload, message.size, &got, put);
	return ivsh_chan_release(&a.chan) == 0 ? 0 : IVSH_EAGAIN;
}

static int call_send_batch(void)
{
	static uint8_t bytes[6][2048];
	struct ivsh_message batch[6];
	uint32_t count;
	int error;

	for (uint32_t i = 0; i < 6; i++) {
		fill(bytes[i], sent + 1 + i);
		batch[i] = (struct ivsh_message){bytes[i], size_of(sent + 1 + i), 1, 0};
	}
	error = ivsh_chan_send_batch(&a.chan, batch, 6, &count);
	sent += count;
	return error;
}

static int call_publish(void)
{
	void *payload;
	int error = ivsh_chan_reserve(&a.chan, size_of(sent + 1), &payload);

	if (error)
		return error;
	fill(payload, sent + 1);
	error = ivsh_chan_publish(&a.chan, 1);
	sent += error == 0;
	return error;
}

static int call_wait(void)
{
	return world_wait(&a.region, 1000000);
}

static int call_event(void)
{
	struct ivsh_peer_event event;
	int error = ivsh_region_peer_event(&a.region, peers[0], WORLD_SLOTS, &event);

	/* The one that the migration causes is looked for later. */
	if (!error && event.kind == IVSH_PEER_EVENT_MOVED)
		a.region.moved_reported--;
	return error == 0 ? IVSH_EAGAIN : error;
}

static int call_offer(void)
{
	return ivsh_region_offer(&a.region, "one", 9);
}

static int call_open(void)
{
	ivsh_chan_close(&a.chan);
	return ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64);
}

static int call_reset(void)
{
	return ivsh_chan_reset(&a.chan);
}

/* Bytes of a stream: each is the low byte of its number, which (got) counts. */
static int call_stream(void)
{
	uint32_t count;
	int error = ivsh_stream_read(&stream[0], in, sizeof(in), &count);

	for (uint32_t i = 0; i < count; i++)
		CHECK_EQ(in[i], (uint8_t)(got + i));
	got += count;
	return error;
}

static const struct {
	const char *name;
	int (*call)(void);
	bool streaming;
} calls[] = {
    {"receive", call_receive, false},
    {"receive batch", call_receive_batch, false},
    {"peek and release", call_peek, false},
    {"next", call_next, false},
    {"forward", call_forward, false},
    {"send", machine_sends, false},
    {"send batch", call_send_batch, false},
    {"publish", call_publish, false},
    {"wait", call_wait, false},
    {"event", call_event, false},
    {"offer", call_offer, false},
    {"open", call_open, false},
    {"reset", call_reset, false},
    {"stream", call_stream, true},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* --- Before and after ------------------------------------------------------------------------- */

static int attach(struct end *end, uint32_t self, uint64_t nonce)
{
	struct ivsh_mem mem = world_mem(self);
	struct ivsh_attach how = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = nonce,
	    .name = "migrated"};
	int error = ivsh_region_attach(&end->region, &mem, &how);

	return error ? error : ivsh_chan_open(&end->chan, &end->region, 1 - self, end->records, 64);
}

static void streams_begin(void)
{
	uint8_t bytes[400];
	uint32_t count;

	CHECK_EQ(ivsh_stream_open(&stream[0], &a.chan, PORT_STREAM, stream_buffer[0], 512), 0);
	CHECK_EQ(ivsh_stream_open(&stream[1], &b.chan, PORT_STREAM, stream_buffer[1], 512), 0);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 2; k++)
			CHECK_EQ(ivsh_stream_poll(&stream[k]), 0);
	memcpy(old_areas, areas(), AREAS);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (unsigned i = 0; i < 400; i += 100)
		CHECK_EQ(ivsh_stream_write(&stream[1], bytes + i, 100, &count), 0);
}

/* Both talked for a while, (talked) messages; then the peer has sent some more. */
static void begin(uint32_t talked, bool with_stream)
{
	stop_at = accesses = put = got = sent = arrived = missing = 0;
	streaming = with_stream;
	world_format();
	memset(peers, 0, sizeof(peers));
	CHECK_EQ(attach(&a, 0, 1001), 0);
	CHECK_EQ(attach(&b, 1, 2002), 0);
	for (uint32_t i = 0; i < talked && !with_stream; i++) {
		peer_sends(1);
		CHECK_EQ(call_receive(), 0);
		CHECK_EQ(machine_sends(), 0);
		peer_takes();
	}
	memcpy(old_areas, areas(), AREAS);
	if (with_stream)
		streams_begin();
	else
		peer_sends(6);
}

static uint32_t events_of(struct end *end, uint32_t which, enum ivsh_peer_event_kind kind)
{
	struct ivsh_peer_event event;
	uint32_t count = 0;

	world.now_ns += IVSH_PEER_EVENT_NS;
	while (ivsh_region_peer_event(&end->region, peers[which], WORLD_SLOTS, &event) == 0)
		count += event.kind == kind;
	return count;
}

/* Both go on. Whatever was missing has been reported on both sides. */
static void go_on(void)
{
	uint32_t lost;

	if (streaming) {
		CHECK_EQ(call_stream(), IVSH_EPEER);
		got = put = 0;
	}
	CHECK(!a.chan.dead || calls[0].call() == IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&a.chan), 0);
	for (unsigned i = 0; i < 30; i++) {
		while (call_receive() == 0)
			;
		(void)machine_sends();
		peer_takes();
		peer_sends(2);
		(void)world_wait(&a.region, 1);
		(void)world_wait(&b.region, 1);
	}
	while (call_receive() == 0)
		;
	peer_takes();
	/* The last ones arrive. */
	CHECK_EQ(got, put);
	CHECK_EQ(arrived, sent);
	CHECK(put > 40 && sent > 20);
	CHECK_EQ(a.region.moved, 1);
	CHECK_EQ(b.region.moved, 0);
	lost = events_of(&a, 0, IVSH_PEER_EVENT_MOVED);
	CHECK_EQ(lost, 1);
	CHECK(a.chan.lost != 0);
	CHECK(events_of(&b, 1, IVSH_PEER_EVENT_LOST) != 0);
	CHECK_EQ(a.region.counters.errors + b.region.counters.errors, 0);
}

/* False: (call) makes fewer accesses. */
static bool migrated(unsigned call, uint32_t talked, uint32_t at)
{
	begin(talked, calls[call].streaming);
	stop_at = at;
	(void)calls[call].call();
	if (stop_at != 0)
		return false;
	go_on();
	return true;
}

static void every_access(void)
{
	for (unsigned call = 0; call < CALLS; call++) {
		test_row(calls[call].name);
		for (uint32_t talked = 0; talked < 36; talked += 5) {
			uint32_t at = 1;

			while (migrated(call, talked, at))
				at++;
			CHECK(at > 2);
		}
	}
}

/* Without a migration the same calls deliver everything. */
static void never(void)
{
	for (unsigned call = 0; call < CALLS; call++) {
		test_row(calls[call].name);
		begin(20, calls[call].streaming);
		(void)calls[call].call();
		for (unsigned i = 0; i < 8 && !streaming; i++) {
			(void)call_receive();
			peer_takes();
		}
		CHECK_EQ(missing, 0);
		CHECK_EQ(got, streaming ? 400 : put);
		CHECK_EQ(a.chan.lost + b.chan.lost, 0);
	}
}

/* Number (n), of 8 bytes or of 5: neighbours share no record. */
static int send_number(uint32_t n)
{
	uint64_t bytes = n;

	return ivsh_chan_send(&a.chan, 1, &bytes, n % 2 ? 5 : 8);
}

/*
 * The machine is migrated in a batch, and its peer has left: nothing is lost, what the batch has
 * accepted is there, and nothing of the rest ever comes. SPEC R5.11.7, R5.11.9, R7.9.3.
 */
static void quiet_batch(void)
{
	uint32_t cut = 0, half = 0;
	bool more = true;

	for (uint32_t k = 1; more; k++) {
		uint64_t bytes[6] = {10, 11, 12, 13, 14, 15}, last = 0;
		struct ivsh_message batch[6], message;
		uint32_t count = 0, taken = 0;
		int error;

		world_format();
		NEED_EQ(attach(&a, 0, 1), 0);
		NEED_EQ(attach(&b, 1, 2), 0);
		CHECK_EQ(send_number(0), 0);
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		ivsh_chan_close(&b.chan);
		ivsh_region_detach(&b.region);
		memcpy(old_areas, areas(), AREAS);
		for (uint32_t i = 0; i < 6; i++)
			batch[i] = (struct ivsh_message){&bytes[i], i % 2 ? 5 : 8, 1, 0};
		accesses = 0;
		stop_at = k;
		error = ivsh_chan_send_batch(&a.chan, batch, 6, &count);
		more = stop_at == 0;
		stop_at = 0;
		CHECK_EQ(error, count == 6 ? 0 : IVSH_EAGAIN);
		cut += count < 6;
		for (uint32_t i = 1; i < 6; i++)
			half += count == 0 && world_desc(0, 1, 1 + i)->body == bytes[i];
		/* It goes on by single messages. Each time the peer is at the ring's end. */
		for (uint32_t i = 0; i < 6; i++) {
			error = send_number(20 + i);
			if (error == IVSH_EAGAIN && i == 0) /* it was moved behind the batch */
				error = send_number(20);
			CHECK_EQ(error, 0);
			if (i == 0)
				NEED_EQ(attach(&b, 1, 3), 0);
			while (ivsh_chan_receive(&b.chan, &message, &last, sizeof(last)) == 0) {
				CHECK_EQ(last, taken < count ? 10 + taken : 20 + taken - count);
				last = 0;
				taken++;
			}
			CHECK_EQ(taken, count + 1 + i);
		}
		CHECK_EQ(a.region.counters.lost + b.region.counters.lost, 0);
	}
	CHECK(cut > 5);
	CHECK(half > 5);
}

/* The moved machine makes a call, and is killed before store number (at), if there is one. */
static bool dies_at(uint32_t at)
{
	world.vm_generation[0] += 0x100;
	kill_at = at;
	if (setjmp(killed) != 0)
		return true;
	(void)call_receive();
	kill_at = 0;
	return false;
}

/*
 * The machine is migrated with messages under way, and killed as it begins its rings anew. Its next
 * incarnation goes on. What is missing was reported on both sides. SPEC R5.11.5, R5.11.10.
 */
static bool killed_at(uint32_t at, uint32_t *cleared)
{
	uint32_t lost_a = 0, lost_b = 0;
	bool dies;

	begin(5, false);
	CHECK_EQ(machine_sends() + machine_sends() + machine_sends(), 0);
	dies = dies_at(at);
	CHECK_EQ(attach(&a, 0, 3003), 0);
	for (unsigned i = 0; i < 10; i++) {
		(void)machine_sends();
		peer_takes();
		while (call_receive() == 0)
			;
		lost_a += events_of(&a, 0, IVSH_PEER_EVENT_LOST);
		lost_b += events_of(&b, 1, IVSH_PEER_EVENT_LOST);
	}
	CHECK_EQ(arrived, sent);
	CHECK(missing == 0 || (lost_a != 0 && lost_b != 0));
	*cleared += missing != 0 && dies;
	return dies;
}

static void killed_anew(void)
{
	uint32_t at = 1, cleared = 0;

	while (killed_at(at, &cleared))
		at++;
	/* Before each of the descriptors of a ring at least. */
	CHECK(at > 64);
	CHECK(cleared > 32);
}

static const struct test tests[] = {
    {"killed as it begins anew", killed_anew},
    {"in a batch, to a peer that left", quiet_batch},
    {"never", never},
    {"every access", every_access},
};

int main(void)
{
	return test_main("migrate", tests, sizeof(tests) / sizeof(tests[0]));
}
