/* SPDX-License-Identifier: MIT */
/*
 * device.c - the ivshmem devices of a machine as transports.
 */
#include "app/device.h"

#include "app/address.h"
#include "app/choose.h"
#include "app/facts.h"
#include "app/set.h"
#include "app/set_show.h"
#include "app/status.h"

#include <ivsh/hotplug.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Neither a key nor the end of the time notifies: a command checks both this often. */
#define CHECK_NS UINT64_C(20000000)

#define EVENTS_MOST 64u /* of hot-plug, that one look takes */

#define SET_LOOKS 25u /* of CHECK_NS each: twice a second */

#define HOST_BRIDGE_PC UINT32_C(0x12378086) /* of QEMU's pc: its root bus takes devices */
#define PCI_HEADER 0xcu                     /* header type in bits 22:16; 1: a bridge */

/* The devices in use, and the --device option of each. */
struct place {
	struct choose_device wanted;
	struct choice choice;
	struct ivsh_set set; /* its device is set.common, also of a region in one memory */
	uint8_t *said;       /* what was printed of the set */
	char object[48];
	bool open;
	bool split; /* of a split region: each device of the set is in use */
	bool lacks; /* a device of the set has gone, and no event said so */
	uint32_t asked;
	bool leaves; /* its device is to be removed */
	bool gone;   /* its device was removed */
	bool waits;  /* there was no device at the start */
	bool away;   /* its device was let go: it takes the one that comes instead */
	bool comes;  /* the device that was waited for is at choice.function */
};

static struct ivsh_hotplug hotplug;
static enum {
	HOTPLUG_UNKNOWN,
	HOTPLUG_NONE,
	HOTPLUG_WATCHED
} watch;

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
    {"console", "", NULL, "echo, recv, streams, watch: offer what is printed as a service",
	OPTION_CONSOLE, OPTION_FLAG, offsetof(struct options, console), 0, 0, NULL},
    {"no-log", "", NULL, "do not keep what is printed in the region's log of this slot",
	OPTION_NO_LOG, OPTION_FLAG, offsetof(struct options, no_log), 0, 0, NULL},
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

/* Why the device of (p) has no addresses. Answers the exit status. */
static int no_room(const struct place *p, const struct ivsh_pci_shortage *lack)
{
	static const char *const option[] = {
	    [IVSH_PCI_LACKS_PREFETCH] = "pref64-reserve",
	    [IVSH_PCI_LACKS_MEMORY] = "mem-reserve",
	    [IVSH_PCI_LACKS_BUS] = "bus-reserve",
	};

	if (lack->lack == IVSH_PCI_LACKS_NOTHING || lack->port == lack->function) {
		fprintf(stderr, "ivsh: %s: open: its BARs have no address\n", p->object);
		return STATUS_FAILED;
	}
	fprintf(stderr,
	    "ivsh: %s: no room behind port %s: give that pcie-root-port %s=%" PRIu64 "\n",
	    p->object, address_text(lack->port), option[lack->lack], lack->reserve);
	return STATUS_NO_ROOM;
}

/*
 * Open the device of (p), at p->choice.function; one that was plugged in gets its addresses first.
 * STATUS_DONE, or the exit status after a line.
 */
static int open_device(struct place *p)
{
	struct ivsh_pci_shortage lack = {IVSH_PCI_LACKS_NOTHING, 0, 0, 0, 0};
	uint32_t function = p->choice.function;
	int error = ivsh_device_open(&p->set.common, machine->platform, function);
	int status = STATUS_DONE;

	snprintf(p->object, sizeof(p->object), "device %s", address_text(function));
	if (error == IVSH_ENOSPC && machine->windows) {
		error = ivsh_pci_assign_added(
		    machine->platform, machine->windows, function, &function, &lack);
		if (!error)
			error = ivsh_device_open(&p->set.common, machine->platform, function);
	}
	if (error == IVSH_ENOSPC)
		return no_room(p, &lack);
	if (error)
		fprintf(stderr, "ivsh: %s: open: %s\n", p->object, ivsh_error_text(error));
	if (error)
		return STATUS_FAILED;
	p->split = ivsh_set_is_split(&p->set.common);
	if (p->split)
		status = set_open(machine, &p->set, &p->said);
	if (status != STATUS_DONE)
		ivsh_device_close(&p->set.common);
	p->open = status == STATUS_DONE;
	return status;
}

static void close_device(struct place *p)
{
	if (p->split)
		set_close(&p->set, &p->said);
	else
		ivsh_device_close(&p->set.common);
	p->open = false;
}

/* Fill in the transport once the device of (p) is open. */
static void transport_fill(struct transport *t, uint32_t place)
{
	struct place *p = &places[place];

	*t = (struct transport){
	    .object = p->object,
	    .place = place,
	    .claims = !p->set.common.doorbell,
	    .formats = choose_is_sure(&p->choice),
	    .named = p->choice.named,
	    .spin_ns = p->set.common.interrupts > 0 ? machine->spin_ns : machine->spin_polling_ns,
	};
	if (p->split)
		ivsh_set_mem(&p->set, &t->mem);
	else
		ivsh_device_mem(&p->set.common, &t->mem);
}

