/* SPDX-License-Identifier: MIT */
/*
 * view.h - what is shown of a sample: rows in an order, columns, and what the keys have chosen.
 */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include "top/history.h"
#include "top/rates.h"
#include "top/sample.h"
#include "top/text.h"

/* The columns, from left to right. */
enum view_column {
	VIEW_SLOT,
	VIEW_NAME,
	VIEW_STATE,
	VIEW_BEAT,
	VIEW_OUT,
	VIEW_IN,
	VIEW_BYTES_OUT,
	VIEW_BYTES_IN,
	VIEW_FILL,
	VIEW_DOORBELLS,
	VIEW_SAVED,
	VIEW_MISSED,
	VIEW_ERRORS,
	VIEW_LOST,
	VIEW_COLUMNS,
};

struct view_row {
	uint32_t slot;
	const struct look_peer *peer;
	struct rates rates;
	struct rate fill;
};

struct view {
	struct sample sample;
	struct history history[IVSH_WIRE_SLOTS_MAX]; /* messages a second, both ways */
	struct history total;                        /* messages sent a second, by all */
	struct rates sum;
	uint32_t rows;
	struct view_row row[IVSH_WIRE_SLOTS_MAX];

	/* Chosen. */
	enum view_column sort;
	bool is_reversed;
	uint64_t interval_ns;
	uint32_t selected; /* slot */
	uint32_t first;    /* row, at the top of the table */
	bool details, help, paused, quit;
};

struct view_title {
	const char *name;  /* --sort=NAME */
	const char *title; /* of the column */
	unsigned width;
	unsigned rank; /* the lower it is, the narrower a terminal that still shows it */
	const char *help;
};

extern const struct view_title view_titles[VIEW_COLUMNS];

/* The column (name). False: there is none. */
bool view_sort_find(const char *name, enum view_column *column);

/* One look: rows, rates and histories, in order. 0, or IVSH_EPLATFORM. */
int view_look(struct view *view);

/* Put the rows in order again. */
void view_order(struct view *view);

/* What column (column) says of the row. (to) has IVSH_WIRE_NAME_SIZE + TEXT_SIZE bytes. */
void view_cell(char *to, const struct view_row *row, enum view_column column);

/* The row of the chosen slot, from 0. */
uint32_t view_selected(const struct view *view);

#endif
