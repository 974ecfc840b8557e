/* SPDX-License-Identifier: MIT */
/*
 * session.c - the device, the region, the channels, and waiting.
 */
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The keyboard and the time limit ring no bell: they are looked at this often. */
#define LOOK_NS 20000000

static bool device_open(struct session *s)
{
	int error;

	if (!choose_device(s->world, &s->options->device, &s->choice)) {
		s->status = STATUS_NO_DEVICE;
		return false;
	}
	error = ivsh_device_open(&s->device, s->world->port, s->choice.function);
	if (error)
		fprintf(stderr, "ivsh: device %s: open: %s\n", choose_place(s->choice.function),
		    error == IVSH_ENOSPC ? "its BARs have no address" : ivsh_error_text(error));
	return !error;
}

/* Who we are: the device says so, or the command line has to. */
static bool self_choose(struct session *s, struct ivsh_mem *mem)
{
	if (mem->self == IVSH_SELF_NONE) {
		if (!s->options->slot_given) {
			fprintf(stderr,
			    "ivsh: ivshmem-plain gives no ID: add --slot=N, another N for "
			    "each guest\n");
			return false;
		}
		mem->self = s->options->slot;
	} else if (s->options->slot_given && s->options->slot != mem->self) {
		fprintf(stderr,
		    "ivsh: --slot=%" PRIu32 ": the server gave this VM ID %" PRIu32
		    ": leave --slot out\n",
		    s->options->slot, mem->self);
		return false;
	}
	return true;
}

/* Nothing is done to a memory that may be somebody else's, and nothing advised. */
static void memory_unsure(const struct session *s, const struct ivsh_attach *a)
{
	fprintf(stderr, "ivsh: region: the memory of device %s ", choose_place(s->choice.function));
	if (a->found_magic)
		fprintf(
		    stderr, "starts with 0x%016" PRIx64 ", which is not ours: ", a->found_magic);
	else
		fprintf(stderr, "is not formatted, and may be another program's: ");
	choose_print(s->world);
}

static void attach_failed(
    const struct session *s, const struct ivsh_mem *mem, const struct ivsh_attach *a, int error)
{
	if (s->choice.count > 1 && ((error == IVSH_EPROTO && a->found_magic) ||
				       (error == IVSH_ENODEV && !s->choice.named))) {
		memory_unsure(s, a);
		return;
	}
	fprintf(stderr, "ivsh: region: ");
	switch (error) {
	case IVSH_EINVAL:
		if (mem->self >= a->found_slots && a->found_slots)
			fprintf(stderr,
			    "slot %" PRIu32 " of %" PRIu32 ": choose a lower --slot, or give "
			    "the server more --slots\n",
			    mem->self, a->found_slots);
		else
			fprintf(stderr, "--name: up to 31 printable ASCII characters\n");
		break;
	case IVSH_ENODEV:
		fprintf(stderr,
		    "nobody has formatted the memory: start ivsh-server without --raw, or "
		    "slot 0 first\n");
		break;
	case IVSH_EPROTO:
		if (a->found_magic)
			fprintf(stderr,
			    "the memory starts with 0x%016" PRIx64 ", which is not ours: give "
			    "another memory, or clear this one if nobody else uses it\n",
			    a->found_magic);
		else
			fprintf(
			    stderr, "the header is damaged: clear the memory and start again\n");
		break;
	case IVSH_EVERSION:
		fprintf(stderr,
		    "it has version %" PRIu32 ", features 0x%" PRIx32
		    "; this program knows version %u, features 0x0\n",
		    a->found_version, a->found_features, IVSH_WIRE_VERSION);
		break;
	case IVSH_ENOSPC:
		fprintf(stderr,
		    "BAR2 has %" PRIu64 " bytes, %" PRIu64 " are needed: give the memory "
		    "more, or fewer --slots\n",
		    mem->size, a->need_size);
		break;
	case IVSH_EBUSY:
		fprintf(stderr,
		    "slot %" PRIu32 " is taken by a living peer: choose another --slot\n",
		    mem->self);
		break;
	case IVSH_EREADONLY:
		fprintf(stderr, "the memory cannot be written: leave out readonly=on\n");
		break;
	default:
		fprintf(stderr, "%s\n", ivsh_error_text(error));
	}
}

/* Who polls takes none, and is rung by nobody. Without interrupts a wait naps and looks again. */
static void interrupts_take(struct session *s)
{
	int error;

	if (s->options->wait == IVSH_WAIT_POLL)
		return;
	error = ivsh_device_interrupts(&s->device, s->options->vectors);
	if (error)
		fprintf(stderr, "ivsh: MSI-X: %s: polling instead\n", ivsh_error_text(error));
}

