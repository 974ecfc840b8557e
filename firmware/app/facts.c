/* SPDX-License-Identifier: MIT */
/*
 * facts.c - what info prints of a guest's ivshmem device.
 */
#include "app/facts.h"

#include "app/address.h"
#include "app/json.h"

#include <inttypes.h>
#include <stdio.h>

static void device_print(
    const struct machine *machine, const struct ivsh_device *d, uint32_t index, bool quiet)
{
	static const char *const names[3] = {"registers", "MSI-X", "shared memory"};
	const char *type = machine->memory_type ? machine->memory_type(d->memory) : NULL;

	printf("device %" PRIu32 ": %s, revision %u, %s\n", index, address_text(d->function),
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
	if (machine->no_interrupts)
		printf("  no doorbell interrupts it: %s\n", machine->no_interrupts);
}

static void device_json(
    const struct machine *machine, const struct ivsh_device *d, uint32_t index, bool quiet)
{
	struct json json;

	json_begin(&json, "device");
	json_text(&json, "machine", machine->name);
	json_u64(&json, "index", index);
	json_text(&json, "place", address_text(d->function));
	json_u64(&json, "revision", d->revision);
	json_text(&json, "model", d->doorbell ? "ivshmem-doorbell" : "ivshmem-plain");
	json_array(&json, "bars");
	for (unsigned i = 0; !quiet && i < 3; i++) {
		if (!d->bar[i].size)
			continue;
		json_object(&json, NULL);
		json_u64(&json, "bar", i);
		json_hex(&json, "address", d->bar[i].address);
		json_u64(&json, "size_bytes", d->bar[i].size);
		json_bool(&json, "is_64", d->bar[i].is_64);
		json_bool(&json, "is_prefetchable", d->bar[i].prefetch);
		json_close(&json);
	}
	json_close(&json);
	if (d->doorbell) {
		json_u64(&json, "ivposition", d->ivposition);
		json_u64(&json, "vectors", d->vectors);
	}
	json_end(&json);
}

void facts_begin(const struct machine *machine, const struct options *o)
{
	if (!o->quiet && !o->json)
		printf("ivsh on %s\n", machine->name);
}

void facts_print(const struct machine *machine, const struct ivsh_device *device, uint32_t index,
    const struct options *o)
{
	if (o->json)
		device_json(machine, device, index, o->quiet);
	else
		device_print(machine, device, index, o->quiet);
}
