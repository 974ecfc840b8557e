/* SPDX-License-Identifier: MIT */
/*
 * pci.c - in a Linux guest: its ivshmem devices as transports.
 */
#include "peer/pci.h"

#include "app/json.h"
#include "app/set_show.h"
#include "app/status.h"
#include "peer/stop.h"
#include "port/linux-guest/linux_guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPIN_NS UINT64_C(50000) /* as place.c */

/* One process has one thread, so one vector serves it as well as many. */
#define VECTORS 1u

/* The devices in use, and the --pci option of each. */
struct place {
	const char *text;         /* as it was given */
	bool is_named;            /* it is an address; else "auto" */
	char bdf[IVSH_LINUX_BDF]; /* the address, or what was found for it */
	char object[IVSH_LINUX_BDF + 8];
	bool is_joined;    /* it waits together with the others that are */
	bool is_away;      /* the device was let go: another one may come */
	uint64_t instance; /* of the device that was let go: it may still be there */
	struct ivsh_linux guest;
	struct ivsh_linux_set set; /* of a split region: guest.set is it */
	uint8_t *said;             /* what was printed of the set */
};

static struct place places[WORLD_PLACES];
static uint32_t given;

bool pci_take(const char *text)
{
	if (given == WORLD_PLACES) {
		fprintf(stderr, "ivsh: --pci: at most %u times\n", WORLD_PLACES);
		return false;
	}
	places[given++].text = text;
	return true;
}

uint32_t pci_count(void)
{
	return given;
}

uint32_t pci_places(void)
{
	for (uint32_t i = 0; i < given; i++) {
		struct place *p = &places[i];

		p->is_named = strcmp(p->text, "auto") != 0;
		if (!p->is_named || ivsh_linux_parse(p->text, p->bdf) == 0)
			continue;
		fprintf(stderr, "ivsh: --pci=%s: not auto, nor an address such as 0000:00:02.0\n",
		    p->text);
		return 0;
	}
	return given;
}

static void no_device(const char *text)
{
	if (access("/sys/bus/pci/devices", X_OK)) {
		fprintf(stderr,
		    "ivsh: --pci=%s: /sys/bus/pci: %s: mount sysfs at /sys, in a kernel with PCI\n",
		    text, strerror(errno));
		return;
	}
	fprintf(stderr,
	    "ivsh: --pci=%s: no ivshmem device (1af4:1110) on the PCI bus: add"
	    " -device ivshmem-plain or ivshmem-doorbell to QEMU\n",
	    text);
}

/* As ivsh_linux_find(), but for the parts of split regions. -1: there are fewer. */
static int find(uint32_t index, char bdf[IVSH_LINUX_BDF])
{
	for (uint32_t i = 0; ivsh_linux_find(i, bdf) == 0; i++)
		if (!ivsh_linux_is_part(bdf) && index-- == 0)
			return 0;
	return -1;
}

/* The only device of the machine. The exit status, after a line. */
static int find_only(struct place *p)
{
	char next[IVSH_LINUX_BDF];

	if (find(0, p->bdf)) {
		no_device(p->text);
		return STATUS_NO_DEVICE;
	}
	if (find(1, next))
		return STATUS_DONE;
	fprintf(stderr, "ivsh: --pci=%s: there are several: %s", p->text, p->bdf);
	for (uint32_t i = 1; find(i, next) == 0; i++)
		fprintf(stderr, ", %s", next);
	fprintf(stderr, ": name one\n");
	return STATUS_NO_DEVICE;
}

/* Which device place (place) means. The exit status, after a line. */
static int choose(uint32_t place)
{
	struct place *p = &places[place];
	int status = p->is_named || p->is_away ? STATUS_DONE : find_only(p);

	for (uint32_t i = 0; status == STATUS_DONE && i < place; i++)
		if (strcmp(places[i].bdf, p->bdf) == 0) {
			fprintf(stderr, "ivsh: --pci=%s: named twice\n", p->text);
			return STATUS_USAGE;
		}
	return status;
}

static void close_device(struct place *p)
{
	ivsh_linux_set_close(&p->set);
	free(p->said);
	p->said = NULL;
	ivsh_linux_close(&p->guest);
}

