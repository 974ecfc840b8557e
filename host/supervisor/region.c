/* SPDX-License-Identifier: MIT */
/*
 * region.c - the split region in a folder: the one that is there is kept, or one is made.
 *
 * A process that was given a part by an earlier server may still hold it, and write and truncate it
 * at any moment. So what is in a part is read by read(2), once, and then checked; and a part is
 * mapped for nothing but formatting it, where its end may be taken away.
 */
#include "supervisor/region.h"
#include "process/log.h"
#include "process/parts.h"
#include "supervisor/memory.h"
#include "text/sizes.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static sigjmp_buf truncated;

/*
 * Whether the region that DIR/common describes can be kept: it has the slots of the options, and
 * its parts their size. The parts are opened after that, since they have another size else.
 */
static int check_header(const struct ivsh_wire_header *header, const struct options *options,
    const char *path, struct ivsh_geometry *kept)
{
	const uint32_t known = IVSH_WIRE_FEATURE_SPLIT | IVSH_WIRE_FEATURE_LOGS;
	bool has_logs = header->features & IVSH_WIRE_FEATURE_LOGS;
	uint64_t part;

	*kept = (struct ivsh_geometry){.slots = header->slots,
	    .descs = header->descs,
	    .small_size = header->small_size,
	    .large_size = header->large_size,
	    .log_size = has_logs ? header->log_size : 0};
	if (header->version != IVSH_WIRE_VERSION || (header->features & ~known) ||
	    !(header->features & IVSH_WIRE_FEATURE_SPLIT))
		return log_failure(path,
		    "holds a region of version %u, features 0x%x; --split knows version %u,"
		    " features 0x%x: remove it when its peers have left",
		    header->version, header->features, IVSH_WIRE_VERSION, known);
	if (header->size != IVSH_WIRE_COMMON_SIZE || ivsh_part_size(kept, &part) ||
	    (has_logs && header->log_size == 0))
		return log_failure(path, "holds a region whose header is impossible: remove it");
	if (header->slots != options->slots)
		return log_failure(path,
		    "holds a region of %u slots, %u are asked for: remove it, or ask for its slots",
		    header->slots, options->slots);
	if (sizes_round(part) != options->part_size)
		return log_failure(path,
		    "holds a region with parts of %llu bytes, %llu are asked for: remove it, or"
		    " ask for --size %llu",
		    (unsigned long long)sizes_round(part), (unsigned long long)options->part_size,
		    (unsigned long long)sizes_round(part) * options->slots);
	return 0;
}

int region_look(struct region *region, int fd, const char *path, const struct options *options)
{
	struct ivsh_wire_header header;

	*region = (struct region){.geometry = options->geometry};
	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return log_failure(path, "read: %s", strerror(errno));
	region->is_kept = header.magic == IVSH_WIRE_MAGIC;
	region->format_id = header.format_id;
	if (region->is_kept)
		return check_header(&header, options, path, &region->geometry);
	if (!ivsh_wire_magic_none(header.magic))
		return log_failure(path,
		    "holds something else (it begins with 0x%016llx): remove it",
		    (unsigned long long)header.magic);
	if (getrandom(&region->format_id, sizeof(region->format_id), 0) ==
	    sizeof(region->format_id))
		return 0;
	return log_failure(path, "getrandom: %s", strerror(errno));
}

/* A word of a file; 0 where it has none. */
static uint32_t load(int fd, size_t offset)
{
	uint32_t word = 0;

	return pread(fd, &word, sizeof(word), (off_t)offset) == sizeof(word) ? word : 0;
}

static void read_heartbeats(
    const struct region_files *files, uint32_t heartbeats[IVSH_WIRE_SLOTS_MAX + 1])
{
	for (uint32_t i = 0; i < files->count; i++)
		heartbeats[i] = load(files->memory[i].part,
		    IVSH_WIRE_PART_SLOT_OFFSET(i) + offsetof(struct ivsh_wire_slot, heartbeat));
	heartbeats[files->count] = load(
	    files->common, IVSH_WIRE_SERVER_OFFSET + offsetof(struct ivsh_wire_server, heartbeat));
}

/* Whether a peer's heartbeat, or another server's, moves while we watch. */
static bool is_alive(const struct region_files *files)
{
	uint32_t before[IVSH_WIRE_SLOTS_MAX + 1], after[IVSH_WIRE_SLOTS_MAX + 1];

	read_heartbeats(files, before);
	poll(NULL, 0, MEMORY_WATCH_MS);
	read_heartbeats(files, after);
	return memcmp(before, after, (files->count + 1) * sizeof(before[0])) != 0;
}

