/* SPDX-License-Identifier: MIT */
/*
 * device.h - the ivshmem device: from a PCI function to struct ivsh_mem.
 *
 * QEMU, docs/specs/ivshmem-spec.rst. BAR0 holds registers, BAR1 the MSI-X table where there is one,
 * BAR2 the shared memory.
 */
#ifndef IVSH_DEVICE_H
#define IVSH_DEVICE_H

#include <ivsh/error.h>
#include <ivsh/mem.h>
#include <ivsh/pci.h>
#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IVSH_PCI_VENDOR 0x1af4u /* Red Hat; ivshmem-spec, "Device identification" */
#define IVSH_PCI_DEVICE_ID 0x1110u
#define IVSH_PCI_REVISION 1u /* 0 is the device before QEMU 2.6 */

/* In BAR0: aligned 32-bit accesses only; ivshmem-spec, "PCI device specific registers". */
#define IVSH_REG_INTRMASK 0x0u   /* RW, 0 at reset, no effect with MSI-X */
#define IVSH_REG_INTRSTATUS 0x4u /* RW, 0 at reset, no effect with MSI-X */
#define IVSH_REG_IVPOSITION 0x8u /* RO, this peer's ID; 0 for ivshmem-plain too */
#define IVSH_REG_DOORBELL 0xcu   /* WO, peer ID in bits 31:16, vector in 15:0 */
#define IVSH_REG_SIZE 0x100u     /* bytes of BAR0 */

/* The least that BAR2 can have: one page of the host. */
#define IVSH_BAR2_MIN 4096u

/* An open device, in the caller's memory. The caller only reads the fields. */
struct ivsh_device {
	const struct ivsh_platform *platform; /* the caller's; it outlives the open device */
	uint32_t function;                    /* PCI function: IVSH_PCI_FUNCTION() */
	uint8_t revision;                     /* PCI revision ID */
	bool doorbell;            /* true: ivshmem-doorbell, known by its MSI-X capability */
	uint32_t vectors;         /* entries of its MSI-X table: 0 to 2048; 0 for plain */
	uint32_t interrupts;      /* of these, in use: see ivsh_device_interrupts() */
	uint32_t msix;            /* offset of the MSI-X capability; 0: none */
	volatile uint32_t *table; /* the MSI-X table, mapped while interrupts is not 0 */
	uint32_t ivposition;      /* IVPosition as read at open: 0 to 65535; plain: no meaning */
	struct ivsh_bar bar[3];   /* BAR0 registers, BAR1 MSI-X, BAR2 the shared memory */
	volatile uint32_t *registers; /* BAR0, mapped; NULL: the device is not open */
	void *memory;                 /* BAR2, mapped, aligned to 4096; bar[2].size bytes */
	uint16_t enabled;             /* COMMAND bits that open set and close clears */
};

/*
 * Find the (index)th ivshmem device, counted from 0. A machine may have several; the order is that
 * of ivsh_pci_find().
 *
 * IVSH_ENODEV  there are fewer.
 */
int ivsh_device_find(
    const struct ivsh_platform *platform, uint32_t index, uint32_t *function) IVSH_MUST_CHECK;

/*
 * Open the ivshmem device at (function): size its BARs, enable memory decoding and bus mastering,
 * map BAR0 and BAR2, read IVPosition.
 *
 * Once per device, from one thread, before any other call on it. (device) needs no preparation. On
 * failure nothing stays mapped and the COMMAND register is as before. MSI-X is off afterwards in
 * any case, so that no message set up by a former owner is written to memory that is in use now.
 *
 * IVSH_ENODEV     no ivshmem device is there.
 * IVSH_EVERSION   the library does not know the revision, which is in device->revision.
 * IVSH_ENOSPC     BAR0 or BAR2 has no address: call ivsh_pci_assign(), or for a device that was
 *                 plugged in ivsh_pci_assign_added(), or check the firmware.
 * IVSH_EPROTO     a BAR is missing, of the wrong kind, or of an impossible size; the capability
 *                 list is broken; COMMAND keeps no bits; or IVPosition is no ID.
 * IVSH_EPLATFORM  the platform could not map a BAR, or mapped it unaligned (BAR0 to 4, BAR2 to
 *                 4096).
 */
