/* SPDX-License-Identifier: MIT */
/*
 * parts.c - what of a split region a process cannot use, for its user.
 */
#include "peer/parts.h"

#include "app/status.h"
#include "client/parts.h"

#include <ivsh/region.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is wrong with the part, which the attach leaves out. */
static const char *fault(const struct ivsh_mem_part *part)
{
	const struct ivsh_wire_part *header = part->base;

	if (!part->base)
		return "is not there, or cannot be read";
	if (__atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) != IVSH_WIRE_PART_MAGIC)
		return "has no header of a part";
	return "has a header that is not that of this slot in this region, or is too short";
}

static void say(const char *object, const struct ivsh_mem_part *part, const char *consequence)
{
	fprintf(stderr, "ivsh: %s: the part of slot %" PRIu32 " %s: %s\n", object, part->slot,
	    fault(part), consequence);
}

int parts_own(const char *object, const struct ivsh_mem *mem)
{
	struct ivsh_attach attach = {0};
	struct ivsh_region region;

	/* Of everything else that is wrong the attach says more. */
	if (!mem->split || mem->self == IVSH_SELF_NONE ||
	    ivsh_region_probe(&region, mem, &attach) != IVSH_EPART)
		return STATUS_DONE;
	for (uint32_t i = 0; i < mem->part_count; i++)
		if (mem->parts[i].slot == mem->self)
			say(object, &mem->parts[i], "no peer can have that slot");
	return STATUS_FAILED;
}

void parts_others(const char *object, const struct ivsh_mem *mem, bool said[IVSH_WIRE_SLOTS_MAX])
{
	struct ivsh_wire_header header;
	uint64_t whole;

	if (!mem->split)
		return;
	memcpy(&header, mem->base, sizeof(header));
	whole = ivsh_client_parts_size(&header);
	for (uint32_t i = 0; i < mem->part_count; i++) {
		const struct ivsh_mem_part *part = &mem->parts[i];
		bool is_used = part->found == part->slot;

		if ((is_used && part->size >= whole) || part->slot == mem->self ||
		    part->slot >= IVSH_WIRE_SLOTS_MAX || said[part->slot])
			continue;
		said[part->slot] = true;
		if (is_used)
			fprintf(stderr,
			    "ivsh: %s: the part of slot %" PRIu32 " has its first %" PRIu64
			    " bytes alone: nothing comes from that slot\n",
			    object, part->slot, part->size);
		else
			say(object, part, "this peer does without that slot");
	}
}