/* Whether (part) is the header of the part of (slot). */
static bool is_part(const struct ivsh_wire_part *part, const struct region *region, uint32_t slot)
{
	const struct ivsh_geometry *g = &region->geometry;
	uint32_t features = IVSH_WIRE_FEATURE_SPLIT | (g->log_size ? IVSH_WIRE_FEATURE_LOGS : 0u);
	uint64_t size;

	return part->magic == IVSH_WIRE_PART_MAGIC && part->version == IVSH_WIRE_VERSION &&
	       part->features == features && ivsh_part_size(g, &size) == 0 && part->size == size &&
	       part->slots == g->slots && part->descs == g->descs &&
	       part->small_size == g->small_size && part->large_size == g->large_size &&
	       part->format_id == region->format_id && part->log_size == g->log_size &&
	       part->slot == slot;
}

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(truncated, 1);
}

/* 0; -1 after one line; or 1: its pages were taken away meanwhile. */
static int format(
    int fd, const struct region *region, uint64_t size, uint32_t slot, const char *path)
{
	struct sigaction action = {.sa_handler = on_sigbus}, before;
	void *base = MAP_FAILED;
	volatile int result = 1;

	errno = ENOMEM;
	if ((size_t)size == size) /* or a process of this machine cannot map it */
		base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return log_failure(path, "mmap: %s", strerror(errno));
	sigaction(SIGBUS, &action, &before);
	if (sigsetjmp(truncated, 1) == 0)
		result =
		    slot == region->geometry.slots
			? ivsh_split_format(base, size, &region->geometry, region->format_id, true)
			: ivsh_part_format(
			      base, size, &region->geometry, region->format_id, slot, true);
	sigaction(SIGBUS, &before, NULL);
	munmap(base, (size_t)size);
	return result < 0 ? log_failure(path, "format: %s", ivsh_error_text(result)) : result;
}

static int make_part(const struct region *region, const struct region_files *files, uint32_t slot,
    const struct options *options)
{
	int fd = files->memory[slot].part, result;
	struct ivsh_wire_part header = {0};
	char path[PATH_MAX + PARTS_NAME];

	parts_path(files->folder, slot, path);
	/* A shorter one is no part, too. */
	if (pread(fd, &header, sizeof(header), 0) < 0)
		return log_failure(path, "read: %s", strerror(errno));
	if (region->is_kept && is_part(&header, region, slot))
		return 0;
	if (!region->is_kept && header.magic != IVSH_WIRE_PART_MAGIC && header.magic != 0)
		return log_failure(path,
		    "holds something else (it begins with 0x%016llx): remove it",
		    (unsigned long long)header.magic);
	result = format(fd, region, options->part_size, slot, path);
	if (result > 0)
		log_event("event=warning what=part-lost slot=%u hint=\"%s was truncated while it"
			  " was made: no other peer uses it\"",
		    slot, path);
	else if (result == 0 && region->is_kept)
		log_event("event=warning what=part-formatted slot=%u hint=\"%s had no header of"
			  " this region: what its peer had sent is lost\"",
		    slot, path);
	return result < 0 ? -1 : 0;
}

static int make_common(const struct region *region, int fd, const char *path)
{
	int result = format(fd, region, IVSH_WIRE_COMMON_SIZE, region->geometry.slots, path);

	return result > 0 ? log_failure(path, "was truncated while it was made") : result;
}

int region_make(
    const struct region *region, const struct region_files *files, const struct options *options)
{
	char path[PATH_MAX + PARTS_NAME];

	/* Twice: peers of the last server that leave because it has ended move a last time. */
	if (region->is_kept && is_alive(files) && is_alive(files))
		return log_failure(
		    files->folder, "is in use: heartbeats move; its peers must leave first");
	for (uint32_t i = 0; i < files->count; i++)
		if (make_part(region, files, i, options) ||
		    make_common(region, files->memory[i].common, "common memory"))
			return -1;
	if (region->is_kept) {
		memory_note(&region->geometry, options, files->folder);
		return 0;
	}
	/* Last: without its header there is no region, and the next start makes all parts anew. */
	snprintf(path, sizeof(path), "%s/" PARTS_COMMON, files->folder);
	return make_common(region, files->common, path);
}
