/* SPDX-License-Identifier: MIT */
/*
 * address.c - how lines name a PCI function.
 */
#include "app/address.h"

#include <ivsh/platform.h>

#include <inttypes.h>
#include <stdio.h>

const char *address_text(uint32_t function)
{
	static char text[32];
	uint32_t segment = IVSH_PCI_SEGMENT(function);
	int length = segment ? snprintf(text, sizeof(text), "%04" PRIx32 ":", segment) : 0;

	snprintf(text + length, sizeof(text) - (size_t)length, "%02x:%02x.%x",
	    (unsigned)IVSH_PCI_BUS(function), (unsigned)IVSH_PCI_DEVICE(function),
	    (unsigned)IVSH_PCI_FN(function));
	return text;
}
