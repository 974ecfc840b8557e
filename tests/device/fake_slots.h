/* SPDX-License-Identifier: MIT */
/*
 * fake_slots.h - PCIe ports with slots, and a hot-plug controller, over the bus of fake_platform.h.
 *
 * A slot behaves as QEMU's: a write of Slot Control and Slot Status is a command and sets Command
 * Completed; a device without power does not answer; power and power indicator off remove it.
 */
#ifndef FAKE_SLOTS_H
#define FAKE_SLOTS_H

#include "tests/device/fake_platform.h"

#include <ivsh/hotplug.h>

#include <stdbool.h>
#include <stdint.h>

#define FAKE_SLOTS 40
#define FAKE_CAPABILITY 0x54u /* of PCI Express, in each port */

/* Slot Status, and Slot Control. */
#define FAKE_BUTTON 0x1u
#define FAKE_CHANGED 0x8u
#define FAKE_COMPLETED 0x10u
#define FAKE_PRESENT 0x40u
#define FAKE_INDICATOR 0x300u
#define FAKE_INDICATOR_ON 0x100u
#define FAKE_POWER_OFF 0x400u

struct fake_slot {
	int port;          /* index of the bridge */
	uint32_t status;   /* Slot Status */
	uint32_t control;  /* Slot Control */
	unsigned commands; /* writes of both */
	unsigned slow;     /* with power, so many reads of the device's ID fail at first */
	bool keeps;        /* fault: nothing is removed */
	bool gone;         /* fault: the port reads as ones */
};

struct fake_slots {
	struct fake_bus bus;
	struct ivsh_platform platform; /* what the library is given; ctx is this struct */
	struct fake_slot slot[FAKE_SLOTS];
	int count;
	unsigned reads;
	unsigned faults; /* an event was cleared that was not there */

	/* The controller: which functions, by index, are to be removed, and under which number. */
	struct ivsh_hotplug_controller controller;
	struct {
		int function;
		uint32_t slot, device;
		bool open;
	} request[8];
	int requests;
	bool pending, stubborn; /* stubborn: an ejected device stays, and so does its request */
	unsigned asked, ejected;
};

/* Make an empty bus. (controller): the platform has one. */
void fake_slots_init(struct fake_slots *slots, bool controller);

/* Add a port with a slot on the root bus; the index of the slot. bus: its bus number; 0: none. */
int fake_slot_port(struct fake_slots *slots, uint32_t devfn, uint32_t bus);

/* Put an ivshmem device into a slot before the start: with power. The index of the function. */
int fake_present(struct fake_slots *slots, int slot, uint32_t devfn);

/* device_add: into a slot without power, with the events. */
int fake_plug(struct fake_slots *slots, int slot, uint32_t devfn);

/* Remove a function from the bus. */
void fake_remove(struct fake_slots *slots, int function);
bool fake_is_there(const struct fake_slots *slots, int function);

/* The controller wants the function removed: its bus has this number there. */
void fake_request(struct fake_slots *slots, int function, uint32_t bsel, uint32_t device);

#endif
