/* SPDX-License-Identifier: MIT */
/*
 * view.c - what is shown of a sample.
 */
#include "top/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL (IVSH_WIRE_NAME_SIZE + TEXT_SIZE)

const struct view_title view_titles[VIEW_COLUMNS] = {
    {"slot", "SLOT", 4, 0, "the peer's slot"},
    {"name", "NAME", 8, 1, "what it calls itself: a claim, no identity"},
    {"state", "STATE", 8, 2, "attached; silent: its heartbeat stands still; gone: it died; absent"},
    {"beat", "BEAT", 4, 8, "how long ago its heartbeat was seen to move"},
    {"out", "OUT/s", 5, 3, "messages that it sent, per second"},
    {"in", "IN/s", 5, 4, "messages that it received, per second"},
    {"bytes-out", "OUTB/s", 6, 5, "their payload; ~: by the sizes of some of the messages"},
    {"bytes-in", "INB/s", 6, 6, "likewise"},
    {"fill", "FILL", 4, 7, "how full its fullest ring is: descriptors, or bytes of an area"},
    {"doorbells", "DOORB", 5, 10, "doorbells that it rang, per second"},
    {"saved", "SAVED", 5, 11, "messages that needed no doorbell, per second"},
    {"missed", "MISS", 4, 12, "sleeps that time ended, with something to do, since it attached"},
    {"errors", "ERR", 3, 9, "channels that broke SPEC.md, since it attached"},
    {"lost", "LOST", 4, 13, "resets of rings: each may have lost messages, since it attached"},
};

bool view_sort_find(const char *name, enum view_column *column)
{
	for (unsigned i = 0; i < VIEW_COLUMNS; i++)
		if (strcmp(name, view_titles[i].name) == 0) {
			*column = (enum view_column)i;
			return true;
		}
	return false;
}

/* The number behind a cell: greater ones come first. Unknown ones come last. */
static double key_of(const struct view_row *row, enum view_column column)
{
	const struct rate *rate = NULL;

	switch (column) {
	case VIEW_STATE:
		return -(double)row->peer->presence;
	case VIEW_BEAT:
		return (double)row->peer->silent_ns;
	case VIEW_OUT:
		rate = &row->rates.sent;
		break;
	case VIEW_IN:
		rate = &row->rates.received;
		break;
	case VIEW_BYTES_OUT:
		rate = &row->rates.bytes_out;
		break;
	case VIEW_BYTES_IN:
		rate = &row->rates.bytes_in;
		break;
	case VIEW_FILL:
		rate = &row->fill;
		break;
	case VIEW_DOORBELLS:
		rate = &row->rates.doorbells;
		break;
	case VIEW_SAVED:
		rate = &row->rates.suppressed;
		break;
	case VIEW_MISSED:
		return (double)row->peer->counters.missed_notifications;
	case VIEW_ERRORS:
		return (double)row->peer->counters.errors;
	case VIEW_LOST:
		return (double)row->peer->counters.lost;
	default:
		return -(double)row->slot;
	}
	return rate->is_known ? rate->value : -1;
}

static enum view_column order_column;
static bool order_reversed;

static int row_compare(const void *left, const void *right)
{
	const struct view_row *a = left, *b = right;
	double x = key_of(a, order_column), y = key_of(b, order_column);
	int order = x > y ? -1 : x < y;

	if (order_column == VIEW_NAME)
		order = strcmp(a->peer->name, b->peer->name);
	if (order_reversed)
		order = -order;
	return order ? order : a->slot < b->slot ? -1 : 1;
}

void view_order(struct view *v)
{
	order_column = v->sort;
	order_reversed = v->is_reversed;
	qsort(v->row, v->rows, sizeof(v->row[0]), row_compare);
}

uint32_t view_selected(const struct view *v)
{
	for (uint32_t i = 0; i < v->rows; i++)
		if (v->row[i].slot == v->selected)
			return i;
	return 0;
}

int view_look(struct view *v)
{
	struct sample *s = &v->sample;
	int error = sample_look(s);

	v->rows = 0;
	memset(&v->sum, 0, sizeof(v->sum));
	if (error || !s->is_open)
		return error;
	for (uint32_t i = 0; i < s->observer.geometry.slots; i++) {
		struct view_row *row = &v->row[v->rows];
		struct rate both;

		if (!s->peer[i].now.is_used)
			continue;
		*row = (struct view_row){i, &s->peer[i].now, rates_peer(s, i), rates_fullest(s, i)};
		both = row->rates.sent;
		both.is_known &= row->rates.received.is_known;
		both.value += row->rates.received.value;
		history_add(&v->history[i], both);
		v->rows++;
	}
	v->sum = rates_total(s);
	history_add(&v->total, v->sum.sent);
	view_order(v);
	return 0;
}

/* A counter; "?" where it may be another incarnation's. */
static void count_text(char *to, const struct look_peer *peer, uint64_t count)
{
	if (peer->is_whole)
		text_number(to, (double)count);
	else
		snprintf(to, CELL, "?");
}

void view_cell(char *to, const struct view_row *row, enum view_column column)
{
	const struct look_peer *peer = row->peer;

	switch (column) {
	case VIEW_NAME:
		snprintf(to, CELL, "%s", peer->is_named ? peer->name : "?");
		break;
	case VIEW_STATE:
		snprintf(to, CELL, "%s", text_presence(peer->presence));
		break;
	case VIEW_BEAT:
		if (peer->presence == LOOK_ABSENT)
			snprintf(to, CELL, "-");
		else
			text_age(to, peer->silent_ns);
		break;
	case VIEW_OUT:
		text_rate(to, row->rates.sent);
		break;
	case VIEW_IN:
		text_rate(to, row->rates.received);
		break;
	case VIEW_BYTES_OUT:
		text_rate(to, row->rates.bytes_out);
		break;
	case VIEW_BYTES_IN:
		text_rate(to, row->rates.bytes_in);
		break;
	case VIEW_FILL:
		text_part(to, row->fill);
		break;
	case VIEW_DOORBELLS:
		text_rate(to, row->rates.doorbells);
		break;
	case VIEW_SAVED:
		text_rate(to, row->rates.suppressed);
		break;
	case VIEW_MISSED:
		count_text(to, peer, peer->counters.missed_notifications);
		break;
	case VIEW_ERRORS:
		count_text(to, peer, peer->counters.errors);
		break;
	case VIEW_LOST:
		count_text(to, peer, peer->counters.lost);
		break;
	default:
		snprintf(to, CELL, "%u", row->slot);
	}
}
