/* SPDX-License-Identifier: MIT */
/*
 * split.h - the memories of a split region. SPEC 17.
 */
#ifndef IVSH_CORE_SPLIT_H
#define IVSH_CORE_SPLIT_H

#include "core/layout.h"
#include "core/linkage.h"

#include <ivsh/region.h>

/*
 * As ivsh_layout_of(), of one part: (rings) is where its rings or, of an odd slot, its log begins;
 * (logs) where the log of an even slot is; *size has the part's bytes.
 */
int ivsh_split_layout(
    const struct ivsh_geometry *geometry, struct ivsh_layout *layout, uint64_t *size);

/* Where the rings and the log of the part of (slot) are. layout: of ivsh_split_layout(). */
void ivsh_split_offsets(const struct ivsh_geometry *geometry, const struct ivsh_layout *layout,
    uint32_t slot, uint64_t *rings, uint64_t *log);

/* As ivsh_place(), of a split region: for region->place. */
HIDDEN void *ivsh_split_place(
    const struct ivsh_region *region, uint32_t what, uint32_t from, uint32_t to);

#endif
