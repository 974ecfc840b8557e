/* SPDX-License-Identifier: MIT */
/*
 * machine.c - QEMU's pc and q35 below UEFI.
 */
#include "uefi/machine.h"

#include "bare/x86_64/com1.h"
#include "bare/x86_64/generation.h"
#include "bare/x86_64/hotplug.h"
#include "bare/x86_64/nonce.h"
#include "bare/x86_64/qemu.h"

#define DEBUG_EXIT_US 1000000 /* QEMU 10 ends some time after the write */

static EFI_BOOT_SERVICES *services;

void machine_open(EFI_SYSTEM_TABLE *system)
{
	services = system->BootServices;
}

uint64_t machine_random(uint64_t more)
{
	return x86_nonce(more);
}

/* RAM is mapped to itself (2.3.4). */
static void *map_ram(uint64_t address, uint64_t size)
{
	(void)size;
	return (void *)(uintptr_t)address;
}

/*
 * The program's memory is somebody else's as soon as it returns, so QEMU is not given a buffer in
 * it.
 */
uint64_t machine_generation_open(struct ivsh_platform *platform)
{
	return x86_generation_open(platform, map_ram, false);
}

const struct ivsh_hotplug_controller *machine_hotplug(const struct ivsh_platform *platform)
{
	return x86_hotplug(platform);
}

/* OVMF has room for this much by itself (2022.11, processors of 40 address bits: 128 GiB). */
/* OVMF has entered nothing else there that is free. */
bool machine_pci(uint64_t *start, uint64_t *end)
{
	return *start < *end;
}

struct machine_window machine_window(void)
{
	return (struct machine_window){UINT64_C(4) << 30, "opt/ovmf/X-PciMmio64Mb"};
}

bool machine_serial_open(void)
{
	return x86_com1_open();
}

void machine_serial_write(const char *bytes, size_t size)
{
	x86_com1_write(bytes, size);
}

void machine_exit(int status)
{
	x86_debug_exit(status);
	services->Stall(DEBUG_EXIT_US);
}
