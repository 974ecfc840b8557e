/* SPDX-License-Identifier: MIT */
/*
 * descriptor.h - the two words of a descriptor: their fields, and the order of their accesses.
 */
#ifndef IVSH_CORE_DESCRIPTOR_H
#define IVSH_CORE_DESCRIPTOR_H

#include "core/atomic.h"

#include <ivsh/wire.h>

#include <stdint.h>

/* SPEC R7.4: the wrap counter of a valid descriptor at (index) in a ring of 1 << shift. */
static inline uint16_t ring_wrap(uint32_t index, uint32_t shift)
{
	return (uint16_t)((index >> shift) + 1);
}

/* The same, at its bits of a control word. */
static inline uint64_t ring_wrap_bits(uint32_t index, uint32_t shift)
{
	return (uint64_t)ring_wrap(index, shift) << IVSH_WIRE_CONTROL_WRAP_SHIFT;
}

/* How many indices from (index) on have the same wrap counter. */
static inline uint32_t ring_wrap_left(uint32_t index, uint32_t mask)
{
	return mask + 1 - (index & mask);
}

/* A control word without its wrap counter. kind: IVSH_WIRE_KIND_*. */
static inline uint64_t control_make(uint16_t port, uint32_t kind, uint32_t size)
{
	return (uint64_t)port << IVSH_WIRE_CONTROL_PORT_SHIFT |
	       (uint64_t)kind << IVSH_WIRE_CONTROL_KIND_SHIFT | size;
}

static inline uint16_t control_wrap(uint64_t control)
{
	return (uint16_t)(control >> IVSH_WIRE_CONTROL_WRAP_SHIFT);
}

static inline uint16_t control_port(uint64_t control)
{
	return (uint16_t)(control >> IVSH_WIRE_CONTROL_PORT_SHIFT);
}

static inline uint8_t control_kind(uint64_t control)
{
	return (uint8_t)(control >> IVSH_WIRE_CONTROL_KIND_SHIFT & IVSH_WIRE_CONTROL_KIND_MASK);
}

static inline uint32_t control_size(uint64_t control)
{
	return (uint32_t)(control & IVSH_WIRE_CONTROL_LENGTH_MASK);
}

/* SPEC R7.12: bytes of each message of a packed record, where the next begins, and how many. */
static inline uint32_t packed_size(uint64_t control)
{
	return (uint32_t)(control & IVSH_WIRE_PACKED_SIZE_MASK);
}

static inline uint32_t packed_step(uint32_t size)
{
	return (size + IVSH_WIRE_FRAME - 1) & ~(IVSH_WIRE_FRAME - 1);
}

static inline uint32_t packed_count(uint64_t control)
{
	return (control_size(control) >> IVSH_WIRE_PACKED_COUNT_SHIFT) + 1;
}

/* Bytes that a message, or a packed record, has in its area: 2^28 at the most. */
static inline uint32_t control_bytes(uint64_t control)
{
	if (control_kind(control) != IVSH_WIRE_KIND_PACKED)
		return control_size(control);
	return packed_count(control) * packed_step(packed_size(control));
}

/*
 * SPEC R7.3.1: the message in (desc) is accepted with the second store. Its wrap counter says that
 * everything else is there; its release pairs with descriptor_load().
 */
static inline void descriptor_store(struct ivsh_wire_desc *desc, uint64_t control, uint64_t body)
{
	store64(&desc->body, body);
	store64_release(&desc->control, control);
}

/*
 * The same for a message behind the first one of a batch: it is accepted with that one, whose
 * release comes later. SPEC R7.3.3.
 */
static inline void descriptor_prepare(struct ivsh_wire_desc *desc, uint64_t control, uint64_t body)
{
	store64(&desc->body, body);
	store64(&desc->control, control);
}

/*
 * The control word of (desc). If it has the wrap counter that is expected, the body and the payload
 * are there: then "descriptor_load(desc) ^ wrap", with the counter's bits in (wrap), has none.
 */
static inline uint64_t descriptor_load(const struct ivsh_wire_desc *desc)
{
	return load64_acquire(&desc->control);
}

#endif
