/* SPDX-License-Identifier: MIT */
/*
 * layout.c - from a geometry to offsets.
 *
 * Theory of operation: header and server page take a page each, slots 2 KiB each. Behind them, on
 * page boundaries, stands one ring for each ordered pair of slots; all rings are alike. Inside a
 * ring: the two sides' lines, the descriptors, the small area, and on a page boundary the large
 * area. Behind the rings, where the geometry has logs, one log for each slot: a line, and its
 * bytes.
 */
#include "core/layout.h"

#include <ivsh/wire.h>

#include <stddef.h>

_Static_assert(sizeof(struct ivsh_wire_header) == 64, "header");
_Static_assert(sizeof(struct ivsh_wire_server) == 64 + 4 * IVSH_WIRE_SLOTS_MAX, "server page");
_Static_assert(sizeof(struct ivsh_wire_server) <= IVSH_WIRE_PAGE, "server page");
_Static_assert(sizeof(struct ivsh_wire_slot) == 2048, "slot");
_Static_assert(__builtin_offsetof(struct ivsh_wire_slot, sent) % IVSH_WIRE_LINE == 0, "counters");
_Static_assert(__builtin_offsetof(struct ivsh_wire_slot, pending) % IVSH_WIRE_LINE == 0, "pending");
_Static_assert(__builtin_offsetof(struct ivsh_wire_slot, metric) % IVSH_WIRE_LINE == 0, "metrics");
_Static_assert(sizeof(struct ivsh_wire_metric) == IVSH_WIRE_LINE, "metric");
_Static_assert(sizeof(struct ivsh_wire_log) == IVSH_WIRE_LINE, "log");
_Static_assert(sizeof(struct ivsh_wire_ring) == 256, "ring");
_Static_assert(__builtin_offsetof(struct ivsh_wire_ring, receiver) == 128, "one line per writer");
_Static_assert(sizeof(struct ivsh_wire_desc) == 16, "descriptor");

static bool power_of_two_within(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most && (value & (value - 1)) == 0;
}

/* One of these, or none: a power of two in the range, or 0. */
#define LOG_BITS (2 * IVSH_WIRE_LOG_MAX - IVSH_WIRE_LOG_MIN)

/* At most 256 * 255 rings of 2^28 bytes and a little: far from overflow. A ring has 32 bits. */
int ivsh_layout_of(const struct ivsh_geometry *g, struct ivsh_layout *l, uint64_t *size)
{
	if (g->slots < IVSH_WIRE_SLOTS_MIN || g->slots > IVSH_WIRE_SLOTS_MAX ||
	    !power_of_two_within(g->descs, IVSH_WIRE_DESCS_MIN, IVSH_WIRE_DESCS_MAX) ||
	    !power_of_two_within(g->small_size, IVSH_WIRE_AREA_MIN, IVSH_WIRE_AREA_MAX) ||
	    !power_of_two_within(g->large_size, g->small_size, IVSH_WIRE_AREA_MAX) ||
	    (g->log_size & ~LOG_BITS) != 0 || (g->log_size & (g->log_size - 1)) != 0)
		return IVSH_EINVAL;
	l->small = (uint32_t)sizeof(struct ivsh_wire_ring) +
		   g->descs * (uint32_t)sizeof(struct ivsh_wire_desc);
	l->large = layout_page_up(l->small + g->small_size);
	l->stride = layout_page_up(l->large + g->large_size);
	l->rings = layout_page_up(
	    IVSH_WIRE_SLOTS_OFFSET + g->slots * (uint32_t)sizeof(struct ivsh_wire_slot));
	l->logs = l->rings + (uint64_t)(g->slots * (g->slots - 1)) * l->stride;
	l->log_stride = g->log_size ? (uint32_t)sizeof(struct ivsh_wire_log) + g->log_size : 0;
	*size = layout_end(l, g->slots);
	return 0;
}

int ivsh_geometry_size(const struct ivsh_geometry *g, uint64_t *size)
{
	struct ivsh_layout l;

	return ivsh_layout_of(g, &l, size);
}

/* Beyond these an area gains nothing. DESIGN.md, "Geometry". */
#define SMALL_MOST (1u << 18)
#define LARGE_MOST (1u << 21)

/* Whether (g) fits in (size) bytes. */
static bool geometry_fits(const struct ivsh_geometry *g, uint64_t size)
{
	uint64_t bytes;

	return ivsh_geometry_size(g, &bytes) == 0 && bytes <= size;
}

int ivsh_geometry_fit_log(
    uint64_t size, uint32_t slots, uint32_t log_size, struct ivsh_geometry *g, uint64_t *need)
{
	struct ivsh_geometry fit = {slots, 64, 4096, 4096, log_size};
	uint64_t bytes;
	int error = ivsh_geometry_size(&fit, &bytes);

	if (error)
		return error;
	if (need)
		*need = bytes;
	if (bytes > size)
		return IVSH_ENOSPC;
	/* The largest message counts most: what its area cannot use goes to the small area. */
	do {
		*g = fit;
		fit.descs = IVSH_FIT_DESCS;
		fit.large_size *= 2;
	} while (fit.large_size <= LARGE_MOST && geometry_fits(&fit, size));
	for (fit = *g; fit.small_size <= SMALL_MOST && geometry_fits(&fit, size);
	     fit.small_size *= 2)
		*g = fit;
	return 0;
}

/* All logs together may take one part in so many of the memory, if they cost the rings something.
 */
#define LOGS_SHARE 16u

int ivsh_geometry_fit(uint64_t size, uint32_t slots, struct ivsh_geometry *g, uint64_t *need)
{
	struct ivsh_geometry fit;
	int error = ivsh_geometry_fit_log(size, slots, 0, g, need);

	if (error)
		return error;
	/* What the rings do not use. */
	for (fit = *g, fit.log_size = IVSH_FIT_LOG; fit.log_size >= IVSH_WIRE_LOG_MIN;
	     fit.log_size /= 2)
		if (geometry_fits(&fit, size)) {
			*g = fit;
			return 0;
		}
	/* Or half of the small areas: never the largest message, nor descriptors. */
	for (uint32_t log = IVSH_FIT_LOG; log >= IVSH_WIRE_LOG_MIN; log /= 2)
		if ((uint64_t)slots * log <= size / LOGS_SHARE &&
		    ivsh_geometry_fit_log(size, slots, log, &fit, NULL) == 0 &&
		    fit.descs == g->descs && fit.large_size == g->large_size &&
		    fit.small_size >= g->small_size / 2) {
			*g = fit;
			return 0;
		}
	return 0;
}
