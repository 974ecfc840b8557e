/* SPDX-License-Identifier: MIT */
/*
 * ivsh_zephyr.h - an ivshmem device that Zephyr has found, mapped and connected, as a transport.
 *
 * Zephyr owns PCI Express and the MSI-X tables, so the road is struct ivsh_mapped, over Zephyr's
 * PCI Express calls. Those of Zephyr's own ivshmem driver will not do: its ivshmem_int_peer()
 * refuses each vector that this peer itself has not, so a peer with more of them would not wake.
 */
#ifndef IVSH_ZEPHYR_H
#define IVSH_ZEPHYR_H

#include <ivsh/mapped.h>

#include <zephyr/drivers/pcie/msi.h>
#include <zephyr/drivers/pcie/pcie.h>
#include <zephyr/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An open device. Static, or in memory that stays, and zero before ivsh_zephyr_open(). */
struct ivsh_zephyr {
	/* The caller may set seed, vm_generation and machine before the call; it fills the rest. */
	struct ivsh_mapped mapped;

	/* For the calls' use. */
	pcie_bdf_t function;
	struct k_sem semaphore;
	atomic_t doorbells;
	msi_vector_t vectors[CONFIG_IVSH_VECTORS];
};

/*
 * Open the (index)th ivshmem device, counted from 0: find it, enable memory decoding and bus
 * mastering, map BAR0 and BAR2, connect up to CONFIG_IVSH_VECTORS vectors to an interrupt handler,
 * and fill the transport handle. ivsh_node_open() comes next.
 *
 * Where no vector can be connected, port->mapped.vectors is 0 and the peer polls. An
 * ivshmem-doorbell has an ID, and an ivshmem-plain has not (mem.h).
 *
 * Once for each device, by the thread that then makes all calls on it, after Zephyr has initialized
 * its drivers. No other driver may have the device: CONFIG_IVSHMEM is off. The device stays open.
 *
 * IVSH_ENODEV     there are not so many devices.
 * IVSH_EVERSION   the device is of another revision than 1.
 * IVSH_ENOSPC     BAR0 or BAR2 has no address: Zephyr's windows for PCI memory are too small.
 * IVSH_EPLATFORM  a BAR could not be mapped: CONFIG_KERNEL_VM_SIZE may be too small.
 * Else as ivsh_mapped_mem().
 */
int ivsh_zephyr_open(
    struct ivsh_zephyr *port, uint32_t index, struct ivsh_mem *mem) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
