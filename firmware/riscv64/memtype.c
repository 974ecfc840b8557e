/* SPDX-License-Identifier: MIT */
/*
 * memtype.c - how the processor caches an address.
 */
#include "arch/memtype.h"

#include <stddef.h>

const char *memtype(const void *address)
{
	(void)address;
	return NULL;
}
