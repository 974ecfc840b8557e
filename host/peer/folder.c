/* SPDX-License-Identifier: MIT */
/*
 * folder.c - the files of a split region in their folder, to look at.
 *
 * Each part may be another user's file: he can truncate it, or give it any content. So an observer
 * goes on with what is left.
 */
#include "peer/folder.h"

#include "app/status.h"
#include "process/parts.h"

#include <ivsh/region.h>
#include <ivsh/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK: opening a FIFO by mistake must not wait for its other end. */
#define LOOK (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

/* Map the file (name). NULL: *why it cannot be. */
static void *file_map(int folder, const char *name, int *fd, uint64_t *size, const char **why)
{
	void *base = MAP_FAILED;
	struct stat st;

	*fd = openat(folder, name, LOOK);
	if (*fd < 0 || fstat(*fd, &st)) {
		*why = errno == ELOOP ? "a link" : strerror(errno);
	} else if (!S_ISREG(st.st_mode) || st.st_size < IVSH_WIRE_PAGE) {
		*why = "not a file of at least 4096 bytes";
	} else if ((uint64_t)st.st_size != (size_t)st.st_size) {
		*why = "more bytes than a process of this machine can map";
	} else {
		*size = (uint64_t)st.st_size;
		base = mmap(NULL, (size_t)*size, PROT_READ, MAP_SHARED, *fd, 0);
		*why = base == MAP_FAILED ? strerror(errno) : NULL;
	}
	if (base != MAP_FAILED)
		return base;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return NULL;
}

/* How many slots the header says that there are; 0: nobody knows. */
static uint32_t slots_of(const struct ivsh_client *client)
{
	const struct ivsh_wire_header *header = client->mem.base;
	uint32_t slots = __atomic_load_n(&header->slots, __ATOMIC_RELAXED);

	return __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) == IVSH_WIRE_MAGIC &&
		       slots >= IVSH_WIRE_SLOTS_MIN && slots <= IVSH_WIRE_SLOTS_MAX
		   ? slots
		   : 0;
}

/* Nobody misses a part of a slot that there is not. */
static void part_open(
    struct ivsh_client *client, int folder, uint32_t slot, bool is_missed, const char *path)
{
	uint32_t i = client->mem.part_count;
	char name[PARTS_NAME];
	const char *why;
	uint64_t size;
	void *base = file_map(folder, parts_name(slot, name), &client->parts[i], &size, &why);

	if (!base) {
		if (is_missed)
			fprintf(stderr, "ivsh: %s/%s: %s: slot %" PRIu32 " is not shown\n", path,
			    name, why, slot);
		return;
	}
	client->mem.parts[i] = (struct ivsh_mem_part){.base = base, .size = size, .slot = slot};
	client->mem.part_count++;
}

/* Map all of it, as far as it can be. */
static int files_open(struct ivsh_client *client, int folder, const char *path)
{
	uint64_t size;
	const char *why;
	uint32_t slots;

	client->mem.base = file_map(folder, PARTS_COMMON, &client->memory, &size, &why);
	if (!client->mem.base) {
		fprintf(stderr,
		    "ivsh: %s/%s: %s: a split region's folder has the files " PARTS_COMMON
		    " and " PARTS_PREFIX "N\n",
		    path, PARTS_COMMON, why);
		return STATUS_FAILED;
	}
	client->mem.size = size;
	client->mem.parts = calloc(IVSH_WIRE_SLOTS_MAX, sizeof(*client->mem.parts));
	client->parts = calloc(IVSH_WIRE_SLOTS_MAX, sizeof(*client->parts));
	client->mem.split = ivsh_attach_split;
	if (!client->mem.parts || !client->parts) {
		fprintf(stderr, "ivsh: %s: out of memory\n", path);
		return STATUS_FAILED;
	}
	slots = slots_of(client);
	for (uint32_t slot = 0; slot < (slots ? slots : IVSH_WIRE_SLOTS_MAX); slot++)
		part_open(client, folder, slot, slots != 0, path);
	return STATUS_DONE;
}

int folder_open(struct ivsh_client *client, int fd, const char *path)
{
	int status = files_open(client, fd, path);

	close(fd);
	return status;
}
