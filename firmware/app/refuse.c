/* SPDX-License-Identifier: MIT */
/*
 * refuse.c - why a region was refused, and what to do about it.
 */
#include "app/refuse.h"

#include "app/status.h"

#include <inttypes.h>
#include <stdio.h>

/* IVSH_EINVAL: the name was checked when the command line was parsed. */
static void slot_text(char *text, size_t size, const struct transport *t, uint32_t slots)
{
	if (t->claims)
		snprintf(text, size, "--slot=%" PRIu32 ": the region has slots 0 to %" PRIu32,
		    t->mem.self, slots - 1);
	else
		snprintf(text, size,
		    "the server gave ID %" PRIu32 ", the region has slots 0 to %" PRIu32
		    ": give the server more --slots; a server other than ivsh-server may give"
		    " no ID again",
		    t->mem.self, slots - 1);
}

void refuse_text(
    char *text, size_t size, const struct transport *t, const struct ivsh_attach *attach, int error)
{
	switch (error) {
	case IVSH_EINVAL:
		slot_text(text, size, t, attach->found_slots);
		break;
	case IVSH_ENODEV:
		snprintf(text, size,
		    "nobody has formatted the memory: start ivsh-server without --raw, or slot"
		    " 0 first");
		break;
	case IVSH_EPROTO:
		if (attach->found_magic == IVSH_WIRE_PART_MAGIC)
			snprintf(text, size,
			    "the memory is the part of one slot of a split region, which is at the"
			    " device with the common memory");
		else if (attach->found_magic)
			snprintf(text, size,
			    "the memory starts with 0x%016" PRIx64
			    ", which is not ours: give another one, or clear it if nobody else uses"
			    " it",
			    attach->found_magic);
		else
			snprintf(text, size,
			    "the region's header is damaged: clear the memory and start again");
		break;
	case IVSH_EVERSION:
		if (t->claims && t->named && !t->mem.split &&
		    attach->found_version == IVSH_WIRE_VERSION &&
		    (attach->found_features & ~IVSH_WIRE_FEATURE_LOGS) == IVSH_WIRE_FEATURE_SPLIT) {
			snprintf(text, size,
			    "what all read of a split region: give the folder that it is in");
			break;
		}
		snprintf(text, size,
		    "the region has version %" PRIu32 ", features 0x%" PRIx32
		    "; this program knows version %u, features 0x%x: %s",
		    attach->found_version, attach->found_features, IVSH_WIRE_VERSION,
		    IVSH_WIRE_FEATURE_LOGS | IVSH_WIRE_FEATURE_SPLIT,
		    attach->found_version < IVSH_WIRE_VERSION
			? "use the older release, or let this one format the memory anew"
			: "use the newer release that formatted it");
		break;
	case IVSH_ENOSPC:
		snprintf(text, size,
		    "the memory has %" PRIu64 " bytes, %" PRIu64
		    " are needed: give a larger one, or fewer --slots",
		    t->mem.size, attach->need_size);
		break;
	case IVSH_EBUSY:
		snprintf(text, size,
		    "slot %" PRIu32 " is taken by a living peer: choose another --slot",
		    t->mem.self);
		break;
	case IVSH_EREADONLY:
		snprintf(text, size, "the memory cannot be written: leave out readonly=on");
		break;
	default:
		snprintf(text, size, "%s", ivsh_error_text(error));
	}
}

void refuse_print(const struct world *world, const struct transport *t,
    const struct ivsh_attach *attach, int error)
{
	char text[256];

	if (world->refused && world->refused(t, attach, error))
		return;
	refuse_text(text, sizeof(text), t, attach, error);
	fprintf(stderr, "ivsh: %s: %s\n", t->object, text);
}

int refuse_slotless(const char *object)
{
	fprintf(stderr,
	    "ivsh: %s: nobody gives slots here: add --slot=N, another N for each peer\n", object);
	return STATUS_USAGE;
}