/* The other devices of a split region. The exit status, after a line. */
static int open_set(struct place *p, struct ivsh_mem *mem, uint32_t slot, bool looks)
{
	const struct ivsh_wire_header *header = mem->base;
	int status = STATUS_DONE;

	if (mem->size < IVSH_WIRE_COMMON_SIZE || header->magic != IVSH_WIRE_MAGIC ||
	    header->version != IVSH_WIRE_VERSION ||
	    (header->features & ~IVSH_WIRE_FEATURE_LOGS) != IVSH_WIRE_FEATURE_SPLIT)
		return STATUS_DONE;
	if (ivsh_linux_set_open(&p->set, &p->guest, mem)) {
		fprintf(stderr, "ivsh: %s: %s\n", p->object, p->guest.error);
		return STATUS_FAILED;
	}
	p->said = calloc(p->set.set.count + 1, sizeof(*p->said));
	if (!p->said) {
		fprintf(stderr, "ivsh: %s: %s\n", p->object, strerror(errno));
		return STATUS_FAILED;
	}
	if (!looks && mem->self == IVSH_SELF_NONE)
		status = set_self(&p->set.set, mem, p->said, p->object, slot);
	return status;
}

/*
 * Open the device of place (place), with up to (vectors); or to look at it alone. The exit status,
 * after a line.
 */
static int open_device(
    struct transport *t, uint32_t place, uint32_t vectors, uint32_t slot, bool looks)
{
	struct place *p = &places[place];
	char bdf[IVSH_LINUX_BDF];
	struct ivsh_mem mem;
	int error;

	memcpy(bdf, p->bdf, sizeof(bdf));
	snprintf(p->object, sizeof(p->object), "device %s", bdf);
	if (looks ? ivsh_linux_observe(&p->guest, bdf)
		  : ivsh_linux_open(&p->guest, bdf, IVSH_LINUX_ANY, vectors)) {
		error = errno;
		fprintf(stderr, "ivsh: %s: %s%s\n", p->object, p->guest.error,
		    error == EACCES ? ": try as root" : "");
		return error == ENOENT ? STATUS_NO_DEVICE : STATUS_FAILED;
	}
	error = ivsh_mapped_mem(&p->guest.mapped, &mem);
	if (error) {
		fprintf(stderr, "ivsh: %s: %s\n", p->object, ivsh_error_text(error));
		ivsh_linux_close(&p->guest);
		return STATUS_FAILED;
	}
	error = open_set(p, &mem, slot, looks);
	if (error) {
		close_device(p);
		return error;
	}
	if (p->guest.polls[0])
		fprintf(stderr, "ivsh: %s: polling: %s\n", p->object, p->guest.polls);
	stop_device(p->object);
	*t = (struct transport){
	    .mem = mem,
	    .object = p->object,
	    .place = place,
	    .claims = !p->guest.mapped.doorbell,
	    .formats = true, /* it is named, or the only one */
	    .named = p->is_named,
	    .spin_ns = SPIN_NS,
	};
	return STATUS_DONE;
}

/* A device that is back waits again with those that it waited with before. */
static void join_again(uint32_t place)
{
	for (uint32_t i = 0; places[place].is_joined && i < given; i++)
		if (i != place && places[i].is_joined && !places[i].is_away) {
			(void)ivsh_linux_group(&places[i].guest, &places[place].guest);
			return;
		}
}

int pci_open(struct transport *t, uint32_t place, const struct options *o)
{
	int status = choose(place);

	if (status == STATUS_DONE)
		status =
		    open_device(t, place, o->wait == IVSH_WAIT_POLL ? 0 : VECTORS, o->slot, false);
	if (status == STATUS_DONE) {
		places[place].is_away = false;
		join_again(place);
		stop_listen();
	}
	return status;
}

static void device_json(const struct ivsh_linux *guest, uint32_t index, uint32_t self, bool quiet)
{
	const bool doorbell = guest->bar[1].size != 0;
	struct json json;

	json_begin(&json, "device");
	json_text(&json, "machine", "Linux");
	json_u64(&json, "index", index);
	json_text(&json, "place", guest->bdf);
	json_text(&json, "model", doorbell ? "ivshmem-doorbell" : "ivshmem-plain");
	json_array(&json, "bars");
	for (unsigned i = 0; !quiet && i < 3; i++) {
		if (!guest->bar[i].size)
			continue;
		json_object(&json, NULL);
		json_u64(&json, "bar", i);
		json_hex(&json, "address", guest->bar[i].address);
		json_u64(&json, "size_bytes", guest->bar[i].size);
		json_close(&json);
	}
	json_close(&json);
	if (doorbell && guest->mapped.registers)
		json_u64(&json, "ivposition", self);
	json_end(&json);
}

