/* SPDX-License-Identifier: MIT */
/*
 * platform.h - struct ivsh_platform over EFI_PCI_IO_PROTOCOL (UEFI Specification 2.10, 14.4).
 */
#ifndef PORT_H
#define PORT_H

#include <ivsh/platform.h>

#include <efi.h>

struct port_function;

struct port {
	struct ivsh_platform calls; /* what the library gets; its ctx is this struct */
	EFI_BOOT_SERVICES *services;
	struct port_function *functions; /* every PCI function, by number; from the pool */
	UINTN count;
};

/*
 * Collect the machine's PCI functions, as the firmware's PCI bus driver found them. A machine
 * without any is no error: every function then reads as absent.
 *
 * port_close() puts every COMMAND register back that was written through the port.
 */
EFI_STATUS port_open(struct port *port, EFI_BOOT_SERVICES *services);
void port_close(struct port *port);

#endif
