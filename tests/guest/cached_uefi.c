/* SPDX-License-Identifier: MIT */
/*
 * cached_uefi.c - in the place of ivsh.efi's commands: where the window of 32 bits is, and how BAR2
 * is cached before the device is opened, while it is open, and behind that.
 */
#include "app/app.h"
#include "app/device.h"
#include "arch/memtype.h"
#include "bare/arch.h"

#include <ivsh/device.h>
#include <ivsh/pci.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static struct ivsh_device device;

const struct world *device_world(const struct machine *machine)
{
	(void)machine;
	return NULL;
}

static void print(const char *when, const void *address)
{
	const char *type = memtype(address);

	printf("%s: %s\n", when, type != NULL ? type : "not mapped");
}

int app_main(int argc, char **argv, const struct world *world)
{
	const struct ivsh_platform *platform = arch_platform();
	struct ivsh_pci_windows windows;
	struct ivsh_bar bar = {0};
	uint32_t function = 0;
	const void *memory;

	(void)argc, (void)argv, (void)world;
	arch_pci_windows(&windows);
	printf("low: %#llx to %#llx\n", (unsigned long long)windows.low.next,
	    (unsigned long long)windows.low.end);
	if (ivsh_device_find(platform, 0, &function) != 0 ||
	    ivsh_pci_bar(platform, function, 2, &bar) != 0)
		return EXIT_FAILURE;
	memory = (const void *)(uintptr_t)bar.address;
	print("before", memory);
	if (ivsh_device_open(&device, platform, function) != 0)
		return EXIT_FAILURE;
	print("open", memory);
	ivsh_device_close(&device);
	print("closed", memory);
	printf("done\n");
	return EXIT_SUCCESS;
}
