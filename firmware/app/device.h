/* SPDX-License-Identifier: MIT */
/*
 * device.h - the ivshmem devices of a machine: the transports of the worlds that are guests.
 */
#ifndef APP_DEVICE_H
#define APP_DEVICE_H

#include "app/options.h"
#include "app/world.h"

#include <ivsh/device.h>

/* A machine that is a guest. */
struct machine {
	const char *name; /* "bare-metal x86_64" */

	/* How the device room reaches this machine. What is there at the start is assigned. */
	const struct ivsh_platform *platform;

	/* For devices that are plugged in later. NULL: nobody assigns their addresses. */
	const struct ivsh_pci_windows *windows;

	/* Without a device: if this machine knows why, one line on stderr, and true. NULL: it does
	 * not. */
	bool (*explain)(void);

	/* How this machine caches an address: "write-back" and the like, or NULL. */
	const char *(*memory_type)(const void *address);

	/* Why no doorbell can interrupt it, and what to do: bare/arch.h. NULL: one can. */
	const char *no_interrupts;

	/* arch_console_tee() */
	void (*tee)(void (*sink)(void *ctx, const char *bytes, size_t size), void *ctx);

	/* True once the user has stopped the program (ESC). */
	bool (*stopped)(void);

	/*
	 * How long a command that finds nothing to do polls before it sleeps, in nanoseconds: about
	 * as long as this machine's sleep is late: with doorbells that end a sleep, and without.
	 */
	uint64_t spin_ns;
	uint64_t spin_polling_ns;
};

/* The commands' world on (machine), which must outlive it. There is one. */
const struct world *device_world(const struct machine *machine);

#endif
