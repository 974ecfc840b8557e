/* SPDX-License-Identifier: MIT */
/*
 * device.c - the ivshmem device: from a PCI function to struct ivsh_mem.
 */
#include <ivsh/device.h>

#include "device/config.h"
#include "device/msix.h"

#include <stddef.h>

#define ID_MAX 0xffffu /* ivshmem-spec: IDs and vectors have 16 bits */

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

COLD void ivsh_device_close(struct ivsh_device *device)
{
	/* While memory decoding is on: this writes to the table. */
	ivsh_msix_close(device);
	unmap(device);
	ivsh_config_command(device->platform, device->function, device->enabled, 0);
	device->enabled = 0;
}

/* --- The doorbell: the platform's calls, with the device as their context --------------------- */

static void doorbell_notify(void *ctx, uint32_t peer, uint32_t vector)
{
	struct ivsh_device *device = ctx;

	if (peer > ID_MAX || vector > ID_MAX)
		return;
	/*
	 * Between the caller's stores to shared memory and the store to the doorbell register.
	 * Without it a weak memory order may send the notification first, and the peer that wakes
	 * finds no message.
	 */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	device->registers[IVSH_REG_DOORBELL / 4] = peer << 16 | vector;
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
	const struct ivsh_device *device = ctx;

	if (device->platform->relax)
		device->platform->relax(device->platform->ctx);
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
	mem->doorbell.recheck = NULL;
	mem->seed = device->platform->seed;
	mem->vm_generation = device->platform->vm_generation;
	mem->machine = device->platform->machine;
}
