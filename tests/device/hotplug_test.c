/* SPDX-License-Identifier: MIT */
/*
 * hotplug_test.c - devices that leave and come, by slots of ports and by a controller.
 */
#include "tests/device/fake_slots.h"
#include "tests/lib/test.h"

#include <string.h>

static struct fake_slots slots;
static struct ivsh_hotplug hotplug;

#define BEHIND(bus) IVSH_PCI_FUNCTION(bus, 0, 0)

static int open_all(void)
{
	memset(&hotplug, 0xee, sizeof(hotplug));
	return ivsh_hotplug_open(&hotplug, &slots.platform);
}

/* Poll once, and expect that event; kind 0: none. */
static void expect_event(const char *row, int kind, uint32_t function)
{
	struct ivsh_hotplug_event event = {0, 0};
	int error = ivsh_hotplug_poll(&hotplug, &event);

	test_row(row);
	CHECK_EQ(error, kind == 0 ? IVSH_EAGAIN : 0);
	CHECK_EQ(event.kind, kind);
	CHECK_EQ(event.function, function);
	test_row(NULL);
}

static void expect_none(const char *row)
{
	expect_event(row, 0, 0);
	expect_event(row, 0, 0);
}

static int eject(uint32_t function)
{
	return ivsh_hotplug_eject(&hotplug, function);
}

/* device_del on a slot. */
static void press(int slot)
{
	slots.slot[slot].status |= FAKE_BUTTON;
}

/* --- Slots of ports --------------------------------------------------------------------------- */

static void test_no_hotplug(void)
{
	int port;

	fake_slots_init(&slots, false);
	CHECK_EQ(open_all(), IVSH_ENODEV);
	fake_bridge(&slots.bus, FAKE_ROOT, 0x08, true); /* no PCI Express */
	port = fake_slot_port(&slots, 0x10, 2);
	slots.bus.function[slots.slot[port].port].config[(FAKE_CAPABILITY + 0x14) / 4] &= ~0x40u;
	port = fake_slot_port(&slots, 0x18, 3); /* no slot */
	slots.bus.function[slots.slot[port].port].config[FAKE_CAPABILITY / 4] &= ~0x01000000u;
	port = fake_slot_port(&slots, 0x20, 4); /* an upstream port */
	slots.bus.function[slots.slot[port].port].config[FAKE_CAPABILITY / 4] ^= 0x00100000u;
	CHECK_EQ(open_all(), IVSH_ENODEV);
	fake_slot_port(&slots, 0x28, 5);
	CHECK_EQ(open_all(), 0);
	CHECK_EQ(hotplug.ports, 1);
}

