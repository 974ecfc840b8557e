/* SPDX-License-Identifier: MIT */
/*
 * slots.c - which interrupt is whose: a number for each open MSI-X vector of each function.
 */
#include "bare/aarch64/slots.h"

#include <stdbool.h>

static struct {
	uint32_t function;
	uint16_t index;
	bool taken;
} slots[A64_SLOTS];

static uint32_t used; /* no slot from here on has ever been taken */

uint32_t a64_slots_find(uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < used; i++)
		if (slots[i].taken && slots[i].function == function && slots[i].index == index)
			return i;
	return A64_SLOTS_NONE;
}

uint32_t a64_slots_take(uint32_t count, uint32_t function, uint32_t index)
{
	uint32_t slot = 0;

	while (slot < used && slots[slot].taken)
		slot++;
	if (slot >= count || slot >= A64_SLOTS)
		return A64_SLOTS_NONE;
	if (slot == used)
		used++;
	slots[slot].function = function;
	slots[slot].index = (uint16_t)index;
	slots[slot].taken = true;
	return slot;
}

void a64_slots_free(uint32_t slot)
{
	slots[slot].taken = false;
}
