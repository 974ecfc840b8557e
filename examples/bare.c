/* SPDX-License-Identifier: MIT */
/*
 * bare.c - the transport of a guest without an operating system: its first ivshmem device.
 */
#include "transport.h"

#include <ivsh/bare.h>
#include <ivsh/device.h>

#include <stdio.h>

const struct ivsh_mem *transport_open(void)
{
	static struct ivsh_device device;
	static struct ivsh_mem mem;
	struct ivsh_pci_windows windows;
	int error;

	/* Firmware that assigns no addresses leaves that to the guest. */
	ivsh_bare_windows(&windows);
	error = ivsh_pci_assign(ivsh_bare_platform(), &windows);
	if (!error)
		error = ivsh_device_open_any(&device, ivsh_bare_platform(), 0, &mem);
	if (!error)
		return &mem;
	fprintf(stderr, "ivshmem device: %s\n", ivsh_error_text(error));
	return NULL;
}