/* A poll without an event reads one word for each port, and writes nothing. */
static void test_idle(void)
{
	fake_slots_init(&slots, false);
	fake_present(&slots, fake_slot_port(&slots, 0x08, 1), 0);
	fake_slot_port(&slots, 0x10, 2);
	fake_slot_port(&slots, 0x18, 0);
	NEED_EQ(open_all(), 0);
	expect_none("first");
	slots.reads = 0;
	expect_event("idle", 0, 0);
	CHECK_EQ(slots.reads, 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(slots.slot[i].commands, 0);
}

static void test_unplug(void)
{
	int slot, device;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	device = fake_present(&slots, slot, 0);
	NEED_EQ(open_all(), 0);
	expect_none("present at boot");
	CHECK_EQ(eject(BEHIND(1)), IVSH_EINVAL);
	press(slot);
	expect_event("leaves", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	expect_none("once");
	press(slot); /* device_del again, after 5 s */
	expect_none("asked again");
	CHECK(fake_is_there(&slots, device));
	CHECK_EQ(eject(BEHIND(1)), 0);
	CHECK(!fake_is_there(&slots, device));
	CHECK_EQ(eject(BEHIND(1)), IVSH_EINVAL);
	expect_none("gone");
	CHECK_EQ(slots.slot[slot].status, FAKE_COMPLETED);
	CHECK_EQ(slots.slot[slot].control, FAKE_POWER_OFF | FAKE_INDICATOR);
	CHECK_EQ(slots.faults, 0);
}

/* Command Completed stays set, whatever is written: no command is repeated because of it. */
static void test_cycles(void)
{
	int slot;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	NEED_EQ(open_all(), 0);
	expect_none("empty at boot");
	for (unsigned i = 0; i < 100; i++) {
		fake_plug(&slots, slot, 0);
		expect_event("plugged in", IVSH_HOTPLUG_ADDED, BEHIND(1));
		expect_none("once");
		CHECK_EQ(slots.slot[slot].control, FAKE_INDICATOR_ON);
		press(slot);
		expect_event("leaves", IVSH_HOTPLUG_LEAVING, BEHIND(1));
		CHECK_EQ(eject(BEHIND(1)), 0);
		expect_none("gone");
	}
	CHECK(slots.slot[slot].commands <= 100 * 4);
	CHECK_EQ(slots.faults, 0);
}

/* A port without a bus number gets the first free one, and keeps it only for an ivshmem device. */
static void test_unnumbered(void)
{
	int slot;
	uint32_t *config;

	fake_slots_init(&slots, false);
	fake_slot_port(&slots, 0x08, 4);
	slot = fake_slot_port(&slots, 0x10, 0);
	config = slots.bus.function[slots.slot[slot].port].config;
	NEED_EQ(open_all(), 0);
	slots.slot[slot].status |= FAKE_PRESENT | FAKE_CHANGED | FAKE_BUTTON;
	fake_add(&slots.bus, slots.slot[slot].port, 0, 0x10411af4, 0);
	expect_none("another device");
	CHECK_EQ(config[6], 0);
	fake_remove(&slots, slots.bus.count - 1);
	slots.slot[slot].status &= ~FAKE_PRESENT;
	expect_none("it left");
	fake_plug(&slots, slot, 0);
	expect_event("ours", IVSH_HOTPLUG_ADDED, BEHIND(5));
	CHECK_EQ(config[6], 0x050500);
}

static void test_spurious(void)
{
	int slot, device;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	NEED_EQ(open_all(), 0);
	slots.slot[slot].status |= FAKE_BUTTON | FAKE_CHANGED;
	expect_none("nothing there");
	CHECK_EQ(slots.slot[slot].status & (FAKE_BUTTON | FAKE_CHANGED), 0);

	/* Another's device is neither powered off, nor is its event cleared. */
	slots.slot[slot].control = FAKE_INDICATOR_ON;
	slots.slot[slot].status |= FAKE_PRESENT | FAKE_BUTTON;
	slots.slot[slot].commands = 0;
	device = fake_add(&slots.bus, slots.slot[slot].port, 0, 0x10411af4, 0);
	expect_none("another's");
	CHECK_EQ(slots.slot[slot].commands, 0);
	CHECK(slots.slot[slot].status & FAKE_BUTTON);
	CHECK(fake_is_there(&slots, device));
}

static void test_during_open(void)
{
	int slot;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	fake_present(&slots, slot, 0);
	press(slot);
	NEED_EQ(open_all(), 0);
	expect_event("asked before open", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), 0);

	fake_plug(&slots, slot, 0);
	NEED_EQ(open_all(), 0);
	expect_event("plugged in before open", IVSH_HOTPLUG_ADDED, BEHIND(1));

	/* Firmware cleared the events, and left the slot without power. */
	slots.slot[slot].status = FAKE_PRESENT;
	slots.slot[slot].control = FAKE_POWER_OFF | FAKE_INDICATOR;
	NEED_EQ(open_all(), 0);
	expect_event("without events", IVSH_HOTPLUG_ADDED, BEHIND(1));
	expect_none("once");
}

/* With power the device answers only after a while. */
static void test_slow(void)
{
	int slot;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	NEED_EQ(open_all(), 0);
	fake_plug(&slots, slot, 0);
	slots.slot[slot].slow = 60;
	expect_none("not yet");
	slots.slot[slot].slow = 0;
	expect_event("now", IVSH_HOTPLUG_ADDED, BEHIND(1));
	expect_none("once");
}

/* A slot whose power cannot be switched off: the device stays, is reported, and keeps its power. */
static void test_port_lies(void)
{
	int slot, device;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	device = fake_present(&slots, slot, 0);
	slots.slot[slot].keeps = true;
	NEED_EQ(open_all(), 0);
	press(slot);
	expect_event("leaves", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), IVSH_EAGAIN);
	CHECK(fake_is_there(&slots, device));
	expect_event("stays", IVSH_HOTPLUG_ADDED, BEHIND(1));
	expect_none("once");
	CHECK_EQ(slots.slot[slot].control, FAKE_INDICATOR_ON);
}

