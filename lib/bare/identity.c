/* SPDX-License-Identifier: MIT */
/*
 * identity.c - a number that this machine has again after a reset.
 *
 * It stands in a page of RAM behind the image, which is in no segment of it: QEMU writes the
 * segments anew at each reset, and leaves the rest of RAM as it is. So does firmware there. A
 * machine that was migrated or restored takes the page along, and has its number again, too.
 */
#include "bare/identity.h"

#include "bare/mix.h"

#define MAGIC UINT64_C(0x7974697465646976)

struct kept {
	uint64_t magic;
	uint64_t number;
	uint64_t check;
};

static uint64_t check_of(uint64_t number)
{
	return bare_mix(number ^ MAGIC);
}

uint64_t bare_identity(void *page, uint64_t first)
{
	volatile struct kept *kept = page;
	uint64_t number = kept->number;

	if (kept->magic == MAGIC && kept->check == check_of(number) && number != 0)
		return number;
	kept->magic = MAGIC;
	kept->number = first;
	kept->check = check_of(first);
	return first;
}
