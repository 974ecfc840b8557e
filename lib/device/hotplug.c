/* SPDX-License-Identifier: MIT */
/*
 * hotplug.c - which ivshmem functions are there, leave, and come.
 *
 * Theory of operation. The handle has a table of the functions that it knows. Registers of a slot
 * or controller only cause a look: each function that answers and is not in the table is added, and
 * each that is in the table and does not answer, or that a request names, leaves. A request that
 * names several functions is ejected when the caller has released the last of them. A function that
 * then still answers was not meant.
 */
#include <ivsh/hotplug.h>
#include <ivsh/device.h>

#include "device/slot.h"

#include <stddef.h>

#define SLOT_OF_PORT (UINT32_C(1) << 31) /* or a port's index; below: the controller's number */
#define SLOT_NONE UINT32_MAX             /* it has gone by itself */

#define STATUS_ABSENT 0xffffu /* the port itself has gone */

enum state {
	PRESENT,  /* nothing is to be done */
	ADDED,    /* to be reported */
	LEAVING,  /* to be reported */
	REPORTED, /* it is leaving, and the caller has not ejected it */
	RELEASED, /* the caller has, but not another one that the request names too */
};

static struct ivsh_hotplug_device *find(struct ivsh_hotplug *hotplug, uint32_t function)
{
	for (uint32_t i = 0; i < hotplug->devices; i++)
		if (hotplug->device[i].function == function)
			return &hotplug->device[i];
	return NULL;
}

/* Enter a function in the table if it is not there. */
COLD static void enter(struct ivsh_hotplug *hotplug, uint32_t function, enum state state)
{
	if (find(hotplug, function) == NULL && hotplug->devices < IVSH_HOTPLUG_DEVICES)
		hotplug->device[hotplug->devices++] =
		    (struct ivsh_hotplug_device){function, SLOT_NONE, (uint8_t)state};
}

/*
 * Where there is no ivshmem function at all, ivsh_device_find() probes every bus number for a root
 * bus, which takes too long for a poll: open does it once.
 */
COLD static void enter_all(struct ivsh_hotplug *hotplug, enum state state)
{
	const struct ivsh_platform *platform = hotplug->platform;
	uint32_t function;

	for (uint32_t i = 0;; i++) {
		struct config_scan scan = {.id = IVSHMEM_ID, .index = i};

		if (platform->list || state == PRESENT) {
			if (ivsh_device_find(platform, i, &function) != 0)
				return;
		} else {
			if (!ivsh_scan(platform, &scan))
				return;
			function = scan.function;
		}
		enter(hotplug, function, state);
	}
}

/* --- What the controller's slot numbers mean -------------------------------------------------- */

/* Another machine, after a migration, may count its buses in another order. */
COLD static void check_known(struct ivsh_hotplug *hotplug)
{
	const uint64_t *vm_generation = hotplug->platform->vm_generation;

	if (vm_generation == NULL || *vm_generation == hotplug->vm_generation)
		return;
	hotplug->vm_generation = *vm_generation;
	hotplug->known_slots = 0;
}

/* False: (slot) is known to mean another device, or the device to have another slot. */
COLD static bool may_mean(const struct ivsh_hotplug *hotplug, uint32_t slot, uint32_t function)
{
	for (uint32_t i = 0; i < hotplug->known_slots; i++)
		if ((hotplug->known[i].slot == slot) != (hotplug->known[i].device == function >> 3))
			return false;
	return true;
}

/*
 * The device has gone when (slot) was ejected. A machine that does not show its moves remembers
 * nothing.
 */
COLD static void know(struct ivsh_hotplug *hotplug, uint32_t slot, uint32_t function)
{
	if (hotplug->platform->vm_generation == NULL)
		return;
	check_known(hotplug);
	for (uint32_t i = 0; i < hotplug->known_slots; i++)
		if (hotplug->known[i].slot == slot)
			return;
	if (hotplug->known_slots < IVSH_HOTPLUG_DEVICES)
		hotplug->known[hotplug->known_slots++] =
		    (struct ivsh_hotplug_known){slot, function >> 3};
}

