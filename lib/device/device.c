/* SPDX-License-Identifier: MIT */
/*
 * device.c - the ivshmem device: from a PCI function to struct ivsh_mem.
 */
#include <ivsh/device.h>

#include "device/config.h"
#include "device/msix.h"

#include <stddef.h>

#define ID_MAX 0xffffu /* ivshmem-spec: IDs and vectors have 16 bits */

COLD int ivsh_device_find(const struct ivsh_platform *port, uint32_t index, uint32_t *function)
{
	return ivsh_pci_find(port, IVSH_PCI_VENDOR, IVSH_PCI_DEVICE_ID, index, function);
}

/* All that can be said about the BARs without touching what is behind them. */
static int find_bars(struct ivsh_device *device)
{
	struct ivsh_bar *bar = device->bar;

	for (uint32_t i = 0; i < 3; i++) {
		int result = ivsh_pci_bar(device->port, device->function, i, &bar[i]);

		if (result != 0)
			return result;
		/* A 64-bit BAR0 or BAR1 would have its upper half where the next one is. */
		if (bar[i].is_io || (bar[i].is_64 && i != 2))
			return IVSH_EPROTO;
	}
	if (bar[0].size < IVSH_REG_SIZE || bar[2].size < IVSH_BAR2_MIN)
		return IVSH_EPROTO;
	if (device->doorbell && bar[1].size == 0)
		return IVSH_EPROTO;
	if (bar[0].address == 0 || bar[2].address == 0)
		return IVSH_ENOSPC;
	return 0;
}

static void unmap(struct ivsh_device *device)
{
	const struct ivsh_platform *port = device->port;

	if (port->unmap && device->memory)
		port->unmap(port->ctx, device->memory, device->bar[2].size);
	if (port->unmap && device->registers)
		port->unmap(port->ctx, (void *)(uintptr_t)device->registers, IVSH_REG_SIZE);
	device->memory = NULL;
	device->registers = NULL;
}

static int map(struct ivsh_device *device)
{
	const struct ivsh_platform *port = device->port;
	const struct ivsh_bar *bar = device->bar;

	device->registers = port->map(port->ctx, bar[0].address, IVSH_REG_SIZE, IVSH_MAP_REGISTERS);
	device->memory = port->map(port->ctx, bar[2].address, bar[2].size, IVSH_MAP_MEMORY);
	if (!device->registers || (uintptr_t)device->registers % 4 != 0)
		return IVSH_EPLATFORM;
	if (!device->memory || (uintptr_t)device->memory % IVSH_BAR2_MIN != 0)
		return IVSH_EPLATFORM;
	return 0;
}

/* Enable decoding and mastering, noting which of the two this device owes to us. */
static int enable(struct ivsh_device *device)
{
	const uint32_t both = COMMAND_MEMORY | COMMAND_MASTER;
	uint32_t before = ivsh_config_command(device->port, device->function, 0, both);
	uint32_t after = config_read(device->port, device->function, CONFIG_COMMAND);

	device->enabled = (uint16_t)(both & ~before);
	return (after & both) == both ? 0 : IVSH_EPROTO;
}

static int open_mapped(struct ivsh_device *device)
{
	int result = enable(device);

	if (result == 0)
		result = map(device);
	if (result != 0)
		return result;
	device->ivposition = device->registers[IVSH_REG_IVPOSITION / 4];
	/* All ones: nobody decodes BAR0. More than 16 bits: no ID that a doorbell could name. */
	if (device->doorbell && device->ivposition > ID_MAX)
		return IVSH_EPROTO;
	return 0;
}

COLD int ivsh_device_open(
    struct ivsh_device *device, const struct ivsh_platform *port, uint32_t function)
{
	struct config_function at = ivsh_config_look(port, function);
	int result;

	*device = (struct ivsh_device){.port = port, .function = function};
	if (at.id != (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR) || at.header != HEADER_NORMAL)
		return IVSH_ENODEV;
	device->revision = config_read(port, function, CONFIG_REVISION) & 0xff;
	if (device->revision != IVSH_PCI_REVISION)
		return IVSH_EVERSION;
	result = ivsh_msix_find(device);
	if (result == 0)
		result = find_bars(device);
	if (result != 0)
		return result;
	result = open_mapped(device);
	if (result != 0)
		ivsh_device_close(device);
	return result;
}

COLD void ivsh_device_close(struct ivsh_device *device)
{
	/* Before memory decoding goes: the table is written once more. */
	ivsh_msix_close(device);
	unmap(device);
	ivsh_config_command(device->port, device->function, device->enabled, 0);
	device->enabled = 0;
}

/* --- The bell: the port's calls, with the device as their context ---------------------------- */

static void bell_ring(void *ctx, uint32_t peer, uint32_t vector)
{
	struct ivsh_device *device = ctx;

	if (peer > ID_MAX || vector > ID_MAX)
		return;
	/*
	 * Between the caller's stores to shared memory and the store to the doorbell. Without it a
	 * weak memory order may let the bell out first, and whoever wakes finds nothing.
	 */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	device->registers[IVSH_REG_DOORBELL / 4] = peer << 16 | vector;
}

static uint32_t bell_count(void *ctx)
{
	const struct ivsh_device *device = ctx;

	return device->port->count(device->port->ctx);
}

static uint64_t bell_now_ns(void *ctx)
{
	const struct ivsh_device *device = ctx;

	return device->port->now_ns(device->port->ctx);
}

static void bell_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	const struct ivsh_device *device = ctx;

	device->port->sleep(device->port->ctx, seen, deadline_ns);
}

static void bell_relax(void *ctx)
{
	const struct ivsh_device *device = ctx;

	if (device->port->relax)
		device->port->relax(device->port->ctx);
}

COLD void ivsh_device_mem(struct ivsh_device *device, struct ivsh_mem *mem)
{
	mem->base = device->memory;
	mem->size = device->bar[2].size;
	mem->self = device->doorbell ? device->ivposition : IVSH_SELF_NONE;
	mem->doorbell.ctx = device;
	mem->doorbell.vectors = device->bells;
	mem->doorbell.notify = device->doorbell ? bell_ring : NULL;
	mem->doorbell.count = bell_count;
	mem->doorbell.now_ns = bell_now_ns;
	mem->doorbell.sleep = bell_sleep;
	mem->doorbell.relax = bell_relax;
}
