/* SPDX-License-Identifier: MIT */
/*
 * choose.c - which geometry takes the place of the library's own.
 */
#include "tune/choose.h"

#define GAIN 0.95  /* medians of two runs of the same differ by less than 5 % */
#define WORSE 1.08 /* of a single cell, likewise */
#define LEVEL 1.02 /* two that differ by less are level: the smaller one is taken */

static bool is_measured(const struct contest *c, enum slice_class class, uint32_t geometry)
{
	for (uint32_t cell = 0; cell < c->cells; cell++)
		if (table_slices(class, geometry, cell) < TABLE_FEW)
			return false;
	return true;
}

uint32_t choose_classes(struct contest *c)
{
	uint32_t found = 0;

	for (uint32_t class = 0; class < CLASSES; class ++) {
		c->classes[class] = true;
		for (uint32_t i = 0; i < c->count; i++)
			if (!c->is_out[i] && !is_measured(c, (enum slice_class) class, i))
				c->classes[class] = false;
		found += c->classes[class];
	}
	return found;
}

/* 0: too few slices. */
static double score(
    const struct contest *c, enum slice_class class, uint32_t geometry, enum table_part part)
{
	double sum = 0;

	for (uint32_t cell = 0; cell < c->cells; cell++) {
		double own = table_median(class, 0, cell, part);
		double its = table_median(class, geometry, cell, part);

		if (own <= 0 || its <= 0)
			return 0;
		sum += its / own;
	}
	return sum / c->cells;
}

static double best_score(const struct contest *c, enum slice_class class, enum table_part part)
{
	double best = 1; /* geometry 0's own */

	for (uint32_t i = 1; i < c->count; i++) {
		double its = c->is_out[i] ? 0 : score(c, class, i, part);

		if (its > 0 && its < best)
			best = its;
	}
	return best;
}

double choose_regret(const struct contest *c, uint32_t geometry, enum table_part part)
{
	double worst = 0;

	for (uint32_t i = 0; i < CLASSES; i++) {
		enum slice_class class = (enum slice_class)i;
		double its;

		if (!c->classes[i])
			continue;
		its = score(c, class, geometry, part);
		if (its <= 0)
			return 0;
		its /= best_score(c, class, part);
		if (its > worst)
			worst = its;
	}
	return worst;
}

uint32_t choose_best(const struct contest *c, uint32_t wanted, uint32_t *best)
{
	double regrets[TABLE_GEOMETRIES];
	uint32_t count = 0;

	for (uint32_t i = 1; i < c->count; i++) {
		double its = c->is_out[i] ? 0 : choose_regret(c, i, TABLE_ALL);
		uint32_t at;

		if (its <= 0 || (count == wanted && its >= regrets[count - 1]))
			continue;
		if (count < wanted)
			count++;
		for (at = count - 1; at > 0 && regrets[at - 1] > its; at--) {
			regrets[at] = regrets[at - 1];
			best[at] = best[at - 1];
		}
		regrets[at] = its;
		best[at] = i;
	}
	return count;
}

/* Whether no cell of any class takes longer than with the library's own geometry. */
static bool is_never_worse(const struct contest *c, uint32_t geometry)
{
	for (uint32_t class = 0; class < CLASSES; class ++)
		for (uint32_t cell = 0; c->classes[class] && cell < c->cells; cell++)
			if (table_median((enum slice_class) class, geometry, cell, TABLE_ALL) >
			    WORSE * table_median((enum slice_class) class, 0, cell, TABLE_ALL))
				return false;
	return true;
}

static bool is_better(const struct contest *c, uint32_t geometry)
{
	if (c->is_out[geometry])
		return false;
	for (unsigned part = 0; part < TABLE_PARTS; part++) {
		double own = choose_regret(c, 0, (enum table_part)part);
		double its = choose_regret(c, geometry, (enum table_part)part);

		if (its <= 0 || its >= own * (part == TABLE_ALL ? GAIN : 1))
			return false;
	}
	return is_never_worse(c, geometry);
}

static uint64_t bytes_of(const struct ivsh_geometry *geometry)
{
	uint64_t bytes = 0;

	return ivsh_geometry_size(geometry, &bytes) ? UINT64_MAX : bytes;
}

uint32_t choose_one(const struct contest *c)
{
	uint32_t chosen = 0;
	double least = 0;

	for (uint32_t i = 1; i < c->count; i++) {
		double its = choose_regret(c, i, TABLE_ALL);

		if (is_better(c, i) && (least <= 0 || its < least))
			least = its;
	}
	for (uint32_t i = 1; i < c->count && least > 0; i++)
		if (is_better(c, i) && choose_regret(c, i, TABLE_ALL) <= least * LEVEL &&
		    (chosen == 0 || bytes_of(&c->geometries[i]) < bytes_of(&c->geometries[chosen])))
			chosen = i;
	return chosen;
}