/* A request for (slot) names the functions that equal (function) in the bits of (mask). */
COLD static void request(
    struct ivsh_hotplug *hotplug, uint32_t slot, uint32_t function, uint32_t mask)
{
	for (uint32_t i = 0; i < hotplug->devices; i++) {
		struct ivsh_hotplug_device *device = &hotplug->device[i];

		if (((device->function ^ function) & mask) != 0)
			continue;
		if ((slot & SLOT_OF_PORT) == 0 && !may_mean(hotplug, slot, device->function))
			continue;
		if (device->state <= ADDED) {
			device->state = LEAVING;
			device->slot = slot;
		} else if (device->slot != slot) {
			hotplug->waiting = true;
		}
	}
}

/* Functions that do not answer any more are requested by themselves. */
COLD static void request_absent(struct ivsh_hotplug *hotplug)
{
	for (uint32_t i = 0; i < hotplug->devices; i++)
		if (!is_ivshmem_at(hotplug->platform, hotplug->device[i].function))
			request(hotplug, SLOT_NONE, hotplug->device[i].function, UINT32_MAX);
}

/* --- The two kinds of slot -------------------------------------------------------------------- */

COLD static void poll_controller(struct ivsh_hotplug *hotplug)
{
	const struct ivsh_hotplug_controller *controller = hotplug->platform->hotplug;
	struct ivsh_slot_request at;
	uint32_t bus;

	if (controller == NULL)
		return;
	/* Also when the handle looks anyway: what this answers is then seen. */
	if (!controller->pending(controller->ctx) && !hotplug->pending)
		return;
	/* A port that was empty at boot may have no bus number, without which nothing is found. */
	for (uint32_t i = 0; i < hotplug->ports; i++)
		ivsh_slot_content(hotplug->platform, &hotplug->port[i], &bus);
	enter_all(hotplug, ADDED);
	request_absent(hotplug);
	check_known(hotplug);
	for (uint32_t i = 0; controller->leaving(controller->ctx, i, &at) == 0; i++)
		request(hotplug, at.slot & ~SLOT_OF_PORT, at.function, at.mask);
}

/*
 * An event of a port with something unknown in its slot means that it was plugged in: without power
 * it does not answer.
 */
COLD static void poll_port(struct ivsh_hotplug *hotplug, uint32_t index)
{
	const struct ivsh_platform *platform = hotplug->platform;
	struct ivsh_hotplug_port *port = &hotplug->port[index];
	uint32_t status = ivsh_slot_status(platform, port), events = status & SLOT_EVENTS, bus;
	enum slot_content content;

	if ((events == 0 && !port->waiting) || status == STATUS_ABSENT)
		return;
	content = ivsh_slot_content(platform, port, &bus);
	if (content == SLOT_EMPTY && (status & SLOT_PRESENT) != 0) {
		ivsh_slot_power(platform, port, true, events);
		content = ivsh_slot_content(platform, port, &bus);
		/* The power was the answer to the button. */
		events = 0;
	}
	port->waiting = content == SLOT_EMPTY && (status & SLOT_PRESENT) != 0;
	if (content == SLOT_OTHER)
		return;
	if (events != 0)
		ivsh_slot_clear(platform, port, events);
	if (bus == 0)
		return;
	if ((events & SLOT_BUTTON) != 0)
		request(hotplug, SLOT_OF_PORT | index, bus << 8, 0xffffff00);
	for (uint32_t number = 0; number < 8; number++)
		if (is_ivshmem_at(platform, bus << 8 | number))
			enter(hotplug, bus << 8 | number, ADDED);
	request_absent(hotplug);
}

COLD static void eject(struct ivsh_hotplug *hotplug, uint32_t slot, uint32_t function)
{
	const struct ivsh_platform *platform = hotplug->platform;
	const struct ivsh_hotplug_port *port;

	if (slot == SLOT_NONE)
		return;
	if ((slot & SLOT_OF_PORT) == 0) {
		platform->hotplug->eject(platform->hotplug->ctx, slot);
		return;
	}
	port = &hotplug->port[slot & ~SLOT_OF_PORT];
	ivsh_slot_power(platform, port, false, ivsh_slot_status(platform, port) & SLOT_EVENTS);
	/* The removal is itself an event. */
	ivsh_slot_clear(platform, port, ivsh_slot_status(platform, port) & SLOT_EVENTS);
	if (is_ivshmem_at(platform, function))
		ivsh_slot_power(platform, port, true, 0); /* a slot that cannot be switched off */
}

/* --- The calls -------------------------------------------------------------------------------- */

