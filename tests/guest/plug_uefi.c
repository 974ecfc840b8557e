/* SPDX-License-Identifier: MIT */
/*
 * plug_uefi.c - plug.c in the place of ivsh.efi's commands.
 */
#include "app/app.h"
#include "app/device.h"
#include "tests/guest/plug.h"

#include <stddef.h>

const struct world *device_world(const struct machine *machine)
{
	(void)machine;
	return NULL;
}

void plug_print_heap(void)
{
}

int app_main(int argc, char **argv, const struct world *world)
{
	(void)argc, (void)argv, (void)world;
	return plug_run();
}
