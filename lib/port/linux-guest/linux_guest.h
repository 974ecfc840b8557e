/* SPDX-License-Identifier: MIT */
/*
 * linux_guest.h - a Linux guest as a peer: from a PCI function, 0000:00:02.0, to the transport.
 *
 * A process takes the ivshmem device itself, by one of two roads:
 *
 *  VFIO   the driver vfio-pci hands the whole device to one process, with its MSI-X interrupts,
 *         which come as an eventfd. It needs an IOMMU that remaps interrupts; of QEMU's these are
 *         -device intel-iommu,intremap=on, and intel_iommu=on on the kernel's command line.
 *  sysfs  /sys/bus/pci/devices/BDF/resource2 and resource0, of a device without a driver. The
 *         process notifies others, and polls itself. Several processes may map the memory.
 *
 * Both want root, or an owner of these files who gave them to the user. One thread owns a device.
 */
#ifndef LINUX_GUEST_H
#define LINUX_GUEST_H

#include <ivsh/mapped.h>
#include <ivsh/set.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a name such as 0000:00:02.0, and what ends it: a domain has up to 8 digits. */
#define IVSH_LINUX_BDF 20

struct ivsh_linux_set;

/* How many devices may wait together. */
#define IVSH_LINUX_GROUP_MAX 16u

enum ivsh_linux_road {
	IVSH_LINUX_ANY,  /* VFIO where that is possible, else sysfs */
	IVSH_LINUX_VFIO, /* or an error */
	IVSH_LINUX_SYSFS,
};

/* What becomes of an open device. */
enum ivsh_linux_state {
	IVSH_LINUX_STAYS,
	IVSH_LINUX_LEAVES, /* it is to be removed, and waits until it is closed: by VFIO */
	IVSH_LINUX_GONE,   /* it was removed: nothing of it may be touched */
};

/* One BAR, as the kernel has placed it. */
struct ivsh_linux_bar {
	uint64_t address;
	uint64_t size; /* bytes; 0: there is none */
};

/* An open device, in the caller's memory: the caller reads the fields, and does not move it. */
struct ivsh_linux {
	struct ivsh_mapped mapped; /* for ivsh_mapped_mem() */
	char bdf[IVSH_LINUX_BDF];
	bool is_vfio;                 /* the road that was taken */
	bool is_bound;                /* open has bound vfio-pci to the device */
	uint64_t instance;            /* ivsh_linux_instance() */
	bool is_enabled;              /* open has enabled the device by sysfs */
	bool is_observer;             /* ivsh_linux_observe(): nothing can be written */
	struct ivsh_linux_bar bar[3]; /* registers, MSI-X, the shared memory */

	/* An eventfd that is readable once a doorbell came that count() has not read; -1 by sysfs.
	 * For poll(2) in a loop of the caller's: count() reads it. */
	int doorbells;
	/* An eventfd that is readable once the device is to be removed: device_del waits until the
	 * device is closed. -1 by sysfs. */
	int removal;

	uint32_t notifications;       /* read from (doorbells) so far */
	int container, group, device; /* descriptors of VFIO; -1: none */
	struct ivsh_linux *next;      /* of the group that waits together, in a circle */
	struct ivsh_linux_set *set;   /* whose common memory it has; NULL: a region in one memory */

	char polls[200]; /* why nobody can notify an ivshmem-doorbell: it polls; "" else */
	char error[200]; /* after a failure: what is wrong, in one line, without the device */
};

/*
 * The (index)th ivshmem device of this machine, counted from 0, in the order of their names.
 *
 * Returns 0, or -1: there are fewer.
 */
int ivsh_linux_find(uint32_t index, char bdf[IVSH_LINUX_BDF]);

/*
 * Write the full name of the function (text) to (bdf): 0000:00:02.0 for 00:02.0.
 *
 * Returns 0, or -1: it is no such name.
 */
