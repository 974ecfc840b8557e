/* SPDX-License-Identifier: MIT */
/*
 * parts.c - the parts of a split region, mapped: this peer's own for writing, others for reading.
 *
 * Theory of operation: where a descriptor comes from a server, or a file can be opened for reading
 * alone, the kernel keeps this process from writing another's part, now and later. Each part is
 * mapped as far as the geometry in the header goes, and no further: its owner can make the file as
 * long as it likes. The header may be forged by whoever had the slot before; whatever it says, the
 * attach checks it and each part again.
 */
#include "client/parts.h"
#include "client/map.h"
#include "process/parts.h"

#include <ivsh/geometry.h>
#include <ivsh/region.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK: a FIFO by mistake must not wait for its other end. */
#define LOOK (O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

uint64_t ivsh_client_parts_size(const struct ivsh_wire_header *h)
{
	const struct ivsh_geometry geometry = {.slots = h->slots,
	    .descs = h->descs,
	    .small_size = h->small_size,
	    .large_size = h->large_size,
	    .log_size = h->features & IVSH_WIRE_FEATURE_LOGS ? h->log_size : 0};
	uint64_t size = 0;

	return ivsh_part_size(&geometry, &size) ? 0 : size;
}

int ivsh_client_parts_begin(struct ivsh_client *client, uint32_t *slots)
{
	const struct ivsh_wire_header *header = client->mem.base;
	uint64_t magic = __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE);
	struct ivsh_wire_header copy;

	*slots = 0;
	memcpy(&copy, header, sizeof(copy));
	if (magic != IVSH_WIRE_MAGIC || !(copy.features & IVSH_WIRE_FEATURE_SPLIT))
		return 0;
	if (copy.slots < IVSH_WIRE_SLOTS_MIN || copy.slots > IVSH_WIRE_SLOTS_MAX)
		return ivsh_client_fail(
		    client, "the region's header is damaged: it has %u slots", copy.slots);
	client->mem.parts = calloc(copy.slots, sizeof(*client->mem.parts));
	client->parts = calloc(copy.slots, sizeof(*client->parts));
	if (!client->mem.parts || !client->parts)
		return ivsh_client_fail(client, "out of memory for %u parts", copy.slots);
	client->mem.split = ivsh_attach_split;
	client->part_size = ivsh_client_parts_size(&copy);
	/* A part is a file, which its owner can truncate. */
	client->is_sealed = false;
	*slots = copy.slots;
	return 0;
}

/* How much of the file (fd) to map. 0: none of it; then errno says why, or is 0. */
static size_t mapped_size(const struct ivsh_client *client, int fd)
{
	const uint64_t page = IVSH_WIRE_PAGE;
	uint64_t size;
	struct stat st;

	errno = 0;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0)
		return 0;
	size = (uint64_t)st.st_size < client->part_size ? (uint64_t)st.st_size : client->part_size;
	size &= ~(page - 1);
	return (size_t)size == size ? (size_t)size : 0;
}

/* The own part is whole, and writable. 0, or -1 with client->error. */
static int own_check(
    struct ivsh_client *client, const struct ivsh_mem_part *part, int fd, size_t size, int error)
{
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return ivsh_client_fail(
		    client, "the part of this slot, %u, is open for reading only", part->slot);
	/* A geometry that is impossible has no size: the attach says so. */
	if (client->part_size == 0)
		return 0;
	if (size < client->part_size)
		return ivsh_client_fail(client,
		    "the part of this slot, %u, has not the %llu bytes of its geometry", part->slot,
		    (unsigned long long)client->part_size);
	if (!part->base)
		return ivsh_client_fail(
		    client, "the part of this slot, %u: mmap: %s", part->slot, strerror(error));
	return 0;
}

int ivsh_client_parts_add(struct ivsh_client *client, uint32_t slot, int fd, bool is_own)
{
	struct ivsh_mem_part *part = &client->mem.parts[client->mem.part_count];
	size_t size = fd < 0 ? 0 : mapped_size(client, fd);
	void *base = MAP_FAILED;

	client->parts[client->mem.part_count++] = fd;
	*part = (struct ivsh_mem_part){.slot = slot, .is_writable = is_own};
	if (size > 0)
		base = mmap(
		    NULL, size, is_own ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (base != MAP_FAILED) {
		part->base = base;
		part->size = size;
	}
	return is_own && fd >= 0 ? own_check(client, part, fd, size, errno) : 0;
}

/* The one part in (folder) that this process can write. 0 and *slot, or -1 with client->error. */
static int own_find(struct ivsh_client *client, int folder, uint32_t slots, uint32_t *slot)
{
	char name[PARTS_NAME];

	for (uint32_t i = 0; i < slots; i++) {
		int fd = openat(folder, parts_name(i, name), O_RDWR | LOOK);

		if (fd < 0)
			continue;
		close(fd);
		if (*slot != IVSH_SELF_NONE)
			return ivsh_client_fail(client,
			    "parts %u and %u can both be written: say which slot is this peer's",
			    *slot, i);
		*slot = i;
	}
	if (*slot == IVSH_SELF_NONE)
		return ivsh_client_fail(client, "none of its parts can be written");
	return 0;
}

static int open_all(struct ivsh_client *client, int folder, uint32_t slots)
{
	char name[PARTS_NAME];

	for (uint32_t i = 0; i < slots; i++) {
		bool is_own = i == client->mem.self;
		int fd = openat(folder, parts_name(i, name), (is_own ? O_RDWR : O_RDONLY) | LOOK);

		/* The attach names one that is missing. */
		if (fd < 0 && is_own && errno != ENOENT)
			return ivsh_client_fail(client, "%s: open: %s", name, strerror(errno));
		if (ivsh_client_parts_add(client, i, fd, is_own))
			return -1;
	}
	return 0;
}

int ivsh_client_parts_open(struct ivsh_client *client, int folder, uint32_t slot, bool is_probe)
{
	uint32_t slots;

	client->mem.self = slot;
	client->memory = openat(folder, PARTS_COMMON, O_RDONLY | LOOK);
	if (client->memory < 0)
		return ivsh_client_fail(client,
		    "no split region in this folder: " PARTS_COMMON ": %s", strerror(errno));
	if (ivsh_client_map(client, PROT_READ) || ivsh_client_parts_begin(client, &slots))
		return -1;
	if (slots == 0)
		return ivsh_client_fail(client,
		    "no split region in this folder: " PARTS_COMMON " has no header of one");
	if (slot == IVSH_SELF_NONE && !is_probe &&
	    own_find(client, folder, slots, &client->mem.self))
		return -1;
	return open_all(client, folder, slots);
}

int ivsh_client_parts_fd(const struct ivsh_client *client, uint32_t slot)
{
	for (uint32_t i = 0; i < client->mem.part_count; i++)
		if (client->mem.parts[i].slot == slot)
			return client->parts[i];
	return -1;
}

void ivsh_client_parts_close(struct ivsh_client *client)
{
	for (uint32_t i = 0; i < client->mem.part_count; i++) {
		if (client->mem.parts[i].base)
			munmap(client->mem.parts[i].base, (size_t)client->mem.parts[i].size);
		if (client->parts[i] >= 0)
			close(client->parts[i]);
	}
	free(client->mem.parts);
	free(client->parts);
	client->mem.parts = NULL;
	client->parts = NULL;
	client->mem.part_count = 0;
	client->mem.split = NULL;
}
