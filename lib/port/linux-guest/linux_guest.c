/* SPDX-License-Identifier: MIT */
/*
 * linux_guest.c - a Linux guest as a peer: finds the device, takes a road to it, counts and sleeps.
 *
 * The eventfd stays readable until count() has read it, so a notification that comes between
 * count() and sleep() ends the sleep at once.
 */
#include "linux_guest.h"

#include "sysfs.h"
#include "vfio.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define NS UINT64_C(1000000000)

int linux_guest_fail(struct ivsh_linux *guest, const char *format, ...)
{
	int error = errno;
	va_list list;

	va_start(list, format);
	vsnprintf(guest->error, sizeof(guest->error), format, list);
	va_end(list);
	errno = error;
	return -1;
}

/* --- Which device ----------------------------------------------------------------------------- */

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && sysfs_is_ivshmem(entry->d_name);
}

int ivsh_linux_find(uint32_t index, char bdf[IVSH_LINUX_BDF])
{
	struct dirent **names;
	int count = scandir("/sys/bus/pci/devices", &names, is_name, alphasort), result = -1;

	for (int i = 0; i < count; i++) {
		if ((uint32_t)i == index &&
		    snprintf(bdf, IVSH_LINUX_BDF, "%s", names[i]->d_name) < IVSH_LINUX_BDF)
			result = 0;
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return result;
}

int ivsh_linux_parse(const char *text, char bdf[IVSH_LINUX_BDF])
{
	unsigned domain = 0, bus, device, function;
	int end = -1;

	/* sscanf() takes spaces, signs and 0x besides. */
	if (text[strspn(text, "0123456789abcdefABCDEF:.")])
		return -1;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) < 4 ||
	    end < 0) {
		domain = 0;
		end = -1;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) < 3 || end < 0)
			return -1;
	}
	if (text[end] || device > 31 || function > 7)
		return -1;
	snprintf(bdf, IVSH_LINUX_BDF, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return 0;
}

/* --- What the library calls ------------------------------------------------------------------- */

static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

/* Read what has come to the eventfd of one device. A counter at 2^32 - 1 counts as that many. */
static void collect(struct ivsh_linux *guest)
{
	uint64_t value;

	if (guest->doorbells >= 0 &&
	    read(guest->doorbells, &value, sizeof(value)) == (ssize_t)sizeof(value))
		guest->notifications += value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static uint32_t total(const struct ivsh_linux *guest)
{
	const struct ivsh_linux *member = guest;
	uint32_t sum = 0;

	do {
		sum += member->notifications;
		member = member->next;
	} while (member != guest);
	return sum;
}

static uint32_t count(void *ctx)
{
	struct ivsh_linux *guest = ctx, *member = guest;

	do {
		collect(member);
		member = member->next;
	} while (member != guest);
	return total(guest);
}

/* A signal ends it early, which is allowed; and a request for the device does. */
static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct ivsh_linux *guest = ctx, *member = guest;
	struct pollfd wait[2 * IVSH_LINUX_GROUP_MAX];
	uint64_t now = now_ns(NULL);
	struct timespec left;
	nfds_t waits = 0;

	if (total(guest) != seen || now >= deadline_ns)
		return;
	left.tv_sec = (time_t)((deadline_ns - now) / NS);
	left.tv_nsec = (long)((deadline_ns - now) % NS);
	/* A descriptor that is -1 is ignored. */
	do {
		wait[waits++] = (struct pollfd){.fd = member->doorbells, .events = POLLIN};
		wait[waits++] = (struct pollfd){.fd = member->removal, .events = POLLIN};
		member = member->next;
	} while (member != guest);
	(void)ppoll(wait, waits, &left, NULL);
}

static int recheck_one(struct ivsh_linux *guest)
{
	if (guest->is_vfio)
		return vfio_recheck(guest);
	if (guest->is_observer)
		return sysfs_instance(guest->bdf) == guest->instance ? 0 : IVSH_ENODEV;
	return sysfs_instance(guest->bdf) == guest->instance && sysfs_enable(guest) == 0
		   ? 0
		   : IVSH_ENODEV;
}

