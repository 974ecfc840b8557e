/* SPDX-License-Identifier: MIT */
/*
 * draw.c - one frame: a head of three lines, the table of peers, the chosen peer, the keys.
 *
 * A line is cut where the window ends. Strangers' bytes, names, come as printable ASCII.
 */
#include "top/draw.h"

#include "top/keys.h"
#include "top/show.h"

#include <inttypes.h>
#include <ncurses.h>
#include <stdio.h>
#include <string.h>

#define LEAST_COLUMNS 80
#define LEAST_LINES 24
#define HEAD 4   /* lines above the first row */
#define TREND 8u /* columns of the least trend */
#define CELL (IVSH_WIRE_NAME_SIZE + TEXT_SIZE)

/* Print (text), as far as the window has room, and leave the rest of the line blank. */
static void line_put(int line, const char *text)
{
	mvaddnstr(line, 0, text, COLS);
	clrtoeol();
}

static void put_right(int line, int column, unsigned width, const char *text)
{
	mvprintw(line, column, "%*.*s", (int)width, (int)width, text);
}

static void put_left(int line, int column, unsigned width, const char *text)
{
	mvprintw(line, column, "%-*.*s", (int)width, (int)width, text);
}

static bool is_left(enum view_column column)
{
	return column == VIEW_NAME || column == VIEW_STATE;
}

/*
 * Which columns the window has room for, by their ranks; and how wide names and trend are, which
 * share what is left. No trend: 0.
 */
static void columns_choose(bool *is_shown, unsigned *name, unsigned *trend)
{
	unsigned left = (unsigned)COLS, extra;

	for (unsigned rank = 0; rank < VIEW_COLUMNS; rank++)
		for (unsigned i = 0; i < VIEW_COLUMNS; i++) {
			if (view_titles[i].rank != rank)
				continue;
			is_shown[i] = view_titles[i].width + (rank != 0) <= left;
			left -= is_shown[i] ? view_titles[i].width + (rank != 0) : 0;
		}
	*name = view_titles[VIEW_NAME].width;
	*trend = 0;
	if (left > TREND) {
		*trend = TREND;
		left -= TREND + 1;
		extra = left / 2 < IVSH_WIRE_NAME_SIZE - 1 - *name
			    ? left / 2
			    : IVSH_WIRE_NAME_SIZE - 1 - *name;
		*name += extra;
		*trend += left - extra;
		if (*trend > HISTORY_SIZE)
			*trend = HISTORY_SIZE;
	} else {
		*name += left;
	}
}

static void head_draw(const struct view *v, const struct transport *t, bool is_utf8)
{
	const struct sample *s = &v->sample;
	char text[SHOW_SIZE], line[2 * SHOW_SIZE], sent[TEXT_SIZE], bytes[TEXT_SIZE],
	    size[TEXT_SIZE], interval[TEXT_SIZE], bars[HISTORY_TEXT];

	show_size(size, show_bytes(t));
	text_age(interval, v->interval_ns);
	if (s->is_open)
		snprintf(text, sizeof(text), "%" PRIu32 " slots  server %s",
		    s->observer.geometry.slots, text_server(s->server));
	else
		snprintf(text, sizeof(text), "no region");
	snprintf(line, sizeof(line), "ivsh top  %s  %s  every %s%s  %s", size, text, interval,
	    v->paused ? "  PAUSED" : "", t->object);
	attron(A_BOLD);
	line_put(0, line);
	attroff(A_BOLD);
	if (s->is_open) {
		show_peers(text, v);
		text_rate(sent, v->sum.sent);
		text_rate(bytes, v->sum.bytes_out);
		history_text(bars, &v->total, 20, is_utf8);
		snprintf(line, sizeof(line), "%s  messages/s %s  bytes/s %s  %s", text, sent, bytes,
		    bars);
		line_put(1, line);
	} else {
		show_refusal(text, v, t);
		line_put(1, text);
	}
	show_warning(text, v);
	if (*text)
		attron(A_BOLD);
	line_put(2, text);
	attroff(A_BOLD);
}

