/* SPDX-License-Identifier: MIT */
/*
 * table.h - what was measured: the cells of each geometry in each placement class.
 */
#ifndef TUNE_TABLE_H
#define TUNE_TABLE_H

#include "tune/slice.h"

#include <stdint.h>

#define TABLE_GEOMETRIES 32u
#define TABLE_CELLS 16u
#define TABLE_SLICES 200u /* of a cell, at most: no more are needed */
#define TABLE_FEW 5u      /* fewer slices of a cell say nothing */

/* Which slices of a cell: halves, so that luck shows as a difference between them. */
enum table_part {
	TABLE_ALL,
	TABLE_EVEN,
	TABLE_ODD,
	TABLE_PARTS,
};

/* Forget all slices. */
void table_clear(void);

/* One more slice of a cell, (ns) for each message. */
void table_add(enum slice_class class, uint32_t geometry, uint32_t cell, double ns);

uint32_t table_slices(enum slice_class class, uint32_t geometry, uint32_t cell);

/* The median of a cell; 0: there are too few slices. */
double table_median(enum slice_class class, uint32_t geometry, uint32_t cell, enum table_part part);

#endif
