/* SPDX-License-Identifier: MIT */
/*
 * part.c - the header of a part of a split region. SPEC 17.
 *
 * Who writes it is its slot's peer, or whoever formats. So a part of another format_id is no
 * damage: this one was not formatted since the others were. Its words are those of another region,
 * then. What else differs from the region's header nobody who keeps SPEC.md has left so.
 */
#include "observe/parts.h"

#include <string.h>

#define PART(grade, rule, field, why)                                   \
	observe_add(findings,                                           \
	    &(struct observe_finding){grade, rule, "part." #field, why, \
		offsetof(struct ivsh_wire_part, field), p->field, sizeof(p->field), memory})

#define PART_SAME(field, wanted)                                        \
	do {                                                            \
		if (p->field != (wanted))                               \
			PART(OBSERVE_BROKEN, "R17.4.1", field,          \
			    "not the region's: no peer uses the part"); \
	} while (0)

static void header_copy(const void *base, struct observed_part *part)
{
	struct ivsh_wire_part *p = &part->copy;

	p->magic = observe_load64(&((const struct ivsh_wire_part *)base)->magic);
	observe_copy((uint8_t *)p + sizeof(p->magic), (const uint8_t *)base + sizeof(p->magic),
	    sizeof(*p) - sizeof(p->magic));
	for (size_t i = 0; i < sizeof(*p) / 8; i++) {
		uint64_t word;

		memcpy(&word, (const uint8_t *)p + i * 8, sizeof(word));
		part->digest = observe_digest(part->digest, word);
	}
}

/* The words of a part that is one of this region. */
static void words_check(const struct observer *observer, uint32_t slot, struct observed_part *part,
    struct observe_findings *findings)
{
	const struct ivsh_geometry *g = &observer->geometry;
	const struct ivsh_wire_part *p = &part->copy;
	uint32_t memory = OBSERVE_PART(slot), broken = findings->broken;

	PART_SAME(version, IVSH_WIRE_VERSION);
	PART_SAME(features,
	    IVSH_WIRE_FEATURE_SPLIT | (g->log_size ? (uint32_t)IVSH_WIRE_FEATURE_LOGS : 0u));
	PART_SAME(size, observer->part_size);
	PART_SAME(slots, g->slots);
	PART_SAME(descs, g->descs);
	PART_SAME(small_size, g->small_size);
	PART_SAME(large_size, g->large_size);
	PART_SAME(log_size, g->log_size);
	if (p->slot != slot)
		PART(OBSERVE_BROKEN, "R17.4.3", slot,
		    "another slot than its memory's: no peer that knows this uses the part");
	if (findings->broken != broken)
		part->state = OBSERVED_PART_DAMAGED;
	if (part->size < observer->part_size) {
		/* What is before the rings can be mapped alone, on purpose. */
		PART(part->size == observer->rings ? OBSERVE_NOTE : OBSERVE_UNSURE, "R17.4.1", size,
		    "more than there is of its memory");
		part->state = OBSERVED_PART_SHORT;
	}
}

static void header_check(const struct observer *observer, uint32_t slot, struct observed_part *part,
    struct observe_findings *findings)
{
	const struct ivsh_wire_part *p = &part->copy;
	uint32_t memory = OBSERVE_PART(slot);

	/* SPEC R1.3.4: half of it, from a machine that stores it in two. */
	if (p->magic == 0 || p->magic == (uint32_t)IVSH_WIRE_PART_MAGIC ||
	    p->magic == (IVSH_WIRE_PART_MAGIC & ~UINT64_C(0xffffffff))) {
		part->state = OBSERVED_PART_UNFORMATTED;
		PART(OBSERVE_UNSURE, "R17.3.2", magic,
		    "no part: nobody has formatted it, or its formatter is at work, or the word "
		    "was cleared");
	} else if (p->magic != IVSH_WIRE_PART_MAGIC) {
		part->state = OBSERVED_PART_FOREIGN;
		PART(OBSERVE_BROKEN, "R17.4.1", magic,
		    "not that of a part: something else, or damage");
	}
	if (observer->is_any || p->format_id == observer->format_id) {
		if (part->state == OBSERVED_PART_SOUND)
			words_check(observer, slot, part, findings);
		return;
	}
	if (part->state == OBSERVED_PART_SOUND) {
		part->state = OBSERVED_PART_FORMAT;
		PART(OBSERVE_UNSURE, "R17.4.1", format_id,
		    "not the region's: a part of another one, or nobody has formatted it since");
	}
}

void observe_part(struct observer *observer, uint32_t slot, struct observed_part *part,
    struct observe_findings *findings)
{
	const struct observed_memory *memory = &observer->memory[OBSERVE_PART(slot)];

	memset(part, 0, sizeof(*part));
	part->size = memory->base ? memory->size : 0;
	observer->is_out[slot] = true;
	if (!memory->base) {
		part->state =
		    observer->is_twice[slot] ? OBSERVED_PART_TWICE : OBSERVED_PART_MISSING;
		return;
	}
	header_copy(memory->base, part);
	header_check(observer, slot, part, findings);
	/* The format_id decides: a header with one damaged word hides no more than that. */
	observer->is_out[slot] = !observer->is_any && part->copy.format_id != observer->format_id;
}