static int recheck(void *ctx)
{
	struct ivsh_linux *guest = ctx;
	int error = recheck_one(guest);

	return error || !guest->set ? error : linux_guest_set_recheck(guest, now_ns(NULL));
}

/* --- Open and close --------------------------------------------------------------------------- */

static void clear(struct ivsh_linux *guest)
{
	memset(guest, 0, sizeof(*guest));
	guest->doorbells = guest->removal = -1;
	guest->container = guest->group = guest->device = -1;
	guest->next = guest;
	guest->mapped.ctx = guest;
	guest->mapped.now_ns = now_ns;
	guest->mapped.sleep = sleep_until;
	guest->mapped.count = count;
	guest->mapped.recheck = recheck;
	if (getrandom(&guest->mapped.seed, sizeof(guest->mapped.seed), GRND_NONBLOCK) < 0)
		guest->mapped.seed = now_ns(NULL);
}

/* The device by VFIO, with vfio-pci bound to it if no driver is. 0, or -1 with guest->error. */
static int open_vfio(struct ivsh_linux *guest, uint32_t vectors)
{
	char driver[64], group[16];
	int error;

	if (sysfs_link(guest->bdf, "driver", driver, sizeof(driver))) {
		errno = EPERM;
		if (strcmp(driver, SYSFS_VFIO_DRIVER) != 0)
			return linux_guest_fail(guest, "VFIO: the driver %s has it", driver);
	} else {
		errno = ENOTSUP;
		if (!sysfs_has_vfio())
			return linux_guest_fail(guest, "VFIO: the module vfio-pci is not loaded");
		if (!sysfs_link(guest->bdf, "iommu_group", group, sizeof(group)))
			return linux_guest_fail(guest,
			    "VFIO: no IOMMU: give QEMU -device intel-iommu,intremap=on, and the"
			    " kernel intel_iommu=on");
		if (sysfs_bind(guest->bdf))
			return linux_guest_fail(guest, "VFIO: bind: %s", strerror(errno));
		guest->is_bound = true;
	}
	if (vfio_open(guest, vectors) == 0)
		return 0;
	error = errno;
	vfio_close(guest);
	if (guest->is_bound)
		sysfs_unbind(guest->bdf);
	guest->is_bound = false;
	guest->mapped.vectors = 0;
	errno = error;
	return -1;
}

/* EINVAL: the kernel maps no memory of a device that a process has by VFIO. */
static int memory_failed(struct ivsh_linux *guest, unsigned index)
{
	if (errno == EINVAL)
		errno = EBUSY;
	return linux_guest_fail(guest, "resource%u: %s", index,
	    errno == EBUSY ? "another process has it by VFIO" : strerror(errno));
}

/* The memory, and the registers, of a device that several processes may have. */
static int open_sysfs(struct ivsh_linux *guest)
{
	if (sysfs_enable(guest))
		return -1;
	guest->mapped.registers = sysfs_map(guest, 0);
	guest->mapped.memory = guest->mapped.registers ? sysfs_map(guest, 2) : NULL;
	if (guest->mapped.memory)
		return 0;
	return memory_failed(guest, guest->mapped.registers ? 2 : 0);
}

/* The memory is all that an observer needs; the registers have the VM ID of an ivshmem-doorbell. */
static int open_observer(struct ivsh_linux *guest)
{
	if (!sysfs_decodes(guest->bdf) && sysfs_enable(guest))
		return -1;
	guest->mapped.memory = sysfs_map(guest, 2);
	if (!guest->mapped.memory)
		return memory_failed(guest, 2);
	guest->mapped.registers = guest->mapped.doorbell ? sysfs_map(guest, 0) : NULL;
	if (guest->mapped.doorbell && !guest->mapped.registers)
		(void)memory_failed(guest, 0);
	guest->mapped.doorbell = guest->mapped.registers != NULL;
	return 0;
}

