/* SPDX-License-Identifier: MIT */
/*
 * moved_no_guid.c - moved.h for machines without QEMU's vmgenid device.
 */
#include "tests/guest/moved.h"

#include <stddef.h>

const uint64_t *moved_own_word(void)
{
	return NULL;
}
