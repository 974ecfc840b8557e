/* SPDX-License-Identifier: MIT */
/*
 * set.c - the devices of a split region in a Linux guest: the common memory's by either road, the
 * parts by sysfs.
 */
#include "linux_guest.h"

#include "sysfs.h"

#include <ivsh/wire.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As ivsh/platform.h numbers it; 0, which no part has, for a domain that has no number there. */
static uint32_t function_of(const char *bdf)
{
	unsigned domain, bus, device, function;

	if (sscanf(bdf, "%8x:%2x:%2x.%1x", &domain, &bus, &device, &function) != 4 ||
	    domain > 0xffff)
		return 0;
	return domain << 16 | IVSH_PCI_FUNCTION(bus, device, function);
}

/* Look at the header of a device that no process has by VFIO. False: it cannot be mapped. */
static bool look_at(const char *bdf, struct ivsh_wire_part *header)
{
	struct ivsh_linux guest;

	if (ivsh_linux_observe(&guest, bdf))
		return false;
	memcpy(header, guest.mapped.memory, sizeof(*header));
	ivsh_linux_close(&guest);
	return true;
}

bool ivsh_linux_is_part(const char *bdf)
{
	struct ivsh_wire_part header;

	return look_at(bdf, &header) && header.magic == IVSH_WIRE_PART_MAGIC;
}

/* Whether this machine has another common memory of that formatting. */
static bool has_common(uint64_t format_id)
{
	struct ivsh_wire_part header;
	char bdf[IVSH_LINUX_BDF];

	for (uint32_t i = 0; ivsh_linux_find(i, bdf) == 0; i++)
		if (look_at(bdf, &header) && header.magic == IVSH_WIRE_MAGIC &&
		    header.format_id == format_id)
			return true;
	return false;
}

static uint32_t devices_count(void)
{
	char bdf[IVSH_LINUX_BDF];
	uint32_t count = 0;

	while (ivsh_linux_find(count, bdf) == 0)
		count++;
	return count;
}

/* Open the device of a part, and hand it to the set. */
static void take(struct ivsh_linux_set *set, const char *bdf, bool looks)
{
	struct ivsh_linux *guest = &set->guests[set->set.count];
	uint32_t element = set->set.count;

	if (looks ? ivsh_linux_observe(guest, bdf)
		  : ivsh_linux_open(guest, bdf, IVSH_LINUX_SYSFS, 0)) {
		(void)ivsh_set_offer(&set->set, function_of(bdf), NULL, 0);
		return;
	}
	if (!ivsh_set_offer(&set->set, function_of(bdf), guest->mapped.memory, guest->mapped.size))
		ivsh_linux_close(guest);
	/* A device that the set does not name needs no element. */
	if (set->set.count == element)
		memset(guest, 0, sizeof(*guest));
}

static int set_failed(struct ivsh_linux_set *set, struct ivsh_linux *common, const char *what)
{
	ivsh_linux_set_close(set);
	return linux_guest_fail(common, "the parts of its region: %s", what);
}

int ivsh_linux_set_open(struct ivsh_linux_set *set, struct ivsh_linux *common, struct ivsh_mem *mem)
{
	struct ivsh_wire_part header;
	char bdf[IVSH_LINUX_BDF];

	memset(set, 0, sizeof(*set));
	set->set.room = devices_count();
	set->set.devices = calloc(set->set.room, sizeof(*set->set.devices));
	set->set.parts = calloc(set->set.room, sizeof(*set->set.parts));
	set->guests = calloc(set->set.room + 1, sizeof(*set->guests));
	errno = ENOMEM;
	if (!set->set.devices || !set->set.parts || !set->guests)
		return set_failed(set, common, strerror(errno));
	set->set.reads_only = common->is_observer;
	errno = EINVAL;
	if (ivsh_set_begin(&set->set, mem, function_of(common->bdf)))
		return set_failed(set, common, "it has no common memory");
	for (uint32_t i = 0; ivsh_linux_find(i, bdf) == 0; i++) {
		if (strcmp(bdf, common->bdf) == 0 || !look_at(bdf, &header) ||
		    header.magic != IVSH_WIRE_PART_MAGIC)
			continue;
		if (header.format_id == set->set.format_id || !has_common(header.format_id))
			take(set, bdf, common->is_observer);
	}
	if (ivsh_set_end(&set->set, mem))
		return set_failed(set, common, "a device came meanwhile: try again");
	common->set = set;
	return 0;
}

void ivsh_linux_set_close(struct ivsh_linux_set *set)
{
	for (uint32_t i = 0; set->guests && i < set->set.count; i++)
		if (set->set.parts[i].base)
			ivsh_linux_close(&set->guests[i]);
	free(set->set.devices);
	free(set->set.parts);
	free(set->guests);
	memset(set, 0, sizeof(*set));
}

bool linux_guest_set_is_there(const struct ivsh_linux_set *set)
{
	for (uint32_t i = 0; i < set->set.count; i++)
		if (set->set.parts[i].base &&
		    sysfs_instance(set->guests[i].bdf) != set->guests[i].instance)
			return false;
	return true;
}

int linux_guest_set_recheck(struct ivsh_linux *common, uint64_t now_ns)
{
	const volatile uint32_t *registers = common->mapped.registers;
	struct ivsh_linux_set *set = common->set;

	if (!linux_guest_set_is_there(set))
		return IVSH_ENODEV;
	for (uint32_t i = 0; i < set->set.count; i++)
		if (set->set.parts[i].base && !common->is_observer && sysfs_enable(&set->guests[i]))
			return IVSH_ENODEV;
	ivsh_set_again(&set->set,
	    common->mapped.doorbell && registers ? registers[IVSH_REG_IVPOSITION / 4] : 0, now_ns);
	return 0;
}
