/* SPDX-License-Identifier: MIT */
/*
 * info.c - what is there: devices, BARs, vectors, IDs, regions, peers.
 */
#include "app/choose.h"
#include "app/commands.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void device_print(
    const struct app_world *world, const struct ivsh_device *d, uint32_t index, bool quiet)
{
	static const char *const names[3] = {"registers", "MSI-X", "shared memory"};
	const char *type = world->memory_type ? world->memory_type(d->memory) : NULL;

	printf("device %" PRIu32 ": %s, revision %u, %s\n", index, choose_place(d->function),
	    d->revision, d->doorbell ? "ivshmem-doorbell" : "ivshmem-plain");
	if (quiet)
		return;
	for (unsigned i = 0; i < 3; i++)
		if (d->bar[i].size)
			printf("  BAR%u: %s at 0x%" PRIx64 ", %" PRIu64 " bytes, %s-bit%s%s%s\n", i,
			    names[i], d->bar[i].address, d->bar[i].size,
			    d->bar[i].is_64 ? "64" : "32",
			    d->bar[i].prefetch ? ", prefetchable" : "", i == 2 && type ? ", " : "",
			    i == 2 && type ? type : "");
	if (d->doorbell)
		printf("  VM ID (IVPosition): %" PRIu32 "; MSI-X vectors: %" PRIu32 "\n",
		    d->ivposition, d->vectors);
	else
		printf("  no VM ID and no MSI-X vectors\n");
}

/* The region's header, without attaching. True: it is one of ours. */
static bool region_print(const struct ivsh_device *d)
{
	struct ivsh_wire_header h;

	memcpy(&h, d->memory, sizeof(h));
	if (h.magic == 0)
		printf("  region: not formatted\n");
	else if (h.magic != IVSH_WIRE_MAGIC)
		printf("  region: starts with 0x%016" PRIx64 ": not ours\n", h.magic);
	else
		printf("  region: version %" PRIu32 ", %" PRIu64 " bytes, %" PRIu32
		       " slots, rings of %" PRIu32 " descriptors, %" PRIu32 " + %" PRIu32
		       " bytes\n",
		    h.version, h.size, h.slots, h.descs, h.small_size, h.large_size);
	return h.magic == IVSH_WIRE_MAGIC;
}

static void services_print(const struct session *s, uint32_t slot)
{
	struct ivsh_service service;

	for (uint32_t i = 0; ivsh_region_service(&s->region, slot, i, &service) == 0; i++)
		if (service.name[0])
			printf("    service %s: port %u\n", service.name, service.port);
}

static void peers_print(struct session *s)
{
	static const char *const presence[] = {"absent", "attached", "silent", "gone"};
	static const char *const connection[] = {
	    "unknown to the server", "connected", "disconnected"};

	printf("  we are slot %" PRIu32 "\n", s->region.mem.self);
	printf("  MSI-X vectors in use: %" PRIu32 " of %" PRIu32 "\n", s->device.interrupts,
	    s->device.vectors);
	for (uint32_t i = 0; i < s->slots; i++) {
		const struct ivsh_peer *p = session_peer(s, i);

		if (i == s->region.mem.self ||
		    (p->incarnation == 0 && p->connection != IVSH_CONNECTION_UP))
			continue;
		printf("  peer %" PRIu32 ": %s, %s, life %" PRIu32 "%s%s\n", i,
		    presence[p->presence], connection[p->connection], p->incarnation,
		    p->name[0] ? ", name " : "", p->name);
		services_print(s, i);
	}
}

int info_run(const struct app_world *world, const struct options *o)
{
	uint32_t function, index;
	struct choice choice;
	int status = STATUS_DONE;
	bool chosen = choose_quietly(world, &o->device, &choice);

	/* Without a choice it shows what there is to choose from. */
	if (!chosen && (choice.count == 0 || o->device.text)) {
		(void)choose_device(world, &o->device, &choice);
		return STATUS_NO_DEVICE;
	}
	if (!o->quiet)
		printf("ivsh on %s\n", world->name);
	for (index = 0; ivsh_device_find(world->port, index, &function) == 0; index++) {
		struct ivsh_device device;
		struct session s;
		bool attach;
		int error = ivsh_device_open(&device, world->port, function);

		if (error) {
			fprintf(stderr, "ivsh: device %" PRIu32 ": open: %s\n", index,
			    ivsh_error_text(error));
			status = STATUS_FAILED;
			continue;
		}
		device_print(world, &device, index, o->quiet);
		/* Who is there shows only from inside, and going in takes a slot; info formats
		 * nothing, and does not ask for a slot that it can do without. */
		attach = !o->quiet && region_print(&device) && chosen &&
			 function == choice.function && (device.doorbell || o->slot_given);
		ivsh_device_close(&device);
		if (!attach)
			continue;
		if (session_open(&s, world, o)) {
			peers_print(&s);
			session_close(&s);
		} else {
			status = s.status;
		}
	}
	return status;
}