int ivsh_device_open(struct ivsh_device *device, const struct ivsh_platform *platform,
    uint32_t function) IVSH_MUST_CHECK;

/*
 * Enable up to (wanted) MSI-X vectors, 0 to 2048, from vector 0 on, so that peers can notify this
 * one: as many as the device has and the platform can allocate. Their count goes to
 * device->interrupts; 0 is no error, and the peer then polls.
 *
 * Between ivsh_device_open() and ivsh_device_mem(), once. Notifications sent earlier are lost: read
 * the shared memory afterwards.
 *
 * A vector that the server does not serve never receives a notification; under KVM, QEMU 7.2 aborts
 * when the guest unmasks such a vector. The device cannot tell how many the server serves, so give
 * QEMU's vectors= the server's number.
 *
 * IVSH_EINVAL     wanted is above 2048, the device is not open, or vectors are enabled already.
 * IVSH_EPROTO     the MSI-X capability names a table that is not there: nothing has changed.
 * IVSH_EPLATFORM  the platform could not map the table: nothing has changed.
 */
int ivsh_device_interrupts(struct ivsh_device *device, uint32_t wanted) IVSH_MUST_CHECK;

/*
 * Fill the transport handle of an open device. self is IVPosition for ivshmem-doorbell and
 * IVSH_SELF_NONE for ivshmem-plain, where the caller sets it. (mem) refers to (device), which must
 * neither move nor be closed while mem is used.
 *
 * mem->doorbell.recheck looks at the device again: in configuration space first, so that no
 * register of another device is touched where this one was. It enables memory decoding, bus
 * mastering and MSI-X again, with the same vectors, and reads IVPosition into device->ivposition
 * and *self; for ivshmem-plain *self stays as it is. Notifications that come meanwhile are lost:
 * read the shared memory afterwards. IVSH_ENODEV: there is no device, or another one that has no
 * addresses yet; only ivsh_device_close() is useful then.
 *
 * mem->doorbell.notify is one 32-bit store, behind all earlier stores to memory. It ignores a peer
 * or vector above 65535. It is NULL for ivshmem-plain. QEMU without ioeventfd uses only the low 8
 * bits of a vector, so leave vectors of 256 and more unused.
 */
void ivsh_device_mem(struct ivsh_device *device, struct ivsh_mem *mem);

/* Vectors that ivsh_device_open_any() takes, where there are as many. */
#define IVSH_DEVICE_VECTORS 128u

/*
 * Open the (index)th ivshmem device and answer its transport handle: ivsh_device_find(), _open(),
 * _interrupts() and _mem() in one.
 *
 * Takes up to IVSH_DEVICE_VECTORS vectors. A device that has none, or a platform that has none
 * left, is no error: mem->doorbell.vectors is 0, and the peer polls. Where firmware assigns no
 * addresses, ivsh_pci_assign() comes first. Once per device, as ivsh_device_open(). Of a split
 * region: ivsh_set_open_any(), in ivsh/set.h.
 *
 * IVSH_ENODEV  there are not that many devices.
 * Else as ivsh_device_open().
 */
int ivsh_device_open_any(struct ivsh_device *device, const struct ivsh_platform *platform,
    uint32_t index, struct ivsh_mem *mem) IVSH_MUST_CHECK;

/*
 * Close: mask all vectors, disable MSI-X, wait until the messages sent before are there, disable
 * bus mastering and memory decoding if open enabled them, unmap, and free the interrupts. Detach
 * the region first. (device) may be opened again. Closing a device that is closed, or that failed
 * to open, does nothing.
 *
 * If the device is gone, or another one is in its place, no register is written: it only unmaps,
 * and frees the interrupts. The mappings are undone in any case, so their page tables can be used
 * again.
 */
void ivsh_device_close(struct ivsh_device *device);

#ifdef __cplusplus
}
#endif
#endif
