/* SPDX-License-Identifier: MIT */
/*
 * device.c - the ivshmem device: from a PCI function to struct ivsh_mem.
 */
#include <ivsh/device.h>

#include "device/config.h"
#include "device/msix.h"
#include "device/register.h"
#include "device/relax.h"
#include "device/slot.h"

#include <stddef.h>

COLD int ivsh_device_find(const struct ivsh_platform *platform, uint32_t index, uint32_t *function)
{
	return ivsh_pci_find(platform, IVSH_PCI_VENDOR, IVSH_PCI_DEVICE_ID, index, function);
}

/* Check the BARs, as far as is possible without an access to what they map. */
static int find_bars(struct ivsh_device *device)
{
	struct ivsh_bar *bar = device->bar;

	for (uint32_t i = 0; i < 3; i++) {
		int result = ivsh_pci_bar(device->platform, device->function, i, &bar[i]);

		if (result != 0)
			return result;
		/* A 64-bit BAR0 or BAR1 would have its upper half in the next one. */
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
	const struct ivsh_platform *platform = device->platform;

	if (platform->unmap && device->memory)
		platform->unmap(platform->ctx, device->memory, device->bar[2].size);
	if (platform->unmap && device->registers)
		platform->unmap(platform->ctx, (void *)(uintptr_t)device->registers, IVSH_REG_SIZE);
	device->memory = NULL;
	device->registers = NULL;
}

static int map(struct ivsh_device *device)
{
	const struct ivsh_platform *platform = device->platform;
	const struct ivsh_bar *bar = device->bar;

	device->registers =
	    platform->map(platform->ctx, bar[0].address, IVSH_REG_SIZE, IVSH_MAP_REGISTERS);
	device->memory = platform->map(platform->ctx, bar[2].address, bar[2].size, IVSH_MAP_MEMORY);
	if (!device->registers || (uintptr_t)device->registers % 4 != 0)
		return IVSH_EPLATFORM;
	if (!device->memory || (uintptr_t)device->memory % IVSH_BAR2_MIN != 0)
		return IVSH_EPLATFORM;
	return 0;
}

/* Enable memory decoding and bus mastering, and note which of the two were off before. */
static int enable(struct ivsh_device *device)
{
	const uint32_t both = COMMAND_MEMORY | COMMAND_MASTER;
	uint32_t before = ivsh_config_command(device->platform, device->function, 0, both);
	uint32_t after = config_read(device->platform, device->function, CONFIG_COMMAND);

	device->enabled |= (uint16_t)(both & ~before);
	return (after & both) == both ? 0 : IVSH_EPROTO;
}

static int open_mapped(struct ivsh_device *device)
{
	int result = enable(device);

	if (result == 0)
		result = map(device);
	if (result != 0)
		return result;
	device->ivposition = register_position(device->registers);
	/* All ones: nothing decodes BAR0. More than 16 bits: no ID for the doorbell register. */
	if (device->doorbell && device->ivposition > ID_MAX)
		return IVSH_EPROTO;
	return 0;
}

COLD int ivsh_device_open(
    struct ivsh_device *device, const struct ivsh_platform *platform, uint32_t function)
{
	struct config_function at = ivsh_config_probe(platform, function);
	int result;

	*device = (struct ivsh_device){.platform = platform, .function = function};
	if (at.id != (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR) || at.header != HEADER_NORMAL)
		return IVSH_ENODEV;
	device->revision = config_read(platform, function, CONFIG_REVISION) & 0xff;
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

/* Is this function the device that was opened, with its BARs where they were? */
static bool is_there(const struct ivsh_device *device)
{
	const struct ivsh_platform *platform = device->platform;

	if (!is_ivshmem_at(platform, device->function))
		return false;
	for (uint32_t i = 0; i < 3; i++)
		if (ivsh_config_bar(platform, device->function, i, device->bar[i].is_64) !=
		    device->bar[i].address)
			return false;
	return true;
}

/*
 * No message may leave the device when its interrupts are freed, and none of its registers may be
 * used when they do not decode. A read from the device comes back behind the messages that it has
 * sent (PCI 3.2.5): they are where they should be then.
 */
static void quiesce(struct ivsh_device *device)
{
	const struct ivsh_platform *platform = device->platform;
	uint32_t command = config_read(platform, device->function, CONFIG_COMMAND);

	ivsh_msix_disable(device, (command & COMMAND_MEMORY) != 0);
	if (device->table && (command & COMMAND_MEMORY) != 0)
		(void)register_position(device->registers);
	ivsh_config_command(platform, device->function, device->enabled & COMMAND_MASTER, 0);
	ivsh_config_command(platform, device->function, device->enabled & COMMAND_MEMORY, 0);
}

COLD void ivsh_device_close(struct ivsh_device *device)
{
	if (!device->registers && !device->memory && device->enabled == 0)
		return;
	/* Without the device its addresses, and its function number, may be another's. */
	if (is_there(device))
		quiesce(device);
	ivsh_msix_unmap(device);
	unmap(device);
	ivsh_msix_free(device);
	device->enabled = 0;
}

/* --- The doorbell: the platform's calls, with the device as their context --------------------- */

static void doorbell_notify(void *ctx, uint32_t peer, uint32_t vector)
{
	struct ivsh_device *device = ctx;

	register_notify(device->registers, peer, vector);
}

static uint32_t doorbell_count(void *ctx)
{
	const struct ivsh_device *device = ctx;

	return device->platform->count(device->platform->ctx);
}

static uint64_t doorbell_now_ns(void *ctx)
{
	const struct ivsh_device *device = ctx;

	return device->platform->now_ns(device->platform->ctx);
}

static void doorbell_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	const struct ivsh_device *device = ctx;

	device->platform->sleep(device->platform->ctx, seen, deadline_ns);
}

static void doorbell_relax(void *ctx)
{
	(void)ctx;
	relax_processor();
}

/* Configuration space first: BAR0 may be another's. */
COLD static int doorbell_recheck(void *ctx, uint32_t *self)
{
	struct ivsh_device *device = ctx;
	uint32_t position;

	if (!device->registers || !is_there(device))
		return IVSH_ENODEV;
	(void)enable(device);
	position = register_position(device->registers);
	/* All ones: nothing decodes BAR0. */
	if (position == UINT32_MAX || (device->doorbell && position > ID_MAX))
		return IVSH_ENODEV;
	device->ivposition = position;
	if (device->doorbell)
		*self = position;
	ivsh_msix_restart(device);
	return 0;
}

COLD void ivsh_device_mem(struct ivsh_device *device, struct ivsh_mem *mem)
{
	mem->base = device->memory;
	mem->size = device->bar[2].size;
	mem->self = device->doorbell ? device->ivposition : IVSH_SELF_NONE;
	mem->doorbell.ctx = device;
	mem->doorbell.vectors = device->interrupts;
	mem->doorbell.notify = device->doorbell ? doorbell_notify : NULL;
	mem->doorbell.count = doorbell_count;
	mem->doorbell.now_ns = doorbell_now_ns;
	mem->doorbell.sleep = doorbell_sleep;
	mem->doorbell.relax = doorbell_relax;
	mem->doorbell.recheck = doorbell_recheck;
	mem->seed = device->platform->seed;
	mem->vm_generation = device->platform->vm_generation;
	mem->machine = device->platform->machine;
	mem->parts = NULL;
	mem->part_count = 0;
	mem->split = NULL;
}
