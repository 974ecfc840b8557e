/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the memory behind the image: arch_heap() and arch_heap_grow().
 */
#ifndef BARE_HEAP_H
#define BARE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the whole pages of [first, last) are enough for a heap: 256 KiB. */
bool bare_heap_is_enough(uint64_t first, uint64_t last);

/* They are the heap from now on. (first) starts a page, and (last) ends one; they are mapped. */
void bare_heap_init(uint64_t first, uint64_t last);

/* Take a page from the heap's end, for ever. NULL: none is left, or there is no heap yet. */
void *bare_heap_page(void);

#endif
