/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the memory behind the image: the program uses it from its start, page tables from its
 * end.
 *
 * How many page tables devices need is unknown at the start, so neither has a fixed share: each can
 * take what the other has not taken.
 */
#include "bare/heap.h"

#include "bare/arch.h"

#define PAGE 4096
/* For the program alone, so that newlib's printf can at least report what fails. */
#define RESERVE (256 << 10)

static char *start, *top, *end; /* the program has [start, top) */

bool bare_heap_is_enough(uint64_t first, uint64_t last)
{
	return last >= first && last - first >= RESERVE;
}

void bare_heap_init(uint64_t first, uint64_t last)
{
	start = top = (char *)(uintptr_t)first;
	end = start + (last - first);
}

void *bare_heap_page(void)
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
