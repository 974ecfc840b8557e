/* SPDX-License-Identifier: MIT */
/*
 * region.h - the split region in a folder: the one that is there is kept, or one is made.
 */
#ifndef REGION_H
#define REGION_H

#include "config/options.h"
#include "wire/state.h"

#include <ivsh/geometry.h>
#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

/* As DIR/common describes it, or as it is to be. */
struct region {
	bool is_kept; /* it was there */
	struct ivsh_geometry geometry;
	uint64_t format_id;
};

/*
 * Read what is in DIR/common, (fd), which (path) is: a region that can be kept, since it has the
 * slots of (options), and its parts their size; or nothing. 0, or -1 after one line.
 */
int region_look(struct region *region, int fd, const char *path, const struct options *options);

/* What region_make() works on. */
struct region_files {
	const char *folder;
	int common;                        /* of DIR/common */
	const struct state_memory *memory; /* of each slot */
	uint32_t count;
};

/*
 * All memories are open: make the region. Of one that is kept see that no peer lives, and make
 * those parts anew that are none of it: a part's peer may have written anything there. 0, or -1
 * after one line.
 */
int region_make(
    const struct region *region, const struct region_files *files, const struct options *options);

#endif