COLD static void find_port(struct ivsh_hotplug *hotplug, uint32_t function)
{
	struct ivsh_hotplug_port port;
	uint32_t bus;

	if (hotplug->ports == IVSH_HOTPLUG_PORTS ||
	    !ivsh_slot_find(hotplug->platform, function, &port))
		return;
	/* Something is in the slot, without power: its event may have been cleared. */
	port.waiting = (ivsh_slot_status(hotplug->platform, &port) & SLOT_PRESENT) != 0 &&
		       ivsh_slot_content(hotplug->platform, &port, &bus) == SLOT_EMPTY;
	hotplug->port[hotplug->ports++] = port;
}

COLD static void find_ports(struct ivsh_hotplug *hotplug)
{
	const struct ivsh_platform *platform = hotplug->platform;
	struct config_scan scan = {.id = CONFIG_ABSENT};
	struct config_function at;
	uint32_t function;

	if (platform->list) {
		for (uint32_t i = 0; platform->list(platform->ctx, i, &function) == 0; i++)
			if (ivsh_config_probe(platform, function).header == HEADER_BRIDGE)
				find_port(hotplug, function);
		return;
	}
	ivsh_scan(platform, &scan);
	for (uint32_t bus = 0; bus < 256; bus++) {
		if (!bus_set_has(&scan.probed, bus))
			continue;
		for (uint32_t number = 0; number < 256; number += at.step) {
			at = ivsh_config_probe(platform, bus << 8 | number);
			if (at.header == HEADER_BRIDGE)
				find_port(hotplug, bus << 8 | number);
		}
	}
}

COLD int ivsh_hotplug_open(struct ivsh_hotplug *hotplug, const struct ivsh_platform *platform)
{
	*hotplug = (struct ivsh_hotplug){.platform = platform, .pending = true};
	find_ports(hotplug);
	enter_all(hotplug, PRESENT);
	return hotplug->ports != 0 || platform->hotplug != NULL ? 0 : IVSH_ENODEV;
}

static struct ivsh_hotplug_device *to_report(struct ivsh_hotplug *hotplug)
{
	for (uint32_t i = 0; i < hotplug->devices; i++)
		if (hotplug->device[i].state == ADDED || hotplug->device[i].state == LEAVING)
			return &hotplug->device[i];
	return NULL;
}

COLD int ivsh_hotplug_poll(struct ivsh_hotplug *hotplug, struct ivsh_hotplug_event *event)
{
	struct ivsh_hotplug_device *device = to_report(hotplug);

	/* A request that had to wait may name what would be reported as added. */
	if (device == NULL || hotplug->pending) {
		poll_controller(hotplug);
		for (uint32_t i = 0; i < hotplug->ports; i++)
			poll_port(hotplug, i);
		hotplug->pending = false;
		device = to_report(hotplug);
	}
	if (device == NULL)
		return IVSH_EAGAIN;
	event->function = device->function;
	event->kind = device->state == ADDED ? IVSH_HOTPLUG_ADDED : IVSH_HOTPLUG_LEAVING;
	device->state = device->state == ADDED ? PRESENT : REPORTED;
	return 0;
}

/* What the request for (slot) named has been ejected: forget what has gone. */
COLD static void settle(struct ivsh_hotplug *hotplug, uint32_t slot)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < hotplug->devices; i++) {
		struct ivsh_hotplug_device device = hotplug->device[i];

		if (device.state == RELEASED && device.slot == slot) {
			if (!is_ivshmem_at(hotplug->platform, device.function)) {
				if ((slot & SLOT_OF_PORT) == 0)
					know(hotplug, slot, device.function);
				continue;
			}
			device.state = ADDED;
		}
		hotplug->device[left++] = device;
	}
	hotplug->devices = left;
	hotplug->pending |= hotplug->waiting;
	hotplug->waiting = false;
}

COLD int ivsh_hotplug_eject(struct ivsh_hotplug *hotplug, uint32_t function)
{
	struct ivsh_hotplug_device *device = find(hotplug, function);
	uint32_t slot;

	if (device == NULL || device->state != REPORTED)
		return IVSH_EINVAL;
	device->state = RELEASED;
	slot = device->slot;
	for (uint32_t i = 0; i < hotplug->devices; i++) {
		const struct ivsh_hotplug_device *other = &hotplug->device[i];

		if (other->slot == slot && slot != SLOT_NONE &&
		    (other->state == LEAVING || other->state == REPORTED))
			return IVSH_EAGAIN;
	}
	eject(hotplug, slot, function);
	settle(hotplug, slot);
	return find(hotplug, function) == NULL ? 0 : IVSH_EAGAIN;
}
