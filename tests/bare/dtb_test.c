/* SPDX-License-Identifier: MIT */
/*
 * dtb_test.c - the reader of device trees: what it finds, and what it refuses.
 */
#include "bare/dtb.h"
#include "tests/bare/tree.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static struct bare_dtb dtb;

/* --- A machine with a bus behind a bus -------------------------------------------------------- */

static void serial(const char *name, const char *status)
{
	tree_node(name);
	tree_property("compatible", "vendor,serial\0serial", 21);
	TREE_CELLS("reg", 0x100, 0x10, 0x200, 0x20);
	if (status != NULL)
		tree_text("status", status);
	TREE_CELLS("phandle", (uint32_t)name[7] - '0');
	tree_end();
}

static void machine(void)
{
	tree_start();
	TREE_CELLS("#address-cells", 2);
	TREE_CELLS("#size-cells", 2);
	tree_node("memory@80000000");
	tree_text("device_type", "memory");
	TREE_CELLS("reg", 0, 0x80000000, 1, 0);
	tree_end();
	tree_token(4);
	tree_node("soc");
	TREE_CELLS("#address-cells", 1);
	TREE_CELLS("#size-cells", 1);
	TREE_CELLS("ranges", 0, 5, 0, 0x150, 0x200, 6, 0x1000, 0x100);
	serial("serial@1", "disabled");
	serial("serial@2", NULL);
	serial("serial@3", "okay");
	tree_end();
	tree_node("bridge");
	tree_property("ranges", NULL, 0);
	TREE_CELLS("#address-cells", 2);
	TREE_CELLS("#size-cells", 0);
	tree_node("deep@7");
	TREE_CELLS("reg", 7, 8);
	tree_end();
	tree_end();
	tree_node("nothing");
	tree_node("below");
	TREE_CELLS("reg", 0, 0, 1);
	tree_end();
	tree_end();
	tree_done();
}

static void nodes(void)
{
	uint32_t root, memory, soc, one, two;

	machine();
	NEED_EQ(bare_dtb_open(&dtb, tree_bytes), 1);
	root = bare_dtb_root(&dtb);
	memory = bare_dtb_child(&dtb, root);
	soc = bare_dtb_sibling(&dtb, memory);
	one = bare_dtb_child(&dtb, soc);
	two = bare_dtb_sibling(&dtb, one);
	CHECK_EQ(strcmp(bare_dtb_name(&dtb, root), ""), 0);
	CHECK_EQ(strcmp(bare_dtb_name(&dtb, memory), "memory@80000000"), 0);
	CHECK_EQ(strcmp(bare_dtb_name(&dtb, soc), "soc"), 0);
	CHECK_EQ(strcmp(bare_dtb_name(&dtb, two), "serial@2"), 0);
	CHECK_EQ(bare_dtb_parent(&dtb, root), 0);
	CHECK_EQ(bare_dtb_parent(&dtb, memory), root);
	CHECK_EQ(bare_dtb_parent(&dtb, two), soc);
	CHECK_EQ(bare_dtb_child(&dtb, memory), 0);
	CHECK_EQ(bare_dtb_sibling(&dtb, root), 0);
	CHECK_EQ(bare_dtb_next(&dtb, 0), root);
	CHECK_EQ(bare_dtb_next(&dtb, memory), soc);
	CHECK_EQ(bare_dtb_next(&dtb, one), two);
	CHECK_EQ(bare_dtb_next(&dtb, bare_dtb_path(&dtb, "/nothing/below")), 0);
}

static void search(void)
{
	uint32_t two, three;

	machine();
	NEED_EQ(bare_dtb_open(&dtb, tree_bytes), 1);
	two = bare_dtb_path(&dtb, "/soc/serial@2");
	three = bare_dtb_path(&dtb, "/soc/serial@3");
	CHECK(two != 0 && three != 0);
	CHECK_EQ(bare_dtb_path(&dtb, "/"), bare_dtb_root(&dtb));
	CHECK_EQ(bare_dtb_path(&dtb, "/soc/serial@2:115200n8"), two);
	CHECK_EQ(bare_dtb_path(&dtb, "/soc/serial"), bare_dtb_path(&dtb, "/soc/serial@1"));
	CHECK_EQ(bare_dtb_path(&dtb, "/soc/serial@"), 0);
	CHECK_EQ(bare_dtb_path(&dtb, "/soc/seria"), 0);
	CHECK_EQ(bare_dtb_path(&dtb, "/soc/serial@22"), 0);
	CHECK_EQ(bare_dtb_path(&dtb, "/memory/soc"), 0);
	CHECK_EQ(bare_dtb_path(&dtb, "soc"), 0);
	CHECK_EQ(bare_dtb_compatible(&dtb, 0, "serial"), two);
	CHECK_EQ(bare_dtb_compatible(&dtb, two, "vendor,serial"), three);
	CHECK_EQ(bare_dtb_compatible(&dtb, three, "serial"), 0);
	CHECK_EQ(bare_dtb_compatible(&dtb, 0, "seria"), 0);
	CHECK_EQ(bare_dtb_compatible(&dtb, 0, "vendor"), 0);
	CHECK_EQ(bare_dtb_phandle(&dtb, 2), two);
	CHECK_EQ(bare_dtb_phandle(&dtb, 0), 0);
	CHECK_EQ(bare_dtb_phandle(&dtb, 4), 0);
}

