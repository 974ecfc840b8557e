/* SPDX-License-Identifier: MIT */
/*
 * set.c - the devices of a split region as the transport of one place.
 */
#include "app/set.h"

#include "app/choose.h"
#include "app/json.h"
#include "app/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BAR2 0x18u /* in configuration space; its upper half follows */
#define BAR_ADDRESS 0xfffffff0u

/* As many as there are ivshmem devices: always enough. */
static uint32_t devices_count(const struct machine *machine)
{
	uint32_t function, count = 0;

	while (ivsh_device_find(machine->platform, count, &function) == 0)
		count++;
	return count;
}

static void tables_free(struct ivsh_set *set, uint8_t **said)
{
	free(set->devices);
	free(set->parts);
	free(*said);
	set->devices = NULL;
	set->parts = NULL;
	*said = NULL;
	set->room = set->count = 0;
}

static bool tables_make(const struct machine *machine, struct ivsh_set *set, uint8_t **said)
{
	set->room = devices_count(machine);
	set->devices = calloc(set->room, sizeof(*set->devices));
	set->parts = calloc(set->room, sizeof(*set->parts));
	*said = calloc(set->room, sizeof(**said));
	if (set->devices && set->parts && *said)
		return true;
	tables_free(set, said);
	return false;
}

void set_assign(const struct machine *machine)
{
	const struct ivsh_platform *p = machine->platform;
	struct ivsh_pci_shortage lack;
	uint32_t function, added;

	for (uint32_t i = 0; machine->windows && ivsh_device_find(p, i, &function) == 0; i++)
		if ((p->config_read(p->ctx, function, BAR2) & BAR_ADDRESS) == 0 &&
		    p->config_read(p->ctx, function, BAR2 + 4) == 0 &&
		    ivsh_pci_assign_added(p, machine->windows, function, &added, &lack) != 0) {
			/* The set names it as one that cannot be opened. */
		}
}

int set_open(const struct machine *machine, struct ivsh_set *set, uint8_t **said)
{
	int error;

	if (!tables_make(machine, set, said)) {
		fprintf(stderr, "ivsh: no memory for the devices of a split region\n");
		return STATUS_FAILED;
	}
	set_assign(machine);
	error = ivsh_set_open(set);
	if (!error)
		return STATUS_DONE;
	tables_free(set, said);
	fprintf(stderr, "ivsh: device %s: the parts of its region: %s\n",
	    choose_place(set->common.function), ivsh_error_text(error));
	return STATUS_FAILED;
}

void set_close(struct ivsh_set *set, uint8_t **said)
{
	ivsh_set_close(set);
	tables_free(set, said);
}

/* --- What is left out ------------------------------------------------------------------------- */

static void report_one(const struct ivsh_set *set, uint32_t i, enum ivsh_set_reason reason)
{
	const struct ivsh_set_device *d = &set->devices[i];

	fprintf(stderr, "ivsh: device %s: left out: %s", choose_place(d->device.function),
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

int set_self(const struct ivsh_set *set, const char *object, uint32_t wanted)
{
	if (set->self != IVSH_SELF_NONE || (set->writable > 1 && wanted != IVSH_SELF_NONE))
		return STATUS_DONE;
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
			    choose_place(set->devices[i].device.function), slot);
			return true;
		}
	return false;
}

/* --- Whether a set is there ------------------------------------------------------------------- */

/* Whether the own part of this open set is there, as far as its header says. */
static bool is_whole(const struct ivsh_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (set->parts[i].is_writable && set->devices[i].slot == set->self)
			return true;
	return false;
}

bool set_find(const struct machine *machine, uint32_t *function)
{
	const struct ivsh_platform *p = machine->platform;
	struct ivsh_set set;
	uint8_t *said;
	bool found = false;

	set_assign(machine);
	for (uint32_t i = 0; !found && ivsh_device_find(p, i, function) == 0; i++) {
		if (ivsh_device_open(&set.common, p, *function) != 0)
			continue;
		if (ivsh_set_is_split(&set.common) && tables_make(machine, &set, &said)) {
			found = ivsh_set_open(&set) == 0 && is_whole(&set);
			set_close(&set, &said);
		} else {
			ivsh_device_close(&set.common);
		}
	}
	return found;
}

/* --- What info prints ------------------------------------------------------------------------- */

void set_show(const struct ivsh_set *set, const struct options *o)
{
	for (uint32_t i = 0; !o->quiet && i < set->count; i++) {
		const struct ivsh_set_device *d = &set->devices[i];
		const struct ivsh_mem_part *part = &set->parts[i];
		struct json json;

		if (!part->base)
			continue; /* set_report() says why */
		if (!o->json) {
			printf("  part of slot %" PRIu32 ": %s, %" PRIu64 " bytes, %s%s\n", d->slot,
			    choose_place(d->device.function), part->size,
			    part->is_writable ? "writable" : "for reading",
			    part->slot == IVSH_SELF_NONE ? "" : ", at its address");
			continue;
		}
		json_begin(&json, "part");
		json_u64(&json, "slot", d->slot);
		json_text(&json, "place", choose_place(d->device.function));
		json_u64(&json, "size_bytes", part->size);
		json_bool(&json, "is_writable", part->is_writable);
		json_bool(&json, "is_known_by_address", part->slot != IVSH_SELF_NONE);
		json_end(&json);
	}
}
