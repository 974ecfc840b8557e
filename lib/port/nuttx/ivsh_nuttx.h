/* SPDX-License-Identifier: MIT */
/*
 * ivsh_nuttx.h - the transport of an ivshmem device over NuttX's PCI API: the sleeper waits on a
 * semaphore, which the handler of the device's MSI-X interrupt posts.
 *
 * For NuttX's flat build, where programs call the kernel's functions, and for code of the kernel.
 * README.md, beside this file, has the lines to add to NuttX's build.
 */
#ifndef IVSH_NUTTX_H
#define IVSH_NUTTX_H

#include <nuttx/config.h>

#include <nuttx/pci/pci.h>
#include <nuttx/semaphore.h>

#include <ivsh/mapped.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In place of a function's number: the first ivshmem device that no driver has. */
#define IVSH_NUTTX_ANY UINT32_MAX

/*
 * An open device, in the caller's memory: it stays at its place until ivsh_nuttx_close(). The
 * caller reads (mapped) and leaves the rest alone.
 */
struct ivsh_nuttx {
	struct ivsh_mapped mapped;
	struct pci_driver_s driver; /* NuttX's view: the driver that has the device */
	struct pci_device_s *device;
	uint32_t function; /* as wanted */
	int irq;           /* where mapped.vectors is 1 */
	int error;
	sem_t wake;
	volatile uint32_t doorbells; /* written by the interrupt's handler alone */
};

/*
 * Take the ivshmem device (function), a bus << 8 | a device << 3 | a function, or IVSH_NUTTX_ANY;
 * enable and map it, connect its first MSI-X vector, and fill (mem) for ivsh_node_open(). All peers
 * then notify this one by that vector. A device that gets no interrupt is polled: mapped.vectors is
 * 0. That is so for an ivshmem-plain, where NuttX was built without CONFIG_PCI_MSIX, and where the
 * interrupt controller takes no messages.
 *
 * From a thread, also from several at a time, each with its own (port). Afterwards one thread owns
 * the transport. A wait that a signal cut short goes on.
 *
 * IVSH_ENODEV     there is no such device, or another driver has it: with CONFIG_PCI_IVSHMEM
 *                 NuttX's own driver takes all of them, at the start.
 * IVSH_EPLATFORM  a BAR could not be mapped, or the machine has no such thing as a PCI bus.
 * IVSH_EINVAL, IVSH_EPROTO  as ivsh_mapped_mem().
 */
int ivsh_nuttx_open(
    struct ivsh_nuttx *port, uint32_t function, struct ivsh_mem *mem) IVSH_MUST_CHECK;

/*
 * Disconnect the interrupt and give the device back. The node is closed before. For a (port) that
 * was opened, by the thread that owns it.
 */
void ivsh_nuttx_close(struct ivsh_nuttx *port);

#ifdef __cplusplus
}
#endif
#endif
