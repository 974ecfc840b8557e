/* SPDX-License-Identifier: MIT */
/*
 * sums_uefi.c - sums.c in the place of ivsh.efi's commands.
 */
#include "app/app.h"
#include "app/device.h"
#include "tests/guest/sums.h"

#include <stddef.h>

const struct world *device_world(const struct machine *machine)
{
	(void)machine;
	return NULL;
}

int app_main(int argc, char **argv, const struct world *world)
{
	(void)argc, (void)argv, (void)world;
	return sums_run(0, NULL);
}
