/* SPDX-License-Identifier: MIT */
/*
 * ivsh_uboot.c - U-Boot's command `ivsh`, over its driver model for PCI.
 *
 * No interrupt comes: the command polls, and notifies.
 */
#include "talk.h"

#include <command.h>
#include <config.h>
#include <console.h>
#include <dm.h>
#include <pci.h>
#include <stdio.h>
#include <time.h>
#include <asm/io.h>
#include <linux/delay.h>
#ifdef CONFIG_ARM64
#include <asm/system.h>
#endif

#define NS_PER_US 1000u
#define NAP_US 20u

/* --- The platform: ctx is the ivshmem device -------------------------------------------------- */

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	struct udevice *device;
	u32 value;

	(void)ctx;
	if (dm_pci_bus_find_bdf((pci_dev_t)PCI_TO_BDF(function), &device) ||
	    dm_pci_read_config32(device, (int)offset, &value))
		return 0xffffffff;
	return value;
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	struct udevice *device;

	(void)ctx;
	if (dm_pci_bus_find_bdf((pci_dev_t)PCI_TO_BDF(function), &device) == 0)
		(void)dm_pci_write_config32(device, (int)offset, value);
}

/*
 * U-Boot maps every address to itself. On arm64 it maps what is PCI's as device memory, where an
 * access that is not aligned faults: the shared memory becomes write-back.
 */
static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	phys_addr_t place = dm_pci_bus_to_phys(
	    ctx, (pci_addr_t)address, (size_t)size, PCI_REGION_TYPE, PCI_REGION_MEM);

	if (place == 0 || (size_t)size != size || (phys_addr_t)(place + size - 1) < place)
		return NULL;
#ifdef CONFIG_ARM64
	if (kind == IVSH_MAP_MEMORY)
		mmu_set_region_dcache_behaviour(place, size, DCACHE_WRITEBACK);
#endif
	return map_physmem(
	    place, (unsigned long)size, kind == IVSH_MAP_MEMORY ? MAP_WRBACK : MAP_NOCACHE);
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return get_timer_us(0) * NS_PER_US;
}

/* udelay() also keeps the watchdog quiet. */
static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)seen;
	while (now_ns(ctx) < deadline_ns)
		udelay(NAP_US);
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return 0;
}

static struct ivsh_platform platform = {
    .config_read = config_read,
    .config_write = config_write,
    .map = map,
    .now_ns = now_ns,
    .sleep = sleep_until,
    .count = count,
};

/* --- The command ------------------------------------------------------------------------------ */

static void print(void *ctx, const char *text)
{
	(void)ctx;
	puts(text);
}

static bool stop(void *ctx)
{
	(void)ctx;
	return ctrlc() != 0;
}

static const struct ivsh_talk talk = {.name = "u-boot", .print = print, .stop = stop};

static int do_ivsh(struct cmd_tbl *command, int flag, int argc, char *const argv[])
{
	static const struct pci_device_id ids[] = {
	    {PCI_DEVICE(IVSH_PCI_VENDOR, IVSH_PCI_DEVICE_ID)}, {}};
	static struct ivsh_device device;
	static struct ivsh_mem mem;
	struct udevice *found;
	int status;

	(void)command, (void)flag;
	if (pci_find_device_id(ids, 0, &found)) {
		puts("ivsh: no ivshmem device: type pci enum first\n");
		return CMD_RET_FAILURE;
	}
	platform.ctx = found;
	status = ivsh_device_open_any(&device, &platform, 0, &mem);
	if (status) {
		printf("ivsh: device: %s\n", ivsh_error_text(status));
		return CMD_RET_FAILURE;
	}
	status = ivsh_talk(&talk, &mem, argc - 1, argv + 1);
	ivsh_device_close(&device);
	return status == IVSH_TALK_USAGE    ? CMD_RET_USAGE
	       : status == IVSH_TALK_FAILED ? CMD_RET_FAILURE
					    : CMD_RET_SUCCESS;
}

U_BOOT_CMD(ivsh, CONFIG_SYS_MAXARGS, 0, do_ivsh, "talk to other machines over an ivshmem device",
    "ping PEER COUNT   - send messages to PEER, compare what comes back\n"
    "ivsh echo COUNT        - send messages back, print texts; 0: until Ctrl-C\n"
    "ivsh send PEER WORD... - send a text to PEER");