static void test_vanishes(void)
{
	int slot, device;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	device = fake_present(&slots, slot, 0);
	NEED_EQ(open_all(), 0);
	expect_none("present");
	fake_remove(&slots, device);
	slots.slot[slot].status = FAKE_CHANGED;
	expect_event("vanished", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), 0);
	expect_none("gone");
	CHECK_EQ(slots.slot[slot].status & FAKE_CHANGED, 0);

	slots.slot[slot].gone = true;
	expect_none("the port, too");
}

static void test_functions(void)
{
	int slot, other;

	fake_slots_init(&slots, false);
	slot = fake_slot_port(&slots, 0x08, 1);
	slots.bus.function[fake_present(&slots, slot, 0)].config[3] = 0x800000;
	other = fake_present(&slots, slot, 1);
	NEED_EQ(open_all(), 0);
	press(slot);
	expect_event("first", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), IVSH_EAGAIN);
	CHECK(fake_is_there(&slots, other));
	expect_event("second", IVSH_HOTPLUG_LEAVING, BEHIND(1) + 1);
	CHECK_EQ(eject(BEHIND(1) + 1), 0);
	CHECK(!fake_is_there(&slots, other));
	expect_none("both gone");
	CHECK_EQ(hotplug.devices, 0);
}

/* What is beyond the room of the handle is not watched. */
static void test_many(void)
{
	fake_slots_init(&slots, false);
	for (uint32_t i = 0; i < 40; i++)
		fake_present(&slots, fake_slot_port(&slots, 0x08 + i, i + 1), 0);
	NEED_EQ(open_all(), 0);
	CHECK_EQ(hotplug.ports, IVSH_HOTPLUG_PORTS);
	CHECK_EQ(hotplug.devices, IVSH_HOTPLUG_DEVICES);
	expect_none("many");
	press(31);
	press(39);
	expect_event("the last that is watched", IVSH_HOTPLUG_LEAVING, BEHIND(32));
	CHECK_EQ(eject(BEHIND(32)), 0);
	expect_none("the others");
}

/* --- The controller --------------------------------------------------------------------------- */

static void test_controller_idle(void)
{
	fake_slots_init(&slots, true);
	fake_ivshmem(&slots.bus, FAKE_ROOT, 0x18, 1 << 20, 0);
	NEED_EQ(open_all(), 0);
	expect_none("first");
	slots.reads = slots.asked = 0;
	expect_event("idle", 0, 0);
	CHECK_EQ(slots.reads, 0);
	CHECK_EQ(slots.asked, 1);
}

static void test_controller(void)
{
	uint32_t function = IVSH_PCI_FUNCTION(0, 3, 0);
	int device;

	fake_slots_init(&slots, true);
	NEED_EQ(open_all(), 0);
	for (unsigned i = 0; i < 8; i++) {
		device = fake_ivshmem(&slots.bus, FAKE_ROOT, 0x18, 1 << 20, 0);
		slots.pending = true;
		expect_event("plugged in", IVSH_HOTPLUG_ADDED, function);
		expect_none("once");
		fake_request(&slots, device, 0, 3);
		expect_event("leaves", IVSH_HOTPLUG_LEAVING, function);
		slots.pending = true;
		expect_none("once");
		CHECK_EQ(eject(function), 0);
		CHECK(!fake_is_there(&slots, device));
		expect_none("gone");
	}
	CHECK_EQ(slots.ejected, 8);
}

/* A request that was made before open, and a device that comes while open runs. */
static void test_controller_during_open(void)
{
	uint32_t function = IVSH_PCI_FUNCTION(0, 3, 0);
	int device;

	fake_slots_init(&slots, true);
	device = fake_ivshmem(&slots.bus, FAKE_ROOT, 0x18, 1 << 20, 0);
	fake_request(&slots, device, 0, 3);
	slots.pending = false; /* somebody has cleared the event */
	NEED_EQ(open_all(), 0);
	fake_ivshmem(&slots.bus, FAKE_ROOT, 0x20, 1 << 20, 0);
	expect_event("asked", IVSH_HOTPLUG_LEAVING, function);
	CHECK_EQ(eject(function), 0);
	expect_event("came", IVSH_HOTPLUG_ADDED, function + 8);
	expect_none("no more");
}

