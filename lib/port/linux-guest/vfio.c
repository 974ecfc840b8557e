/* SPDX-License-Identifier: MIT */
/*
 * vfio.c - the ivshmem device by VFIO: registers, memory, and MSI-X interrupts as an eventfd.
 *
 * The kernel programs the MSI-X table, and the IOMMU lets the device send nothing but these
 * messages: it has no other use for bus mastering.
 */
/* VFIO's regions begin at multiples of 2^40, also for a process of 32 bits. */
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include "vfio.h"

#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONFIG_ID 0x00u /* PCI 6.1: vendor in 15:0, device in 31:16 */
#define CONFIG_COMMAND 0x04u
#define COMMAND_MEMORY 0x2u /* PCI 6.2.2 */
#define COMMAND_MASTER 0x4u
#define IVSHMEM_ID 0x11101af4u

#define VECTORS_MAX 2048u /* PCI 6.8.2 */

static int failed(struct ivsh_linux *guest, const char *what)
{
	return linux_guest_fail(guest, "VFIO: %s: %s", what, strerror(errno));
}

/* Open the group of the device: it is for one process at a time. */
static int open_group(struct ivsh_linux *guest)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char number[16], path[32];

	if (!sysfs_link(guest->bdf, "iommu_group", number, sizeof(number))) {
		errno = ENOTSUP;
		return linux_guest_fail(guest, "VFIO: it has no IOMMU");
	}
	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	guest->group = open(path, O_RDWR | O_CLOEXEC);
	if (guest->group < 0 && errno == EBUSY)
		return linux_guest_fail(guest, "VFIO: another process has it");
	if (guest->group < 0)
		return failed(guest, path);
	if (ioctl(guest->group, VFIO_GROUP_GET_STATUS, &status))
		return failed(guest, "status of the group");
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	errno = EPERM;
	return linux_guest_fail(guest,
	    "VFIO: other devices of its IOMMU group %s have drivers: give it a slot of its own",
	    number);
}

/* Put the group into a container of its own. Without DMA the container maps nothing. */
static int open_container(struct ivsh_linux *guest)
{
	guest->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (guest->container < 0)
		return failed(guest, "/dev/vfio/vfio");
	if (ioctl(guest->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    !ioctl(guest->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU)) {
		errno = ENOTSUP;
		return linux_guest_fail(guest, "VFIO: the module vfio_iommu_type1 is not loaded");
	}
	if (ioctl(guest->group, VFIO_GROUP_SET_CONTAINER, &guest->container))
		return failed(guest, "container");
	if (ioctl(guest->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0)
		return 0;
	if (errno == EPERM)
		return linux_guest_fail(guest,
		    "VFIO: the IOMMU does not remap interrupts: give QEMU -device "
		    "intel-iommu,intremap=on");
	return failed(guest, "IOMMU");
}

/* Map BAR (index), or NULL with guest->error. */
static void *map_bar(struct ivsh_linux *guest, unsigned index)
{
	struct vfio_region_info region = {
	    .argsz = sizeof(region), .index = VFIO_PCI_BAR0_REGION_INDEX + index};
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t size;
	void *base;

	if (ioctl(guest->device, VFIO_DEVICE_GET_REGION_INFO, &region)) {
		(void)failed(guest, "a BAR");
		return NULL;
	}
	/* BAR0 in a page with something else: VFIO maps none of it, and sysfs does. */
	if (!(region.flags & VFIO_REGION_INFO_FLAG_MMAP)) {
		base = sysfs_map(guest, index);
	} else {
		size = (region.size + page - 1) / page * page;
		base = (size_t)size == size ? mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
						  MAP_SHARED, guest->device, (off_t)region.offset)
					    : MAP_FAILED;
		base = base == MAP_FAILED ? NULL : base;
	}
	if (!base)
		linux_guest_fail(guest, "VFIO: BAR%u: mmap: %s", index, strerror(errno));
	return base;
}

/* Read or write 32 bits of configuration space at (offset). False: that failed. */
static bool config(struct ivsh_linux *guest, uint32_t offset, uint32_t *value, bool is_write)
{
	struct vfio_region_info region = {
	    .argsz = sizeof(region), .index = VFIO_PCI_CONFIG_REGION_INDEX};
	off_t at;
	ssize_t done;

	if (ioctl(guest->device, VFIO_DEVICE_GET_REGION_INFO, &region))
		return false;
	at = (off_t)(region.offset + offset);
	done = is_write ? pwrite(guest->device, value, sizeof(*value), at)
			: pread(guest->device, value, sizeof(*value), at);
	return done == (ssize_t)sizeof(*value);
}

/* VFIO opens a device without bus mastering: no interrupt would come. The status bits stay. */
static bool enable(struct ivsh_linux *guest)
{
	uint32_t command;

	if (!config(guest, CONFIG_COMMAND, &command, false))
		return false;
	command = (command & 0xffff) | COMMAND_MEMORY | COMMAND_MASTER;
	return config(guest, CONFIG_COMMAND, &command, true);
}

/* Connect (count) interrupts of the kind (index) to the eventfd (fd); 0: disconnect all. */
static int connect_irqs(struct ivsh_linux *guest, uint32_t index, uint32_t count, int fd)
{
	static union {
		struct vfio_irq_set set;
		unsigned char space[sizeof(struct vfio_irq_set) + VECTORS_MAX * sizeof(int)];
	} request;

	request.set = (struct vfio_irq_set){
	    .argsz = (uint32_t)(sizeof(request.set) + count * sizeof(fd)),
	    .flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		     (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
	    .index = index,
	    .count = count,
	};
	for (uint32_t i = 0; i < count; i++)
		memcpy(request.set.data + i * sizeof(fd), &fd, sizeof(fd));
	return ioctl(guest->device, VFIO_DEVICE_SET_IRQS, &request);
}

/* MSI-X, up to (vectors); and the request to let the device go. */
static int open_irqs(struct ivsh_linux *guest, uint32_t vectors)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX};

	if (ioctl(guest->device, VFIO_DEVICE_GET_IRQ_INFO, &info))
		return failed(guest, "MSI-X");
	vectors = vectors < info.count ? vectors : info.count;
	vectors = vectors < VECTORS_MAX ? vectors : VECTORS_MAX;
	guest->doorbells = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	guest->removal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (guest->doorbells < 0 || guest->removal < 0)
		return failed(guest, "eventfd");
	if (vectors && connect_irqs(guest, VFIO_PCI_MSIX_IRQ_INDEX, vectors, guest->doorbells))
		return failed(guest, "MSI-X");
	guest->mapped.vectors = vectors;
	/* A kernel that makes no such request just removes the device. */
	(void)connect_irqs(guest, VFIO_PCI_REQ_IRQ_INDEX, 1, guest->removal);
	return 0;
}