static void values(void)
{
	struct bare_dtb_value value;
	uint32_t soc;

	machine();
	NEED_EQ(bare_dtb_open(&dtb, tree_bytes), 1);
	soc = bare_dtb_path(&dtb, "/soc");
	CHECK(bare_dtb_property(&dtb, soc, "ranges", &value));
	CHECK_EQ(value.size, 32);
	CHECK_EQ(bare_dtb_cell(&value, 1), 5);
	CHECK_EQ(bare_dtb_cell(&value, 8), 0);
	CHECK_EQ(bare_dtb_cells(&value, 1, 2), 5ll << 32);
	CHECK_EQ(bare_dtb_cells(&value, 1, 0), 0);
	/* A property of a child is none of the node's. */
	CHECK(!bare_dtb_property(&dtb, soc, "reg", &value));
	CHECK_EQ(value.size, 0);
	CHECK_EQ(bare_dtb_number(&dtb, soc, "#size-cells", 9), 1);
	CHECK_EQ(bare_dtb_number(&dtb, soc, "phandle", 9), 9);
	CHECK(bare_dtb_text(&dtb, soc, "device_type") == NULL);
	CHECK(bare_dtb_text(&dtb, bare_dtb_path(&dtb, "/memory"), "device_type") != NULL);
}

static void texts(void)
{
	static const struct {
		const char *bytes;
		uint32_t size;
		const char *text;
		bool has;
	} rows[] = {{"a\0b", 4, "b", true}, {"a\0b", 3, "b", false}, {"a\0b", 4, "a", true},
	    {"ab\0b", 5, "b", true}, {"ab\0b", 5, "a", false}, {"ab", 3, "abc", false},
	    {"", 0, "", false}, {"", 1, "", true}, {"a\0", 3, "", true}, {"ab", 2, "ab", false}};

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bare_dtb_value value = {(const uint8_t *)rows[i].bytes, rows[i].size};

		test_row(rows[i].text);
		CHECK_EQ(bare_dtb_has_text(&value, rows[i].text), rows[i].has);
	}
}

/* Through ranges, each of which has to hold the whole of an entry. */
static void addresses(void)
{
	struct bare_dtb_range range;
	uint32_t serial_2, deep;

	machine();
	NEED_EQ(bare_dtb_open(&dtb, tree_bytes), 1);
	serial_2 = bare_dtb_path(&dtb, "/soc/serial@2");
	CHECK(bare_dtb_reg(&dtb, bare_dtb_path(&dtb, "/memory"), 0, &range));
	CHECK(range.address == 0x80000000 && range.size == 1ull << 32);
	CHECK(!bare_dtb_reg(&dtb, bare_dtb_path(&dtb, "/memory"), 1, &range));
	CHECK(bare_dtb_reg(&dtb, serial_2, 0, &range));
	CHECK(range.address == 0x500000100 && range.size == 0x10);
	CHECK(bare_dtb_reg(&dtb, serial_2, 1, &range));
	CHECK(range.address == 0x600001000 && range.size == 0x20);
	CHECK(!bare_dtb_reg(&dtb, serial_2, 2, &range));
	CHECK(!bare_dtb_reg(&dtb, serial_2, UINT32_MAX, &range));
	range = (struct bare_dtb_range){0x140, 0x20}; /* reaches beyond its range */
	CHECK(!bare_dtb_translate(&dtb, serial_2, &range));
	range = (struct bare_dtb_range){0x180, 0x20}; /* in none */
	CHECK(!bare_dtb_translate(&dtb, serial_2, &range));
	deep = bare_dtb_path(&dtb, "/bridge/deep");
	CHECK(bare_dtb_reg(&dtb, deep, 0, &range));
	CHECK(range.address == 0x700000008 && range.size == 0);
	/* A node that is no bus. */
	CHECK(!bare_dtb_reg(&dtb, bare_dtb_path(&dtb, "/nothing/below"), 0, &range));
	CHECK(!bare_dtb_reg(&dtb, bare_dtb_root(&dtb), 0, &range));
}

