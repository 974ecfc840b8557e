/* SPDX-License-Identifier: MIT */
/*
 * device.c - the ivshmem devices of a machine as transports.
 */
#include "app/device.h"

#include "app/choose.h"
#include "app/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Neither a key nor the end of the time notifies: a command checks both this often. */
#define CHECK_NS UINT64_C(20000000)

/* The devices in use, and the --device option of each. */
struct place {
	struct choose_device wanted;
	struct choice choice;
	struct ivsh_device device;
	char object[48];
	bool open;
};

static struct place places[WORLD_PLACES];
static uint32_t named; /* how often --device was given */
static uint32_t vectors = 128;
static const struct machine *machine;

static bool device_take(const char *text)
{
	if (named == WORLD_PLACES) {
		fprintf(stderr, "ivsh: --device: at most %u times\n", WORLD_PLACES);
		return false;
	}
	return choose_parse(&places[named++].wanted, text);
}

static bool vectors_take(const char *text)
{
	uint64_t number;

	if (!options_number(text, 0, 2048, &number)) {
		fprintf(stderr, "ivsh: --vectors=%s: not a number from 0 to 2048\n", text);
		return false;
	}
	vectors = (uint32_t)number;
	return true;
}

static const struct option options[] = {
    {"device", "", "N|BUS:DEVICE.FUNCTION", "which one of several ivshmem devices", OPTION_PLACE,
	OPTION_OWN, 0, 0, 0, device_take},
    {"vectors", "", "N", "MSI-X vectors to take at most (128)", OPTION_PLACE, OPTION_OWN, 0, 0, 0,
	vectors_take},
    {NULL, NULL, NULL, NULL, 0, OPTION_FLAG, 0, 0, 0, NULL},
};

static uint32_t places_count(void)
{
	return named ? named : 1;
}

static const struct choose_device *wanted_at(uint32_t place)
{
	return named ? &places[place].wanted : NULL;
}

/* Open the device of (p), at p->choice.function. 0, or the exit status after a line. */
static int open_device(struct place *p)
{
	int error = ivsh_device_open(&p->device, machine->platform, p->choice.function);

	snprintf(p->object, sizeof(p->object), "device %s", choose_place(p->choice.function));
	p->open = error == 0;
	if (error)
		fprintf(stderr, "ivsh: %s: open: %s\n", p->object,
		    error == IVSH_ENOSPC ? "its BARs have no address" : ivsh_error_text(error));
	return error ? STATUS_FAILED : STATUS_DONE;
}

/* Fill in the transport once the device of (p) is open. */
static void transport_fill(struct transport *t, uint32_t place)
{
	struct place *p = &places[place];

	*t = (struct transport){
	    .object = p->object,
	    .place = place,
	    .claims = !p->device.doorbell,
	    .formats = choose_is_sure(&p->choice),
	    .named = p->choice.named,
	    .spin_ns = p->device.interrupts > 0 ? machine->spin_ns : machine->spin_polling_ns,
	};
	ivsh_device_mem(&p->device, &t->mem);
}

/*
 * A guest that polls takes no interrupts, and no peer notifies it. Without interrupts a wait naps
 * and polls.
 */
static void interrupts_take(struct place *p, const struct options *o)
{
	int error = 0;

	if (o->wait != IVSH_WAIT_POLL)
		error = ivsh_device_interrupts(&p->device, vectors);
	if (error)
		fprintf(stderr, "ivsh: MSI-X: %s: polling instead\n", ivsh_error_text(error));
}

static int place_open(struct transport *t, uint32_t place, const struct options *o)
{
	struct place *p = &places[place];
	int status;

	if (!choose_device(machine, wanted_at(place), &p->choice))
		return STATUS_NO_DEVICE;
	for (uint32_t i = 0; i < place; i++)
		if (places[i].open && places[i].choice.function == p->choice.function) {
			fprintf(stderr, "ivsh: --device=%s: named twice\n", p->wanted.text);
			return STATUS_USAGE;
		}
	status = open_device(p);
	if (status == STATUS_DONE) {
		interrupts_take(p, o);
		transport_fill(t, place);
	}
	return status;
}

static void device_print(const struct ivsh_device *d, uint32_t index, bool quiet)
{
	static const char *const names[3] = {"registers", "MSI-X", "shared memory"};
	const char *type = machine->memory_type ? machine->memory_type(d->memory) : NULL;

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

/* The device that info shows as number (place): each one there is, or those that are named. */
static bool probe_choose(uint32_t place, struct choice *choice)
{
	if (named)
		return place < named && choose_device(machine, wanted_at(place), choice);
	*choice = (struct choice){.index = place, .count = 1};
	return ivsh_device_find(machine->platform, place, &choice->function) == 0;
}

static int place_probe(struct transport *t, uint32_t place, const struct options *o)
{
	struct place *p = &places[named ? place : 0];
	int status;

	if (!probe_choose(place, &p->choice)) {
		if (place == 0 && !named)
			(void)choose_device(machine, NULL, &p->choice);
		return place == 0 || place < named ? STATUS_NO_DEVICE : -1;
	}
	if (place == 0 && !o->quiet)
		printf("ivsh on %s\n", machine->name);
	status = open_device(p);
	if (status != STATUS_DONE)
		return status;
	device_print(&p->device, p->choice.index, o->quiet);
	transport_fill(t, named ? place : 0);
	t->shown = true;
	return STATUS_DONE;
}

static void place_close(struct transport *t)
{
	ivsh_device_close(&places[t->place].device);
	places[t->place].open = false;
}

static uint64_t now_ns(void)
{
	return machine->platform->now_ns(machine->platform->ctx);
}

static void nap(uint64_t ns)
{
	const struct ivsh_platform *p = machine->platform;

	p->sleep(p->ctx, p->count(p->ctx), p->now_ns(p->ctx) + ns);
}

/*
 * Of several devices the memory may be another program's: print no advice, and name the others.
 */
static bool refused(const struct transport *t, const struct ivsh_attach *attach, int error)
{
	const struct choice *choice = &places[t->place].choice;

	if (choice->count < 2 || !((error == IVSH_EPROTO && attach->found_magic) ||
				     (error == IVSH_ENODEV && !choice->named)))
		return false;
	if (attach->found_magic)
		fprintf(stderr,
		    "ivsh: %s: the memory starts with 0x%016" PRIx64 ", which is not ours: ",
		    t->object, attach->found_magic);
	else
		fprintf(stderr,
		    "ivsh: %s: the memory is not formatted, and may be another program's: ",
		    t->object);
	choose_print(machine);
	return true;
}

const struct world *device_world(const struct machine *m)
{
	static struct world world = {
	    .options = options,
	    .place_option = "device",
	    .places = places_count,
	    .open = place_open,
	    .probe = place_probe,
	    .close = place_close,
	    .now_ns = now_ns,
	    .nap = nap,
	    .refused = refused,
	    .check_ns = CHECK_NS,
	};

	machine = m;
	world.name = m->name;
	world.stopped = m->stopped;
	return &world;
}
