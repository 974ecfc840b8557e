/* SPDX-License-Identifier: MIT */
/*
 * dtb.c - a flattened device tree, read where it is.
 *
 * Everything stands on read_token(), which reads one token and never leaves the structure block.
 * Each token is 4 bytes or more, so a walk ends. Words are put together from bytes: the tree may be
 * at any address, and with the MMU off an unaligned access faults.
 */
#include "bare/dtb.h"

#include <stddef.h>

#define MAGIC 0xd00dfeedu
#define VERSION 17u /* the only one that QEMU, dtc and firmware have written since 2007 */
#define HEADER_BYTES 40u

/* Offsets in the header, 5.2. */
#define HEADER_MAGIC 0u
#define HEADER_SIZE 4u
#define HEADER_STRUCTURE 8u
#define HEADER_STRINGS 12u
#define HEADER_VERSION 20u
#define HEADER_COMPATIBLE_VERSION 24u
#define HEADER_STRINGS_SIZE 32u
#define HEADER_STRUCTURE_SIZE 36u

/* 5.4.1. */
enum kind {
	BAD = 0,
	BEGIN_NODE = 1,
	END_NODE = 2,
	PROPERTY = 3,
	NOP = 4,
	END = 9,
};

struct token {
	enum kind kind;
	uint32_t at;   /* where it starts */
	uint32_t next; /* where the next one does */
	uint32_t name; /* of a node or a property */
	uint32_t value, size;
};

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static uint32_t word_at(const struct bare_dtb *dtb, uint32_t offset)
{
	return word(dtb->bytes + offset);
}

static const char *text_at(const struct bare_dtb *dtb, uint32_t offset)
{
	return (const char *)(dtb->bytes + offset);
}

static bool is_same(const char *a, const char *b)
{
	while (*a == *b && *a != '\0')
		a++, b++;
	return *a == *b;
}

/* --- Tokens ----------------------------------------------------------------------------------- */

/* Where the text at (at) ends, behind its NUL, before (end). 0: it does not. */
static uint32_t text_end(const struct bare_dtb *dtb, uint32_t at, uint32_t end)
{
	while (at < end)
		if (dtb->bytes[at++] == 0)
			return at;
	return 0;
}

/* Where the property's value, and its name, are. 0: not in the tree. */
static uint32_t property(const struct bare_dtb *dtb, uint32_t at, struct token *token)
{
	uint32_t left = dtb->structure_end - at, name;

	if (left < 8)
		return 0;
	token->size = word_at(dtb, at);
	name = word_at(dtb, at + 4);
	if (token->size > left - 8 || name >= dtb->strings_end - dtb->strings)
		return 0;
	token->name = dtb->strings + name;
	token->value = at + 8;
	return token->value + token->size;
}

/* Read the token at (at), which is in the structure block or at its end. */
static enum kind read_token(const struct bare_dtb *dtb, uint32_t at, struct token *token)
{
	uint32_t end = at + 4, padding;

	token->at = at;
	token->kind = BAD;
	if (dtb->structure_end - at < 4)
		return BAD;
	token->kind = (enum kind)word_at(dtb, at);
	switch (token->kind) {
	case BEGIN_NODE:
		token->name = end;
		end = text_end(dtb, end, dtb->structure_end);
		break;
	case PROPERTY:
		end = property(dtb, end, token);
		break;
	case END_NODE:
	case NOP:
	case END:
		break;
	default:
		end = 0;
	}
	padding = (0u - (end - dtb->structure)) & 3;
	if (end == 0 || padding > dtb->structure_end - end)
		return token->kind = BAD;
	token->next = end + padding;
	return token->kind;
}

/* The same, but for a NOP: the token behind it. */
static enum kind next_token(const struct bare_dtb *dtb, uint32_t at, struct token *token)
{
	while (read_token(dtb, at, token) == NOP)
		at = token->next;
	return token->kind;
}

/* --- The check -------------------------------------------------------------------------------- */

/* One block: (size) bytes at (offset) of the tree. */
static bool has_block(const struct bare_dtb *dtb, uint32_t offset, uint32_t size)
{
	return offset >= HEADER_BYTES && offset <= dtb->size && size <= dtb->size - offset;
}

static bool read_header(struct bare_dtb *dtb)
{
	uint32_t structure_size, strings_size;

	if (word_at(dtb, HEADER_MAGIC) != MAGIC)
		return false;
	dtb->size = word_at(dtb, HEADER_SIZE);
	dtb->structure = word_at(dtb, HEADER_STRUCTURE);
	dtb->strings = word_at(dtb, HEADER_STRINGS);
	structure_size = word_at(dtb, HEADER_STRUCTURE_SIZE);
	strings_size = word_at(dtb, HEADER_STRINGS_SIZE);
	if (dtb->size < HEADER_BYTES || dtb->size > BARE_DTB_BYTES ||
	    word_at(dtb, HEADER_VERSION) < VERSION ||
	    word_at(dtb, HEADER_COMPATIBLE_VERSION) > VERSION ||
	    !has_block(dtb, dtb->structure, structure_size) ||
	    !has_block(dtb, dtb->strings, strings_size))
		return false;
	dtb->structure_end = dtb->structure + structure_size;
	dtb->strings_end = dtb->strings + strings_size;
	/* Every name that starts before the last NUL ends there at the latest. */
	while (dtb->strings_end > dtb->strings && dtb->bytes[dtb->strings_end - 1] != 0)
		dtb->strings_end--;
	return true;
}