int ivsh_linux_parse(const char *text, char bdf[IVSH_LINUX_BDF]);

/*
 * Open the ivshmem device (bdf), and map its registers and memory.
 *
 * On success ivsh_mapped_mem(&guest->mapped, ...) gives the transport. By VFIO the device is this
 * process's alone: the call binds vfio-pci to a device without a driver, and connects up to
 * (vectors) vectors, guest->mapped.vectors of them, which notify this process. One vector does: all
 * count as one, and share the eventfd. The road of IVSH_LINUX_ANY is VFIO for an ivshmem-doorbell,
 * unless (vectors) is 0; where that cannot be had, guest->polls says why not.
 *
 * Returns 0; or -1 with guest->error and nothing left open. errno is ENOENT if there is no such
 * device, EBUSY if another process has it, and another number else.
 */
int ivsh_linux_open(
    struct ivsh_linux *guest, const char *bdf, enum ivsh_linux_road road, uint32_t vectors);

/*
 * Open the ivshmem device (bdf) for an observer: its memory, and its registers if that is allowed,
 * are mapped for reading alone, by sysfs, so that permission to read these files is enough. A
 * device that does not decode its addresses is enabled meanwhile, which takes root.
 *
 * On success ivsh_mapped_mem(&guest->mapped, ...) gives a transport for ivsh_region_probe(): it has
 * no doorbell. Where the registers of an ivshmem-doorbell cannot be read, guest->error says why,
 * guest->mapped.registers is NULL, and nobody knows the VM ID.
 *
 * Returns 0, or -1, as ivsh_linux_open().
 */
int ivsh_linux_observe(struct ivsh_linux *guest, const char *bdf);

/* The devices of a split region, in the caller's memory: the caller reads set.set. */
struct ivsh_linux_set {
	struct ivsh_set set;       /* for ivsh_set_reason() */
	struct ivsh_linux *guests; /* element i: the device of set.parts[i], if that is mapped */
};

/*
 * Whether the memory of the device (bdf) begins as a part of a split region does: its common memory
 * is another device's. A device that cannot be mapped is none.
 */
bool ivsh_linux_is_part(const char *bdf);

/*
 * Find and open the parts of the split region whose common memory (common) has, by sysfs, and add
 * them to its transport (mem): where ivsh_set_is_split() would say so, the magic and bit 1 of the
 * features in the header. An observer's are mapped for reading alone. Afterwards
 * ivsh_linux_state() says of a set with a part that was removed that it is gone, and a recheck
 * looks at all devices.
 *
 * ivsh_linux_set_close() unmaps the parts, and comes before ivsh_linux_close() of (common).
 *
 * Returns 0; or -1 with common->error, errno, and no part open.
 */
int ivsh_linux_set_open(
    struct ivsh_linux_set *set, struct ivsh_linux *common, struct ivsh_mem *mem);
void ivsh_linux_set_close(struct ivsh_linux_set *set);

/*
 * A number of the device at (bdf) that no device has which comes to the same address later. 0:
 * there is none, or it cannot be opened yet. One that waits for its removal is there.
 */
uint64_t ivsh_linux_instance(const char *bdf);

/*
 * What becomes of the device, which is open. A few system calls.
 */
enum ivsh_linux_state ivsh_linux_state(const struct ivsh_linux *guest);

/*
 * Let (other), which is in no group yet, count and sleep together with (guest) and the group of
 * (guest): a notification of any member ends the sleep of each, as ivsh_regions_wait() needs it.
 * ivsh_linux_close() leaves the group. Returns 0, or -1: the group is full.
 */
int ivsh_linux_group(struct ivsh_linux *guest, struct ivsh_linux *other);

/*
 * Unmap and close everything. Detach the region first. Harmless after a failed open, and for a
 * device that is closed already. vfio-pci stays bound.
 */
void ivsh_linux_close(struct ivsh_linux *guest);

#ifdef __cplusplus
}
#endif
#endif
