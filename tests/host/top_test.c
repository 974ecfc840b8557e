/* SPDX-License-Identifier: MIT */
/*
 * top_test.c - what top makes of two looks: rates, sums, texts, histories, and what keys change.
 */
#include "tests/lib/test.h"

#include "top/history.h"
#include "top/keys.h"
#include "top/rates.h"
#include "top/text.h"
#include "top/view.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct look_peer peer(uint64_t at_ns, uint32_t incarnation, uint64_t sent)
{
	struct look_peer look = {.at_ns = at_ns,
	    .is_used = true,
	    .is_whole = true,
	    .incarnation = incarnation,
	    .heartbeat = 100};

	look.counters.sent = sent;
	return look;
}

static void check_rate(struct rate rate, bool is_known, double value)
{
	CHECK_EQ(rate.is_known, is_known);
	if (is_known)
		CHECK_EQ((uint64_t)(rate.value * 1000 + 0.5), (uint64_t)(value * 1000 + 0.5));
}

static void counters(void)
{
	struct look_peer none = {0}, a = peer(SECOND, 1, 1000), b = peer(3 * SECOND, 1, 1500);

	check_rate(rates_counters(&a, &b).sent, true, 250);
	check_rate(rates_counters(&a, &b).received, true, 0);
	check_rate(rates_counters(&none, &b).sent, false, 0);
	check_rate(rates_counters(&a, &a).sent, false, 0);
	/* A counter that went back has no rate, and the others have theirs. */
	b.counters.received = 0;
	a.counters.received = 1;
	check_rate(rates_counters(&a, &b).received, false, 0);
	check_rate(rates_counters(&a, &b).sent, true, 250);
	/* Counters wrap where they may. */
	a.counters.sent = UINT64_MAX;
	b.counters.sent = 9;
	check_rate(rates_counters(&a, &b).sent, true, 5);
	b.incarnation = 2;
	check_rate(rates_counters(&a, &b).sent, false, 0);
	b.incarnation = 1;
	b.heartbeat = 99; /* the memory went back */
	check_rate(rates_counters(&a, &b).sent, false, 0);
	b.heartbeat = 101;
	b.is_whole = false;
	check_rate(rates_counters(&a, &b).sent, false, 0);
}

static struct look_ring ring(uint64_t at_ns, uint32_t read, uint32_t released, uint64_t bytes)
{
	return (struct look_ring){.at_ns = at_ns,
	    .state = OBSERVED_IN_STEP,
	    .sender = 1,
	    .receiver = 1,
	    .read = read,
	    .released = released,
	    .messages = released,
	    .bytes = bytes};
}

static void rings(void)
{
	struct look_ring none = {0}, a = ring(SECOND, UINT32_MAX - 4, 0, 0);
	struct look_ring b = ring(3 * SECOND, 5, 10, 640);

	check_rate(rates_ring(&a, &b).descriptors, true, 5);
	check_rate(rates_ring(&a, &b).bytes, true, 320);
	CHECK(!rates_ring(&a, &b).bytes.is_estimate);
	check_rate(rates_ring(&none, &b).bytes, false, 0);
	/* Some of many. */
	b.read = 95;
	check_rate(rates_ring(&a, &b).bytes, true, 3200);
	CHECK(rates_ring(&a, &b).bytes.is_estimate);
	/* Not one of them says what it carried. */
	b.released = 0;
	check_rate(rates_ring(&a, &b).bytes, false, 0);
	check_rate(rates_ring(&a, &b).descriptors, true, 50);
	/* Nothing passed: that is known. */
	b.read = a.read;
	check_rate(rates_ring(&a, &b).bytes, true, 0);
	/* It went back; another generation; an incarnation; not in step. */
	b.read = a.read - 1;
	check_rate(rates_ring(&a, &b).descriptors, false, 0);
	b = ring(3 * SECOND, 5, 10, 640);
	b.generation = 1;
	check_rate(rates_ring(&a, &b).bytes, false, 0);
	b = ring(3 * SECOND, 5, 10, 640);
	b.receiver = 2;
	check_rate(rates_ring(&a, &b).bytes, false, 0);
	b = ring(3 * SECOND, 5, 10, 640);
	b.state = OBSERVED_RESET;
	check_rate(rates_ring(&a, &b).bytes, false, 0);
}

static void fill(void)
{
	const struct ivsh_geometry geometry = {4, 100, 1000, 10000, 0};
	struct look_ring a = {.state = OBSERVED_IN_STEP, .fill = 25};

	check_rate(rates_fill(&geometry, &a), true, 0.25);
	a.taken[0] = 500;
	check_rate(rates_fill(&geometry, &a), true, 0.25); /* not known */
	a.is_taken_known = true;
	check_rate(rates_fill(&geometry, &a), true, 0.5);
	a.taken[1] = 9000;
	check_rate(rates_fill(&geometry, &a), true, 0.9);
	a.state = OBSERVED_RESET;
	check_rate(rates_fill(&geometry, &a), false, 0);
	a.state = OBSERVED_UNUSED;
	check_rate(rates_fill(&geometry, &a), true, 0);
}

