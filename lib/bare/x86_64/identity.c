/* SPDX-License-Identifier: MIT */
/*
 * identity.c - a number that this machine has again after a reset.
 *
 * It stands in a page of RAM behind the image, which is in no segment of it: QEMU writes the
 * segments anew at each reset, and leaves the rest of RAM as it is. So does firmware there. A
 * machine that was migrated or restored takes the page along, and has its number again, too.
 */
#include "bare/x86_64/nonce.h"
#include "bare/x86_64/x86.h"

#define MAGIC UINT64_C(0x7974697465646976)

struct kept {
	uint64_t magic;
	uint64_t number;
	uint64_t check;
};

static uint64_t check_of(uint64_t number)
{
	return x86_mix(number ^ MAGIC);
}

uint64_t x86_identity(uint64_t first)
{
	volatile struct kept *kept = (volatile struct kept *)image_kept;
	uint64_t number = kept->number;

	if (kept->magic == MAGIC && kept->check == check_of(number) && number != 0)
		return number;
	number = first != 0 ? first : x86_nonce(0) | 1;
	kept->magic = MAGIC;
	kept->number = number;
	kept->check = check_of(number);
	return number;
}