static void device_print(const struct ivsh_linux *guest, uint32_t index, uint32_t self, bool quiet)
{
	static const char *const names[3] = {"registers", "MSI-X", "shared memory"};
	const bool doorbell = guest->bar[1].size != 0;

	printf("device %" PRIu32 ": %s, %s\n", index, guest->bdf,
	    doorbell ? "ivshmem-doorbell" : "ivshmem-plain");
	for (unsigned i = 0; !quiet && i < 3; i++)
		if (guest->bar[i].size)
			printf("  BAR%u: %s at 0x%" PRIx64 ", %" PRIu64 " bytes\n", i, names[i],
			    guest->bar[i].address, guest->bar[i].size);
	if (!quiet && doorbell && !guest->mapped.registers)
		printf("  VM ID (IVPosition): cannot be known: %s\n", guest->error);
	else if (!quiet && doorbell)
		printf("  VM ID (IVPosition): %" PRIu32 "\n", self);
	else if (!quiet)
		printf("  no VM ID and no MSI-X vectors\n");
}

/* The device that info shows as number (place): with auto each one, else those that are named. */
static int choose_shown(uint32_t place)
{
	if (places[0].is_named)
		return place < given ? choose(place) : -1;
	if (place < WORLD_PLACES && find(place, places[place].bdf) == 0)
		return STATUS_DONE;
	if (place > 0)
		return -1;
	no_device(places[0].text);
	return STATUS_NO_DEVICE;
}

/* By sysfs, for reading: nothing has to be bound, and no interrupts are taken. */
int pci_probe(struct transport *t, uint32_t place, const struct options *o)
{
	int status = choose_shown(place);

	if (status == STATUS_DONE)
		status = open_device(t, place, 0, o->slot, true);
	if (status == STATUS_DONE) {
		(o->json ? device_json : device_print)(
		    &places[place].guest, place, t->mem.self, o->quiet);
		if (places[place].guest.set) {
			set_show(&places[place].set.set, o);
			/* An observer has no part of its own, whatever slot this machine has. */
			t->mem.self = IVSH_SELF_NONE;
		}
		t->shown = true;
	}
	return status;
}

void pci_close(struct transport *t)
{
	close_device(&places[t->place]);
}

void pci_entered(const struct transport *t)
{
	const struct place *p = &places[t->place];

	if (p->guest.set)
		set_report(&p->set.set, p->said);
}

bool pci_refused(const struct transport *t, int error)
{
	const struct place *p = &places[t->place];

	return p->guest.set && set_refuse(&p->set.set, t, error);
}

enum world_state pci_state(struct transport *t)
{
	switch (ivsh_linux_state(&places[t->place].guest)) {
	case IVSH_LINUX_LEAVES:
		return WORLD_LEAVES;
	case IVSH_LINUX_GONE:
		return WORLD_GONE;
	default:
		return WORLD_STAYS;
	}
}

void pci_release(struct transport *t)
{
	struct place *p = &places[t->place];

	close_device(p);
	p->instance = p->guest.instance;
	/* Where a part has gone, the common memory's device may be as it was: open it anew. */
	if (p->guest.set && ivsh_linux_instance(p->bdf) == p->instance)
		p->instance = 0;
	p->is_away = true;
}

/* The device that comes instead: at the same address if it is named, or several were there. */
enum world_ready pci_ready(uint32_t place)
{
	struct place *p = &places[place];
	char found[IVSH_LINUX_BDF];
	uint64_t now;

	if (!p->is_away)
		return WORLD_READY;
	if (!p->is_named && given == 1 && find(0, found) == 0)
		memcpy(p->bdf, found, sizeof(p->bdf));
	now = ivsh_linux_instance(p->bdf);
	if (now == 0 || now == p->instance)
		return WORLD_COMES;
	return WORLD_READY;
}

void pci_join(struct transport *first, struct transport *other)
{
	struct place *one = &places[first->place], *two = &places[other->place];

	one->is_joined = two->is_joined = ivsh_linux_group(&one->guest, &two->guest) == 0;
}
