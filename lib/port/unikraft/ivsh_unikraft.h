/* SPDX-License-Identifier: MIT */
/*
 * ivsh_unikraft.h - ivsh in a Unikraft guest on QEMU: PCI, time, threads and interrupts for the
 * library's device code.
 *
 *	static struct ivsh_device device;
 *	struct ivsh_mem mem;
 *	int error = ivsh_device_open_any(&device, ivsh_unikraft_platform(), 0, &mem);
 */
#ifndef IVSH_UNIKRAFT_H
#define IVSH_UNIKRAFT_H

#include <ivsh/ivsh.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The calls of the library's device code to Unikraft. Always the same struct.
 *
 * A thread that waits for a message lets other threads run, and halts the processor when there is
 * none; the doorbell's interrupt wakes it. Called by threads, and never by an interrupt handler.
 */
const struct ivsh_platform *ivsh_unikraft_platform(void);

#ifdef __cplusplus
}
#endif
#endif
