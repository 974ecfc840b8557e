/* SPDX-License-Identifier: MIT */
/*
 * least_test.c - a program that names no restart, reset or counters at its attach: messages go as
 * ever, and each of what it does without is an error that it is given. SPEC R5.14.
 *
 * Slot 0 is that program; slot 1 is its peer, which names all, unless the case says otherwise.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct end a, b;

/* Attach as (self) with none of the steps. */
static int least_open(struct end *end, uint32_t self)
{
	static uint64_t nonce = 7000;
	struct ivsh_mem mem = world_mem(self);
	struct ivsh_attach how = {.nonce = ++nonce};
	int error = ivsh_region_attach(&end->region, &mem, &how);

	return error ? error : ivsh_chan_open(&end->chan, &end->region, 1 - self, end->records, 64);
}

static void open_both(void)
{
	world_format();
	CHECK_EQ(least_open(&a, 0), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
}

static int send_to(struct end *end, uint32_t number, uint32_t size)
{
	static uint8_t bytes[8192];

	memset(bytes, (int)number, size);
	return ivsh_chan_send(&end->chan, (uint16_t)number, bytes, size);
}

/* Take the message (number) of (size) bytes. */
static void taken(struct end *end, uint32_t number, uint32_t size)
{
	static uint8_t bytes[8192];
	struct ivsh_message message = {0};

	NEED_EQ(ivsh_chan_receive(&end->chan, &message, bytes, sizeof(bytes)), 0);
	CHECK_EQ(message.size, size);
	CHECK_EQ(message.port, (uint16_t)number);
	CHECK_EQ(message.flags, 0);
	for (uint32_t i = 0; i < size; i++)
		NEED_EQ(bytes[i], (uint8_t)number);
}

static int take(struct end *end)
{
	struct ivsh_message message;
	uint8_t bytes[64];

	return ivsh_chan_receive(&end->chan, &message, bytes, sizeof(bytes));
}

/* The answer of (end) to many sends and receives: the last one. */
static int go_on(struct end *end, bool sends)
{
	int error = 0;

	for (unsigned i = 0; i < 600 && (error == 0 || error == IVSH_EAGAIN); i++)
		error = sends ? send_to(end, 1, 8) : take(end);
	return error;
}

static void messages_go(void)
{
	static const uint32_t sizes[] = {0, 1, 7, 8, 9, 16, 33, 64, 65, 1000, 1024, 1025, 4096};
	uint32_t number = 0;

	for (unsigned both = 0; both < 2; both++) {
		world_format();
		NEED_EQ(least_open(&a, 0), 0);
		NEED_EQ(both ? least_open(&b, 1) : end_open(&b, 1, 0, false), 0);
		for (unsigned round = 0; round < 100; round++) {
			for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
				number++;
				NEED_EQ(send_to(&a, number, sizes[i]), 0);
				NEED_EQ(send_to(&b, number, sizes[i]), 0);
				taken(&b, number, sizes[i]);
				taken(&a, number, sizes[i]);
			}
		}
		for (unsigned i = 0; i < 64; i++)
			NEED_EQ(send_to(&a, i, 8), 0);
		CHECK_EQ(send_to(&a, 0, 8), IVSH_EAGAIN);
		for (unsigned i = 0; i < 64; i++)
			taken(&b, i, 8);
		CHECK_EQ(take(&b), IVSH_EAGAIN);
		CHECK_EQ(send_to(&a, 1, 100), 0);
		taken(&b, 1, 100);
		ivsh_chan_close(&a.chan);
		ivsh_region_detach(&a.region);
		CHECK_EQ(world_slot(0)->state, IVSH_WIRE_STATE_DETACHED);
	}
}

