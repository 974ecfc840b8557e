/* SPDX-License-Identifier: MIT */
/*
 * slots.h - which interrupt is whose: a number for each open MSI-X vector of each function.
 */
#ifndef A64_SLOTS_H
#define A64_SLOTS_H

#include <stdint.h>

#define A64_SLOTS 2048u /* as many as the vectors of the largest device (PCI 6.8.2.3) */
#define A64_SLOTS_NONE UINT32_MAX

/* The slot of vector (index) of (function). A64_SLOTS_NONE: it has none. */
uint32_t a64_slots_find(uint32_t function, uint32_t index);

/* The first slot of (function), from slot (from) on. A64_SLOTS_NONE: it has no more. */
uint32_t a64_slots_next(uint32_t function, uint32_t from);

/* A free slot for it, of the first (count), at most A64_SLOTS. A64_SLOTS_NONE: all are taken. */
uint32_t a64_slots_take(uint32_t count, uint32_t function, uint32_t index);
void a64_slots_free(uint32_t slot);

#endif