bool bare_dtb_open(struct bare_dtb *dtb, const void *bytes)
{
	struct token token;
	uint32_t depth = 0;

	dtb->bytes = bytes;
	if (!read_header(dtb) || next_token(dtb, dtb->structure, &token) != BEGIN_NODE ||
	    *text_at(dtb, token.name) != '\0')
		return false;
	do {
		if (token.kind == BEGIN_NODE && ++depth > BARE_DTB_DEPTH)
			return false;
		if (token.kind == END_NODE)
			depth--;
		next_token(dtb, token.next, &token);
		if (token.kind == BAD || (token.kind == END && depth != 0))
			return false;
	} while (depth != 0);
	return token.kind == END;
}

/* --- Nodes ------------------------------------------------------------------------------------ */

/* The token behind all properties of (node): a child, or its end. */
static enum kind behind_properties(const struct bare_dtb *dtb, uint32_t node, struct token *token)
{
	read_token(dtb, node, token);
	do
		next_token(dtb, token->next, token);
	while (token->kind == PROPERTY);
	return token->kind;
}

uint32_t bare_dtb_root(const struct bare_dtb *dtb)
{
	struct token token;

	return next_token(dtb, dtb->structure, &token) == BEGIN_NODE ? token.at : 0;
}

uint32_t bare_dtb_next(const struct bare_dtb *dtb, uint32_t node)
{
	struct token token;

	if (node == 0)
		return bare_dtb_root(dtb);
	read_token(dtb, node, &token);
	do
		next_token(dtb, token.next, &token);
	while (token.kind == PROPERTY || token.kind == END_NODE);
	return token.kind == BEGIN_NODE ? token.at : 0;
}

uint32_t bare_dtb_child(const struct bare_dtb *dtb, uint32_t node)
{
	struct token token;

	return behind_properties(dtb, node, &token) == BEGIN_NODE ? token.at : 0;
}

uint32_t bare_dtb_sibling(const struct bare_dtb *dtb, uint32_t node)
{
	struct token token;
	uint32_t depth = 0;

	read_token(dtb, node, &token);
	do {
		if (token.kind == BEGIN_NODE)
			depth++;
		if (token.kind == END_NODE)
			depth--;
		next_token(dtb, token.next, &token);
	} while (depth != 0 && token.kind != BAD && token.kind != END);
	return token.kind == BEGIN_NODE ? token.at : 0;
}

uint32_t bare_dtb_parent(const struct bare_dtb *dtb, uint32_t node)
{
	uint32_t above[BARE_DTB_DEPTH + 1];
	uint32_t depth = 0;
	struct token token;

	above[0] = 0;
	next_token(dtb, dtb->structure, &token);
	while (token.at < node && token.kind != BAD && token.kind != END) {
		if (token.kind == BEGIN_NODE && depth < BARE_DTB_DEPTH)
			above[++depth] = token.at;
		if (token.kind == END_NODE && depth > 0)
			depth--;
		next_token(dtb, token.next, &token);
	}
	return token.at == node ? above[depth] : 0;
}

const char *bare_dtb_name(const struct bare_dtb *dtb, uint32_t node)
{
	struct token token;

	read_token(dtb, node, &token);
	return text_at(dtb, token.name);
}

/* --- Properties ------------------------------------------------------------------------------- */

bool bare_dtb_property(
    const struct bare_dtb *dtb, uint32_t node, const char *name, struct bare_dtb_value *value)
{
	struct token token;

	value->bytes = NULL;
	value->size = 0;
	read_token(dtb, node, &token);
	while (next_token(dtb, token.next, &token) == PROPERTY) {
		if (is_same(text_at(dtb, token.name), name)) {
			value->bytes = dtb->bytes + token.value;
			value->size = token.size;
			return true;
		}
	}
	return false;
}

const char *bare_dtb_text(const struct bare_dtb *dtb, uint32_t node, const char *name)
{
	struct bare_dtb_value value;

	bare_dtb_property(dtb, node, name, &value);
	for (uint32_t i = 0; i < value.size; i++)
		if (value.bytes[i] == 0)
			return (const char *)value.bytes;
	return NULL;
}

bool bare_dtb_has_text(const struct bare_dtb_value *value, const char *text)
{
	uint32_t at = 0; /* in (text); of a text of the value that differs, the rest is skipped */
	bool differs = false;

	for (uint32_t i = 0; i < value->size; i++) {
		char c = (char)value->bytes[i];

		differs = differs || c != text[at];
		if (c == '\0' && !differs)
			return true;
		at = c == '\0' || differs ? 0 : at + 1;
		differs = differs && c != '\0';
	}
	return false;
}

uint32_t bare_dtb_cell(const struct bare_dtb_value *value, uint32_t index)
{
	return index < value->size / 4 ? word(value->bytes + index * 4) : 0;
}

uint64_t bare_dtb_cells(const struct bare_dtb_value *value, uint32_t index, uint32_t count)
{
	uint64_t number = 0;

	for (uint32_t i = 0; i < count; i++)
		number = number << 32 | bare_dtb_cell(value, index + i);
	return number;
}

uint32_t bare_dtb_number(
    const struct bare_dtb *dtb, uint32_t node, const char *name, uint32_t otherwise)
{
	struct bare_dtb_value value;

	return bare_dtb_property(dtb, node, name, &value) && value.size >= 4
		   ? bare_dtb_cell(&value, 0)
		   : otherwise;
}
