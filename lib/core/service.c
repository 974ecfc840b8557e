/* SPDX-License-Identifier: MIT */
/*
 * service.c - the names of peers, and of the services that they publish.
 */
#include "core/slot.h"
#include "core/text.h"

#include <ivsh/peers.h>

_Static_assert(sizeof(struct ivsh_wire_service) == 32, "service");
_Static_assert(sizeof(((struct ivsh_wire_service *)0)->name) == IVSH_SERVICE_NAME_SIZE, "name");

/* The library has no libc, and memcmp() does not end at a zero. */
static bool text_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

int ivsh_region_find(struct ivsh_region *region, struct ivsh_peer *peers, uint32_t count,
    const char *name, uint32_t *slot)
{
	if (count < region->geometry.slots)
		return IVSH_EINVAL;
	for (uint32_t i = 0; i < region->geometry.slots; i++) {
		if (i == region->mem.self || ivsh_region_peer(region, i, &peers[i]))
			continue;
		if (peers[i].presence == IVSH_PEER_ATTACHED && text_equal(peers[i].name, name)) {
			*slot = i;
			return 0;
		}
	}
	return IVSH_ENODEV;
}

int ivsh_region_service(
    const struct ivsh_region *region, uint32_t slot, uint32_t index, struct ivsh_service *service)
{
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);
	struct ivsh_wire_service copy;

	if (!s)
		return slot_none(region, slot);
	if (index >= IVSH_WIRE_SERVICES)
		return IVSH_ENODEV;
	if (ivsh_text_read(s, s->service[index].name, (char *)&copy, sizeof(copy)))
		return IVSH_EAGAIN;
	__builtin_memcpy(service->name, copy.name, sizeof(service->name));
	ivsh_text_clean(service->name, sizeof(service->name));
	service->port = copy.port;
	return 0;
}

int ivsh_region_port(
    const struct ivsh_region *region, uint32_t slot, const char *name, uint16_t *port)
{
	struct ivsh_service service;
	int error;

	/* Behind the last service the error is IVSH_ENODEV. */
	for (uint32_t i = 0; !(error = ivsh_region_service(region, slot, i, &service)); i++)
		if (service.name[0] && text_equal(service.name, name)) {
			*port = service.port;
			return 0;
		}
	return error;
}

/*
 * The index of (name) in our own table, or else of the first empty entry; IVSH_WIRE_SERVICES: none.
 */
static uint32_t entry_for(const struct ivsh_region *region, const char *name)
{
	uint32_t empty = IVSH_WIRE_SERVICES;
	struct ivsh_service service;

	for (uint32_t i = 0; i < IVSH_WIRE_SERVICES; i++) {
		if (ivsh_region_service(region, region->mem.self, i, &service))
			continue;
		if (service.name[0] && text_equal(service.name, name))
			return i;
		if (!service.name[0] && empty == IVSH_WIRE_SERVICES)
			empty = i;
	}
	return empty;
}

int ivsh_region_offer(struct ivsh_region *region, const char *name, uint16_t port)
{
	struct ivsh_wire_service entry = {.port = port};
	uint32_t index;
	int error = ivsh_slot_enter(region);

	if (error && error != IVSH_EAGAIN)
		return error;
	if (!name || !name[0] || !ivsh_text_is_valid(name))
		return IVSH_EINVAL;
	for (unsigned i = 0; name[i]; i++) {
		if (i == sizeof(entry.name) - 1)
			return IVSH_EINVAL;
		entry.name[i] = (uint8_t)name[i];
	}
	index = entry_for(region, name);
	if (index == IVSH_WIRE_SERVICES)
		return IVSH_ENOSPC;
	ivsh_text_write(
	    region->slot, region->slot->service[index].name, (const char *)&entry, sizeof(entry));
	return 0;
}
