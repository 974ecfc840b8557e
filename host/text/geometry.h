/* SPDX-License-Identifier: MIT */
/*
 * geometry.h - a geometry file: the rings that a region is to have, where its memory allows.
 *
 * Lines of KEY = VALUE, see text/keys.h: descs, small-size and large-size, each once and none
 * missing; their ranges are those of struct ivsh_geometry. `ivsh tune` writes one. Slots and bytes
 * of the region are not in it: one file is for regions of any size, and its values are what each
 * may have at most.
 */
#ifndef TEXT_GEOMETRY_H
#define TEXT_GEOMETRY_H

#include <ivsh/geometry.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define GEOMETRY_LOG_FITS UINT32_MAX

/* Whether somebody has asked for logs of (log_size), which may then be too many. */
static inline bool geometry_has_logs(uint32_t log_size)
{
	return log_size != 0 && log_size != GEOMETRY_LOG_FITS;
}

#define GEOMETRY_FILE_MAX 65536u /* bytes in a file */

/* What is wrong: a line about it says "OBJECT: what". */
struct geometry_error {
	char object[PATH_MAX + 64]; /* the file, or one of its lines */
	char what[160];
};

/* Read the file (path) into (most), all but the slots. 0, or -1 with (error). */
int geometry_read(const char *path, struct ivsh_geometry *most, struct geometry_error *error);

/*
 * The largest geometry for (slots) peers in (size) bytes with at most what (most) has: the large
 * area gives way first, down to four times the small one; then both do; then the descriptors, down
 * to 64; at last the large area, down to the small one. A file with what the library chooses where
 * there is enough memory gives what the library chooses for this one. most: NULL: what the library
 * chooses. log_size: bytes of each slot's log, as struct ivsh_geometry has it; GEOMETRY_LOG_FITS:
 * what the library chooses, and, where the rings are not its choice, at most what they leave.
 *
 * 0, or an error of ivsh_geometry_fit(): not even its least one fits, and *need has its bytes.
 */
int geometry_fit(const struct ivsh_geometry *most, uint64_t size, uint32_t slots, uint32_t log_size,
    struct ivsh_geometry *geometry, uint64_t *need);

/*
 * As geometry_fit(), of a split region: the parts of all slots have (size) bytes in all. A part is
 * a file of a power of two of bytes, as a BAR is: *part of them, the same for each slot; so it is
 * the largest geometry whose part has at most the power of two that (size) has room for. Answers in
 * *need the bytes that the parts of the least one take in all.
 */
int geometry_fit_split(const struct ivsh_geometry *most, uint64_t size, uint32_t slots,
    uint32_t log_size, struct ivsh_geometry *geometry, uint64_t *part,
    uint64_t *need) IVSH_MUST_CHECK;

/* Read the value of --log-size. NULL and *log_size, or what is wrong, as a phrase. */
const char *geometry_log_parse(const char *text, uint32_t *log_size);

/* Whether the rings of (geometry) have all that (most) has. */
bool geometry_is_whole(const struct ivsh_geometry *most, const struct ivsh_geometry *geometry);

/* Print a number of bytes as a file has it: "64K", "4M", "1000". Answers (text). */
const char *geometry_bytes(uint64_t bytes, char text[24]);

/*
 * Say in (text) what a region of (size) bytes gets, if that is less than (most): what it gets, and
 * what would be enough. False: it gets all.
 */
bool geometry_less(const struct ivsh_geometry *most, const struct ivsh_geometry *geometry,
    uint64_t size, char text[160]);

/* The same of a split region whose parts have (size) bytes in all. */
bool geometry_less_split(const struct ivsh_geometry *most, const struct ivsh_geometry *geometry,
    uint64_t size, char text[160]);

#endif
