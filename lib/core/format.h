/* SPDX-License-Identifier: MIT */
/*
 * format.h - the two ends of every formatting.
 */
#ifndef IVSH_CORE_FORMAT_H
#define IVSH_CORE_FORMAT_H

#include <ivsh/geometry.h>

/*
 * Take the magic away. 0; IVSH_EINVAL: (base) is not aligned; IVSH_ENOSPC: (need) is more than
 * (size); IVSH_EBUSY: not (force), and a magic is there that is neither 0 nor a half of (magic).
 */
int ivsh_format_begin(void *base, uint64_t size, uint64_t need, uint64_t magic, bool force);

/*
 * Store the header, with (magic) last, which releases it. feature: IVSH_WIRE_FEATURE_SPLIT, or 0.
 * 0; IVSH_EREADONLY: it did not stay.
 */
int ivsh_format_end(struct ivsh_wire_header *header, uint64_t magic,
    const struct ivsh_geometry *geometry, uint32_t feature, uint64_t size, uint64_t format_id);

#endif
