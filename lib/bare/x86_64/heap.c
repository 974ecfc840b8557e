/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the memory behind the image: the program uses it from its start, page tables from its
 * end.
 *
 * How many page tables devices need is unknown at the start, so neither has a fixed share: each can
 * take what the other has not taken.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#define PAGE 4096
/* For the program alone, so that newlib's printf can at least report what fails. */
#define RESERVE (256 << 10)

static char *start, *top, *end; /* the program has [start, top) */

void x86_heap_init(void)
{
	uint64_t first = (uint64_t)(uintptr_t)image_end;
	uint64_t last = x86_ram_end(first) & ~(uint64_t)(PAGE - 1);

	start = top = end = image_end;
	if (last < first || last - first < RESERVE)
		x86_fatal(
		    "start: less than 256 KiB of memory behind the image: QEMU's -m gives more");
	if (x86_map(first, last - first, IVSH_MAP_MEMORY) == NULL)
		x86_fatal("start: no page tables for the memory behind the image");
	end += last - first;
}

void *x86_heap_page(void)
{
	if (end - top < PAGE || end - start < RESERVE + PAGE)
		return NULL;
	end -= PAGE;
	return end;
}

void arch_heap(char **first, char **last)
{
	*first = start;
	*last = end;
}

void *arch_heap_grow(ptrdiff_t increment)
{
	char *old = top;

	if (increment < 0 ? -increment > top - start : increment > end - top)
		return NULL;
	top += increment;
	return old;
}
