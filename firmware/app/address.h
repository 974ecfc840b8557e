/* SPDX-License-Identifier: MIT */
/*
 * address.h - how lines name a PCI function.
 */
#ifndef APP_ADDRESS_H
#define APP_ADDRESS_H

#include <stdint.h>

/* "00:04.0", with the segment in front where that is not 0. Static text. */
const char *address_text(uint32_t function);

#endif