static void titles_draw(const struct view *v, const bool *is_shown, unsigned name, unsigned trend)
{
	int column = 0;

	attron(A_REVERSE);
	mvprintw(HEAD - 1, 0, "%*s", COLS, "");
	for (unsigned i = 0; i < VIEW_COLUMNS; i++) {
		unsigned width = i == VIEW_NAME ? name : view_titles[i].width;

		if (!is_shown[i])
			continue;
		/* The column that sorts stands out. */
		if (i == v->sort)
			attron(A_BOLD | A_UNDERLINE);
		if (is_left((enum view_column)i))
			put_left(HEAD - 1, column, width, view_titles[i].title);
		else
			put_right(HEAD - 1, column, width, view_titles[i].title);
		attroff(A_BOLD | A_UNDERLINE);
		column += (int)width + 1;
	}
	if (trend)
		put_left(HEAD - 1, column, trend, "TREND");
	attroff(A_REVERSE);
}

static void row_draw(const struct view *v, int line, const struct view_row *row,
    const bool *is_shown, unsigned name, unsigned trend, bool is_utf8)
{
	char cell[CELL], bars[HISTORY_TEXT];
	int column = 0, style = 0;

	if (row->slot == v->selected)
		style |= A_REVERSE;
	if (row->peer->presence == LOOK_SILENT || row->peer->presence == LOOK_GONE)
		style |= A_BOLD;
	attron(style);
	mvprintw(line, 0, "%*s", COLS, "");
	for (unsigned i = 0; i < VIEW_COLUMNS; i++) {
		unsigned width = i == VIEW_NAME ? name : view_titles[i].width;

		if (!is_shown[i])
			continue;
		view_cell(cell, row, (enum view_column)i);
		if (is_left((enum view_column)i))
			put_left(line, column, width, cell);
		else
			put_right(line, column, width, cell);
		column += (int)width + 1;
	}
	if (trend) {
		history_text(bars, &v->history[row->slot], trend, is_utf8);
		mvaddstr(line, column, bars);
	}
	attroff(style);
}

/* Lines of the chosen peer: a third of the window at the least, half at the most. */
static int details_lines(const struct view *v, int lines)
{
	return v->details && v->sample.is_open && v->rows ? lines / 2 - 1 : 0;
}

uint32_t draw_page(const struct view *v, int lines)
{
	int page = lines - HEAD - 1 - details_lines(v, lines);

	return page > 1 ? (uint32_t)page : 1;
}

static void table_draw(struct view *v, uint32_t page, bool is_utf8)
{
	bool is_shown[VIEW_COLUMNS];
	uint32_t selected = view_selected(v);
	unsigned name, trend;

	/* The chosen peer stays in sight, and the table as full as it can be. */
	if (v->rows && v->row[selected].slot != v->selected)
		v->selected = v->row[selected].slot;
	if (selected < v->first)
		v->first = selected;
	if (selected >= v->first + page)
		v->first = selected - page + 1;
	if (v->first + page > v->rows)
		v->first = v->rows > page ? v->rows - page : 0;
	columns_choose(is_shown, &name, &trend);
	titles_draw(v, is_shown, name, trend);
	for (uint32_t i = 0; i < page && v->first + i < v->rows; i++)
		row_draw(v, HEAD + (int)i, &v->row[v->first + i], is_shown, name, trend, is_utf8);
}

static void ring_draw(const struct view *v, int line, uint32_t from, uint32_t to, uint32_t self)
{
	const struct sample *s = &v->sample;
	const struct ivsh_geometry *g = &s->observer.geometry;
	const struct sample_ring *r = sample_ring(s, from, to);
	const struct look_ring *now = &r->now;
	struct ring_rates rates = rates_ring(&r->before, now);
	char descs[TEXT_SIZE], bytes[TEXT_SIZE], fill[TEXT_SIZE] = "?", small[TEXT_SIZE] = "?",
						 large[TEXT_SIZE] = "?";
	uint32_t other = from == self ? to : from;

	text_rate(descs, rates.descriptors);
	text_rate(bytes, rates.bytes);
	if (now->state == OBSERVED_IN_STEP)
		snprintf(fill, sizeof(fill), "%" PRIu32 "/%" PRIu32, now->fill, g->descs);
	if (now->is_taken_known) {
		text_part(small, (struct rate){true, false, (double)now->taken[0] / g->small_size});
		text_part(large, (struct rate){true, false, (double)now->taken[1] / g->large_size});
	}
	mvprintw(line, 0, "%s %3" PRIu32 " %-14.14s %-8s %11s %6s %6s %7s %7s",
	    from == self ? "to  " : "from", other,
	    s->peer[other].now.is_named ? s->peer[other].now.name : "?", text_ring(now->state),
	    fill, small, large, descs, bytes);
}