static bool region_attach(struct session *s)
{
	struct ivsh_attach attach = {
	    .name = s->options->name,
	    .nonce = s->world->nonce,
	    .timeout_ns = UINT64_C(5000000000),
	    .claim = s->device.doorbell ? NULL : ivsh_attach_claim,
	    .discard = s->options->fresh ? ivsh_attach_discard : NULL,
	};
	struct ivsh_mem mem;
	uint64_t need = 0;
	bool is_small;
	int error;

	interrupts_take(s);
	ivsh_device_mem(&s->device, &mem);
	if (!self_choose(s, &mem))
		return false;
	/* A guest's clock may show the same at each of its starts. */
	attach.nonce = ivsh_attach_nonce(&mem, s->world->nonce);
	/* Slot 0 formats what no server has formatted, if that can be done here; else there is
	 * nobody to wait for. */
	error = ivsh_geometry_fit(mem.size, s->options->slots, &attach.format, &need);
	is_small = error != 0;
	attach.formatter = is_small || !choose_is_sure(&s->choice) ? NULL : ivsh_attach_format;
	if (!attach.formatter && mem.self == 0)
		attach.timeout_ns = 0;
	error = ivsh_region_attach(&s->region, &mem, &attach);
	if (error == IVSH_ENODEV && mem.self == 0 && is_small) {
		error = IVSH_ENOSPC;
		attach.need_size = need;
	}
	if (error)
		attach_failed(s, &mem, &attach, error);
	return !error;
}

static bool channels_open(struct session *s)
{
	uint32_t descs = s->region.geometry.descs;

	s->slots = s->region.geometry.slots;
	s->chan = calloc(s->slots, sizeof(*s->chan));
	s->records = calloc(s->slots, descs * sizeof(*s->records));
	s->peer = calloc(s->slots, sizeof(*s->peer));
	s->told = calloc(s->slots, sizeof(*s->told));
	if (!s->chan || !s->records || !s->peer || !s->told) {
		fprintf(stderr, "ivsh: no memory for %" PRIu32 " channels\n", s->slots);
		return false;
	}
	for (uint32_t i = 0; i < s->slots; i++) {
		int error;

		if (i == s->region.mem.self)
			continue;
		error = ivsh_chan_open(&s->chan[i], &s->region, i, s->records + i * descs, descs);
		/* Who receives from it resets it; who needs what was in it says so, and fails. */
		if (error)
			session_channel_failed(s, i, error);
	}
	return true;
}

bool session_open(struct session *s, const struct app_world *world, const struct options *options)
{
	memset(s, 0, sizeof(*s));
	s->world = world;
	s->options = options;
	s->port = options->port;
	s->status = STATUS_FAILED;
	if (!device_open(s))
		return false;
	if (!region_attach(s)) {
		ivsh_device_close(&s->device);
		return false;
	}
	if (!channels_open(s)) {
		session_close(s);
		return false;
	}
	s->started_ns = ivsh_region_now(&s->region);
	s->wait.mode = options->wait;
	s->wait.spin_ns = options->spin_given        ? options->spin_ns
			  : s->device.interrupts > 0 ? world->spin_ns
						     : world->spin_polling_ns;
	return true;
}

void session_close(struct session *s)
{
	for (uint32_t i = 0; s->chan && i < s->slots; i++)
		if (s->chan[i].region)
			ivsh_chan_close(&s->chan[i]);
	ivsh_region_detach(&s->region);
	ivsh_device_close(&s->device);
	free(s->chan);
	free(s->records);
	free(s->peer);
	free(s->told);
}

const struct ivsh_peer *session_peer(struct session *s, uint32_t slot)
{
	if (ivsh_region_peer(&s->region, slot, &s->peer[slot]))
		memset(&s->peer[slot], 0, sizeof(s->peer[slot]));
	return &s->peer[slot];
}

const char *session_who(struct session *s, uint32_t slot)
{
	static char text[64];
	const char *kind = s->device.doorbell ? "VM" : "slot";
	const struct ivsh_peer *peer = session_peer(s, slot);

	if (peer->name[0])
		snprintf(text, sizeof(text), "%s %" PRIu32 " (%s)", kind, slot, peer->name);
	else
		snprintf(text, sizeof(text), "%s %" PRIu32, kind, slot);
	return text;
}

