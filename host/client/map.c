/* SPDX-License-Identifier: MIT */
/*
 * map.c - the memory of a client: checked, and mapped.
 */
#include "client/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SIZE_MIN 4096 /* BAR2 has no less than one page */

int ivsh_client_map(struct ivsh_client *client, int access)
{
	struct stat st;
	int seals = fcntl(client->memory, F_GET_SEALS);
	uint64_t size;
	size_t mapped;
	void *base;

	if (fstat(client->memory, &st))
		return ivsh_client_fail(client, "the memory: fstat: %s", strerror(errno));
	size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || size < SIZE_MIN || (size & (size - 1)) != 0)
		return ivsh_client_fail(client,
		    "the memory has %llu bytes: a region is a power of two from %d on",
		    (unsigned long long)size, SIZE_MIN);
	/* A file that cannot have seals answers EINVAL. */
	client->is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	mapped = (size_t)size;
	if (mapped != size)
		return ivsh_client_fail(client,
		    "the memory has %llu bytes: more than a process of this machine can map",
		    (unsigned long long)size);
	base = mmap(NULL, mapped, access, MAP_SHARED, client->memory, 0);
	if (base == MAP_FAILED)
		return ivsh_client_fail(client, "the memory: mmap: %s", strerror(errno));
	client->mem.base = base;
	client->mem.size = size;
	return 0;
}

int ivsh_client_map_writable(struct ivsh_client *client)
{
	if (mprotect(client->mem.base, (size_t)client->mem.size, PROT_READ | PROT_WRITE) == 0)
		return 0;
	return ivsh_client_fail(client, "the memory: mmap: %s", strerror(errno));
}
