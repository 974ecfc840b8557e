/* SPDX-License-Identifier: MIT */
/*
 * its_test.c - the ITS of aarch64 and the tables of LPIs, over devices that lie (fake_its.h). Each
 * case is a machine of its own, in a process of its own.
 */
#include "bare/aarch64/controller.h"
#include "bare/aarch64/host_bridge.h"
#include "bare/aarch64/its_queue.h"
#include "bare/aarch64/slots.h"
#include "tests/bare/fake_its.h"
#include "tests/lib/test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct machine machines[] = {
    {.name = "QEMU's"},
    {.name = "the processor by its address", .by_address = true},
    {.name = "pages of 4 KiB", .page = 1},
    {.name = "pages of 16 KiB", .page = 2},
    {.name = "pages of 64 KiB", .page = 3},
    {.name = "entries of 32 bytes", .table_entry = 32},
    {.name = "few devices", .device_bits = 6},
    {.name = "many devices", .device_bits = 32},
    {.name = "few events", .event_bits = 5, .slots = 32},
    {.name = "few LPIs", .lpi_bits = 6, .slots = 64},
    {.name = "the fewest bits of an LPI", .id_bits = 14},
    {.name = "a former owner's tables", .owned = true},
    {.name = "a stall that goes away", .stalls = 2, .recovers = true},
    {.name = "no bits of an LPI", .id_bits = 10, .why = "no LPIs"},
    {.name = "no LPIs", .no_lpis = true, .why = "no LPIs"},
    {.name = "no memory", .no_memory = 1, .why = "memory"},
    {.name = "memory for one table", .no_memory = 2, .why = "memory"},
    {.name = "memory for the LPIs alone", .no_memory = 3, .why = "memory"},
    {.name = "no memory for the queue", .no_memory = 5, .why = "memory"},
    {.name = "an ITS that is not let go",
	.owned = true,
	.keeps_its = true,
	.why = "its ITS does not leave"},
    {.name = "LPI tables that are not let go",
	.owned = true,
	.keeps_lpis = true,
	.why = "LPI tables"},
    {.name = "an ITS that stops",
	.stops = 2,
	.why = "takes no commands",
	.line = "does not execute its commands"},
    {.name = "a stall that stays", .stalls = 2, .why = "takes no commands", .line = "has stalled"},
};

static const struct a64_messages *messages;
static const char *why;

static void begin(const struct machine *m)
{
	fake_init(m);
	messages = a64_its(NULL, &why);
}

static int take(uint32_t function, uint32_t index)
{
	uint64_t address = 0;
	uint32_t data = UINT32_MAX;
	int result = messages->open(function, index, &address, &data);

	if (result == 0) {
		uint32_t slot = a64_slots_find(function, index);
		uint32_t i = fake_find(a64_requester(NULL, function));

		FAULT(address != FRAME + 0x10040);
		FAULT(i == DEVICES || its.devices[i].intid[data] != messages->first + slot);
	}
	return result;
}

static void give(uint32_t function, uint32_t index)
{
	messages->close(a64_slots_find(function, index));
}

static uint32_t mapped(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < DEVICES; i++)
		count += its.devices[i].valid;
	return count;
}

/* All slots for one function, and one of them again. */
static void row(const struct machine *m)
{
	begin(m);
	CHECK(m->why ? why != NULL && strstr(why, m->why) != NULL : why == NULL);
	CHECK(m->line ? strstr(printed, m->line) != NULL : printed[0] == '\0');
	CHECK_EQ(messages == NULL, m->why != NULL);
	if (messages == NULL)
		return;
	CHECK_EQ(messages->count, machine.slots);
	for (uint32_t index = 0; index < machine.slots; index++)
		CHECK_EQ(take(8, index), 0);
	CHECK_EQ(take(8, machine.slots), -1);
	CHECK_EQ(take(0x20, 0), -1);
	give(8, machine.slots / 2);
	CHECK_EQ(take(0x20, 0), 0);
	CHECK_EQ(mapped(), 2);
	give(0x20, 0);
	CHECK_EQ(take(8, machine.slots / 2), 0);
	for (uint32_t index = machine.slots; index-- > 0;)
		give(8, index);
	CHECK_EQ(mapped(), 0);
}

