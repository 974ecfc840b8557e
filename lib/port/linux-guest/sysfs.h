/* SPDX-License-Identifier: MIT */
/*
 * sysfs.h - what the kernel says of a PCI function in /sys/bus/pci, and what can be had there.
 *
 * Linux, Documentation/ABI/testing/sysfs-bus-pci and Documentation/PCI/sysfs-pci.rst.
 */
#ifndef LINUX_GUEST_SYSFS_H
#define LINUX_GUEST_SYSFS_H

#include "linux_guest.h"

#include <stddef.h>

/* The driver that hands a device to a process. */
#define SYSFS_VFIO_DRIVER "vfio-pci"

/* Whether (bdf) is an ivshmem device of a revision that the library knows. */
bool sysfs_is_ivshmem(const char *bdf);

/*
 * The inode of the file that stands for BAR2: sysfs gives no number twice, and the kernel makes the
 * file when the device has its addresses. 0: there is none.
 */
uint64_t sysfs_instance(const char *bdf);

/* Read where the BARs are. 0, or -1 with guest->error. */
int sysfs_bars(struct ivsh_linux *guest);

/*
 * The last part of the path that the link (name) of the function leads to: its driver, its IOMMU
 * group. False: there is no such link.
 */
bool sysfs_link(const char *bdf, const char *name, char *text, size_t size);

/* Whether the driver vfio-pci is loaded. */
bool sysfs_has_vfio(void);

/* Bind vfio-pci to a function without a driver, and take it away again. 0, or -1 with errno. */
int sysfs_bind(const char *bdf);
void sysfs_unbind(const char *bdf);

/* Whether the function decodes the addresses of its memory: its command register, bit 1. */
bool sysfs_decodes(const char *bdf);

/* Let the function decode its BARs, if it does not. 0, or -1 with guest->error. */
int sysfs_enable(struct ivsh_linux *guest);
void sysfs_disable(struct ivsh_linux *guest);

/*
 * Map the (size) bytes of BAR (index) that it has; for an observer for reading alone, through a
 * descriptor for reading. NULL with errno. What is mapped for a BAR that
 * is smaller than a page begins at the start of the page: sysfs_unmap() takes the same arguments.
 */
void *sysfs_map(const struct ivsh_linux *guest, unsigned index);
void sysfs_unmap(const struct ivsh_linux *guest, unsigned index, void *base);

/* Whether the devices of the parts are those that were opened. */
bool linux_guest_set_is_there(const struct ivsh_linux_set *set);

/* The same in a recheck: they decode again, and which can be written is found out anew. */
int linux_guest_set_recheck(struct ivsh_linux *common, uint64_t now_ns);

/* Write guest->error. Returns -1. errno stays. */
int linux_guest_fail(struct ivsh_linux *guest, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

#endif
