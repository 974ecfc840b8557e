/* SPDX-License-Identifier: MIT */
/*
 * fake_slots.c - PCIe ports with slots, and a hot-plug controller, over the bus of fake_platform.h.
 */
#include "tests/device/fake_slots.h"

#include <string.h>

#define LIST_WORD 13
#define SLOT_WORD ((FAKE_CAPABILITY + 0x18) / 4)

static struct fake_slot *slot_of(struct fake_slots *slots, int port)
{
	for (int i = 0; i < slots->count; i++)
		if (slots->slot[i].port == port)
			return &slots->slot[i];
	return NULL;
}

/* The index of the function at a number, if it answers; -1: none does. */
static int index_of(struct fake_slots *slots, uint32_t function)
{
	uint32_t devfn = function & 0xff, bus = IVSH_PCI_BUS(function);

	for (int i = 0; i < slots->bus.count; i++) {
		const struct fake_function *at = &slots->bus.function[i];

		if (at->devfn != devfn)
			continue;
		if (at->parent < 0 ? bus == (uint32_t)(FAKE_ROOT - at->parent)
				   : (slots->bus.function[at->parent].config[6] >> 8 & 0xff) == bus)
			return i;
	}
	return -1;
}

static bool answers(struct fake_slots *slots, int index, uint32_t offset)
{
	int parent = slots->bus.function[index].parent;
	struct fake_slot *slot = slot_of(slots, index);

	if (slot && slot->gone)
		return false;
	slot = parent >= 0 ? slot_of(slots, parent) : NULL;
	if (!slot)
		return true;
	if (slot->control & FAKE_POWER_OFF)
		return false;
	if (offset == 0 && slot->slow != 0) {
		slot->slow--;
		return false;
	}
	return true;
}

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	struct fake_slots *slots = ctx;
	int index = index_of(slots, function);
	struct fake_slot *slot;

	slots->reads++;
	if (index < 0 || !answers(slots, index, offset))
		return UINT32_MAX;
	slot = slot_of(slots, index);
	if (slot && offset == 4 * SLOT_WORD)
		return slot->status << 16 | slot->control;
	return slots->bus.platform.config_read(&slots->bus, function, offset);
}

static void empty(struct fake_slots *slots, struct fake_slot *slot)
{
	for (int i = 0; i < slots->bus.count; i++)
		if (slots->bus.function[i].parent == slot->port)
			fake_remove(slots, i);
	slot->status = (slot->status & ~FAKE_PRESENT) | FAKE_CHANGED;
}

static void command(struct fake_slots *slots, struct fake_slot *slot, uint32_t value)
{
	const uint32_t both = FAKE_POWER_OFF | FAKE_INDICATOR;
	uint32_t events = value >> 16, before = slot->control;

	slots->faults += (events & ~slot->status) != 0;
	slot->status &= ~(events & (FAKE_BUTTON | FAKE_CHANGED | FAKE_COMPLETED));
	slot->control = value & 0xffff;
	slot->commands++;
	if (slot->keeps)
		slot->control &= ~FAKE_POWER_OFF;
	else if ((slot->status & FAKE_PRESENT) && (value & both) == both && (before & both) != both)
		empty(slots, slot);
	slot->status |= FAKE_COMPLETED;
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	struct fake_slots *slots = ctx;
	int index = index_of(slots, function);
	struct fake_slot *slot = index < 0 ? NULL : slot_of(slots, index);

	if (slot && slot->gone)
		return;
	if (slot && offset == 4 * SLOT_WORD)
		command(slots, slot, value);
	else
		slots->bus.platform.config_write(&slots->bus, function, offset, value);
}

/* --- The controller --------------------------------------------------------------------------- */

static bool pending(void *ctx)
{
	struct fake_slots *slots = ctx;
	bool before = slots->pending;

	slots->asked++;
	slots->pending = false;
	return before;
}

static int leaving(void *ctx, uint32_t index, struct ivsh_slot_request *request)
{
	struct fake_slots *slots = ctx;

	for (int i = 0; i < slots->requests; i++)
		if (slots->request[i].open && index-- == 0) {
			*request = (struct ivsh_slot_request){slots->request[i].slot,
			    slots->request[i].device << 3, IVSH_PCI_FUNCTION(0, 31, 0)};
			return 0;
		}
	return -1;
}

static void eject(void *ctx, uint32_t slot)
{
	struct fake_slots *slots = ctx;

	slots->ejected++;
	for (int i = 0; i < slots->requests; i++)
		if (slots->request[i].slot == slot && !slots->stubborn) {
			fake_remove(slots, slots->request[i].function);
			slots->request[i].open = false;
		}
}

/* --- Making slots ----------------------------------------------------------------------------- */

void fake_slots_init(struct fake_slots *slots, bool controller)
{
	memset(slots, 0, sizeof(*slots));
	fake_init(&slots->bus);
	slots->platform = slots->bus.platform;
	slots->platform.ctx = slots;
	slots->platform.config_read = config_read;
	slots->platform.config_write = config_write;
	slots->controller = (struct ivsh_hotplug_controller){slots, pending, leaving, eject};
	if (controller)
		slots->platform.hotplug = &slots->controller;
}

int fake_slot_port(struct fake_slots *slots, uint32_t devfn, uint32_t bus)
{
	struct fake_slot *slot = &slots->slot[slots->count];
	uint32_t *config;

	slot->port = fake_bridge(&slots->bus, FAKE_ROOT, devfn, true);
	slot->control = FAKE_POWER_OFF | FAKE_INDICATOR;
	config = slots->bus.function[slot->port].config;
	config[3] |= 0x800000; /* ports may share a device */
	config[1] |= 1u << 20;
	config[LIST_WORD] = FAKE_CAPABILITY;
	config[FAKE_CAPABILITY / 4] = 0x01420010; /* a root port, with a slot */
	config[(FAKE_CAPABILITY + 0x14) / 4] = 0x7b;
	if (bus != 0)
		fake_bridge_set(
		    &slots->bus, slot->port, 0, bus, bus, 0xfe000000 + bus * 0x100000, 0);
	return slots->count++;
}

int fake_present(struct fake_slots *slots, int slot, uint32_t devfn)
{
	struct fake_slot *at = &slots->slot[slot];

	at->status |= FAKE_PRESENT;
	at->control = FAKE_INDICATOR_ON;
	return fake_ivshmem(&slots->bus, at->port, devfn, 1 << 20, 0);
}

int fake_plug(struct fake_slots *slots, int slot, uint32_t devfn)
{
	struct fake_slot *at = &slots->slot[slot];

	at->status |= FAKE_PRESENT | FAKE_CHANGED | FAKE_BUTTON;
	return fake_ivshmem(&slots->bus, at->port, devfn, 1 << 20, 0);
}

/* Out of reach: behind a parent that has no bus. */
void fake_remove(struct fake_slots *slots, int function)
{
	slots->bus.function[function].parent = FAKE_ROOT_BUS(255);
	slots->bus.function[function].config[0] = UINT32_MAX;
}

bool fake_is_there(const struct fake_slots *slots, int function)
{
	return slots->bus.function[function].config[0] != UINT32_MAX;
}

void fake_request(struct fake_slots *slots, int function, uint32_t bsel, uint32_t device)
{
	int i = slots->requests++;

	slots->request[i].function = function;
	slots->request[i].slot = bsel << 5 | device;
	slots->request[i].device = device;
	slots->request[i].open = true;
	slots->pending = true;
}
