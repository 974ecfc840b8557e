/* SPDX-License-Identifier: MIT */
/*
 * memory.c - memory that the interrupt controller reads and writes: never given back.
 *
 * The heap gives single pages from its end downwards, so pages that follow each other are taken
 * until enough of them are in one piece. At most half of the heap is taken at once.
 */
#include "bare/aarch64/controller.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"

#include <stddef.h>

#define PAGE 4096u

void *a64_memory(uint64_t size, uint64_t alignment)
{
	char *start, *end;

	if (alignment < PAGE)
		alignment = PAGE;
	size = (size + alignment - 1) & ~(alignment - 1);
	arch_heap(&start, &end);
	if (size + alignment > (uint64_t)(end - start) / 2)
		return NULL;
	start = virt_heap_page();
	if (start == NULL)
		return NULL;
	end = start + PAGE;
	for (;;) {
		uint64_t last = (uint64_t)(uintptr_t)end & ~(alignment - 1);
		char *page;

		if (last > (uintptr_t)start && last - (uintptr_t)start >= size) {
			start = (char *)(uintptr_t)(last - size);
			__builtin_memset(start, 0, size);
			return start;
		}
		page = virt_heap_page();
		if (page == NULL)
			return NULL;
		if (page + PAGE != start)
			end = page + PAGE;
		start = page;
	}
}
