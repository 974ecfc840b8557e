/* SPDX-License-Identifier: MIT */
/*
 * main.c - the guest program: a machine without an operating system, and the commands of
 * firmware/app.
 */
#include "app/app.h"
#include "app/device.h"
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "arch/memtype.h"

#include <stdio.h>

#define ESCAPE 27

/* The least cost of a sleep here: arming the timer, halting, waking. */
#define SPIN_NS 50000

const char bare_name[] = "ivsh";

static bool stopped(void)
{
	static bool escaped;

	if (arch_console_read() == ESCAPE)
		escaped = true;
	return escaped;
}

/* What ivsh_pci_assign() means: of the errors' texts not all speak of buses. */
static const char *assign_problem(int error)
{
	switch (error) {
	case IVSH_ENOSPC:
		return "no room is left for a BAR, or no bus number for a bridge";
	case IVSH_EPROTO:
		return "a BAR breaks the PCI specification, or bridges are nested deeper than 8";
	default:
		return ivsh_error_text(error);
	}
}

int main(int argc, char **argv)
{
	struct ivsh_pci_windows windows;
	struct machine machine = {
	    .name = "bare-metal " ARCH_NAME,
	    .platform = arch_platform(),
	    .windows = &windows,
	    .memory_type = memtype,
	    .tee = arch_console_tee,
	    .no_interrupts = arch_no_interrupts(),
	    .stopped = stopped,
	    .spin_ns = SPIN_NS,
	    .spin_polling_ns = SPIN_NS,
	};
	int error;

	/* Errors are ignored here: each command prints a line if its device has no address. */
	arch_pci_windows(&windows);
	error = ivsh_pci_assign(machine.platform, &windows);
	if (error)
		fprintf(
		    stderr, "%s: assigning PCI addresses: %s\n", argv[0], assign_problem(error));
	return app_main(argc, argv, device_world(&machine));
}
