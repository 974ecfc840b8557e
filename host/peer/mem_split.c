/* SPDX-License-Identifier: MIT */
/*
 * mem_split.c - mem create --split: a folder with the files of a split region.
 *
 * The file that all read comes last. Whoever finds it finds all parts, and they are formatted.
 */
#include "peer/mem_split.h"

#include "app/status.h"
#include "backend/entry.h"
#include "peer/mem_make.h"
#include "peer/stop.h"
#include "process/parts.h"

#include <ivsh/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that is being filled. */
struct making {
	const char *path;
	struct entry entry; /* the folder's name */
	int folder;
	const struct ivsh_geometry *geometry;
	uint64_t format_id;
	uint32_t slot; /* of the part that is being made */
	uint32_t made; /* files that have a name: first the parts, then the common one */
};

static int failed(const struct making *m, const char *name, const char *why)
{
	fprintf(stderr, "ivsh: %s%s%s: %s\n", m->path, *name ? "/" : "", name, why);
	return STATUS_FAILED;
}

static int part_format(void *base, uint64_t size, const void *ctx)
{
	const struct making *m = ctx;

	return ivsh_part_format(base, size, m->geometry, m->format_id, m->slot, false);
}

static int common_format(void *base, uint64_t size, const void *ctx)
{
	const struct making *m = ctx;

	return ivsh_split_format(base, size, m->geometry, m->format_id, false);
}

/* Make the file (name), of (size) bytes. */
static int file_make(struct making *m, const char *name, uint64_t size,
    int (*format)(void *base, uint64_t size, const void *ctx), uint64_t before, uint64_t total)
{
	const struct mem_format how = {format, m};
	char object[PATH_MAX];
	int status, fd = openat(m->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return failed(m, name, strerror(errno));
	m->made++;
	snprintf(object, sizeof(object), "%s/%s", m->path, name);
	status = mem_make(fd, object, size, &how, before, total);
	close(fd);
	return status;
}

static int files_make(struct making *m, uint64_t part)
{
	uint32_t slots = m->geometry->slots;
	uint64_t total = part * slots + IVSH_WIRE_COMMON_SIZE;
	int status = mem_make_id(&m->format_id);
	char name[PARTS_NAME];

	for (m->slot = 0; status == STATUS_DONE && m->slot < slots; m->slot++)
		status = file_make(
		    m, parts_name(m->slot, name), part, part_format, part * m->slot, total);
	if (status == STATUS_DONE)
		status = file_make(
		    m, PARTS_COMMON, IVSH_WIRE_COMMON_SIZE, common_format, part * slots, total);
	return status;
}

/* Remove what was made. */
static void undo(struct making *m)
{
	char name[PARTS_NAME];

	for (uint32_t i = 0; i < m->made; i++)
		(void)unlinkat(
		    m->folder, i < m->geometry->slots ? parts_name(i, name) : PARTS_COMMON, 0);
	(void)unlinkat(m->entry.folder, m->entry.name, AT_REMOVEDIR);
}

/* Open the folder that was just made. */
static int folder_open(struct making *m)
{
	struct stat st;

	m->folder =
	    openat(m->entry.folder, m->entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->folder < 0)
		return failed(m, "", strerror(errno));
	/* Whoever may write beside it could have put another one there. */
	if (fstat(m->folder, &st) || st.st_uid != geteuid())
		return failed(m, "", "another user has replaced it");
	return STATUS_DONE;
}

int mem_split_create(const char *path, uint64_t part, const struct ivsh_geometry *geometry)
{
	struct making m = {.path = path, .folder = -1, .geometry = geometry};
	int status = STATUS_FAILED;

	stop_listen();
	if (entry_open(&m.entry, path))
		return failed(&m, "", strerror(errno));
	if (mkdirat(m.entry.folder, m.entry.name, PARTS_FOLDER_MODE) == 0) {
		status = folder_open(&m);
		if (status == STATUS_DONE)
			status = files_make(&m, part);
		if (status != STATUS_DONE)
			undo(&m);
	} else if (errno == EEXIST) {
		(void)failed(&m, "", "exists: remove it, or give another name");
	} else {
		(void)failed(&m, "", strerror(errno));
	}
	if (m.folder >= 0)
		close(m.folder);
	entry_close(&m.entry);
	return status;
}
