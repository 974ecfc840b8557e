/* SPDX-License-Identifier: MIT */
/*
 * dtb.c - a device tree of any bytes, and what lib/bare/virt makes of it.
 *
 * The tree is as long as the input. The header's words that only say what it is are right, so that
 * the input can be wrong in more than these.
 */
#include "tests/fuzz/feed.h"

#include "bare/arch.h"
#include "bare/virt/virt.h"
#include "tests/bare/machine.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 40u

static void set(uint8_t *bytes, uint32_t word, uint32_t value)
{
	for (uint32_t i = 0; i < 4; i++)
		bytes[word * 4 + i] = (uint8_t)(value >> (24 - 8 * i));
}

static bool is_inside(const struct bare_dtb *dtb, const void *bytes, uint32_t size)
{
	const uint8_t *at = bytes;

	return at >= dtb->bytes && at <= dtb->bytes + dtb->size &&
	       size <= dtb->size - (uint32_t)(at - dtb->bytes);
}

static void visit_node(const struct bare_dtb *dtb, uint32_t node)
{
	uint32_t child = bare_dtb_child(dtb, node), sibling = bare_dtb_sibling(dtb, node);
	const char *name = bare_dtb_name(dtb, node), *text = bare_dtb_text(dtb, node, "status");
	struct bare_dtb_value value;
	struct bare_dtb_range range;

	FUZZ_MUST(is_inside(dtb, name, (uint32_t)strlen(name) + 1));
	FUZZ_MUST(text == NULL || is_inside(dtb, text, (uint32_t)strlen(text) + 1));
	FUZZ_MUST(child == 0 || bare_dtb_parent(dtb, child) == node);
	FUZZ_MUST(sibling == 0 || bare_dtb_parent(dtb, sibling) == bare_dtb_parent(dtb, node));
	FUZZ_MUST(child == 0 || child > node);
	FUZZ_MUST(sibling == 0 || sibling > node);
	if (bare_dtb_property(dtb, node, "reg", &value))
		FUZZ_MUST(is_inside(dtb, value.bytes, value.size));
	for (uint32_t i = 0; i < 3; i++)
		(void)bare_dtb_reg(dtb, node, i, &range);
}

static void visit(const struct bare_dtb *dtb)
{
	uint32_t nodes = 0, above = 0;

	for (uint32_t node = bare_dtb_next(dtb, 0); node != 0; node = bare_dtb_next(dtb, node)) {
		FUZZ_MUST(node > above);
		above = node;
		visit_node(dtb, node);
		nodes++;
	}
	FUZZ_MUST(nodes != 0);
	(void)bare_dtb_phandle(dtb, 1);
	(void)bare_dtb_path(dtb, "/soc/serial@10000000");
}

/* The heap is RAM, and not the tree's. */
static void visit_heap(void)
{
	uint64_t tree = (uint64_t)(uintptr_t)virt_dtb()->bytes, first, last;
	char *start, *end;

	if (setjmp(machine_end) != 0)
		return;
	virt_heap_init();
	arch_heap(&start, &end);
	first = (uint64_t)(uintptr_t)start;
	last = (uint64_t)(uintptr_t)end;
	FUZZ_MUST(last > first && virt_ram_end(first) >= last);
	FUZZ_MUST(tree + virt_dtb()->size <= first || tree >= last);
}

static void visit_virt(void)
{
	struct ivsh_pci_windows windows;
	const char *line = arch_command_line();
	struct bare_dtb_range range;

	FUZZ_MUST(line == NULL || strlen(line) < 4096);
	for (uint32_t i = 0; virt_ram(i, &range); i++)
		FUZZ_MUST(range.size != 0 && range.size <= UINT64_MAX - range.address);
	visit_heap();
	machine_ecam_size = 0;
	virt_platform_init();
	FUZZ_MUST(machine_ecam_size <= 256u << 20);
	arch_pci_windows(&windows);
	FUZZ_MUST(windows.low.next <= windows.low.end && windows.low.end <= UINT64_C(1) << 32);
	FUZZ_MUST(windows.high.next <= windows.high.end);
	virt_generation_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;

	if (size < HEADER_BYTES)
		return 0;
	bytes = malloc(size);
	if (bytes == NULL)
		return 0;
	memcpy(bytes, data, size);
	set(bytes, 0, 0xd00dfeed);
	set(bytes, 1, (uint32_t)size);
	set(bytes, 5, 17);
	set(bytes, 6, 16);
	if (virt_init(bytes)) {
		visit(virt_dtb());
		visit_virt();
	}
	free(bytes);
	return 0;
}
