/* SPDX-License-Identifier: MIT */
/*
 * mapping.h - the pages of the memory, or of a split region's memories, that the server may touch.
 */
#ifndef MAPPING_H
#define MAPPING_H

#include "wire/state.h"

#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * Map the first pages of the memory of (state), and answer the words that the server writes; NULL
 * after one line. Map the slots, too, for reading only, if the memory has them. Of a split region:
 * DIR/common, the common memory of each slot, and each slot in its part. Once in a process.
 */
struct ivsh_wire_server *mapping_open(const struct state *state);

/* Split: the words that the server writes in the common memories, one for each slot; else NULL. */
struct ivsh_wire_server *const *mapping_copies(void);

/* Slot (slot), which others write. NULL: it could not be mapped. */
const struct ivsh_wire_slot *mapping_slot(uint32_t slot);

/* The kernel took these pages away (SIGBUS): no guest sees any more what the server writes. */
bool mapping_is_lost(void);

/* Split: the slot of a part that was taken away, each once; SLOTS_NONE: there is none any more. */
uint32_t mapping_lost_part(void);

#endif