/* Requests for numbers that are not ours: not answered. */
static void test_controller_other(void)
{
	int other;

	fake_slots_init(&slots, true);
	fake_ivshmem(&slots.bus, FAKE_ROOT, 0x18, 1 << 20, 0);
	other = fake_add(&slots.bus, FAKE_ROOT, 0x20, 0x10411af4, 0);
	NEED_EQ(open_all(), 0);
	fake_request(&slots, other, 0, 4);
	expect_none("another's");
	CHECK_EQ(slots.ejected, 0);
	CHECK(fake_is_there(&slots, other));
}

/* One slot number, two buses: both are released, and the one that stays is reported. */
static void test_controller_ambiguous(void)
{
	int first, second, other, slot;

	fake_slots_init(&slots, true);
	first = fake_present(&slots, fake_slot_port(&slots, 0x08, 1), 0);
	second = fake_present(&slots, fake_slot_port(&slots, 0x10, 2), 0);
	slot = fake_slot_port(&slots, 0x18, 3);
	other = fake_add(&slots.bus, slots.slot[slot].port, 0, 0x10411af4, 0);
	NEED_EQ(open_all(), 0);
	fake_request(&slots, second, 1, 0);
	expect_event("first", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), IVSH_EAGAIN);
	CHECK_EQ(slots.ejected, 0);
	expect_event("second", IVSH_HOTPLUG_LEAVING, BEHIND(2));
	CHECK_EQ(eject(BEHIND(2)), 0);
	CHECK(!fake_is_there(&slots, second));
	expect_event("stays", IVSH_HOTPLUG_ADDED, BEHIND(1));
	expect_none("no more");

	/* The request means a device that is not ours. */
	fake_request(&slots, other, 0, 0);
	expect_event("not ours", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), IVSH_EAGAIN);
	CHECK(fake_is_there(&slots, first));
	CHECK(!fake_is_there(&slots, other));
	expect_event("stays", IVSH_HOTPLUG_ADDED, BEHIND(1));
	expect_none("no more");
}

/* Which device a slot number means is known after the first time, until the machine has moved. */
static void test_controller_known(void)
{
	uint64_t vm_generation = 1;
	int first, second, slot;

	fake_slots_init(&slots, true);
	slots.platform.vm_generation = &vm_generation;
	first = fake_present(&slots, fake_slot_port(&slots, 0x08, 1), 0);
	slot = fake_slot_port(&slots, 0x10, 2);
	second = fake_present(&slots, slot, 0);
	NEED_EQ(open_all(), 0);
	fake_request(&slots, second, 1, 0);
	expect_event("not known", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	expect_event("not known", IVSH_HOTPLUG_LEAVING, BEHIND(2));
	CHECK_EQ(eject(BEHIND(1)), IVSH_EAGAIN);
	CHECK_EQ(eject(BEHIND(2)), 0);
	expect_event("stays", IVSH_HOTPLUG_ADDED, BEHIND(1));
	second = fake_present(&slots, slot, 0);
	slots.pending = true;
	expect_event("back", IVSH_HOTPLUG_ADDED, BEHIND(2));

	fake_request(&slots, second, 1, 0);
	expect_event("known", IVSH_HOTPLUG_LEAVING, BEHIND(2));
	CHECK_EQ(eject(BEHIND(2)), 0);
	expect_none("only this one");
	second = fake_present(&slots, slot, 0);
	slots.pending = true;
	expect_event("back", IVSH_HOTPLUG_ADDED, BEHIND(2));
	fake_request(&slots, first, 7, 0);
	expect_event("not the known one", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), 0);
	expect_none("only this one");

	vm_generation++;
	fake_request(&slots, second, 7, 0);
	expect_event("forgotten", IVSH_HOTPLUG_LEAVING, BEHIND(2));
	CHECK_EQ(eject(BEHIND(2)), 0);
	expect_none("gone");
}

