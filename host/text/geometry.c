/* SPDX-License-Identifier: MIT */
/*
 * geometry.c - a geometry file.
 */
#include "text/geometry.h"
#include "text/keys.h"
#include "text/sizes.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCS_LEAST 64u  /* where the memory is small, as in ivsh_geometry_fit() */
#define AREA_LEAST 4096u /* likewise */
#define AREA_RATIO 4u    /* the large area holds messages that are no part of the small one */
#define ENOUGH (1ull << 40)

static const struct row {
	const char *key;
	size_t field;
	uint32_t least, most;
} rows[] = {
    {"descs", offsetof(struct ivsh_geometry, descs), IVSH_WIRE_DESCS_MIN, IVSH_WIRE_DESCS_MAX},
    {"small-size", offsetof(struct ivsh_geometry, small_size), IVSH_WIRE_AREA_MIN,
	IVSH_WIRE_AREA_MAX},
    {"large-size", offsetof(struct ivsh_geometry, large_size), IVSH_WIRE_AREA_MIN,
	IVSH_WIRE_AREA_MAX},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* A file that is being read. */
struct reading {
	const char *path;
	struct keys keys;
	uint32_t seen[ROWS]; /* the line where each key was given; 0: not yet */
	struct geometry_error *error;
};

static int refuse_file(struct geometry_error *error, const char *path, const char *what)
{
	snprintf(error->object, sizeof(error->object), "%.*s", PATH_MAX, path);
	snprintf(error->what, sizeof(error->what), "%s", what);
	return -1;
}

/* (key) is NULL where the whole line is wrong. */
static int refuse_line(const struct reading *r, const char *key, const char *what)
{
	snprintf(r->error->object, sizeof(r->error->object), "%.*s:%u%s%s", PATH_MAX, r->path,
	    r->keys.line, key ? ": " : "", key ? key : "");
	snprintf(r->error->what, sizeof(r->error->what), "%s", what);
	return -1;
}

static int refuse_key(const struct reading *r)
{
	char what[160];

	if (!keys_is_word(r->keys.key))
		return refuse_line(r, NULL, "not a setting: write KEY = VALUE, or # for a comment");
	snprintf(what, sizeof(what),
	    "%s: no such setting: a geometry has descs, small-size and large-size", r->keys.key);
	return refuse_line(r, NULL, what);
}

/* Store the line's value in the field of (row). */
static int take_value(struct reading *r, const struct row *row, struct ivsh_geometry *most)
{
	const char *value = r->keys.value;
	char what[160], least[24], largest[24];
	uint64_t number = 0;
	const char *wrong = sizes_parse(value, &number);

	if (wrong || number < row->least || number > row->most || (number & (number - 1))) {
		snprintf(what, sizeof(what), "%.40s: give a power of two, %s to %s", value,
		    geometry_bytes(row->least, least), geometry_bytes(row->most, largest));
		return refuse_line(r, row->key, what);
	}
	*(uint32_t *)(void *)((char *)most + row->field) = (uint32_t)number;
	return 0;
}

static int take_line(struct reading *r, struct ivsh_geometry *most)
{
	char what[160];
	unsigned i = 0;

	while (i < ROWS && strcmp(r->keys.key, rows[i].key) != 0)
		i++;
	if (i == ROWS)
		return refuse_key(r);
	if (r->seen[i]) {
		snprintf(what, sizeof(what), "given in line %u already", r->seen[i]);
		return refuse_line(r, rows[i].key, what);
	}
	r->seen[i] = r->keys.line;
	if (!r->keys.value || !*r->keys.value) {
		snprintf(what, sizeof(what), "give a value: %s = VALUE", rows[i].key);
		return refuse_line(r, rows[i].key, what);
	}
	return take_value(r, &rows[i], most);
}

static int parse(struct reading *r, char *text, size_t size, struct ivsh_geometry *most)
{
	char what[160];
	int found;

	if (size > GEOMETRY_FILE_MAX) {
		snprintf(what, sizeof(what), "more than %u bytes: no geometry", GEOMETRY_FILE_MAX);
		return refuse_file(r->error, r->path, what);
	}
	found = keys_open(&r->keys, text, size) ? -1 : keys_next(&r->keys);
	for (; found > 0; found = keys_next(&r->keys))
		if (take_line(r, most))
			return -1;
	if (found)
		return refuse_line(r, NULL, r->keys.wrong);
	for (unsigned i = 0; i < ROWS; i++) {
		if (r->seen[i])
			continue;
		snprintf(what, sizeof(what), "%s is missing: add a line %s = VALUE", rows[i].key,
		    rows[i].key);
		return refuse_file(r->error, r->path, what);
	}
	if (most->large_size < most->small_size)
		return refuse_file(r->error, r->path, "large-size is less than small-size");
	return 0;
}

int geometry_read(const char *path, struct ivsh_geometry *most, struct geometry_error *error)
{
	struct reading r = {.path = path, .error = error};
	/* A FIFO would block until somebody writes: it is opened without that, then refused. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result;
	const char *wrong;
	size_t size;
	char *text;

	*most = (struct ivsh_geometry){0};
	if (fd < 0) {
		char what[160];

		snprintf(what, sizeof(what), "open: %s", strerror(errno));
		return refuse_file(error, path, what);
	}
	text = keys_read(fd, GEOMETRY_FILE_MAX, &size, &wrong);
	close(fd);
	result = text ? parse(&r, text, size, most) : refuse_file(error, path, wrong);
	free(text);
	return result;
}

/* Make (g) smaller, by one step. False: no further. */
static bool shrink(struct ivsh_geometry *g)
{
	uint32_t keeps = g->small_size < IVSH_WIRE_AREA_MAX / AREA_RATIO
			     ? g->small_size * AREA_RATIO
			     : IVSH_WIRE_AREA_MAX;

	if (g->large_size > keeps) {
		g->large_size /= 2;
	} else if (g->small_size > AREA_LEAST) {
		g->small_size /= 2;
		if (g->large_size > g->small_size)
			g->large_size /= 2;
	} else if (g->descs > DESCS_LEAST) {
		g->descs /= 2;
	} else if (g->large_size > g->small_size) {
		g->large_size /= 2;
	} else {
		return false;
	}
	return true;
}

/* The largest logs that ivsh_geometry_fit() would give, of what the rings have left. */
static void logs_add(struct ivsh_geometry *geometry, uint64_t size)
{
	struct ivsh_geometry fit = *geometry;
	uint64_t bytes;

	geometry->log_size = 0;
	for (fit.log_size = IVSH_FIT_LOG; fit.log_size >= IVSH_WIRE_LOG_MIN; fit.log_size /= 2)
		if (ivsh_geometry_size(&fit, &bytes) == 0 && bytes <= size) {
			geometry->log_size = fit.log_size;
			return;
		}
}

int geometry_fit(const struct ivsh_geometry *most, uint64_t size, uint32_t slots, uint32_t log_size,
    struct ivsh_geometry *geometry, uint64_t *need)
{
	struct ivsh_geometry own, fit;
	uint64_t bytes;
	int error = log_size == GEOMETRY_LOG_FITS
			? ivsh_geometry_fit(size, slots, geometry, need)
			: ivsh_geometry_fit_log(size, slots, log_size, geometry, need);

	if (error || !most)
		return error;
	error = ivsh_geometry_fit(ENOUGH, slots, &own, NULL);
	if (error || geometry_is_whole(most, &own))
		return error;
	fit = *most;
	fit.slots = slots;
	fit.log_size = log_size == GEOMETRY_LOG_FITS ? 0 : log_size;
	do {
		error = ivsh_geometry_size(&fit, &bytes);
		if (!error && bytes <= size)
			*geometry = fit;
	} while (!error && bytes > size && shrink(&fit));
	/* What the library chooses fits, whatever the file asks for. */
	if (!error && log_size == GEOMETRY_LOG_FITS)
		logs_add(geometry, size);
	return error;
}

/* What ivsh_geometry_fit() gives at least, and the bytes that its parts take, each rounded. */
static int least_split(uint32_t slots, uint32_t log_size, uint64_t *need)
{
	struct ivsh_geometry least = {slots, DESCS_LEAST, AREA_LEAST, AREA_LEAST, 0};
	uint64_t part;
	int error;

	if (geometry_has_logs(log_size))
		least.log_size = log_size;
	error = ivsh_part_size(&least, &part);
	if (!error)
		*need = sizes_round(part) * slots;
	return error;
}

/* What a part of (room) bytes has left goes to its log. */
static void logs_grow(struct ivsh_geometry *geometry, uint64_t room)
{
	struct ivsh_geometry fit = *geometry;
	uint64_t part;

	for (fit.log_size = IVSH_FIT_LOG;
	     fit.log_size >= IVSH_WIRE_LOG_MIN && fit.log_size > geometry->log_size;
	     fit.log_size /= 2)
		if (ivsh_part_size(&fit, &part) == 0 && part <= room) {
			geometry->log_size = fit.log_size;
			return;
		}
}

int geometry_fit_split(const struct ivsh_geometry *most, uint64_t size, uint32_t slots,
    uint32_t log_size, struct ivsh_geometry *geometry, uint64_t *part, uint64_t *need)
{
	uint64_t room = SIZES_LEAST, bytes;
	int error = least_split(slots, log_size, need);

	if (error)
		return error;
	if (*need > size)
		return IVSH_ENOSPC;
	while (room * 2 <= size / slots)
		room *= 2;
	/* All parts together are larger than one memory of the same geometry, since each has a
	 * header of its own. From there on it goes down, a geometry at a time. */
	bytes = room * slots;
	do {
		error = geometry_fit(most, bytes, slots, log_size, geometry, NULL);
		if (!error)
			error = ivsh_geometry_size(geometry, &bytes);
		if (!error)
			error = ivsh_part_size(geometry, part);
		bytes--;
	} while (!error && *part > room);
	if (error)
		return error;
	if (log_size == GEOMETRY_LOG_FITS)
		logs_grow(geometry, room);
	error = ivsh_part_size(geometry, part);
	*part = sizes_round(*part);
	return error;
}

const char *geometry_log_parse(const char *text, uint32_t *log_size)
{
	uint64_t size = 0;

	if ((strcmp(text, "0") != 0 && sizes_parse(text, &size)) || (size & (size - 1)) ||
	    (size && (size < IVSH_WIRE_LOG_MIN || size > IVSH_WIRE_LOG_MAX)))
		return "give a power of two, 4K to 16M, or 0 for no logs";
	*log_size = (uint32_t)size;
	return NULL;
}

bool geometry_is_whole(const struct ivsh_geometry *most, const struct ivsh_geometry *geometry)
{
	return geometry->descs == most->descs && geometry->small_size == most->small_size &&
	       geometry->large_size == most->large_size;
}

const char *geometry_bytes(uint64_t bytes, char text[24])
{
	bool mega = bytes >= 1u << 20 && bytes % (1u << 20) == 0;
	bool kilo = bytes >= 1u << 10 && bytes % (1u << 10) == 0;

	snprintf(text, 24, "%llu%s",
	    (unsigned long long)(bytes >> (mega      ? 20
					      : kilo ? 10
						     : 0)),
	    mega   ? "M"
	    : kilo ? "K"
		   : "");
	return text;
}

/* (need): bytes of memory that (most) takes. */
static bool less_say(const struct ivsh_geometry *most, const struct ivsh_geometry *geometry,
    uint64_t size, uint64_t need, char text[160])
{
	char has[24], small[24], large[24], enough[24];

	snprintf(text, 160,
	    "%s of memory: rings of %u descriptors, %s + %s for %u slots; for all of it give %s",
	    geometry_bytes(size, has), geometry->descs, geometry_bytes(geometry->small_size, small),
	    geometry_bytes(geometry->large_size, large), geometry->slots,
	    geometry_bytes(need, enough));
	return !geometry_is_whole(most, geometry);
}

bool geometry_less(const struct ivsh_geometry *most, const struct ivsh_geometry *geometry,
    uint64_t size, char text[160])
{
	struct ivsh_geometry whole = *most;
	uint64_t bytes = 0;

	whole.slots = geometry->slots;
	return ivsh_geometry_size(&whole, &bytes) == 0 &&
	       less_say(most, geometry, size, sizes_round(bytes), text);
}

bool geometry_less_split(const struct ivsh_geometry *most, const struct ivsh_geometry *geometry,
    uint64_t size, char text[160])
{
	struct ivsh_geometry whole = *most;
	uint64_t bytes = 0;

	whole.slots = geometry->slots;
	return ivsh_part_size(&whole, &bytes) == 0 &&
	       less_say(most, geometry, size, sizes_round(bytes) * whole.slots, text);
}