/*
 * A guest that polls takes no interrupts, and no peer notifies it. Without interrupts a wait naps
 * and polls.
 */
static void interrupts_take(struct place *p, const struct options *o)
{
	int error = 0;

	if (o->wait != IVSH_WAIT_POLL)
		error = ivsh_device_interrupts(&p->set.common, vectors);
	if (error)
		fprintf(stderr, "ivsh: MSI-X: %s: polling instead\n", ivsh_error_text(error));
	else if (machine->no_interrupts && p->set.common.doorbell && o->wait != IVSH_WAIT_POLL)
		fprintf(stderr, "ivsh: %s: polling: %s\n", p->object, machine->no_interrupts);
}

/* The place whose open device, or a part of whose set, is at (function); NULL: none. */
static struct place *place_at(uint32_t function)
{
	for (uint32_t i = 0; i < WORLD_PLACES; i++)
		if (places[i].open &&
		    (places[i].choice.function == function ||
			(places[i].split && ivsh_set_has(&places[i].set, function))))
			return &places[i];
	return NULL;
}

static bool is_used(uint32_t function)
{
	return place_at(function) != NULL;
}

/* A place whose set was let go takes it again once its own part and the common memory are there. */
static void set_came(struct place *p)
{
	p->comes = set_find(machine, p->split ? p->set.format_id : 0, is_used, &p->choice.function);
}

/* A device was plugged in at (function): a place that waits takes it, the one that had it first. */
static void device_came(uint32_t function)
{
	struct place *found = place_at(function);

	if (found) {
		found->gone = true;
		return;
	}
	for (uint32_t i = 0; i < WORLD_PLACES; i++) {
		struct place *p = &places[i];

		if (!(p->away || p->waits) || p->comes)
			continue;
		if (!found || p->choice.function == function)
			found = p;
	}
	if (!found)
		return;
	/* The first device of a set may be a part, and what the others need is still to come. */
	if (found->split || set_includes(machine, function)) {
		set_came(found);
		return;
	}
	found->choice.function = function;
	found->comes = true;
}

/* A device is to be removed. Whoever has it open closes it; any other is let go at once. */
static void device_leaves(uint32_t function)
{
	struct place *p = place_at(function);

	if (p) {
		p->leaves = true;
		return;
	}
	for (uint32_t i = 0; i < WORLD_PLACES; i++)
		if (places[i].comes && places[i].choice.function == function)
			places[i].comes = false;
	/* One that stays is reported as added. */
	(void)(ivsh_hotplug_eject(&hotplug, function) != 0);
}

/* Take what has happened to the machine's devices since the last call. */
static void events_take(void)
{
	struct ivsh_hotplug_event event;

	if (watch == HOTPLUG_UNKNOWN)
		watch = ivsh_hotplug_open(&hotplug, machine->platform) == 0 ? HOTPLUG_WATCHED
									    : HOTPLUG_NONE;
	/* Not without end: what looks the same may come again at once. */
	for (unsigned i = 0; watch == HOTPLUG_WATCHED && i < EVENTS_MOST; i++) {
		if (ivsh_hotplug_poll(&hotplug, &event) != 0)
			break;
		if (event.kind == IVSH_HOTPLUG_LEAVING)
			device_leaves(event.function);
		else
			device_came(event.function);
	}
}

/*
 * Whether the set is as it was, looked at now and then. A part that has gone reads as all ones, and
 * so does its peer's slot, which may be that peer's fault as well: the library does not ask.
 */
static bool is_whole(struct place *p)
{
	return !p->split || ++p->asked % SET_LOOKS != 0 || set_is_there(machine, &p->set);
}

static enum world_state place_state(struct transport *t)
{
	struct place *p = &places[t->place];

	events_take();
	if (!p->gone && !p->leaves && !p->lacks)
		p->lacks = !is_whole(p);
	return p->gone || p->lacks ? WORLD_GONE : p->leaves ? WORLD_LEAVES : WORLD_STAYS;
}

/* Whether a device can be plugged in that was not there at the start. */
static bool has_slot(void)
{
	const struct ivsh_platform *p = machine->platform;

	if (p->config_read(p->ctx, 0, 0) == HOST_BRIDGE_PC)
		return true;
	for (uint32_t function = 0; function < IVSH_PCI_FUNCTION(1, 0, 0); function++)
		if (p->config_read(p->ctx, function, 0) != UINT32_MAX &&
		    (p->config_read(p->ctx, function, PCI_HEADER) >> 16 & 0x7f) == 1)
			return true;
	return false;
}

static enum world_ready place_ready(uint32_t place)
{
	struct place *p = &places[place];
	uint32_t function;

