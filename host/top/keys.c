/* SPDX-License-Identifier: MIT */
/*
 * keys.c - what a key changes in a view.
 */
#include "top/keys.h"

#define KEY_ESCAPE 27

const struct keys_help keys_help[] = {
    {"s, S", "sort by the next column, or the one before"},
    {"r", "the other way round"},
    {"up, down", "choose a peer; page up and down, home, end"},
    {"Enter", "the chosen peer's counters and rings"},
    {"space", "pause: nothing is looked at"},
    {"+, -", "look more often, or more rarely"},
    {"?", "this; the same key, or Esc, goes back"},
    {"q", "quit"},
    {NULL, NULL},
};

/* Intervals that + and - choose from, in tenths of a second. */
static const uint32_t intervals[] = {1, 2, 5, 10, 20, 50, 100, 300, 600, 3600};
#define TENTH_NS UINT64_C(100000000)
#define INTERVALS (sizeof(intervals) / sizeof(intervals[0]))

static void faster(struct view *v)
{
	for (unsigned i = INTERVALS; i-- > 0;)
		if (intervals[i] * TENTH_NS < v->interval_ns) {
			v->interval_ns = intervals[i] * TENTH_NS;
			return;
		}
}

static void slower(struct view *v)
{
	for (unsigned i = 0; i < INTERVALS; i++)
		if (intervals[i] * TENTH_NS > v->interval_ns) {
			v->interval_ns = intervals[i] * TENTH_NS;
			return;
		}
}

/* Choose the row that is (by) below. */
static void move(struct view *v, int64_t by)
{
	int64_t row = (int64_t)view_selected(v) + by;

	if (v->rows == 0)
		return;
	if (row < 0)
		row = 0;
	if (row >= v->rows)
		row = v->rows - 1;
	v->selected = v->row[row].slot;
}

static void sort_by(struct view *v, unsigned column)
{
	v->sort = (enum view_column)(column % VIEW_COLUMNS);
	view_order(v);
}

void keys_press(struct view *v, int key, uint32_t page)
{
	switch (key) {
	case 'q':
	case 'Q':
		v->quit = true;
		break;
	case '?':
	case 'h':
		v->help = !v->help;
		break;
	case KEY_ESCAPE:
		if (v->help)
			v->help = false;
		else
			v->details = false;
		break;
	case '\n':
	case '\r':
		v->details = !v->details;
		break;
	case ' ':
		v->paused = !v->paused;
		break;
	case '+':
	case '=':
		faster(v);
		break;
	case '-':
		slower(v);
		break;
	case 's':
		sort_by(v, v->sort + 1u);
		break;
	case 'S':
		sort_by(v, v->sort + VIEW_COLUMNS - 1u);
		break;
	case 'r':
		v->is_reversed = !v->is_reversed;
		view_order(v);
		break;
	case KEYS_UP:
		move(v, -1);
		break;
	case KEYS_DOWN:
		move(v, 1);
		break;
	case KEYS_PAGE_UP:
		move(v, -(int64_t)page);
		break;
	case KEYS_PAGE_DOWN:
		move(v, page);
		break;
	case KEYS_FIRST:
		move(v, -(int64_t)v->rows);
		break;
	case KEYS_LAST:
		move(v, v->rows);
		break;
	default:
		break;
	}
}
