/* SPDX-License-Identifier: MIT */
/*
 * region.h - reading the header.
 */
#ifndef IVSH_CORE_REGION_H
#define IVSH_CORE_REGION_H

#include <ivsh/region.h>

/*
 * Copy the header once, word by word, check the copy, keep the copy. feature: 0, or
 * IVSH_WIRE_FEATURE_SPLIT, which the header must have then. SPEC R3.6.2, R9.2.
 */
int ivsh_header_read(struct ivsh_region *region, struct ivsh_attach *attach, uint32_t feature);

#endif