/* Two functions that share a DeviceID, and more of them than there are records. */
static void shared(const struct machine *m)
{
	begin(m);
	NEED_EQ(messages != NULL, 1);
	CHECK_EQ(take(0x10, 0), 0);
	CHECK_EQ(take(0x11, 0), 0);
	CHECK_EQ(mapped(), 1);
	give(0x10, 0);
	CHECK_EQ(mapped(), 1);
	CHECK_EQ(take(0x10, 0), 0);
	give(0x11, 0);
	give(0x10, 0);
	CHECK_EQ(mapped(), 0);
	CHECK_EQ(take(0x99, 0), -1); /* no way to the ITS */
	for (uint32_t i = 0; i < 16; i++)
		CHECK_EQ(take(0x100 + i, 0), 0);
	CHECK_EQ(take(0x200, 0), -1);
	give(0x105, 0);
	CHECK_EQ(take(0x200, 0), 0);
	CHECK_EQ(mapped(), 16);
	for (uint32_t i = 0; i < 3000; i++) {
		give(0x200, 0);
		CHECK_EQ(take(0x200, 0), 0);
	}
	CHECK(block_count < 24); /* a table serves the next device */
}

/* A DeviceID that the table has no entry for. */
static void beyond(const struct machine *m)
{
	begin(m);
	NEED_EQ(messages != NULL, 1);
	CHECK_EQ(take(0x3f, 0), 0);
	CHECK_EQ(take(0x40, 0), -1);
	CHECK_EQ(take(0x3f, 1), 0);
}

/* The ITS stops while vectors are open: a line, once, and no interrupt is had or given back. */
static void stops(const struct machine *m)
{
	begin(m);
	NEED_EQ(messages != NULL, 1);
	CHECK_EQ(take(8, 0), 0);
	machine.stops = its.commands + 1;
	give(8, 0);
	CHECK(strstr(printed, "does not execute its commands") != NULL);
	printed[0] = '\0';
	CHECK_EQ(take(8, 1), -1);
	CHECK_EQ(a64_slots_find(8, 0), 0);
	for (uint32_t index = 2; index < 300; index++)
		CHECK_EQ(take(8, index), -1);
	CHECK_EQ(printed[0], '\0');
}

/* More commands than the queue has room for: it waits for the ITS. */
static void full(const struct machine *m)
{
	uint32_t before;

	begin(m);
	NEED_EQ(messages != NULL, 1);
	before = its.commands;
	for (uint32_t i = 0; i < 1000; i++)
		a64_its_post(A64_ITS_SYNC, 0, 0, fake_target());
	CHECK(a64_its_finish());
	CHECK_EQ(its.commands - before, 1000);
}

/*
 * Run (f) in a process of its own: the sources under test keep what they have. Answers how it
 * ended; 0: well.
 */
static int apart(void (*f)(const struct machine *), const struct machine *m)
{
	int status = -1;
	pid_t child;

	test_row(m->name);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		f(m);
		CHECK_EQ(its.faults, 0);
		fflush(stdout);
		_exit(test_failed());
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	return status;
}

static void test_machines(void)
{
	int status[COUNT(machines)];

	for (unsigned i = 0; i < COUNT(machines); i++)
		status[i] = apart(row, &machines[i]);
	for (unsigned i = 0; i < COUNT(machines); i++) {
		test_row(machines[i].name);
		CHECK_EQ(status[i], 0);
	}
}

static void test_shared(void)
{
	CHECK_EQ(apart(shared, &machines[0]), 0);
}

static void test_beyond(void)
{
	static const struct machine few = {.name = "64 devices", .device_bits = 6};

	CHECK_EQ(apart(beyond, &few), 0);
}

static void test_full(void)
{
	CHECK_EQ(apart(full, &machines[0]), 0);
}

static void test_stops(void)
{
	CHECK_EQ(apart(stops, &machines[0]), 0);
}

int main(void)
{
	static const struct test tests[] = {
	    {"machines", test_machines},
	    {"devices", test_shared},
	    {"a device without an entry", test_beyond},
	    {"a full queue", test_full},
	    {"an ITS that stops", test_stops},
	};

	return test_main("its", tests, COUNT(tests));
}
