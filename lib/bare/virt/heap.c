/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the RAM behind the image that is not the device tree's.
 *
 * QEMU puts the tree below the image on aarch64, and on riscv64 near the end of RAM.
 */
#include "bare/heap.h"

#include "bare/virt/virt.h"

#include <stddef.h>

static uint64_t page_start(uint64_t address)
{
	return address & ~UINT64_C(4095);
}

void virt_heap_init(void)
{
	uint64_t tree = (uint64_t)(uintptr_t)virt_dtb()->bytes, size = virt_dtb()->size;
	uint64_t first = (uint64_t)(uintptr_t)image_end, last = page_start(virt_ram_end(first));

	if (virt_map(tree, size, IVSH_MAP_MEMORY) == NULL)
		virt_fatal("start: the device tree cannot be mapped");
	if (tree + size > first && tree < last)
		last = page_start(tree);
	if (!bare_heap_is_enough(first, last))
		virt_fatal(
		    "start: less than 256 KiB of memory behind the image: QEMU's -m gives more");
	if (virt_map(first, last - first, IVSH_MAP_MEMORY) == NULL)
		virt_fatal("start: no page tables for the memory behind the image");
	bare_heap_init(first, last);
}

void *virt_heap_page(void)
{
	return bare_heap_page();
}
