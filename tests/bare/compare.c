/* SPDX-License-Identifier: MIT */
/*
 * compare.c - what lib/bare/dtb.c and Debian's libfdt find in the same tree.
 *
 *	compare ROUNDS FILE...
 *
 * Each tree is compared as it is, and then damaged in (ROUNDS) ways: what one refuses the other
 * must refuse, and in what both accept they must find the same. The last line counts the trees that
 * were compared, and how many of the damaged ones both accept.
 */
#include "bare/dtb.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 10u /* of the header */
#define RESERVED 4u
#define PATH_BYTES 1024

static uint64_t state = 1;
static struct bare_dtb dtb;
static const char *file;
static unsigned round_number, compared, accepted;

_Noreturn static void differ(const char *what, int node)
{
	printf("FAIL: compare: %s: round %u: node %d: %s\n", file, round_number, node, what);
	exit(1);
}

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

/* --- Both trees ------------------------------------------------------------------------------- */

/* Nodes of libfdt are counted from the structure block's start. */
static uint32_t ours(int node)
{
	return node < 0 ? 0 : dtb.structure + (uint32_t)node;
}

static void same(const char *what, int node, uint32_t got, int want)
{
	if (got != ours(want))
		differ(what, node);
}

static void compare_properties(const void *blob, int node)
{
	int at, size;

	fdt_for_each_property_offset(at, blob, node)
	{
		const char *name = NULL;
		const void *first;
		struct bare_dtb_value value;

		if (fdt_getprop_by_offset(blob, at, &name, &size) == NULL)
			differ("libfdt lost a property", node);
		first = fdt_getprop(blob, node, name, &size);
		if (!bare_dtb_property(&dtb, ours(node), name, &value) || value.bytes != first ||
		    value.size != (uint32_t)size)
			differ(name, node);
	}
}

static bool has_status(const void *blob, int node)
{
	int size;
	const char *status = fdt_getprop(blob, node, "status", &size);

	return status == NULL || fdt_stringlist_contains(status, size, "okay") ||
	       fdt_stringlist_contains(status, size, "ok");
}

static void compare_search(const void *blob, const char *compatible)
{
	int node = fdt_node_offset_by_compatible(blob, -1, compatible);
	uint32_t mine = 0;

	do {
		while (node >= 0 && !has_status(blob, node))
			node = fdt_node_offset_by_compatible(blob, node, compatible);
		mine = bare_dtb_compatible(&dtb, mine, compatible);
		same(compatible, node, mine, node);
		if (node >= 0)
			node = fdt_node_offset_by_compatible(blob, node, compatible);
	} while (mine != 0);
}

static void compare_path(const void *blob, int node)
{
	char path[PATH_BYTES];

	/* A ':' ends a path of ours. */
	if (fdt_get_path(blob, node, path, sizeof(path)) == 0 && strchr(path, ':') == NULL)
		same("path", node, bare_dtb_path(&dtb, path), fdt_path_offset(blob, path));
}

static void compare_nodes(const void *blob)
{
	int node = 0, depth = 0;
	uint32_t mine = bare_dtb_next(&dtb, 0);

	/* libfdt counts the root from where the block starts. */
	while (node >= 0 && depth >= 0) {
		if (mine == 0 || (mine != ours(node) && node != 0))
			differ("not the next node", node);
		if (strcmp(bare_dtb_name(&dtb, mine), fdt_get_name(blob, node, NULL)) != 0)
			differ("name", node);
		same("child", node, bare_dtb_child(&dtb, mine), fdt_first_subnode(blob, node));
		if (node != 0) {
			same("sibling", node, bare_dtb_sibling(&dtb, mine),
			    fdt_next_subnode(blob, node));
			same("parent", node, bare_dtb_parent(&dtb, mine),
			    fdt_parent_offset(blob, node));
		}
		compare_properties(blob, node);
		compare_path(blob, node);
		mine = bare_dtb_next(&dtb, mine);
		node = fdt_next_node(blob, node, &depth);
	}
	if (mine != 0)
		differ("a node more", -1);
}

static void compare_all(const void *blob)
{
	compare_nodes(blob);
	compare_search(blob, "pci-host-ecam-generic");
	compare_search(blob, "arm,pl011");
	compare_search(blob, "arm,primecell");
	compare_search(blob, "virtio,mmio");
	compared++;
}

/* --- Damage ----------------------------------------------------------------------------------- */

