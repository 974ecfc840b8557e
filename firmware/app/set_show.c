/* SPDX-License-Identifier: MIT */
/*
 * set_show.c - what is printed of the devices of a split region: in a guest, with Linux or without.
 */
#include "app/set_show.h"

#include "app/address.h"
#include "app/json.h"
#include "app/status.h"

#include <inttypes.h>
#include <stdio.h>

/* --- What is left out ------------------------------------------------------------------------- */

static void report_one(const struct ivsh_set *set, uint32_t i, enum ivsh_set_reason reason)
{
	const struct ivsh_set_device *d = &set->devices[i];

	fprintf(stderr, "ivsh: device %s: left out: %s", address_text(d->device.function),
	    ivsh_set_reason_text(reason));
	if (reason == IVSH_SET_CLOSED)
		fprintf(stderr, ": %s\n", ivsh_error_text(d->error));
	else if (reason == IVSH_SET_FORMAT)
		fprintf(stderr,
		    ": its format is 0x%016" PRIx64 ", the region's 0x%016" PRIx64
		    ": give it the file of this region\n",
		    d->format_id, set->format_id);
	else
		fprintf(stderr, ": its header says slot %" PRIu32 "\n", d->slot);
}

void set_report(const struct ivsh_set *set, uint8_t *said)
{
	for (uint32_t i = 0; i < set->count; i++) {
		enum ivsh_set_reason reason = ivsh_set_reason(set, i);

		if (reason != IVSH_SET_USED && said[i] != (uint8_t)reason)
			report_one(set, i, reason);
		said[i] = (uint8_t)reason;
	}
}

/* Print what is left out, of a set that no peer can attach to. */
static void report_unattached(const struct ivsh_set *set, const struct ivsh_mem *mem, uint8_t *said)
{
	struct ivsh_attach attach = {0};
	struct ivsh_region region;

	if (ivsh_region_probe(&region, mem, &attach) == 0)
		set_report(set, said);
}

int set_self(const struct ivsh_set *set, const struct ivsh_mem *mem, uint8_t *said,
    const char *object, uint32_t wanted)
{
	if (set->self != IVSH_SELF_NONE || (set->writable > 1 && wanted != IVSH_SELF_NONE))
		return STATUS_DONE;
	report_unattached(set, mem, said);
	if (set->writable > 1) {
		fprintf(stderr,
		    "ivsh: %s: %" PRIu32
		    " parts can be written: add --slot=N, or readonly=on to the backends of all"
		    " parts but this guest's\n",
		    object, set->writable);
		return STATUS_USAGE;
	}
	fprintf(stderr,
	    "ivsh: %s: of the %" PRIu32 " parts of its region none can be written: leave out"
	    " readonly=on at the backend of this guest's part\n",
	    object, set->count);
	return STATUS_FAILED;
}

bool set_refuse(const struct ivsh_set *set, const struct transport *t, int error)
{
	uint32_t slot = t->mem.self;

	if (error == IVSH_EPART) {
		fprintf(stderr,
		    "ivsh: %s: no device has the part of slot %" PRIu32
		    ", this guest's own: add an ivshmem-plain over the file part-%" PRIu32 "\n",
		    t->object, slot, slot);
		return true;
	}
	for (uint32_t i = 0; error == IVSH_EREADONLY && i < set->count; i++)
		if (set->parts[i].found == slot) {
			fprintf(stderr,
			    "ivsh: device %s: the part of slot %" PRIu32
			    ", this guest's own, cannot be written: leave out readonly=on\n",
			    address_text(set->devices[i].device.function), slot);
			return true;
		}
	return false;
}

/* --- What info prints ------------------------------------------------------------------------- */

/* Whether the device has not all of the part: then this guest only sends to that slot. */
static bool is_short(const struct ivsh_mem_part *part)
{
	const volatile struct ivsh_wire_part *header = part->base;

	return part->size < header->size;
}

void set_show(const struct ivsh_set *set, const struct options *o)
{
	for (uint32_t i = 0; !o->quiet && i < set->count; i++) {
		const struct ivsh_set_device *d = &set->devices[i];
		const struct ivsh_mem_part *part = &set->parts[i];
		struct json json;

		if (!part->base)
			continue; /* set_report() says why */
		if (!o->json) {
			printf("  part of slot %" PRIu32 ": %s, %" PRIu64 " bytes, %s%s%s\n",
			    d->slot, address_text(d->device.function), part->size,
			    part->is_writable ? "writable" : "for reading",
			    part->slot == IVSH_SELF_NONE ? "" : ", at its address",
			    is_short(part) ? ", not all of it: send only" : "");
			continue;
		}
		json_begin(&json, "part");
		json_u64(&json, "slot", d->slot);
		json_text(&json, "place", address_text(d->device.function));
		json_u64(&json, "size_bytes", part->size);
		json_bool(&json, "is_writable", part->is_writable);
		json_bool(&json, "is_known_by_address", part->slot != IVSH_SELF_NONE);
		json_bool(&json, "is_send_only", is_short(part));
		json_end(&json);
	}
}