int vfio_open(struct ivsh_linux *guest, uint32_t vectors)
{
	if (open_group(guest) || open_container(guest))
		return -1;
	guest->device = ioctl(guest->group, VFIO_GROUP_GET_DEVICE_FD, guest->bdf);
	if (guest->device < 0)
		return failed(guest, "the device");
	guest->is_vfio = true;
	guest->mapped.registers = map_bar(guest, 0);
	guest->mapped.memory = guest->mapped.registers ? map_bar(guest, 2) : NULL;
	if (!guest->mapped.memory)
		return -1;
	if (!enable(guest))
		return failed(guest, "bus mastering");
	return open_irqs(guest, vectors);
}

int vfio_recheck(struct ivsh_linux *guest)
{
	uint32_t id = 0, vectors = guest->mapped.vectors;

	if (!config(guest, CONFIG_ID, &id, false) || id != IVSHMEM_ID || !enable(guest))
		return IVSH_ENODEV;
	/* Off and on again: under KVM no interrupt comes otherwise behind a migration. */
	if (vectors && (connect_irqs(guest, VFIO_PCI_MSIX_IRQ_INDEX, 0, -1) ||
			   connect_irqs(guest, VFIO_PCI_MSIX_IRQ_INDEX, vectors, guest->doorbells)))
		return IVSH_ENODEV;
	return 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A page of BAR0 that sysfs has mapped begins before it. */
static void unmap(volatile void *base, uint64_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)base / page * page;

	if (base)
		munmap((void *)start, (size_t)(size + (uintptr_t)base - start));
}

/* The last close of the device disables it: its interrupts, and bus mastering. */
void vfio_close(struct ivsh_linux *guest)
{
	unmap(guest->mapped.memory, guest->bar[2].size);
	unmap(guest->mapped.registers, guest->bar[0].size);
	guest->mapped.memory = NULL;
	guest->mapped.registers = NULL;
	close_one(&guest->device);
	close_one(&guest->group);
	close_one(&guest->container);
	close_one(&guest->doorbells);
	close_one(&guest->removal);
	guest->is_vfio = false;
}