static void texts(void)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {{0, "0"}, {0.04, "0.0"}, {9.9, "9.9"}, {9.96, "10"}, {999, "999"},
	    {999.6, "1.0k"}, {99949, "99.9k"}, {99960, "100k"}, {1.5e6, "1.5M"}, {999.6e6, "1.0G"},
	    {2e18, "2.0E"}, {1e30, "1.0e+12"}};
	char text[TEXT_SIZE];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text_number(text, rows[i].value);
		CHECK(strcmp(text, rows[i].text) == 0);
	}
	text_rate(text, (struct rate){0});
	CHECK(strcmp(text, "-") == 0);
	text_rate(text, (struct rate){true, true, 1500});
	CHECK(strcmp(text, "~1.5k") == 0);
	text_part(text, (struct rate){0});
	CHECK(strcmp(text, "?") == 0);
	text_part(text, (struct rate){true, false, 0.994});
	CHECK(strcmp(text, "99%") == 0);
	text_age(text, 1500000000);
	CHECK(strcmp(text, "1.5s") == 0);
	text_age(text, 99 * SECOND);
	CHECK(strcmp(text, "99s") == 0);
	text_age(text, 6000 * SECOND);
	CHECK(strcmp(text, "1h") == 0);
}

static void histories(void)
{
	struct history h = {0};
	char text[HISTORY_TEXT];

	history_text(text, &h, 3, false);
	CHECK(strcmp(text, "   ") == 0);
	history_add(&h, (struct rate){0});
	history_add(&h, (struct rate){true, false, 0});
	history_add(&h, (struct rate){true, false, 1});
	history_add(&h, (struct rate){true, false, 1000});
	history_text(text, &h, 5, false);
	CHECK(strcmp(text, " ?_.#") == 0);
	history_text(text, &h, 2, true);
	CHECK(strcmp(text, "▂█") == 0);
	/* The greatest is that of what is shown; and it never shows more than there is. */
	for (unsigned i = 0; i < 3 * HISTORY_SIZE; i++)
		history_add(&h, (struct rate){true, false, 2});
	history_text(text, &h, 2 * HISTORY_SIZE, false);
	CHECK_EQ(strlen(text), HISTORY_SIZE);
	CHECK_EQ(strspn(text, "#"), HISTORY_SIZE);
}

/* Rows of slots 3, 5 and 7, in a view without a region. */
static struct view *view_make(void)
{
	static struct view v;
	static struct look_peer peers[3];

	memset(&v, 0, sizeof(v));
	v.interval_ns = SECOND;
	v.rows = 3;
	for (uint32_t i = 0; i < 3; i++) {
		peers[i] = peer(SECOND, 1, 0);
		peers[i].name[0] = (char)('c' - i);
		v.row[i] = (struct view_row){.slot = 3 + 2 * i, .peer = &peers[i]};
		v.row[i].rates.sent = (struct rate){i != 1, false, 10 * i};
	}
	v.selected = 3;
	return &v;
}

static void check_order(const struct view *v, uint32_t a, uint32_t b, uint32_t c)
{
	CHECK_EQ(v->row[0].slot, a);
	CHECK_EQ(v->row[1].slot, b);
	CHECK_EQ(v->row[2].slot, c);
}

static void keys(void)
{
	struct view *v = view_make();

	keys_press(v, KEYS_DOWN, 2);
	CHECK_EQ(v->selected, 5);
	keys_press(v, KEYS_PAGE_DOWN, 2);
	keys_press(v, KEYS_DOWN, 2);
	CHECK_EQ(v->selected, 7);
	keys_press(v, KEYS_FIRST, 2);
	CHECK_EQ(v->selected, 3);
	keys_press(v, KEYS_UP, 2);
	CHECK_EQ(v->selected, 3);
	keys_press(v, 's', 2);
	CHECK_EQ(v->sort, VIEW_NAME);
	check_order(v, 7, 5, 3);
	CHECK_EQ(view_selected(v), 2); /* the peer, and not its row, is chosen */
	keys_press(v, 'r', 2);
	check_order(v, 3, 5, 7);
	keys_press(v, 'r', 2);
	keys_press(v, 'S', 2);
	keys_press(v, 'S', 2);
	CHECK_EQ(v->sort, VIEW_COLUMNS - 1);
	CHECK(view_sort_find("out", &v->sort));
	view_order(v);
	check_order(v, 7, 3, 5); /* what is not known comes last */
	CHECK(!view_sort_find("nothing", &v->sort));

	keys_press(v, '+', 2);
	CHECK_EQ(v->interval_ns, SECOND / 2);
	for (unsigned i = 0; i < 20; i++)
		keys_press(v, '+', 2);
	CHECK_EQ(v->interval_ns, SECOND / 10);
	for (unsigned i = 0; i < 20; i++)
		keys_press(v, '-', 2);
	CHECK_EQ(v->interval_ns, 360 * SECOND);
	keys_press(v, '?', 2);
	CHECK(v->help);
	keys_press(v, 27, 2);
	CHECK(!v->help);
	keys_press(v, '\r', 2);
	CHECK(v->details);
	keys_press(v, 27, 2);
	CHECK(!v->details);
	keys_press(v, ' ', 2);
	CHECK(v->paused);
	keys_press(v, 'q', 2);
	CHECK(v->quit);
	v->rows = 0;
	keys_press(v, KEYS_LAST, 2);
	keys_press(v, KEYS_DOWN, 2);
}

int main(void)
{
	static const struct test tests[] = {
	    {"counters: rates of two looks at a peer", counters},
	    {"rings: descriptors and bytes of two looks", rings},
	    {"fill: the fullest of three", fill},
	    {"texts: numbers", texts},
	    {"histories: bars", histories},
	    {"keys: what each changes", keys},
	};

	return test_main("top", tests, sizeof(tests) / sizeof(tests[0]));
}
