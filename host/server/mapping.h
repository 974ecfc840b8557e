/* SPDX-License-Identifier: MIT */
/*
 * mapping.h - the pages of the memory that the server may touch.
 */
#ifndef MAPPING_H
#define MAPPING_H

#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * Map the first pages of (fd), which has (bytes) bytes, and answer the words that the server
 * writes; NULL after one line. (page) is what can be mapped at least. Map (slots) slots, too, for
 * reading only, if the memory has them. Once in a process.
 */
struct ivsh_wire_server *mapping_open(int fd, uint64_t bytes, uint64_t page, uint32_t slots);

/* The slots, which others write. NULL: they could not be mapped. */
const struct ivsh_wire_slot *mapping_slots(void);

/* The kernel took these pages away (SIGBUS): no guest sees any more what the server writes. */
bool mapping_is_lost(void);

#endif