	events_take();
	/* Without a device a search looks at all buses: it is made once. */
	if (!p->away && !p->waits)
		p->waits = watch == HOTPLUG_WATCHED &&
			   ivsh_device_find(machine->platform, 0, &function) != 0 && has_slot();
	/* Where none can come, place_open() prints why there is none. */
	if (p->comes || !(p->away || p->waits))
		return WORLD_READY;
	return watch == HOTPLUG_WATCHED ? WORLD_COMES : WORLD_NEVER;
}

/* Choose the device of place (place). STATUS_DONE, or the exit status after a line. */
static int place_choose(uint32_t place)
{
	struct place *p = &places[place];

	if (p->away)
		return STATUS_DONE;
	if (!choose_device(machine, wanted_at(place), &p->choice))
		return STATUS_NO_DEVICE;
	for (uint32_t i = 0; i < place; i++)
		if (places[i].open && places[i].choice.function == p->choice.function) {
			fprintf(stderr, "ivsh: --device=%s: named twice\n", p->wanted.text);
			return STATUS_USAGE;
		}
	return STATUS_DONE;
}

static int place_open(struct transport *t, uint32_t place, const struct options *o)
{
	struct place *p = &places[place];
	int status = place_choose(place);

	if (status == STATUS_DONE)
		status = open_device(p);
	if (status == STATUS_DONE && p->split) {
		struct ivsh_mem mem;

		ivsh_set_mem(&p->set, &mem);
		status = set_self(&p->set, &mem, p->said, p->object, o->slot);
		if (status != STATUS_DONE)
			close_device(p);
	}
	if (status == STATUS_DONE) {
		p->waits = p->away = p->comes = p->leaves = p->gone = p->lacks = false;
		interrupts_take(p, o);
		transport_fill(t, place);
	}
	return status;
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
	if (place == 0)
		facts_begin(machine, o);
	status = open_device(p);
	if (status != STATUS_DONE)
		return status;
	facts_print(machine, &p->set.common, p->choice.index, o);
	if (p->split)
		set_show(&p->set, o);
	transport_fill(t, named ? place : 0);
	t->shown = true;
	return STATUS_DONE;
}

static void place_close(struct transport *t)
{
	close_device(&places[t->place]);
}

static void place_entered(const struct transport *t)
{
	const struct place *p = &places[t->place];

	if (p->split)
		set_report(&p->set, p->said);
}

static bool is_ivshmem_at(uint32_t function)
{
	const struct ivsh_platform *p = machine->platform;

	return p->config_read(p->ctx, function, 0) == (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR);
}

/*
 * Let the devices of a set go that are to be removed: one of them, or several. Those that stay are
 * a set again, if they have what this peer needs.
 */
static void set_release(struct place *p)
{
	uint32_t count = p->set.count, *functions = calloc(count + 1, sizeof(*functions));
	bool is_reported = p->leaves || p->gone;

	for (uint32_t i = 0; functions && i < count; i++)
		functions[i] = p->set.devices[i].device.function;
	close_device(p);
	p->away = true;
	/* What no request names is not ejected: IVSH_EINVAL. */
	(void)(ivsh_hotplug_eject(&hotplug, p->choice.function) != 0);
	for (uint32_t i = 0; functions && i < count; i++)
		(void)(ivsh_hotplug_eject(&hotplug, functions[i]) != 0);
	free(functions);
	/* One went without an event: begin again with what is there now. */
	if (!is_reported) {
		watch = HOTPLUG_UNKNOWN;
		events_take();
	}
	p->leaves = p->gone = p->lacks = false;
	set_came(p);
}

static void place_release(struct transport *t)
{
	struct place *p = &places[t->place];

	if (p->split && watch == HOTPLUG_WATCHED) {
		set_release(p);
		return;
	}
	place_close(t);
	p->away = true;
	/* Several functions may have to leave at once: the last eject removes them, and one that
	 * stays is reported as added. */
	if (p->leaves) {
		(void)(ivsh_hotplug_eject(&hotplug, p->choice.function) != 0);
	} else if (!p->gone) {
		/* It went without an event: begin again with what is there now. */
		watch = HOTPLUG_UNKNOWN;
		events_take();
		p->gone = is_ivshmem_at(p->choice.function);
	}
	/* The device that came instead may be there already. */
	p->comes = p->gone;
	p->leaves = p->gone = false;
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

	if (places[t->place].split && set_refuse(&places[t->place].set, t, error))
		return true;
	if (attach->found_magic == IVSH_WIRE_PART_MAGIC)
		return false;
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
	    .entered = place_entered,
	    .state = place_state,
	    .release = place_release,
	    .ready = place_ready,
	    .now_ns = now_ns,
	    .nap = nap,
	    .refused = refused,
	    .check_ns = CHECK_NS,
	};

	machine = m;
	world.name = m->name;
	world.stopped = m->stopped;
	world.tee = m->tee;
	return &world;
}
