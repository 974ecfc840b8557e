/* SPDX-License-Identifier: MIT */
/*
 * memory_parts.c - the files of a split region in their folder.
 */
#include "peer/memory.h"

#include "app/status.h"
#include "peer/stop.h"
#include "process/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* O_NONBLOCK: opening a FIFO by mistake must not wait for its other end. */
#define LOOK (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

/* Open and map the file of (slot). */
static void part_open(struct memory *m, uint32_t slot)
{
	struct memory_part *part = &m->part[slot];
	char name[PARTS_NAME];
	void *base = MAP_FAILED;
	uint64_t size;

	parts_name(slot, name);
	if (fstatat(m->folder, name, &part->st, AT_SYMLINK_NOFOLLOW) == 0)
		part->fd = openat(m->folder, name, LOOK);
	part->error = part->fd < 0 ? errno : 0;
	if (part->st.st_ino)
		m->part_count = slot + 1;
	if (part->fd < 0)
		return;
	size = fstat(part->fd, &part->st) ? 0 : (uint64_t)part->st.st_size;
	if (S_ISREG(part->st.st_mode) && size >= IVSH_WIRE_PAGE && (size_t)size == size) {
		base = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, part->fd, 0);
		part->error = base == MAP_FAILED ? errno : 0;
	}
	if (base == MAP_FAILED) {
		close(part->fd);
		part->fd = -1;
		return;
	}
	part->mem = (struct ivsh_mem_part){.base = base, .size = size, .slot = slot};
	m->parts[m->mem.part_count++] = part->mem;
	stop_part(m->path, slot, base, part->fd, size);
}

int memory_parts_open(struct memory *m)
{
	for (uint32_t slot = 0; slot < IVSH_WIRE_SLOTS_MAX; slot++)
		m->part[slot].fd = -1;
	m->mem.parts = m->parts;
	m->mem.split = ivsh_attach_split;
	m->fd = openat(m->folder, PARTS_COMMON, LOOK);
	if (m->fd < 0 && errno != ENOENT) {
		fprintf(stderr, "ivsh: %s/%s: %s\n", m->path, PARTS_COMMON, strerror(errno));
		return STATUS_FAILED;
	}
	for (uint32_t slot = 0; slot < IVSH_WIRE_SLOTS_MAX; slot++)
		part_open(m, slot);
	if (m->fd < 0 && m->part_count == 0) {
		fprintf(stderr,
		    "ivsh: %s: no split region: such a folder has the files " PARTS_COMMON
		    " and " PARTS_PREFIX "N\n",
		    m->path);
		return STATUS_FAILED;
	}
	return STATUS_DONE;
}

static bool is_known(const char *entry)
{
	char name[PARTS_NAME];

	for (uint32_t slot = 0; slot < IVSH_WIRE_SLOTS_MAX; slot++)
		if (strcmp(entry, parts_name(slot, name)) == 0)
			return true;
	return strcmp(entry, PARTS_COMMON) == 0 || strcmp(entry, ".") == 0 ||
	       strcmp(entry, "..") == 0;
}

const char *memory_parts_stranger(const struct memory *m)
{
	static char name[NAME_MAX + 1];
	int fd = openat(m->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	name[0] = '\0';
	if (!folder) {
		if (fd >= 0)
			close(fd);
		return name;
	}
	do {
		errno = 0;
		entry = readdir(folder);
	} while (entry && is_known(entry->d_name));
	if (entry)
		snprintf(name, sizeof(name), "%s", entry->d_name);
	closedir(folder);
	return entry || errno ? name : NULL;
}

bool memory_part_is_ours(const struct memory_part *part)
{
	uint64_t magic;

	memcpy(&magic, part->mem.base, sizeof(magic));
	return magic == 0 || magic == IVSH_WIRE_PART_MAGIC;
}

void memory_parts_close(struct memory *m)
{
	for (uint32_t i = 0; m->folder >= 0 && i < IVSH_WIRE_SLOTS_MAX; i++) {
		struct memory_part *part = &m->part[i];

		if (part->fd < 0)
			continue;
		munmap(part->mem.base, (size_t)part->mem.size);
		close(part->fd);
	}
	if (m->folder >= 0)
		close(m->folder);
	m->folder = -1;
}
