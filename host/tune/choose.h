/* SPDX-License-Identifier: MIT */
/*
 * choose.h - which geometry takes the place of the library's own.
 *
 * Theory of operation: geometry 0 is the library's own. In a class the score of a geometry is the
 * mean, over the cells, of its time divided by that of geometry 0. Its regret is its score divided
 * by the best score in that class; and what counts is its largest regret: peers may be placed in
 * any class that the machine has. A geometry takes the place of the library's own only if that
 * regret is smaller by more than noise, in each half of the slices too, and no cell of any class
 * becomes slower by more than noise.
 */
#ifndef TUNE_CHOOSE_H
#define TUNE_CHOOSE_H

#include "tune/table.h"

#include <ivsh/geometry.h>

#include <stdbool.h>
#include <stdint.h>

/* What is compared. */
struct contest {
	const struct ivsh_geometry *geometries; /* (count) of them; number 0 is the library's own */
	uint32_t count;
	uint32_t cells;
	bool classes[CLASSES];         /* those that count */
	bool is_out[TABLE_GEOMETRIES]; /* those that do not count any more */
};

/*
 * Find the classes in which every geometry that is not out has enough slices of every cell: one
 * that the machine had for a moment only does not count. How many.
 */
uint32_t choose_classes(struct contest *contest);

/* The largest regret of a geometry, from 1 on; 0: it has too few slices. */
double choose_regret(const struct contest *contest, uint32_t geometry, enum table_part part);

/* Put the numbers of the (wanted) best ones but geometry 0 in (best). How many there are. */
uint32_t choose_best(const struct contest *contest, uint32_t wanted, uint32_t *best);

/* The number of the one that is chosen, 0: the library's own stays. */
uint32_t choose_one(const struct contest *contest);

#endif
