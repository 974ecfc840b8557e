/* SPDX-License-Identifier: MIT */
/*
 * status.h - the exit statuses of all commands: of guests, of ivsh.efi, and of the host tool.
 *
 * Scripts and manuals have these numbers. A guest ends QEMU with (status << 1) | 1, and with 0 for
 * 0 (isa-debug-exit); ivsh.efi answers a shell with the EFI_STATUS beside each.
 */
#ifndef APP_STATUS_H
#define APP_STATUS_H

enum status {
	STATUS_DONE = 0,      /* EFI_SUCCESS */
	STATUS_FAILED = 1,    /* EFI_DEVICE_ERROR: something else; the line on stderr names it */
	STATUS_USAGE = 2,     /* EFI_INVALID_PARAMETER: the command line is wrong */
	STATUS_NO_DEVICE = 3, /* EFI_NOT_FOUND: no ivshmem device; host: no server there, no file */
	STATUS_NO_PEER = 4,   /* EFI_NOT_FOUND: no such peer, or it did not come in time */
	STATUS_TIMEOUT = 5,   /* EFI_TIMEOUT: it was there, and it took too long */
	STATUS_STOPPED = 6,   /* EFI_ABORTED: before its end, by ESC, Ctrl-C or a signal */
	STATUS_NO_FILES = 7, /* EFI_UNSUPPORTED: the command needs files, and there are none here */
	STATUS_NO_ROOM = 8,  /* EFI_OUT_OF_RESOURCES: a device's port has no room for it */
	STATUS_ONE_CPU = 9,  /* host alone: tune needs two processors, and may use one */
	STATUS_PIPE = 141,   /* EFI_DEVICE_ERROR; host: nobody reads standard output any more */
};

#endif
