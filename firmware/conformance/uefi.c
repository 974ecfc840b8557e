/* SPDX-License-Identifier: MIT */
/*
 * uefi.c - conformance.efi, in the place of ivsh.efi's commands: does the platform over UEFI keep
 * its contract on this machine?
 */
#include "app/app.h"
#include "app/device.h"
#include "arch/memtype.h"
#include "bare/arch.h"
#include "conformance/program.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const struct world *device_world(const struct machine *machine)
{
	(void)machine;
	return NULL;
}

/* --exit=verdict is app_main()'s: main.c ends the machine then, and takes --exit=qemu itself. */
int app_main(int argc, char **argv, const struct world *world)
{
	int status;
	bool says = argc > 1 && strcmp(argv[1], APP_VERDICT) == 0;

	(void)world;
	printf("conformance: UEFI " ARCH_NAME "\n");
	status = program_guest(argc - says, argv + says, arch_platform(), memtype_sure);
	if (says)
		printf("exit: %d\n", status);
	return status;
}
