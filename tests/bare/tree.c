/* SPDX-License-Identifier: MIT */
/*
 * tree.c - device trees written piece by piece: Devicetree Specification 0.4, chapter 5.
 */
#include "tests/bare/tree.h"

#include <endian.h>
#include <string.h>

#define STRUCTURE 56u /* behind the header and an empty list of reservations */
#define STRINGS (TREE_BYTES / 2)

uint8_t tree_bytes[TREE_BYTES];

static uint32_t at, names;

static void put(const void *bytes, uint32_t size)
{
	if (size != 0)
		memcpy(tree_bytes + at, bytes, size);
	at += size;
	while (at % 4 != 0)
		tree_bytes[at++] = 0;
}

void tree_token(uint32_t token)
{
	uint32_t word = htobe32(token);

	put(&word, sizeof(word));
}

void tree_start(void)
{
	memset(tree_bytes, 0, sizeof(tree_bytes));
	at = STRUCTURE;
	names = STRINGS;
	tree_node("");
}

void tree_node(const char *name)
{
	tree_token(1);
	put(name, (uint32_t)strlen(name) + 1);
}

void tree_end(void)
{
	tree_token(2);
}

void tree_property(const char *name, const void *bytes, uint32_t size)
{
	tree_token(3);
	tree_token(size);
	tree_token(names - STRINGS);
	memcpy(tree_bytes + names, name, strlen(name) + 1);
	names += (uint32_t)strlen(name) + 1;
	put(bytes, size);
}

void tree_text(const char *name, const char *text)
{
	tree_property(name, text, (uint32_t)strlen(text) + 1);
}

void tree_cells(const char *name, const uint32_t *cells, uint32_t count)
{
	uint32_t words[64];

	for (uint32_t i = 0; i < count; i++)
		words[i] = htobe32(cells[i]);
	tree_property(name, words, count * 4);
}

void tree_header(uint32_t index, uint32_t value)
{
	uint32_t word = htobe32(value);

	memcpy(tree_bytes + index * 4, &word, sizeof(word));
}

uint32_t tree_header_word(uint32_t index)
{
	uint32_t word;

	memcpy(&word, tree_bytes + index * 4, sizeof(word));
	return be32toh(word);
}

void tree_done(void)
{
	const uint32_t header[] = {0xd00dfeed, names, STRUCTURE, STRINGS, 40, 17, 16, 0,
	    names - STRINGS, at + 8 - STRUCTURE};

	tree_end();
	tree_token(9);
	for (uint32_t i = 0; i < sizeof(header) / sizeof(header[0]); i++)
		tree_header(i, header[i]);
}
