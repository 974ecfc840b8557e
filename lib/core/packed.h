/* SPDX-License-Identifier: MIT */
/*
 * packed.h - packed records: messages of one size and port that share a descriptor. SPEC R7.12.
 */
#ifndef IVSH_CORE_PACKED_H
#define IVSH_CORE_PACKED_H

#include "core/fastpath.h"

/* The largest message that is packed, and bytes of a record at most: DESIGN.md, Packed records. */
#ifndef PACKED_SIZE_MOST
#define PACKED_SIZE_MOST 1024u
#endif
#ifndef PACKED_BYTES_MOST
#define PACKED_BYTES_MOST 4096u
#endif

/* Messages that a record is worth its line of the area for: of at most 8 bytes, and of more. */
#ifndef PACKED_LEAST_INLINE
#define PACKED_LEAST_INLINE 8u
#endif
#define PACKED_LEAST 2u

/* Bytes of the next record that are fetched while a receiver copies one. */
#ifndef PACKED_AHEAD
#define PACKED_AHEAD 1024u
#endif

/* Where a buffer's next message goes: at a multiple of 8. */
static inline uint32_t align_8(uint32_t at)
{
	return (at + 7) & ~7u;
}

/*
 * Store the first of (most) messages as one record. Answers how many; 0: they are sent alone. The
 * credit is not 0.
 */
uint32_t ivsh_packed_put(struct ivsh_chan *ch, const struct ivsh_message *messages, uint32_t most);

/* How many of (most) messages, one at least, come before those that ivsh_packed_put() takes. */
uint32_t ivsh_packed_before(const struct ivsh_message *messages, uint32_t most);

/*
 * Take up to (most) messages of a packed record to (to), (room) bytes: some of the one that is
 * begun, or all of the next one if it is as the receiver expects. 0, or an error, and in *taken how
 * many; none: the slow path decides. The credit is not 0, or a record is begun.
 */
int ivsh_packed_take(struct ivsh_chan *ch, struct ivsh_message *messages, uint32_t most,
    uint8_t *to, uint32_t room, uint32_t *taken);

#endif
