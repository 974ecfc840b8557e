/* SPDX-License-Identifier: MIT */
/*
 * libvirt.c - the device as elements of a domain. libvirt, "Domain XML format", "Shared memory
 * device".
 */
#include "control/lend.h"
#include "control/say.h"
#include "control/write.h"

#include <inttypes.h>
#include <string.h>

#define LIBVIRT_FOLDER \
	"/dev/shm/" /* where libvirt looks for a plain device's memory, by its name */
#define LIBVIRT_LEAST (UINT64_C(1) << 20) /* bytes; its size element takes no less */

static void libvirt_size(FILE *out, uint64_t size)
{
	fprintf(out, "  <size unit='M'>%" PRIu64 "</size>\n", size >> 20);
}

/* No size: libvirt refuses one beside a server, from whom QEMU learns it. */
void libvirt_doorbell(FILE *out, const struct lend *lend)
{
	fputs("<shmem name='", out);
	write_xml(out, lend->name);
	fputs("'>\n  <model type='ivshmem-doorbell'/>\n", out);
	fputs("  <server path='", out);
	write_xml(out, lend->socket);
	fprintf(out, "'/>\n  <msi vectors='%" PRIu64 "' ioeventfd='on'/>\n</shmem>\n",
	    lend->answer->vectors);
}

int libvirt_plain(FILE *out, const struct lend *lend, const char *path)
{
	const char *memory = lend->answer->path;
	const size_t folder = sizeof LIBVIRT_FOLDER - 1;

	if (strncmp(memory, LIBVIRT_FOLDER, folder) != 0 || strchr(memory + folder, '/'))
		return say(1, path,
		    "libvirt's ivshmem-plain opens objects in " LIBVIRT_FOLDER
		    " only, and the memory is"
		    " %s: start the server with --shm NAME, or leave --plain out",
		    memory);
	if (lend->answer->size < LIBVIRT_LEAST)
		return say(1, path,
		    "libvirt takes no memory of less than 1M, and this has %" PRIu64 " bytes",
		    lend->answer->size);
	fputs("<shmem name='", out);
	write_xml(out, memory + folder);
	fputs("' role='peer'>\n  <model type='ivshmem-plain'/>\n", out);
	libvirt_size(out, lend->answer->size);
	fputs("</shmem>\n", out);
	return 0;
}