/* Of (count) sessions, the first one's options and status count for all. */
static bool wait_for(struct session *s, uint32_t count, uint64_t limit_ns, uint32_t wanted)
{
	struct ivsh_region *regions[OPTIONS_DEVICES];
	uint32_t events[OPTIONS_DEVICES];
	int error;

	if (s->options->timeout_ns &&
	    ivsh_region_now(&s->region) - s->started_ns > s->options->timeout_ns) {
		fprintf(stderr, "ivsh: timeout: not done after %lu s\n",
		    (unsigned long)(s->options->timeout_ns / 1000000000));
		s->status = STATUS_TIMEOUT;
		return false;
	}
	if (s->world->stopped && s->world->stopped()) {
		fprintf(stderr, "ivsh: stopped\n");
		s->status = STATUS_STOPPED;
		return false;
	}
	s->wait.wanted = wanted;
	for (uint32_t i = 0; i < count; i++)
		regions[i] = &s[i].region;
	error = ivsh_regions_wait(regions, count, &s->wait, limit_ns, events);
	for (uint32_t i = 0; error && i < count; i++)
		if (events[i] & IVSH_EVENT_LOST)
			fprintf(stderr, "ivsh: slot %" PRIu32 ": another peer has claimed it\n",
			    regions[i]->mem.self);
	s->status = STATUS_FAILED;
	return !error;
}

bool session_idle(struct session *s)
{
	return wait_for(s, 1, LOOK_NS, 0);
}

bool session_idle_all(struct session *sessions, uint32_t count)
{
	return wait_for(sessions, count, LOOK_NS, 0);
}

bool session_full(struct session *s)
{
	return wait_for(s, 1, LOOK_NS, IVSH_EVENT_SPACE);
}

bool session_look(struct session *s)
{
	return wait_for(s, 1, 0, 0);
}

/*
 * Whether slot (slot) is the one that (wanted) names, by number or name, and offers what stands
 * behind the colon; a colon may belong to a name. NULL names any.
 */
static bool peer_matches(struct session *s, uint32_t slot, const char *wanted)
{
	const struct ivsh_peer *peer = session_peer(s, slot);
	const char *colon = wanted ? strrchr(wanted, ':') : NULL;
	char name[IVSH_WIRE_NAME_SIZE];
	uint64_t number;

	if (slot == s->region.mem.self || peer->presence != IVSH_PEER_ATTACHED)
		return false;
	if (!wanted || strcmp(peer->name, wanted) == 0)
		return true;
	if (options_number(wanted, 0, UINT32_MAX, &number))
		return number == slot;
	if (!colon || (size_t)(colon - wanted) >= sizeof(name))
		return false;
	memcpy(name, wanted, (size_t)(colon - wanted));
	name[colon - wanted] = '\0';
	if (strcmp(peer->name, name) != 0 &&
	    !(options_number(name, 0, UINT32_MAX, &number) && number == slot))
		return false;
	return ivsh_region_port(&s->region, slot, colon + 1, &s->port) == 0;
}

int session_find_peer(struct session *s, const char *wanted)
{
	uint64_t number;

	if (wanted && options_number(wanted, 0, UINT32_MAX, &number) &&
	    (number >= s->slots || number == s->region.mem.self)) {
		fprintf(stderr,
		    "ivsh: peer %s: not a peer of ours: slots are 0 to %" PRIu32
		    ", and we are %" PRIu32 "\n",
		    wanted, s->slots - 1, s->region.mem.self);
		s->status = STATUS_NO_PEER;
		return -1;
	}
	for (;;) {
		for (uint32_t i = 0; i < s->slots; i++) {
			session_mend(s, i);
			if (peer_matches(s, i, wanted))
				return (int)i;
		}
		if (!session_idle(s)) {
			if (s->status != STATUS_STOPPED)
				fprintf(stderr, "ivsh: peer %s: not there\n",
				    wanted ? wanted : "(any)");
			if (s->status == STATUS_TIMEOUT)
				s->status = STATUS_NO_PEER;
			return -1;
		}
	}
}

bool session_offer(struct session *s, const char *name, uint16_t port)
{
	int error = ivsh_region_offer(&s->region, name, port);

	if (error)
		fprintf(stderr, "ivsh: service %s: %s\n", name, ivsh_error_text(error));
	return !error;
}

void session_channel_failed(struct session *s, uint32_t slot, int error)
{
	s->status = STATUS_FAILED;
	s->told[slot] = true;
	fprintf(stderr, "ivsh: channel to %s: %s\n", session_who(s, slot), ivsh_error_text(error));
}

void session_mend(struct session *s, uint32_t slot)
{
	int error;

	if (slot == s->region.mem.self || !s->chan[slot].dead)
		return;
	/* That the whole slot is lost shows in session_idle(). */
	error = ivsh_chan_reset(&s->chan[slot]);
	if (!s->told[slot])
		session_channel_failed(s, slot, IVSH_EPROTO);
	s->told[slot] = error != 0;
}

bool session_peek(struct session *s, uint32_t slot, struct ivsh_message *message)
{
	if (slot == s->region.mem.self)
		return false;
	session_mend(s, slot);
	/* One that breaks now is mended in the next round over all channels. */
	return ivsh_chan_peek(&s->chan[slot], message) == 0;
}
