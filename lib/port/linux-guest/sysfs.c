/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c - a PCI function in /sys/bus/pci: its IDs, its BARs, its driver, and maps of its BARs.
 */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCI "/sys/bus/pci/"
#define DRIVER PCI "drivers/" SYSFS_VFIO_DRIVER

#define VENDOR 0x1af4u /* ivsh/device.h; ivshmem-spec, "Device identification" */
#define DEVICE 0x1110u
#define REVISION 1u
#define BAR2_MIN 4096u /* ivsh/device.h */

/* Write the path of a file of the function. */
static void path_of(char path[PATH_MAX], const char *bdf, const char *name)
{
	snprintf(path, PATH_MAX, PCI "devices/%s/%s", bdf, name);
}

/* Read a file of the function, of a few lines. 0, or -1 with errno. */
static int file_read(const char *bdf, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	ssize_t got;
	int fd;

	path_of(path, bdf, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, text, size - 1);
	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return got < 0 ? -1 : 0;
}

/* Write (text) to a file. 0, or -1 with errno. */
static int file_write(const char *path, const char *text)
{
	size_t size = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC), error;
	ssize_t done;

	if (fd < 0)
		return -1;
	done = write(fd, text, size);
	error = errno;
	close(fd);
	errno = error;
	return done == (ssize_t)size ? 0 : -1;
}

/* A number of a file, such as "0x1af4"; 2^32 - 1: there is none. */
static uint32_t number_of(const char *bdf, const char *name)
{
	char text[32];

	if (file_read(bdf, name, text, sizeof(text)))
		return UINT32_MAX;
	return (uint32_t)strtoul(text, NULL, 0);
}

bool sysfs_is_ivshmem(const char *bdf)
{
	return number_of(bdf, "vendor") == VENDOR && number_of(bdf, "device") == DEVICE &&
	       number_of(bdf, "revision") == REVISION;
}

uint64_t sysfs_instance(const char *bdf)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(path, bdf, "resource2");
	return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

/* Each line of the file has the first and the last address, and flags; zeros where no BAR is. */
int sysfs_bars(struct ivsh_linux *guest)
{
	char text[2048], *line = text;

	if (file_read(guest->bdf, "resource", text, sizeof(text)))
		return linux_guest_fail(guest, "resource: %s", strerror(errno));
	for (unsigned i = 0; i < 3; i++) {
		uint64_t first, last;

		if (sscanf(line, "%" SCNx64 " %" SCNx64, &first, &last) != 2)
			return linux_guest_fail(guest, "resource: not as Linux writes it");
		if (last > first)
			guest->bar[i] = (struct ivsh_linux_bar){first, last - first + 1};
		line = strchr(line, '\n');
		line = line ? line + 1 : text + strlen(text);
	}
	if (guest->bar[2].size < BAR2_MIN)
		return linux_guest_fail(guest, "BAR2 has no address");
	return 0;
}

bool sysfs_link(const char *bdf, const char *name, char *text, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t got;

	path_of(path, bdf, name);
	got = readlink(path, target, sizeof(target) - 1);
	if (got < 0)
		return false;
	target[got] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	return (size_t)snprintf(text, size, "%s", last) < size;
}

bool sysfs_has_vfio(void)
{
	return access(DRIVER, F_OK) == 0;
}

/* The override lets no other driver come first, and vfio-pci take no other device. */
int sysfs_bind(const char *bdf)
{
	char path[PATH_MAX];

	path_of(path, bdf, "driver_override");
	if (file_write(path, SYSFS_VFIO_DRIVER) || file_write(DRIVER "/bind", bdf)) {
		int error = errno;

		(void)file_write(path, "\n");
		errno = error;
		return -1;
	}
	return 0;
}

void sysfs_unbind(const char *bdf)
{
	char path[PATH_MAX];

	(void)file_write(DRIVER "/unbind", bdf);
	path_of(path, bdf, "driver_override");
	(void)file_write(path, "\n");
}

#define COMMAND 4u /* PCI Local Bus Specification 3.0, 6.2.2 */
#define COMMAND_MEMORY 2u

bool sysfs_decodes(const char *bdf)
{
	char config[64 + 1]; /* what everybody may read of it */

	memset(config, 0, sizeof(config));
	return file_read(bdf, "config", config, sizeof(config)) == 0 &&
	       ((uint8_t)config[COMMAND] & COMMAND_MEMORY) != 0;
}

/* Where no firmware has enabled it; a function that a driver has is enabled, and answers EBUSY. */
int sysfs_enable(struct ivsh_linux *guest)
{
	char path[PATH_MAX];

	if (number_of(guest->bdf, "enable") != 0)
		return 0;
	path_of(path, guest->bdf, "enable");
	guest->is_enabled = file_write(path, "1") == 0;
	return guest->is_enabled || errno == EBUSY
		   ? 0
		   : linux_guest_fail(guest, "enable: %s", strerror(errno));
}

void sysfs_disable(struct ivsh_linux *guest)
{
	char path[PATH_MAX];

	path_of(path, guest->bdf, "enable");
	if (guest->is_enabled)
		(void)file_write(path, "0");
	guest->is_enabled = false;
}

/* How many bytes stand before BAR (index) in its page. */
static uint64_t before(const struct ivsh_linux *guest, unsigned index)
{
	return guest->bar[index].address % (uint64_t)sysconf(_SC_PAGESIZE);
}

void *sysfs_map(const struct ivsh_linux *guest, unsigned index)
{
	uint64_t size = before(guest, index) + guest->bar[index].size;
	int protection = PROT_READ | (guest->is_observer ? 0 : PROT_WRITE);
	char name[16], path[PATH_MAX];
	uint8_t *base = MAP_FAILED;
	int fd, error;

	snprintf(name, sizeof(name), "resource%u", index);
	path_of(path, guest->bdf, name);
	fd = open(path, (guest->is_observer ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if ((size_t)size == size)
		base = mmap(NULL, (size_t)size, protection, MAP_SHARED, fd, 0);
	else
		errno = ENOMEM;
	error = errno;
	close(fd);
	errno = error;
	return base == MAP_FAILED ? NULL : base + before(guest, index);
}

void sysfs_unmap(const struct ivsh_linux *guest, unsigned index, void *base)
{
	uint64_t offset = before(guest, index);

	if (base)
		munmap((uint8_t *)base - offset, (size_t)(offset + guest->bar[index].size));
}