/* --- What is refused -------------------------------------------------------------------------- */

static void header(void)
{
	static const struct {
		uint32_t word, value;
	} rows[] = {{0, 0xd00dfeee}, {1, 39}, {1, BARE_DTB_BYTES + 1}, {2, 39}, {2, UINT32_MAX},
	    {2, 0x10000}, {3, UINT32_MAX}, {3, 0}, {5, 16}, {6, 18}, {8, UINT32_MAX}, {8, 1},
	    {9, 0}, {9, 3}, {9, UINT32_MAX}, {9, 64}};

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[32] = "word 0";

		machine();
		CHECK(bare_dtb_open(&dtb, tree_bytes));
		tree_header(rows[i].word, rows[i].value);
		name[5] = (char)('0' + rows[i].word);
		test_row(name);
		CHECK(!bare_dtb_open(&dtb, tree_bytes));
	}
}

static bool opens(void)
{
	tree_done();
	return bare_dtb_open(&dtb, tree_bytes);
}

static void structure(void)
{
	tree_start();
	CHECK(opens());
	tree_start(); /* an end too many */
	tree_end();
	CHECK(!opens());
	tree_start(); /* one too few */
	tree_node("a");
	CHECK(!opens());
	tree_start(); /* a second root */
	tree_end();
	tree_node("a");
	CHECK(!opens());
	tree_start(); /* a property outside of the root */
	tree_end();
	tree_text("a", "b");
	tree_node("");
	CHECK(!opens());
	tree_start(); /* the end inside of it */
	tree_token(9);
	CHECK(!opens());
	tree_start(); /* no token */
	tree_token(5);
	CHECK(!opens());
	tree_start(); /* a root with a name */
	tree_bytes[60] = 'a';
	CHECK(!opens());
	tree_start(); /* a value longer than the tree */
	tree_text("a", "b");
	tree_bytes[68] = 0xff;
	CHECK(!opens());
	tree_start(); /* a name outside of the strings */
	tree_text("a", "b");
	tree_bytes[75] = 2;
	CHECK(!opens());
	tree_start(); /* strings without an end */
	tree_text("a", "b");
	tree_done();
	tree_header(8, 1);
	CHECK(!bare_dtb_open(&dtb, tree_bytes));
}

static void depth(void)
{
	for (uint32_t deep = BARE_DTB_DEPTH - 1; deep <= BARE_DTB_DEPTH; deep++) {
		uint32_t node = 0, last = 0, count = 0;

		tree_start();
		for (uint32_t i = 0; i < deep; i++)
			tree_node("a");
		for (uint32_t i = 0; i < deep; i++)
			tree_end();
		tree_done();
		CHECK_EQ(bare_dtb_open(&dtb, tree_bytes), deep < BARE_DTB_DEPTH);
		if (deep == BARE_DTB_DEPTH)
			return;
		while ((node = bare_dtb_next(&dtb, node)) != 0)
			last = node;
		for (; last != 0; last = bare_dtb_parent(&dtb, last))
			count++;
		CHECK_EQ(count, BARE_DTB_DEPTH);
	}
}

/* Every prefix of the structure, in memory that ends where the header says. */
static void truncated(void)
{
	uint32_t whole, size;

	machine();
	whole = tree_header_word(9);
	for (uint32_t keep = 0; keep < whole; keep++) {
		uint8_t *copy;

		machine();
		tree_header(2, tree_header_word(1) - keep);
		tree_header(9, keep);
		size = tree_header_word(1);
		memmove(tree_bytes + size - keep, tree_bytes + 56, keep);
		copy = malloc(size);
		NEED_EQ(copy != NULL, 1);
		memcpy(copy, tree_bytes, size);
		CHECK(!bare_dtb_open(&dtb, copy));
		free(copy);
	}
}

int main(void)
{
	static const struct test tests[] = {
	    {"nodes", nodes},
	    {"search", search},
	    {"values", values},
	    {"texts", texts},
	    {"addresses", addresses},
	    {"header", header},
	    {"structure", structure},
	    {"depth", depth},
	    {"truncated", truncated},
	};

	return test_main("dtb", tests, sizeof(tests) / sizeof(tests[0]));
}
