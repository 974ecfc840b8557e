/* SPDX-License-Identifier: MIT */
/*
 * ring.h - between the files that look at a ring.
 */
#ifndef OBSERVE_RING_H
#define OBSERVE_RING_H

#include "observe/observer.h"

#include <stddef.h>

/* Which side's word: offsets in the ring. */
#define SENDER_WORD(field) (uint32_t) offsetof(struct ivsh_wire_ring, sender.field)
#define RECEIVER_WORD(field) (uint32_t) offsetof(struct ivsh_wire_ring, receiver.field)

/* The value of the wrap counter of (index). SPEC R7.4. */
static inline uint16_t wrap_of(const struct observer *observer, uint32_t index)
{
	return (uint16_t)(index / observer->geometry.descs + 1);
}

static inline uint16_t wrap_at(const struct observer *observer, uint32_t index)
{
	const struct ivsh_wire_desc *desc = &observer->desc[index % observer->geometry.descs];

	return (uint16_t)(desc->control >> IVSH_WIRE_CONTROL_WRAP_SHIFT);
}

/* The offset in the memory of the descriptor at (index). */
static inline uint64_t desc_offset(
    const struct observer *observer, const struct observed_ring *ring, uint32_t index)
{
	return ring->half[0].offset + sizeof(struct ivsh_wire_ring) +
	       index % observer->geometry.descs * sizeof(struct ivsh_wire_desc);
}

/* The wrap counters of all descriptors, and the read index, of a ring in step. */
void observe_table(const struct observer *observer, const struct observed_ring *ring,
    struct observe_findings *findings);

/* What is in flight: count it, and check it if (findings) is not NULL. */
void observe_flight(
    const struct observer *observer, struct observed_ring *ring, struct observe_findings *findings);

#endif
