/* SPDX-License-Identifier: MIT */
/*
 * dtb.h - a flattened device tree, read where it is (Devicetree Specification 0.4, chapter 5).
 *
 * A node is named by a number, the offset of its token; 0 is no node. All calls may be made with
 * the MMU off: no access is wider than a byte, nothing is written but through the caller's
 * pointers, and no function of a C library is called.
 *
 * Whatever the bytes are, no call reads outside of the tree or runs for longer than a constant
 * times its size. bare_dtb_open() has checked the whole structure before anything is looked up. The
 * tree must not change afterwards.
 */
#ifndef BARE_DTB_H
#define BARE_DTB_H

#include <stdbool.h>
#include <stdint.h>

#define BARE_DTB_BYTES (UINT32_C(16) << 20) /* a larger tree is refused */
#define BARE_DTB_DEPTH 16u /* so is one with nodes deeper than this; the root has depth 1 */

struct bare_dtb {
	const uint8_t *bytes;
	uint32_t size;                     /* of the whole tree */
	uint32_t structure, structure_end; /* offsets of the two blocks */
	uint32_t strings, strings_end;
};

/* The value of a property: in the tree. */
struct bare_dtb_value {
	const uint8_t *bytes;
	uint32_t size;
};

struct bare_dtb_range {
	uint64_t address, size;
};

/* Check the tree at (bytes). False: it is none, or breaks the specification, or is too large. */
bool bare_dtb_open(struct bare_dtb *dtb, const void *bytes);

/* --- Nodes: each answers 0 where there is none ------------------------------------------------ */

uint32_t bare_dtb_root(const struct bare_dtb *dtb);
uint32_t bare_dtb_parent(const struct bare_dtb *dtb, uint32_t node);
uint32_t bare_dtb_child(const struct bare_dtb *dtb, uint32_t node);   /* the first one */
uint32_t bare_dtb_sibling(const struct bare_dtb *dtb, uint32_t node); /* the next one */

/* The node behind (node) in the order of the tree, at any depth; 0: the root. */
uint32_t bare_dtb_next(const struct bare_dtb *dtb, uint32_t node);

/*
 * The node with this path: "/soc/serial@10000000". The part behind the @ can be left out: then it
 * is the first node of that name. What follows a ':' is no part of it (as in stdout-path).
 */
uint32_t bare_dtb_path(const struct bare_dtb *dtb, const char *path);

/* Whether (node) has no status, or the status "okay" or "ok": else it is not for this program. */
bool bare_dtb_is_enabled(const struct bare_dtb *dtb, uint32_t node);

/*
 * The first enabled node behind (node), 0 for the first of all, that is compatible with
 * (compatible).
 */
uint32_t bare_dtb_compatible(const struct bare_dtb *dtb, uint32_t node, const char *compatible);

/* The node with this phandle. */
uint32_t bare_dtb_phandle(const struct bare_dtb *dtb, uint32_t phandle);

/* Its name with the unit address, "memory@40000000"; the root's is empty. */
const char *bare_dtb_name(const struct bare_dtb *dtb, uint32_t node);

/* --- Properties ------------------------------------------------------------------------------- */

/* False: the node has no such property; *value is then empty. */
bool bare_dtb_property(
    const struct bare_dtb *dtb, uint32_t node, const char *name, struct bare_dtb_value *value);

/* The text of a property. NULL: there is none, or it has no NUL. */
const char *bare_dtb_text(const struct bare_dtb *dtb, uint32_t node, const char *name);

/* Whether one of the texts of (value) is (text). */
bool bare_dtb_has_text(const struct bare_dtb_value *value, const char *text);

/* The (index)th cell, a big-endian word of 32 bits. 0: the value is shorter. */
uint32_t bare_dtb_cell(const struct bare_dtb_value *value, uint32_t index);

/* The number of (count) cells, 0 to 2, from cell (index) on. 0: the value is shorter. */
uint64_t bare_dtb_cells(const struct bare_dtb_value *value, uint32_t index, uint32_t count);

/* The first cell of the property (name), or (otherwise) if it has none. */
uint32_t bare_dtb_number(
    const struct bare_dtb *dtb, uint32_t node, const char *name, uint32_t otherwise);

/* --- Addresses -------------------------------------------------------------------------------- */

/*
 * The (index)th entry of the property reg, as the processor has it: through the ranges of all
 * nodes above. False: there is none; or a node above has no ranges, or none that it is in; or an
 * address is wider than 64 bits.
 */
bool bare_dtb_reg(
    const struct bare_dtb *dtb, uint32_t node, uint32_t index, struct bare_dtb_range *range);

/*
 * An address of the bus on which (node) is, as the processor has it; likewise. So a node's own
 * ranges, which lead to that bus, can be followed further.
 */
bool bare_dtb_translate(const struct bare_dtb *dtb, uint32_t node, struct bare_dtb_range *range);

#endif