static uint32_t header(const uint8_t *blob, uint32_t word)
{
	return (uint32_t)blob[word * 4] << 24 | (uint32_t)blob[word * 4 + 1] << 16 |
	       (uint32_t)blob[word * 4 + 2] << 8 | blob[word * 4 + 3];
}

static void set(uint8_t *blob, uint32_t at, uint32_t value)
{
	for (uint32_t i = 0; i < 4; i++)
		blob[at + i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A small number where tokens, lengths and offsets are, or any byte anywhere. */
static void damage(uint8_t *blob, const uint8_t *whole, uint32_t size)
{
	uint32_t structure = header(whole, 2), structure_size = header(whole, 9);

	switch (any(4)) {
	case 0:
		set(blob, any(WORDS) * 4, any(2 * size));
		break;
	case 1:
		set(blob, structure + any(structure_size / 4) * 4, any(10));
		break;
	case 2:
		blob[structure + any(structure_size)] = (uint8_t)any(256);
		break;
	default:
		blob[any(size)] ^= (uint8_t)(1u << any(8));
	}
}

/* The list of reservations is none of ours. */
static void mend_reservations(uint8_t *blob, const uint8_t *whole)
{
	memcpy(blob + RESERVED * 4, whole + RESERVED * 4, 4);
	memcpy(blob + header(whole, RESERVED), whole + header(whole, RESERVED), 16);
}

static uint32_t first_tag(const void *blob)
{
	int next = 0;
	uint32_t tag;

	do
		tag = fdt_next_tag(blob, next, &next);
	while (tag == FDT_NOP);
	return tag;
}

/* Ours is for trees of one version, with a root, and not for nodes at any depth. */
static bool is_beyond_ours(const void *blob)
{
	int depth = 0, node = 0, most = 0;

	if (fdt_version(blob) < 17 || first_tag(blob) != FDT_BEGIN_NODE)
		return true;
	while (node >= 0 && depth >= 0) {
		most = depth > most ? depth : most;
		node = fdt_next_node(blob, node, &depth);
	}
	return most >= (int)BARE_DTB_DEPTH;
}

static void try_damaged(const uint8_t *whole, uint32_t size)
{
	uint8_t *blob = aligned_alloc(8, (size + 7) & ~7u);
	int error;

	memcpy(blob, whole, size);
	for (uint32_t i = any(3) + 1; i > 0; i--)
		damage(blob, whole, size);
	/* Who hands the tree over has all of what its header says. */
	if (header(blob, 1) > size)
		set(blob, 4, size);
	mend_reservations(blob, whole);
	error = fdt_check_full(blob, size);
	if (bare_dtb_open(&dtb, blob)) {
		if (error != 0)
			differ(fdt_strerror(error), -1);
		accepted++;
		compare_all(blob);
	} else if (error == 0 && !is_beyond_ours(blob)) {
		differ("libfdt accepts it", -1);
	}
	free(blob);
}

/* --- Files ------------------------------------------------------------------------------------ */

/* The file without what is behind its blocks: QEMU leaves up to 1 MiB of room there. */
static uint8_t *load(const char *name, uint32_t *size)
{
	static uint8_t bytes[4 << 20];
	FILE *in = fopen(name, "rb");
	uint32_t strings, structure;
	uint8_t *blob;

	file = name;
	round_number = 0;
	if (in == NULL || fread(bytes, 1, sizeof(bytes), in) < WORDS * 4)
		differ("cannot be read", -1);
	fclose(in);
	strings = header(bytes, 3) + header(bytes, 8);
	structure = header(bytes, 2) + header(bytes, 9);
	*size = strings > structure ? strings : structure;
	if (*size > sizeof(bytes))
		differ("is too large", -1);
	set(bytes, 4, *size);
	blob = aligned_alloc(8, (*size + 7) & ~7u);
	memcpy(blob, bytes, *size);
	return blob;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

	for (int i = 2; i < argc; i++) {
		uint32_t size;
		uint8_t *whole = load(argv[i], &size);

		if (!bare_dtb_open(&dtb, whole) || fdt_check_full(whole, size) != 0)
			differ("is refused", -1);
		compare_all(whole);
		for (round_number = 1; round_number <= rounds; round_number++)
			try_damaged(whole, size);
		free(whole);
	}
	printf("%u compared, %u damaged\n", compared, accepted);
	return 0;
}