static int open_road(struct ivsh_linux *guest, enum ivsh_linux_road road, uint32_t vectors)
{
	bool tries = guest->mapped.doorbell && vectors > 0;

	if (road == IVSH_LINUX_VFIO)
		return open_vfio(guest, vectors);
	if (road == IVSH_LINUX_ANY && tries) {
		if (open_vfio(guest, vectors) == 0)
			return 0;
		if (errno == EBUSY)
			return -1;
		memcpy(guest->polls, guest->error, sizeof(guest->polls));
	}
	return open_sysfs(guest);
}

/* Find the device and its BARs. 0, or -1 with guest->error. */
static int begin(struct ivsh_linux *guest, const char *bdf)
{
	clear(guest);
	snprintf(guest->bdf, sizeof(guest->bdf), "%s", bdf);
	errno = ENOENT;
	if (!sysfs_is_ivshmem(guest->bdf))
		return access("/sys/bus/pci/devices", X_OK)
			   ? linux_guest_fail(guest, "/sys/bus/pci: %s", strerror(errno))
			   : linux_guest_fail(guest, "no ivshmem device of revision 1 is there");
	guest->instance = sysfs_instance(guest->bdf);
	errno = EIO;
	if (sysfs_bars(guest))
		return -1;
	/* QEMU gives a BAR1 to the device that has MSI-X, and to no other. */
	guest->mapped.doorbell = guest->bar[1].size != 0;
	guest->mapped.size = guest->bar[2].size;
	return 0;
}

/* (error) is what the device's opening answered: nothing stays open after a failure. */
static int opened(struct ivsh_linux *guest, int error)
{
	int number = errno;

	if (error)
		ivsh_linux_close(guest);
	errno = number;
	return error;
}

int ivsh_linux_open(
    struct ivsh_linux *guest, const char *bdf, enum ivsh_linux_road road, uint32_t vectors)
{
	if (begin(guest, bdf))
		return -1;
	return opened(guest, open_road(guest, road, vectors));
}

int ivsh_linux_observe(struct ivsh_linux *guest, const char *bdf)
{
	if (begin(guest, bdf))
		return -1;
	guest->is_observer = true;
	return opened(guest, open_observer(guest));
}

uint64_t ivsh_linux_instance(const char *bdf)
{
	return sysfs_is_ivshmem(bdf) ? sysfs_instance(bdf) : 0;
}

enum ivsh_linux_state ivsh_linux_state(const struct ivsh_linux *guest)
{
	struct pollfd request = {.fd = guest->removal, .events = POLLIN};

	if (poll(&request, 1, 0) > 0)
		return IVSH_LINUX_LEAVES;
	if (sysfs_instance(guest->bdf) != guest->instance ||
	    (guest->set && !linux_guest_set_is_there(guest->set)))
		return IVSH_LINUX_GONE;
	return IVSH_LINUX_STAYS;
}

int ivsh_linux_group(struct ivsh_linux *guest, struct ivsh_linux *other)
{
	const struct ivsh_linux *member = guest;
	uint32_t members = 0;

	do {
		members++;
		member = member->next;
	} while (member != guest);
	if (members == IVSH_LINUX_GROUP_MAX)
		return -1;
	other->next = guest->next;
	guest->next = other;
	return 0;
}

static void leave(struct ivsh_linux *guest)
{
	struct ivsh_linux *member = guest->next;

	while (member && member->next != guest)
		member = member->next;
	if (member)
		member->next = guest->next;
	guest->next = guest;
}

void ivsh_linux_close(struct ivsh_linux *guest)
{
	leave(guest);
	if (guest->is_vfio) {
		vfio_close(guest);
		return;
	}
	sysfs_unmap(guest, 2, guest->mapped.memory);
	sysfs_unmap(guest, 0, (void *)(uintptr_t)guest->mapped.registers);
	guest->mapped.memory = NULL;
	guest->mapped.registers = NULL;
	sysfs_disable(guest);
}