static void details_draw(const struct view *v, int first, int lines, bool is_utf8)
{
	const struct sample *s = &v->sample;
	const struct view_row *row = &v->row[view_selected(v)];
	const struct ivsh_counters *c = &row->peer->counters;
	char bars[HISTORY_TEXT], text[SHOW_SIZE];
	uint32_t self = row->slot, index = 0;
	int line = first;

	history_text(bars, &v->history[self], 32, is_utf8);

	attron(A_BOLD);
	mvprintw(line++, 0,
	    "slot %" PRIu32 "  %s  %s, incarnation %" PRIu32 ", %" PRIu32 " vectors", self,
	    row->peer->is_named ? row->peer->name : "?", text_presence(row->peer->presence),
	    row->peer->incarnation, row->peer->vectors);
	attroff(A_BOLD);
	if (row->peer->is_whole) {
		mvprintw(line++, 0,
		    "sent %" PRIu64 "  received %" PRIu64 "  found the ring full %" PRIu64
		    "  discarded %" PRIu64,
		    c->sent, c->received, c->full, c->discarded);
		mvprintw(line++, 0,
		    "doorbells %" PRIu64 "  saved %" PRIu64 "  woken by doorbell %" PRIu64
		    ", by time %" PRIu64 ", missed %" PRIu64,
		    c->notifications_sent, c->notifications_suppressed, c->wakes_doorbell,
		    c->wakes_timer, c->missed_notifications);
		mvprintw(line++, 0, "errors %" PRIu64 "  lost %" PRIu64 "  messages/s %s",
		    c->errors, c->lost, bars);
	} else {
		mvprintw(line, 0, "counters: ? (the peer begins another incarnation)");
		line += 3;
	}
	while (line < first + lines - 1 &&
	       show_metrics(text, (size_t)COLS < sizeof(text) ? (size_t)COLS : sizeof(text),
		   &s->region, self, &index))
		mvprintw(line++, 0, "%s", text);
	attron(A_UNDERLINE);
	mvprintw(line++, 0, "%-4s %3s %-14s %-8s %11s %6s %6s %7s %7s", "RING", "", "PEER", "STATE",
	    "IN FLIGHT", "SMALL", "LARGE", "DESC/s", "B/s");
	attroff(A_UNDERLINE);
	for (uint32_t i = 0; i < s->observer.geometry.slots && line < first + lines; i++) {
		if (i == self || s->peer[i].now.incarnation == 0)
			continue;
		if (sample_ring(s, self, i)->now.state != OBSERVED_UNUSED)
			ring_draw(v, line++, self, i, self);
		if (line < first + lines && sample_ring(s, i, self)->now.state != OBSERVED_UNUSED)
			ring_draw(v, line++, i, self, self);
	}
}

/* Each key, then each column. In a window of 24 lines these are two columns of text. */
static void help_draw(void)
{
	int line = 0;

	attron(A_BOLD);
	line_put(line++, "ivsh top: keys");
	attroff(A_BOLD);
	for (const struct keys_help *k = keys_help; k->key; k++)
		mvprintw(line++, 1, "%-9s %.*s", k->key, COLS - 12, k->help);
	for (unsigned i = 0; i < VIEW_COLUMNS && line < LINES; i++)
		mvprintw(
		    line++, 1, "%-9s %.*s", view_titles[i].title, COLS - 12, view_titles[i].help);
}

void draw_frame(struct view *v, const struct transport *t, bool is_utf8)
{
	int details = details_lines(v, LINES);
	uint32_t page = draw_page(v, LINES);

	erase();
	if (LINES < LEAST_LINES || COLS < LEAST_COLUMNS) {
		mvprintw(0, 0, "ivsh top: needs %dx%d, has %dx%d", LEAST_COLUMNS, LEAST_LINES, COLS,
		    LINES);
	} else if (v->help) {
		help_draw();
	} else {
		head_draw(v, t, is_utf8);
		table_draw(v, page, is_utf8);
		if (details)
			details_draw(v, LINES - 1 - details, details, is_utf8);
		line_put(LINES - 1,
		    "q quit  ? help  s sort  r reverse  up/down choose  Enter details  "
		    "space pause");
	}
	refresh();
}
