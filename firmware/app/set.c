/* SPDX-License-Identifier: MIT */
/*
 * set.c - the devices of a split region as the transport of one place.
 */
#include "app/set.h"

#include "app/address.h"
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
	    address_text(set->common.function), ivsh_error_text(error));
	return STATUS_FAILED;
}

void set_close(struct ivsh_set *set, uint8_t **said)
{
	ivsh_set_close(set);
	tables_free(set, said);
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

static bool is_there(const struct machine *machine, const struct ivsh_device *device)
{
	const struct ivsh_platform *p = machine->platform;

	return p->config_read(p->ctx, device->function, 0) ==
		   (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR) &&
	       (p->config_read(p->ctx, device->function, BAR2) & BAR_ADDRESS) ==
		   (uint32_t)device->bar[2].address;
}

bool set_is_there(const struct machine *machine, const struct ivsh_set *set)
{
	bool there = is_there(machine, &set->common);

	for (uint32_t i = 0; there && i < set->count; i++)
		there = !set->parts[i].base || is_there(machine, &set->devices[i].device);
	return there;
}

bool set_includes(const struct machine *machine, uint32_t function)
{
	struct ivsh_device device;
	bool includes = false;

	set_assign(machine);
	if (ivsh_device_open(&device, machine->platform, function) != 0)
		return false;
	includes = ivsh_set_is_split(&device) || ivsh_set_is_part(&device);
	ivsh_device_close(&device);
	return includes;
}

/* Whether the device at (function) has the common memory of a whole set; its formatting. */
static bool is_whole_at(const struct machine *machine, uint32_t function, uint64_t *format_id)
{
	struct ivsh_set set;
	uint8_t *said;
	bool is = false;

	*format_id = 0;
	if (ivsh_device_open(&set.common, machine->platform, function) != 0)
		return false;
	if (!ivsh_set_is_split(&set.common) || !tables_make(machine, &set, &said)) {
		ivsh_device_close(&set.common);
		return false;
	}
	if (ivsh_set_open(&set) == 0) {
		*format_id = set.format_id;
		is = is_whole(&set);
	}
	set_close(&set, &said);
	return is;
}

bool set_find(const struct machine *machine, uint64_t format_id, bool (*is_used)(uint32_t function),
    uint32_t *function)
{
	uint64_t found_id;
	uint32_t at;
	bool found = false;

	set_assign(machine);
	for (uint32_t i = 0; ivsh_device_find(machine->platform, i, &at) == 0; i++) {
		bool is;

		if (is_used(at))
			continue;
		is = is_whole_at(machine, at, &found_id);
		if (format_id != 0 && found_id == format_id) {
			*function = at;
			return is;
		}
		if (is && !found) {
			*function = at;
			found = true;
		}
	}
	return found;
}
