/* SPDX-License-Identifier: MIT */
/*
 * libvirt.c - the device as an element of a domain. libvirt, "Domain XML format", "Shared memory
 * device".
 */
#include "control/device.h"
#include "control/print.h"
#include "text/escape.h"

#include <inttypes.h>
#include <string.h>

#define SHM_FOLDER "/dev/shm/"       /* libvirt opens a plain device's memory here, by its name */
#define SIZE_MIN (UINT64_C(1) << 20) /* bytes, the least that its size element accepts */

/* Without a size: libvirt refuses a size beside a server, since QEMU gets it from the server. */
void libvirt_doorbell(FILE *out, const struct device *device)
{
	fputs("<shmem name='", out);
	escape_xml(out, device->name);
	fputs("'>\n  <model type='ivshmem-doorbell'/>\n", out);
	fputs("  <server path='", out);
	escape_xml(out, device->socket);
	fprintf(out, "'/>\n  <msi vectors='%" PRIu64 "' ioeventfd='on'/>\n</shmem>\n",
	    device->answer->vectors);
}

int libvirt_plain(FILE *out, const struct device *device, const char *path)
{
	const char *memory = device->answer->path;
	const size_t folder = sizeof(SHM_FOLDER) - 1;

	if (strncmp(memory, SHM_FOLDER, folder) != 0 || strchr(memory + folder, '/'))
		return print_error(-1, path,
		    "libvirt's ivshmem-plain opens objects in " SHM_FOLDER
		    " only, and the memory is"
		    " %s: start the server with --shm NAME, or leave --plain out",
		    memory);
	if (device->answer->size < SIZE_MIN)
		return print_error(-1, path,
		    "libvirt takes no memory of less than 1M, and this has %" PRIu64 " bytes",
		    device->answer->size);
	fputs("<shmem name='", out);
	escape_xml(out, memory + folder);
	fputs("' role='peer'>\n  <model type='ivshmem-plain'/>\n", out);
	fprintf(out, "  <size unit='M'>%" PRIu64 "</size>\n</shmem>\n", device->answer->size >> 20);
	return 0;
}
