/* SPDX-License-Identifier: MIT */
/*
 * printer_uefi.c - printer.c in the place of ivsh.efi's commands.
 */
#include "app/app.h"
#include "app/device.h"
#include "bare/arch.h"
#include "tests/guest/printer.h"

#include <stddef.h>

static void sink(void *ctx, const char *bytes, size_t size)
{
	ivsh_node_log(ctx, bytes, (uint32_t)size);
}

int printer_log(struct ivsh_node *node)
{
	arch_console_tee(node ? sink : NULL, node);
	return node ? ivsh_node_log(node, NULL, 0) : 0;
}

/* The firmware reports exceptions, and not through this program. */
void printer_trap(void)
{
}

const struct world *device_world(const struct machine *machine)
{
	(void)machine;
	return NULL;
}

int app_main(int argc, char **argv, const struct world *world)
{
	(void)world;
	return printer_run(argc, argv);
}