/* A ring that an earlier incarnation used is refused, and nothing in it changes. */
static void restart_refused(void)
{
	struct ivsh_wire_receiver receiver;
	struct ivsh_wire_sender sender;
	struct ivsh_message message;
	uint8_t bytes[64];

	open_both();
	CHECK_EQ(send_to(&a, 5, 40), 0);
	CHECK_EQ(send_to(&b, 6, 40), 0);
	end_kill(&a);
	sender = *world_ring(0, 1).sender;
	receiver = *world_ring(1, 0).receiver;
	CHECK_EQ(least_open(&a, 0), IVSH_EINVAL);
	CHECK_EQ(send_to(&a, 1, 8), IVSH_EPROTO);
	CHECK_EQ(take(&a), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&a.chan), IVSH_EINVAL);
	CHECK_EQ(memcmp(&sender, world_ring(0, 1).sender, sizeof(sender)), 0);
	CHECK_EQ(memcmp(&receiver, world_ring(1, 0).receiver, sizeof(receiver)), 0);
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	/* One that names it goes on there: nothing is lost. */
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	taken(&b, 5, 40);
	NEED_EQ(ivsh_chan_receive(&a.chan, &message, bytes, sizeof(bytes)), 0);
	CHECK_EQ(message.flags, IVSH_MAYBE_SEEN);
	CHECK_EQ(message.port, 6);
}

/* Closed and opened again by one incarnation, too. */
static void reopen_refused(void)
{
	open_both();
	ivsh_chan_close(&a.chan);
	CHECK_EQ(ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64), IVSH_EINVAL);
	CHECK_EQ(send_to(&a, 1, 8), IVSH_EPROTO);
}

/* The peer finds damage in the ring that it receives from, and requests a reset. */
static void reset_of_receiver(void)
{
	uint32_t errors;

	open_both();
	CHECK_EQ(send_to(&a, 1, 8), 0);
	world_desc(0, 1, 0)->control |= IVSH_WIRE_CONTROL_RESERVED;
	CHECK_EQ(take(&b), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&b.chan), 0);
	errors = (uint32_t)a.region.counters.errors;
	CHECK_EQ(go_on(&a, true), IVSH_EPROTO);
	CHECK_EQ(a.region.counters.errors, errors + 1);
	CHECK_EQ(take(&a), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&a.chan), IVSH_EINVAL);
	CHECK_EQ(a.chan.dead, true);
}

/* The peer begins a new generation of the ring that it sends into. */
static void reset_of_sender(void)
{
	open_both();
	CHECK_EQ(send_to(&b, 1, 8), 0);
	world_ring(1, 0).receiver->read = 1000;
	CHECK_EQ(go_on(&b, true), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&b.chan), 0);
	world_ring(1, 0).receiver->read = 0;
	CHECK_EQ(go_on(&a, false), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&a.chan), IVSH_EINVAL);
}

/* A wait that finds it says so. */
static void reset_in_a_wait(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP, .wanted = IVSH_EVENT_BROKEN};
	uint32_t events = 0;

	open_both();
	world_ring(1, 0).receiver->read = 1000;
	CHECK_EQ(send_to(&b, 1, 8), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&b.chan), 0);
	world_ring(1, 0).receiver->read = 0;
	CHECK_EQ(ivsh_region_wait(&a.region, &wait, 1000000000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_BROKEN);
	CHECK_EQ(a.chan.dead, true);
}

/* A machine that was moved, and a memory that went back, have lost their slot. */
static void moved(void)
{
	static uint8_t saved[WORLD_SIZE];

	open_both();
	CHECK_EQ(send_to(&a, 1, 8), 0);
	world.vm_generation[0]++;
	memcpy(saved, world.memory, sizeof(saved));
	CHECK_EQ(send_to(&a, 2, 8), IVSH_ELOST);
	CHECK_EQ(send_to(&a, 2, 80), IVSH_ELOST);
	CHECK_EQ(take(&a), IVSH_ELOST);
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	CHECK_EQ(memcmp(saved, world.memory, sizeof(saved)), 0);
	taken(&b, 1, 8);
	CHECK_EQ(least_open(&a, 0), IVSH_EINVAL);

	open_both();
	memcpy(saved, world.memory, sizeof(saved));
	CHECK_EQ(send_to(&a, 1, 8), 0);
	memcpy(world.memory, saved, sizeof(saved));
	CHECK_EQ(go_on(&a, true), IVSH_ELOST);
}

static void removed(void)
{
	open_both();
	world.removed = true;
	world_slot(0)->nonce = UINT64_MAX;
	CHECK_EQ(send_to(&a, 1, 8), IVSH_EREMOVED);
	CHECK_EQ(take(&a), IVSH_EREMOVED);
}

