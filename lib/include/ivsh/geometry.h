/* SPDX-License-Identifier: MIT */
/*
 * geometry.h - the sizes that a region is laid out by, and formatting a memory with them.
 *
 * Nothing here needs an attached region: servers and tools call it, too. Nothing here allocates,
 * prints or keeps state.
 */
#ifndef IVSH_GEOMETRY_H
#define IVSH_GEOMETRY_H

#include <ivsh/error.h>
#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SPEC 2. */
struct ivsh_geometry {
	uint32_t slots; /* peers: 2 to 256 */
	uint32_t descs; /* messages, or packed records, that a ring holds: a power of two, 16 to
	                   32768 */
	uint32_t
	    small_size; /* a ring's bytes for small payloads: a power of two, 1 KiB to 128 MiB */
	uint32_t
	    large_size; /* a ring's bytes for large payloads: likewise, at least small_size; the
	                        largest message */
	uint32_t
	    log_size; /* bytes of each slot's log: a power of two, 4 KiB to 16 MiB; 0: no logs */
};

/*
 * The bytes that a region of this geometry takes, in *size.
 *
 * Anyone, anywhere.
 *
 * IVSH_EINVAL  a field is out of its range: *size is untouched.
 * SPEC 2.
 */
int ivsh_geometry_size(const struct ivsh_geometry *geometry, uint64_t *size) IVSH_MUST_CHECK;

/* The records that are enough for each channel of a region of ivsh_geometry_fit(). */
#define IVSH_FIT_DESCS 256u

/* The largest log that ivsh_geometry_fit() gives a slot. */
#define IVSH_FIT_LOG 65536u

/*
 * The geometry that this library chooses for (slots) peers in (size) bytes: IVSH_FIT_DESCS
 * descriptors, the largest large payload area from 8 KiB to 2 MiB that fits, and beside it the
 * largest small one from 4 to 256 KiB; 64 descriptors and 4 KiB each where that is too much. What
 * the rings leave goes to the logs: IVSH_FIT_LOG bytes for each slot, or the largest power of two
 * from 4 KiB on. Where they leave less, the small areas may be half as large for logs that take at
 * most a sixteenth of the memory; else there are none.
 *
 * Anyone, anywhere. need: NULL, or set to the bytes that the least such geometry takes.
 *
 * IVSH_EINVAL  slots is not 2 to 256.
 * IVSH_ENOSPC  not even the least one fits: bring *need bytes.
 */
int ivsh_geometry_fit(
    uint64_t size, uint32_t slots, struct ivsh_geometry *geometry, uint64_t *need) IVSH_MUST_CHECK;

/*
 * The same with (log_size) bytes of log for each slot; 0: no logs. The rings get what is left.
 *
 * IVSH_EINVAL  slots is not 2 to 256, or log_size is neither 0 nor a power of two from 4 KiB to 16
 *              MiB.
 * IVSH_ENOSPC  not even the least one fits beside such logs: bring *need bytes.
 */
int ivsh_geometry_fit_log(uint64_t size, uint32_t slots, uint32_t log_size,
    struct ivsh_geometry *geometry, uint64_t *need) IVSH_MUST_CHECK;

/*
 * Format (size) bytes at (base): clear everything but the payload areas, and store the header,
 * its magic last.
 *
 * For the server, the peer of slot 0, or a tool; never two at once, and never under living peers.
 * format_id: differs from one formatting to the next; a clock or a random number.
 * force: format also a memory that is formatted, or holds something else. The magic goes first.
 *
 * IVSH_EINVAL  base is not aligned to 4096, or the geometry is out of range.
 * IVSH_ENOSPC  the geometry needs more than size bytes.
 * IVSH_EBUSY   not forced, and the first eight bytes are not zero.
 * IVSH_EREADONLY  the magic did not stay.
 * SPEC 3.
 */
int ivsh_region_format(void *base, uint64_t size, const struct ivsh_geometry *geometry,
    uint64_t format_id, bool force) IVSH_MUST_CHECK;

/* --- Split regions: a memory for what all peers read, and a part for each slot. SPEC 17 ------ */

/*
 * The bytes that each part of a split region of this geometry takes, in *size. The memory with the
 * header and the server page takes IVSH_WIRE_COMMON_SIZE.
 *
 * Anyone, anywhere.
 *
 * IVSH_EINVAL  a field is out of its range: *size is untouched.
 */
int ivsh_part_size(const struct ivsh_geometry *geometry, uint64_t *size) IVSH_MUST_CHECK;

/*
 * The bytes at the beginning of each part that stand before its rings and its log, in *size: its
 * header, its slot and its words as a receiver. A power of two, so they can be a PCI BAR of their
 * own: a backend of this size over the part's file. Whoever maps these alone can send to that slot,
 * and reads nothing that it sends.
 *
 * Anyone, anywhere.
 *
 * IVSH_EINVAL  a field is out of its range: *size is untouched.
 */
int ivsh_part_short_size(const struct ivsh_geometry *geometry, uint64_t *size) IVSH_MUST_CHECK;

/*
 * As ivsh_region_format(), of the memory that has the header and the server page of a split region.
 */
int ivsh_split_format(void *base, uint64_t size, const struct ivsh_geometry *geometry,
    uint64_t format_id, bool force) IVSH_MUST_CHECK;

/*
 * As ivsh_region_format(), of the part of (slot): for the server, or for the peer that has that
 * slot, before it attaches. geometry, format_id: those of the region's header.
 *
 * IVSH_EINVAL  also: there is no such slot.
 */
int ivsh_part_format(void *base, uint64_t size, const struct ivsh_geometry *geometry,
    uint64_t format_id, uint32_t slot, bool force) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