/* Two requests at once, with one slot number: both devices go, and none is reported as added. */
static void test_controller_two(void)
{
	int first, second;

	fake_slots_init(&slots, true);
	first = fake_present(&slots, fake_slot_port(&slots, 0x08, 1), 0);
	second = fake_present(&slots, fake_slot_port(&slots, 0x10, 2), 0);
	NEED_EQ(open_all(), 0);
	fake_request(&slots, second, 0, 0);
	fake_request(&slots, first, 1, 0);
	expect_event("first", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	expect_event("second", IVSH_HOTPLUG_LEAVING, BEHIND(2));
	CHECK_EQ(eject(BEHIND(2)), IVSH_EAGAIN);
	CHECK_EQ(eject(BEHIND(1)), IVSH_EAGAIN);
	CHECK(!fake_is_there(&slots, second));
	expect_event("first again", IVSH_HOTPLUG_LEAVING, BEHIND(1));
	CHECK_EQ(eject(BEHIND(1)), 0);
	CHECK(!fake_is_there(&slots, first));
	expect_none("both gone");
}

/* It was added and is to leave again before it was reported. */
static void test_controller_brief(void)
{
	int device;

	fake_slots_init(&slots, true);
	NEED_EQ(open_all(), 0);
	expect_none("empty");
	device = fake_ivshmem(&slots.bus, FAKE_ROOT, 0x18, 1 << 20, 0);
	fake_request(&slots, device, 0, 3);
	expect_event("leaves", IVSH_HOTPLUG_LEAVING, IVSH_PCI_FUNCTION(0, 3, 0));
	CHECK_EQ(eject(IVSH_PCI_FUNCTION(0, 3, 0)), 0);
	expect_none("gone");
}

/* A request that ejecting does not end: reported as added, once, until the next event. */
static void test_controller_stubborn(void)
{
	uint32_t function = IVSH_PCI_FUNCTION(0, 3, 0);

	fake_slots_init(&slots, true);
	fake_request(&slots, fake_ivshmem(&slots.bus, FAKE_ROOT, 0x18, 1 << 20, 0), 0, 3);
	slots.stubborn = true;
	NEED_EQ(open_all(), 0);
	expect_event("leaves", IVSH_HOTPLUG_LEAVING, function);
	CHECK_EQ(eject(function), IVSH_EAGAIN);
	expect_event("stays", IVSH_HOTPLUG_ADDED, function);
	expect_none("quiet");
}

/* A port that was empty at boot has no bus number: what a controller plugs in there is found. */
static void test_controller_unnumbered(void)
{
	int slot;

	fake_slots_init(&slots, true);
	slot = fake_slot_port(&slots, 0x08, 0);
	slots.slot[slot].control = 0;
	NEED_EQ(open_all(), 0);
	expect_none("empty");
	fake_ivshmem(&slots.bus, slots.slot[slot].port, 0, 1 << 20, 0);
	slots.pending = true;
	expect_event("plugged in", IVSH_HOTPLUG_ADDED, BEHIND(1));
	expect_none("once");
}

static const struct test tests[] = {
    {"no hot-plug", test_no_hotplug},
    {"port: idle", test_idle},
    {"port: unplug", test_unplug},
    {"port: 100 cycles", test_cycles},
    {"port: without a bus number", test_unnumbered},
    {"port: spurious events", test_spurious},
    {"port: events before open", test_during_open},
    {"port: a slow device", test_slow},
    {"port: that lies", test_port_lies},
    {"port: a device vanishes", test_vanishes},
    {"port: two functions", test_functions},
    {"port: too many", test_many},
    {"controller: idle", test_controller_idle},
    {"controller: cycles", test_controller},
    {"controller: events before and during open", test_controller_during_open},
    {"controller: another's request", test_controller_other},
    {"controller: one number, two buses", test_controller_ambiguous},
    {"controller: a slot number that is known", test_controller_known},
    {"controller: two requests, one number", test_controller_two},
    {"controller: added and leaving", test_controller_brief},
    {"controller: a request that never ends", test_controller_stubborn},
    {"controller: a port without a bus number", test_controller_unnumbered},
};

int main(void)
{
	return test_main("hotplug", tests, sizeof(tests) / sizeof(tests[0]));
}
