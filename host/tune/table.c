/* SPDX-License-Identifier: MIT */
/*
 * table.c - what was measured.
 */
#include "tune/table.h"

#include <stdlib.h>
#include <string.h>

static struct cell {
	uint32_t count;
	double *ns; /* TABLE_SLICES of them, from the first on: the other commands need no memory */
} table[CLASSES][TABLE_GEOMETRIES][TABLE_CELLS];

void table_clear(void)
{
	struct cell *cells = &table[0][0][0];

	for (size_t i = 0; i < sizeof(table) / sizeof(*cells); i++)
		free(cells[i].ns);
	memset(table, 0, sizeof(table));
}

void table_add(enum slice_class class, uint32_t geometry, uint32_t cell, double ns)
{
	struct cell *c = &table[class][geometry][cell];

	if (!c->ns)
		c->ns = malloc(TABLE_SLICES * sizeof(*c->ns));
	/* Without memory the cell has too few slices, which the report says. */
	if (c->ns && c->count < TABLE_SLICES)
		c->ns[c->count++] = ns;
}

uint32_t table_slices(enum slice_class class, uint32_t geometry, uint32_t cell)
{
	return table[class][geometry][cell].count;
}

static int compare(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return (first > second) - (first < second);
}

double table_median(enum slice_class class, uint32_t geometry, uint32_t cell, enum table_part part)
{
	const struct cell *c = &table[class][geometry][cell];
	uint32_t step = part == TABLE_ALL ? 1 : 2, count = 0;
	double ns[TABLE_SLICES];

	if (c->count < TABLE_FEW)
		return 0;
	for (uint32_t i = part == TABLE_ODD; i < c->count; i += step)
		ns[count++] = c->ns[i];
	qsort(ns, count, sizeof(ns[0]), compare);
	return count % 2 ? ns[count / 2] : (ns[count / 2 - 1] + ns[count / 2]) / 2;
}
