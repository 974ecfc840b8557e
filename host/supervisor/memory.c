/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the region's memory.
 *
 * The supervisor maps the whole memory only here, to format it or to check the region in it, before
 * there is any client; it reads each word once. A server maps only the header and the server page.
 */
#include "supervisor/memory.h"
#include "process/log.h"

#include <ivsh/geometry.h>

#include <errno.h>
#include <stddef.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static uint32_t load(const void *base, size_t offset)
{
	const uint32_t *word = (const uint32_t *)(const void *)((const char *)base + offset);

	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static size_t heartbeat_offset(uint32_t slot)
{
	return IVSH_WIRE_SLOTS_OFFSET + slot * sizeof(struct ivsh_wire_slot) +
	       offsetof(struct ivsh_wire_slot, heartbeat);
}

/* Whether a peer's heartbeat, or another server's, moves while we watch. */
static bool is_alive(const void *base, uint32_t slots)
{
	const size_t heartbeat =
	    IVSH_WIRE_SERVER_OFFSET + offsetof(struct ivsh_wire_server, heartbeat);
	uint32_t before[IVSH_WIRE_SLOTS_MAX + 1];

	for (uint32_t i = 0; i < slots; i++)
		before[i] = load(base, heartbeat_offset(i));
	before[slots] = load(base, heartbeat);
	poll(NULL, 0, MEMORY_WATCH_MS);
	for (uint32_t i = 0; i < slots; i++)
		if (load(base, heartbeat_offset(i)) != before[i])
			return true;
	return load(base, heartbeat) != before[slots];
}

/* A region that is kept has the rings that it was made with, and not those of --geometry. */
static void note_geometry(
    const struct ivsh_geometry *kept, const struct options *options, const char *path)
{
	if (options->geometry_file &&
	    memcmp(kept, &options->geometry, offsetof(struct ivsh_geometry, log_size)) != 0)
		log_failure(path,
		    "holds a region with rings of %u descriptors, %u + %u bytes, and keeps them:"
		    " remove it to have those of --geometry",
		    kept->descs, kept->small_size, kept->large_size);
}

/* The same of its logs. */
static void note_logs(uint32_t kept, const struct options *options, const char *path)
{
	if (options->log_size != OPTIONS_LOG_FITS && kept != options->log_size)
		log_failure(path,
		    "holds a region with logs of %u bytes, and keeps them: remove it to have those"
		    " of --log-size",
		    kept);
}

void memory_note(const struct ivsh_geometry *kept, const struct options *options, const char *path)
{
	note_geometry(kept, options, path);
	note_logs(kept->log_size, options, path);
}

/* Whether the region can be kept: it has the slots of the options, and no living peer. */
static int check_region(const void *base, const struct options *options, const char *path)
{
	struct ivsh_wire_header header;
	struct ivsh_geometry geometry;
	uint64_t need;

	memcpy(&header, base, sizeof(header));
	geometry = (struct ivsh_geometry){.slots = header.slots,
	    .descs = header.descs,
	    .small_size = header.small_size,
	    .large_size = header.large_size,
	    .log_size = header.features & IVSH_WIRE_FEATURE_LOGS ? header.log_size : 0};
	if (header.version != IVSH_WIRE_VERSION || (header.features & ~IVSH_WIRE_FEATURE_LOGS))
		return log_failure(path,
		    "holds a region of version %u, features 0x%x; this server knows version %u,"
		    " features 0x%x: remove it when its peers have left, or use --raw",
		    header.version, header.features, IVSH_WIRE_VERSION, IVSH_WIRE_FEATURE_LOGS);
	if (header.size > options->size || ivsh_geometry_size(&geometry, &need) ||
	    need > header.size || (header.features != 0 && header.log_size == 0))
		return log_failure(path, "holds a region whose header is impossible: remove it");
	if (header.slots != options->slots)
		return log_failure(path,
		    "holds a region of %u slots, %u are asked for: remove it, or ask for its slots",
		    header.slots, options->slots);
	/* Twice: peers of the last server that leave because it has ended move a last time. */
	if (is_alive(base, header.slots) && is_alive(base, header.slots))
		return log_failure(path, "is in use: heartbeats move; its peers must leave first");
	memory_note(&geometry, options, path);
	return 0;
}

static int prepare(const struct backend *backend, const struct options *options, bool *kept)
{
	const char *path = backend->path;
	size_t size = (size_t)options->size;
	uint64_t magic, generation;
	int result = 0;
	void *base = MAP_FAILED;

	errno = ENOMEM;
	if (size == options->size) /* or a process of this machine cannot map it */
		base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, backend->fd, 0);
	if (base == MAP_FAILED)
		return log_failure(path, "mmap: %s", strerror(errno));
	magic = __atomic_load_n((const uint64_t *)base, __ATOMIC_ACQUIRE);
	if (magic == IVSH_WIRE_MAGIC) {
		*kept = true;
		result = check_region(base, options, path);
	} else if (!ivsh_wire_magic_none(magic)) {
		result = log_failure(path,
		    "holds something else (it begins with 0x%016llx): remove it, or use --raw",
		    (unsigned long long)magic);
	} else if (getrandom(&generation, sizeof(generation), 0) != sizeof(generation)) {
		result = log_failure(path, "getrandom: %s", strerror(errno));
	} else {
		result = ivsh_region_format(base, size, &options->geometry, generation, false);
		if (result)
			result = log_failure(path, "format: %s", ivsh_error_text(result));
	}
	munmap(base, size);
	return result;
}

int memory_open_backend(struct backend *backend, const struct backend_request *request)
{
	char *what;

	if (backend_open(backend, request) == 0)
		return 0;
	/* "object: what", as every line about a failure. */
	what = strstr(backend->error, ": ");
	*what = '\0';
	return log_failure(backend->error, "%s", what + 2);
}

int memory_open(struct backend *backend, const struct options *options, bool *kept)
{
	const struct backend_request request = {.kind = options->kind,
	    .name = options->memory,
	    .size = options->size,
	    .huge_page = options->huge_page,
	    .mode = options->memory_mode,
	    .group = options->memory_group,
	    .most = options->memory_mode == OPTIONS_NONE ? options->memory_most : 0,
	    .as_is = options->memory_as_is};

	*kept = false;
	if (memory_open_backend(backend, &request))
		return -1;
	if (options->kind == BACKEND_HUGE && !backend->is_huge)
		log_event("event=warning what=no-hugetlbfs directory=%s", options->memory);
	if (options->raw || prepare(backend, options, kept) == 0)
		return 0;
	backend_close(backend);
	return -1;
}
