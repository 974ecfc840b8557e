/* SPDX-License-Identifier: MIT */
/*
 * tree.h - device trees written piece by piece, whole or damaged.
 */
#ifndef TREE_H
#define TREE_H

#include <stdint.h>

#define TREE_BYTES 65536u

/* The tree so far, with a header for it: from tree_done() on. */
extern uint8_t tree_bytes[TREE_BYTES];

void tree_start(void);
void tree_node(const char *name);
void tree_end(void); /* of the node that was opened last */
void tree_property(const char *name, const void *bytes, uint32_t size);
void tree_text(const char *name, const char *text);
void tree_cells(const char *name, const uint32_t *cells, uint32_t count);
void tree_token(uint32_t token); /* any */
void tree_done(void);            /* the last token and the header; tree_start() begins anew */

/* The header's word number (index), in the order of the specification. */
void tree_header(uint32_t index, uint32_t value);
uint32_t tree_header_word(uint32_t index);

#define TREE_CELLS(name, ...)                             \
	tree_cells(name, (const uint32_t[]){__VA_ARGS__}, \
	    (uint32_t)(sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)))

#endif
