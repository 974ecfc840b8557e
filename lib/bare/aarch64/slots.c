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

static uint32_t used;   /* no slot from here on has ever been taken */
static uint32_t lowest; /* no slot below is free */
static uint32_t guess;  /* vectors are closed one after the other, from the last one */

static bool is(uint32_t slot, uint32_t function, uint32_t index)
{
	return slot < used && slots[slot].taken && slots[slot].function == function &&
	       slots[slot].index == index;
}

uint32_t a64_slots_find(uint32_t function, uint32_t index)
{
	uint32_t slot = is(guess, function, index) ? guess : 0;

	while (slot < used && !is(slot, function, index))
		slot++;
	guess = slot - 1;
	return slot < used ? slot : A64_SLOTS_NONE;
}

uint32_t a64_slots_next(uint32_t function, uint32_t from)
{
	for (uint32_t slot = from; slot < used; slot++)
		if (slots[slot].taken && slots[slot].function == function)
			return slot;
	return A64_SLOTS_NONE;
}

uint32_t a64_slots_take(uint32_t count, uint32_t function, uint32_t index)
{
	while (lowest < used && slots[lowest].taken)
		lowest++;
	if (lowest >= count || lowest >= A64_SLOTS)
		return A64_SLOTS_NONE;
	if (lowest == used)
		used++;
	slots[lowest].function = function;
	slots[lowest].index = (uint16_t)index;
	slots[lowest].taken = true;
	return lowest;
}

void a64_slots_free(uint32_t slot)
{
	slots[slot].taken = false;
	if (slot < lowest)
		lowest = slot;
}