/* The slot's counters are 0, whatever stood there; the program's own are counted. */
static void counters(void)
{
	static const uint64_t zero[sizeof(struct ivsh_counters) / sizeof(uint64_t)];

	world_format();
	memset(&world_slot(0)->sent, 0x55, sizeof(zero));
	CHECK_EQ(least_open(&a, 0), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(memcmp(&world_slot(0)->sent, zero, sizeof(zero)), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		CHECK_EQ(send_to(&a, i, 8), 0);
		taken(&b, i, 8);
	}
	CHECK_EQ(a.region.counters.sent, 1000);
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	ivsh_chan_close(&b.chan);
	ivsh_region_detach(&b.region);
	CHECK_EQ(memcmp(&world_slot(0)->sent, zero, sizeof(zero)), 0);
	CHECK_EQ(world_slot(1)->received, 1000);
}

/*
 * A program that discards what was sent before it came takes none of it, and what comes then: with
 * a ring that was full, in which the sender goes on at once where the backlog stood. SPEC R5.8.
 */
static void backlog_discarded(void)
{
	static const uint32_t backlogs[] = {0, 1, 5, 63, 64};
	struct ivsh_mem mem;
	struct ivsh_attach how = {.nonce = 1, .discard = ivsh_attach_discard};

	for (unsigned i = 0; i < sizeof(backlogs) / sizeof(backlogs[0]); i++) {
		world_format();
		mem = world_mem(0);
		CHECK_EQ(end_open(&b, 1, 0, false), 0);
		for (uint32_t n = 0; n < backlogs[i]; n++)
			NEED_EQ(send_to(&b, 1, n % 2 ? 8 : 60), 0);
		NEED_EQ(ivsh_region_attach(&a.region, &mem, &how), 0);
		CHECK_EQ(a.region.counters.discarded, backlogs[i]);
		/* The sender has what was discarded back before the receiver opens the ring. */
		NEED_EQ(send_to(&b, 2, 60), 0);
		NEED_EQ(ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64), 0);
		taken(&a, 2, 60);
		for (uint32_t n = 3; n < 300; n++) {
			NEED_EQ(send_to(&b, n, n % 3 ? 8 : 100), 0);
			taken(&a, n, n % 3 ? 8 : 100);
		}
		CHECK_EQ(take(&a), IVSH_EAGAIN);
		CHECK_EQ(a.chan.dead || b.chan.dead, false);
	}
}

/* reset alone: generations are followed, and a restart is refused. */
static void reset_alone(void)
{
	struct ivsh_mem mem;
	struct ivsh_attach how = {.nonce = 1, .reset = ivsh_attach_reset};

	world_format();
	mem = world_mem(0);
	CHECK_EQ(ivsh_region_attach(&a.region, &mem, &how), 0);
	CHECK_EQ(ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(send_to(&a, 1, 8), 0);
	world_desc(0, 1, 0)->control |= IVSH_WIRE_CONTROL_RESERVED;
	CHECK_EQ(take(&b), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reset(&b.chan), 0);
	for (unsigned i = 0; i < 8; i++) {
		(void)world_wait(&a.region, 1);
		(void)world_wait(&b.region, 1);
	}
	CHECK_EQ(a.chan.lost, 1);
	CHECK_EQ(send_to(&a, 2, 20), 0);
	taken(&b, 2, 20);
	end_kill(&a);
	how.nonce = 2;
	CHECK_EQ(ivsh_region_attach(&a.region, &mem, &how), 0);
	CHECK_EQ(ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64), IVSH_EINVAL);
}

static const struct test tests[] = {
    {"messages go", messages_go},
    {"restart: refused", restart_refused},
    {"opened again: refused", reopen_refused},
    {"reset: the receiver's request", reset_of_receiver},
    {"reset: the sender's generation", reset_of_sender},
    {"reset: in a wait", reset_in_a_wait},
    {"moved: the slot is lost", moved},
    {"removed", removed},
    {"counters stay 0", counters},
    {"backlog discarded", backlog_discarded},
    {"reset alone", reset_alone},
};

int main(void)
{
	return test_main("least", tests, sizeof(tests) / sizeof(tests[0]));
}
