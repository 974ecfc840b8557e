/* SPDX-License-Identifier: MIT */
/*
 * storm_test.c - every call of the core, while a hostile peer writes between any two of its
 * accesses. SPEC R9.1, R9.2, R9.3.
 *
 * Two innocents, slots 0 and 2, talk to each other and to slot 1. Slot 1 writes into its own words,
 * and the innocents' messages to each other must arrive as ever. Or it writes anywhere, and then
 * only R9.1 is required: no access outside, no more loads than SPEC 9 allows, and no answer that
 * the headers do not name. Chance does not keep a loop going, so slot 1 also tempts: before each
 * load of its own words it writes a value that makes the loop go on. Each case begins with a new
 * region.
 *
 * usage: storm_test [--bounds | --replay own|any|tempting SEED WRITE...]
 */
#include "tests/lib/hostile_peer.h"
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <ivsh/peers.h>
#include <ivsh/stream.h>
#include <ivsh/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PORT_NUMBERS 1
#define PORT_STREAM 40
#define CASE_STEPS 1500
#define STREAM_BUFFER 1024

#define AGAIN (1u << -IVSH_EAGAIN)
#define INVAL (1u << -IVSH_EINVAL)
#define NODEV (1u << -IVSH_ENODEV)
#define NOSPC (1u << -IVSH_ENOSPC)
#define VERSION (1u << -IVSH_EVERSION)
#define PROTO (1u << -IVSH_EPROTO)
#define PEER (1u << -IVSH_EPEER)
#define BUSY (1u << -IVSH_EBUSY)
#define READONLY (1u << -IVSH_EREADONLY)
#define LOST (1u << -IVSH_ELOST)
#define ONE_WAY (1u << -IVSH_EONEWAY)

/* The geometry that the innocents format; a peer that writes the header can change it. */
#define D 64
#define S 8
#define C 2

/* Messages of a batch at the most, and accesses that each may cost besides. */
#define BATCH 12
#define EACH 64

/* Loads of each descriptor for one reset: reset.c, wrap_unused(). */
#define RESET 33

/* A call that finds its heartbeat behind begins both rings of each channel anew. SPEC R5.12. */
#define RENEWAL (64 + 64 * C)

/* In a split region: each part that an attach finds may claim any slot; an open looks for one. */
#define SPLIT_LOOK (11 * S)
#define SPLIT_ATTACH (2 * S + S * SPLIT_LOOK)

/* Any call: a heartbeat, and once in 256 of them the counters, and a check of our own words. */
#define BASE 256

enum call {
	FORMAT,
	ATTACH,
	DETACH,
	OPEN,
	CLOSE,
	RESET_CHAN,
	REPORT_LOSS,
	SEND,
	SEND_BATCH,
	RESERVE,
	PUBLISH,
	RECEIVE,
	RECEIVE_BATCH,
	PEEK,
	RELEASE,
	WAIT,
	LOOK,
	COUNTERS,
	NEXT,
	PEER_EVENT,
	FIND,
	OFFER,
	SERVICE,
	SERVICE_PORT,
	STREAM_OPEN,
	STREAM_WRITE,
	STREAM_READ,
	STREAM_FINISH,
	STREAM_CLOSE,
	CALLS
};

/* SPEC 9, the table of bounds: in accesses, and for each descriptor of a ring. */
static const struct {
	const char *name;
	uint32_t most, most_desc;
	uint32_t errors; /* that it may answer */
} calls[CALLS] = {
    [FORMAT] = {"format", BASE, 0, BUSY | READONLY},
    [ATTACH] = {"attach", BASE, S, INVAL | NODEV | NOSPC | VERSION | PROTO | BUSY | READONLY},
    [DETACH] = {"detach", BASE, 0, 0},
    [OPEN] = {"open", BASE, 4 + RESET, INVAL | PROTO | LOST},
    [CLOSE] = {"close", BASE, 0, 0},
    [RESET_CHAN] = {"reset", BASE, RESET, INVAL | LOST},
    [REPORT_LOSS] = {"report loss", BASE, RESET, INVAL | PROTO | LOST | ONE_WAY},
    [SEND] = {"send", BASE, RESET, AGAIN | INVAL | PROTO | LOST | ONE_WAY},
    [SEND_BATCH] = {"send batch", BASE, RESET, AGAIN | INVAL | PROTO | LOST | ONE_WAY},
    [RESERVE] = {"reserve", BASE, RESET, AGAIN | INVAL | PROTO | LOST | ONE_WAY},
    [PUBLISH] = {"publish", BASE, 0, AGAIN | INVAL | PROTO | LOST},
    [RECEIVE] = {"receive", BASE, 0, AGAIN | NOSPC | PROTO | LOST | ONE_WAY},
    [RECEIVE_BATCH] = {"receive batch", BASE, 0, AGAIN | NOSPC | PROTO | LOST | ONE_WAY},
    [PEEK] = {"peek", BASE, 0, AGAIN | PROTO | LOST | ONE_WAY},
    [RELEASE] = {"release", BASE, 0, AGAIN | INVAL | PROTO | LOST},
    /* Ten polls of each of C channels, and the accesses around them. */
    [WAIT] = {"wait", 10 * (BASE + 64 * C), 10 * C *RESET, LOST},
    [LOOK] = {"peer", BASE, 0, 0},
    [COUNTERS] = {"counters", 32, 0, 0},
    [NEXT] = {"next", BASE + C * 64, 0, AGAIN | PROTO | LOST},
    [PEER_EVENT] = {"peer event", BASE + S * 80, 0, AGAIN | LOST},
    [FIND] = {"find", BASE + S * 80, 0, NODEV | LOST},
    [OFFER] = {"offer", 512, 0, NOSPC | LOST},
    [SERVICE] = {"service", BASE, 0, AGAIN | NODEV},
    [SERVICE_PORT] = {"port", 512, 0, AGAIN | NODEV},
    [STREAM_OPEN] = {"stream open", BASE, RESET, PROTO | LOST | ONE_WAY},
    [STREAM_WRITE] = {"stream write", 1024, 100, AGAIN | INVAL | PROTO | PEER | LOST | ONE_WAY},
    [STREAM_READ] = {"stream read", 1024, 100, AGAIN | PROTO | PEER | LOST | ONE_WAY},
    [STREAM_FINISH] = {"stream finish", 1024, 100, AGAIN | PROTO | PEER | LOST | ONE_WAY},
    [STREAM_CLOSE] = {"stream close", BASE, RESET, 0},
};

/* One innocent's end of its channel and stream with one peer. */
struct link {
	struct ivsh_chan chan;
	struct ivsh_record records[D];
	struct ivsh_stream stream;
	uint8_t buffer[STREAM_BUFFER];
	uint32_t peer;
	uint32_t put, expect; /* numbers sent, and the next one to come */
	uint32_t wrote, read; /* bytes of the stream */
	bool open;
};

struct innocent {
	uint32_t self;
	struct ivsh_region region;
	struct ivsh_peer seen[S];
	struct link link[C]; /* to the other innocent; to slot 1 */
	uint64_t nonce;
};

static struct innocent innocents[2];
static uint8_t bytes[8192], arena[BATCH][2560];
static struct ivsh_message batch[BATCH];
static bool own;      /* slot 1 keeps to its own words */
static bool tempting; /* and always writes the value that is looked for */
static struct {
	uint32_t worst; /* accesses */
	uint32_t good, bad;
} * seen; /* for each call; of all children */

/* Messages that the current call was to handle, beside the first one. */
static uint32_t more;

static void must(bool good, const char *what, long long got)
{
	if (!good)
		hostile_fail(what, got);
}

/* New incarnations of the same handle, before the current call. SPEC R5.11. */
static uint32_t moved;

/* A call for (self) has answered. */
static int done(const struct innocent *self, enum call call, int error)
{
	uint32_t made = hostile_accesses();
	uint32_t descs = self->region.attached ? self->region.geometry.descs : D;
	uint32_t most = calls[call].most + calls[call].most_desc * descs + EACH * more;

	/* An attach begins to count anew. */
	if (self->region.moved > moved)
		most += (self->region.moved - moved) * (RENEWAL + C * (RESET + 2) * descs);
	must(!own || self->region.moved == 0, "moved", self->region.moved);
	if (world_is_split() && call == ATTACH)
		most += SPLIT_ATTACH;
	if (world_is_split() && call == OPEN)
		most += SPLIT_LOOK;
	more = 0;
	hostile_step();
	if (made > seen[call].worst)
		seen[call].worst = made;
	if (error)
		seen[call].bad++;
	else
		seen[call].good++;
	if (made > most) {
		printf("%s\n", calls[call].name);
		hostile_fail("accesses beyond the bound", made);
	}
	/* Slot 1 has written over the header of its part. */
	if (world_is_split() && error == IVSH_EPART)
		must(call == OPEN || call == LOOK || call == COUNTERS || call == SERVICE ||
			 call == SERVICE_PORT || (call == ATTACH && !own),
		    calls[call].name, error);
	else if (error > 0 || error < -31 || (error < 0 && !(calls[call].errors & 1u << -error))) {
		printf("%s\n", calls[call].name);
		hostile_fail("an answer that is not in the header", error);
	}
	return error;
}

/* The current call, and how many control words it has loaded. */
static enum call call_now;
static uint32_t loads;

static void begin(enum call call)
{
	call_now = call;
	loads = 0;
	hostile_call();
}

#define CALL(call, expression) \
	(moved = self->region.moved, begin(call), done(self, call, expression))
#define CALL_VOID(call, expression) \
	(moved = self->region.moved, begin(call), (expression), (void)done(self, call, 0))

/* Whether nothing that slot 1 may write can touch this. */
static bool is_safe(const struct innocent *self, const struct link *link)
{
	return own && link == &self->link[0];
}

static struct link *other_end(const struct innocent *self)
{
	return &innocents[self == innocents].link[0];
}

static void stream_begin(struct innocent *self, struct link *link)
{
	int error = CALL(STREAM_OPEN,
	    ivsh_stream_open(&link->stream, &link->chan, PORT_STREAM, link->buffer, STREAM_BUFFER));

	link->wrote = link->read = 0;
	must(!is_safe(self, link) || error == 0, "a safe stream's open", error);
}

/* The channel to slot 1 is a one-way link at times. */
static void link_open(struct innocent *self, struct link *link)
{
	uint32_t one_way =
	    link->peer == 1 && hostile_random() % 4 == 0 ? 1 + hostile_random() % 2 : 0;
	int error = CALL(OPEN, ivsh_chan_open_one_way(&link->chan, &self->region, link->peer,
				   link->records, D, one_way));

	must(!is_safe(self, link) || error == 0, "a safe channel's open", error);
	link->open = error == 0;
	if (link->open)
		stream_begin(self, link);
}

/* Of this case: a claim from an incarnation that was cut begins new generations. SPEC R5.2. */
static uint32_t claims;

static void attach(struct innocent *self, uint32_t dice)
{
	struct ivsh_mem mem;
	struct ivsh_attach with = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = "innocent",
	    .nonce = ++self->nonce << 8 | self->self,
	    .timeout_ns = 20000000,
	    .discard = dice % 5 == 0 ? ivsh_attach_discard : NULL,
	    .claim = dice % 7 == 0 ? ivsh_attach_claim : NULL,
	    .formatter = ivsh_attach_format,
	    .format = {S, D, 4096, 8192, 0}};
	int error;

	/* Of slot 1's part it has at times mapped only what a sender needs. SPEC R18.4. */
	world.is_short[self->self] = dice % 3 == 0 ? 1u << 1 : 0;
	mem = world_mem(self->self);
	for (unsigned i = 0; i < C; i++)
		self->link[i].open = false;
	claims += with.claim != NULL;
	/* The heartbeat of its own killed incarnation must stand still for long enough first. */
	if (with.claim && own)
		world.now_ns += IVSH_HEARTBEAT_LIMIT_NS;
	error = CALL(ATTACH, ivsh_region_attach(&self->region, &mem, &with));
	must(!own || error == 0, "attach", error);
	if (error) {
		/* Slot 1 has overwritten the header: it must be restored. */
		CALL(FORMAT, world_format_again(&with.format, dice & 1024));
		return;
	}
	if (with.discard)
		self->link[0].expect = other_end(self)->put;
	for (unsigned i = 0; i < C; i++)
		link_open(self, &self->link[i]);
}

/* A message of (size) bytes is where a message can be. */
static void check_place(const struct ivsh_chan *chan, const struct ivsh_message *message)
{
	must(message->size <= ivsh_chan_max(chan), "size", message->size);
	/* SPEC R7.2: a small one may stand in an area as well. */
	if (message->data != &chan->rx.body || message->size > 8)
		must(world_holds(message->data, message->size), "outside", 0);
}

/* A number from the other innocent: each once, in order, or marked. */
static void check_number(struct innocent *self, struct link *link,
    const struct ivsh_message *message, const uint8_t *data)
{
	uint32_t n;

	if (!is_safe(self, link) || message->port != PORT_NUMBERS)
		return;
	must(message->size >= sizeof(n), "a number's size", message->size);
	memcpy(&n, data, sizeof(n));
	must(n <= link->expect, "a number is missing", (long long)n - link->expect);
	must(n == link->expect || (message->flags & IVSH_MAYBE_SEEN), "a number again", n);
	for (uint32_t i = sizeof(n); i < message->size; i++)
		must(data[i] == (uint8_t)(n + i), "a byte of a message", data[i]);
	if (n == link->expect)
		link->expect++;
}

static uint32_t number_make(uint8_t *to, uint32_t n, uint32_t dice)
{
	uint32_t size = sizeof(n) + (dice & 1 ? dice % 40 : dice % 2500);

	memcpy(to, &n, sizeof(n));
	for (uint32_t i = sizeof(n); i < size; i++)
		to[i] = (uint8_t)(n + i);
	return size;
}

static void region_calls(struct innocent *self, uint32_t dice);

/* Between the two steps of a message something else is called. False: there is no second one. */
static bool meanwhile(struct innocent *self)
{
	uint32_t dice = hostile_random();

	if (dice % 4 == 0)
		region_calls(self, dice >> 4);
	if (dice % 101 == 0)
		CALL_VOID(DETACH, ivsh_region_detach(&self->region));
	return self->region.attached;
}

static int send_batch(struct link *link, const struct innocent *self, uint32_t dice)
{
	uint32_t count = dice % (BATCH + 1), sent = UINT32_MAX, size = hostile_random();
	int error;

	for (uint32_t i = 0; i < count; i++) {
		/* Some in a row have one size: they are packed. */
		if ((size & 0x30000) == 0)
			size = hostile_random();
		else
			size -= 0x10000;
		batch[i].data = arena[i];
		batch[i].size = number_make(arena[i], link->put + i, size & 0xffff);
		batch[i].port = PORT_NUMBERS;
	}
	more = count;
	error = CALL(SEND_BATCH, ivsh_chan_send_batch(&link->chan, batch, count, &sent));
	must(sent <= count && (error == 0) == (sent == count), "sent", sent);
	link->put += sent;
	return error;
}

static void send(struct innocent *self, struct link *link, uint32_t dice)
{
	uint32_t size = number_make(bytes, link->put, dice >> 4), before = self->region.moved;
	void *payload;
	int error;

	if (dice % 4 == 2) {
		error = send_batch(link, self, dice >> 4);
	} else if (dice & 1) {
		error = CALL(SEND, ivsh_chan_send(&link->chan, PORT_NUMBERS, bytes, size));
		link->put += error == 0;
	} else {
		error = CALL(RESERVE, ivsh_chan_reserve(&link->chan, size, &payload));
		if (!error) {
			memcpy(payload, bytes, size);
			if (!meanwhile(self)) {
				error = CALL(PUBLISH, ivsh_chan_publish(&link->chan, PORT_NUMBERS));
				must(error == IVSH_ELOST, "published without a slot", error);
				return;
			}
			if (dice % 16 == 8) {
				error = CALL(
				    SEND, ivsh_chan_send(&link->chan, PORT_NUMBERS, bytes, size));
				/* A renewal makes the reservation void. */
				must(error != 0 || self->region.moved != before,
				    "sent beside a reservation", error);
			}
			if (dice % 64 == 0) {
				ivsh_chan_abandon(&link->chan);
				return;
			}
			error = CALL(PUBLISH, ivsh_chan_publish(&link->chan, PORT_NUMBERS));
			link->put += error == 0;
		}
	}
	must(!is_safe(self, link) || error == 0 || error == IVSH_EAGAIN, "send", error);
}

/* A message that is a copy of our own: of a number, or of a stream. */
static void take_copy(struct innocent *self, struct link *link, const struct ivsh_message *message)
{
	if (message->port == PORT_STREAM || message->port == PORT_STREAM + 1)
		ivsh_stream_take(&link->stream, message);
	else
		check_number(self, link, message, message->data);
}

static int receive_batch(struct innocent *self, struct link *link, uint32_t dice)
{
	uint32_t count = 1 + dice % BATCH, received = UINT32_MAX, at = 0;
	uint32_t capacity = dice & 0x100 ? sizeof(arena) - 8 : (dice >> 9) % 6000;
	uint8_t *buffer = arena[0];
	int error;

	memset(buffer + capacity, 0x5a, 8);
	more = count;
	error = CALL(RECEIVE_BATCH,
	    ivsh_chan_receive_batch(&link->chan, batch, count, buffer, capacity, &received));
	must(received <= count && (error == 0) == (received != 0), "received", received);
	for (uint32_t i = 0; i < received; i++) {
		at = (at + 7) & ~7u;
		must(batch[i].data == buffer + at, "a place in the buffer", at);
		must(batch[i].size <= capacity - at, "beyond the buffer", batch[i].size);
		at += batch[i].size;
		take_copy(self, link, &batch[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		must(buffer[capacity + i] == 0x5a, "behind the buffer", i);
	/* The first one is too large: it stays. */
	return error == IVSH_ENOSPC ? 0 : error;
}

static void receive(struct innocent *self, struct link *link, uint32_t dice)
{
	struct ivsh_message message;
	struct ivsh_chan *chan = &link->chan;
	bool all = (dice & 2) != 0;
	int error;

	if (dice % 8 == 2) {
		error = receive_batch(self, link, dice >> 4);
		if (error == 0)
			return;
	} else if (all) {
		error = CALL(PEEK, ivsh_chan_peek(&link->chan, &message));
	} else {
		error = CALL(NEXT, ivsh_region_next(&self->region, &chan, &message));
	}
	if (error == 0 || error == IVSH_EPROTO) {
		must(chan == &self->link[0].chan || chan == &self->link[1].chan, "a channel", 0);
		link = chan == &self->link[0].chan ? &self->link[0] : &self->link[1];
	}

	if (error == IVSH_EAGAIN && all && is_safe(self, link))
		must(link->expect == other_end(self)->put, "lost", link->expect);
	if (error)
		goto end;
	check_place(&link->chan, &message);
	if (message.port == PORT_STREAM || message.port == PORT_STREAM + 1) {
		ivsh_stream_take(&link->stream, &message);
		error = CALL(RELEASE, ivsh_chan_release(&link->chan));
	} else if (dice & 1) {
		bool there = meanwhile(self);

		/* Too small for it: it stays. */
		if (there && dice % 16 == 3 && message.size > 8) {
			struct ivsh_message again;

			error = CALL(RECEIVE, ivsh_chan_receive(&link->chan, &again, bytes, 8));
			must(error != 0, "received into too little", error);
		}
		/* Only slot 1 writes over a held message. */
		check_number(self, link, &message, message.data);
		error = CALL(RELEASE, ivsh_chan_release(&link->chan));
		must(there || error == IVSH_ELOST, "released without a slot", error);
		if (!there)
			return;
	} else {
		error =
		    CALL(RECEIVE, ivsh_chan_receive(&link->chan, &message, bytes, sizeof(bytes)));
		if (error == 0)
			check_number(self, link, &message, bytes);
	}
end:
	must(!is_safe(self, link) || error == 0 || error == IVSH_EAGAIN, "receive", error);
}

static void stream(struct innocent *self, struct link *link, uint32_t dice)
{
	uint32_t size = 1 + (dice >> 4) % 2000, count = 0;
	int error;

	switch (dice % 8) {
	case 0:
	case 1:
	case 2:
		for (uint32_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)((link->wrote + i) * 7 + self->self);
		error = CALL(STREAM_WRITE, ivsh_stream_write(&link->stream, bytes, size, &count));
		must(count <= size, "written", count);
		link->wrote += count;
		break;
	case 3:
	case 4:
	case 5:
		error = CALL(STREAM_READ, ivsh_stream_read(&link->stream, bytes, size, &count));
		must(count <= size, "read", count);
		for (uint32_t i = 0; i < count && is_safe(self, link); i++)
			must(bytes[i] == (uint8_t)((link->read + i) * 7 + link->peer),
			    "a byte of a stream", bytes[i]);
		link->read += count;
		if (error == 0 && count == 0)
			error = IVSH_EPEER; /* over: begin another */
		break;
	case 6:
		error = dice % 10 ? 0 : CALL(STREAM_FINISH, ivsh_stream_finish(&link->stream));
		break;
	default:
		if (dice % 21 != 0)
			return;
		CALL_VOID(STREAM_CLOSE, ivsh_stream_close(&link->stream));
		error = IVSH_EPEER;
	}
	must(
	    !is_safe(self, link) || (error != IVSH_EPROTO && error != IVSH_ELOST), "stream", error);
	if (error == IVSH_EPEER || error == IVSH_EINVAL)
		stream_begin(self, link);
}

static void region_calls(struct innocent *self, uint32_t dice)
{
	struct ivsh_wait wait = {.mode = dice % 3, .spin_ns = 300};
	struct ivsh_peer look = {0};
	struct ivsh_counters counters;
	struct ivsh_service service;
	struct ivsh_peer_event event;
	uint32_t events, slot;
	uint16_t port;
	int error;

	switch (dice % 9) {
	case 0:
		world.notified += dice >> 10 & 1;
		error = CALL(WAIT, ivsh_region_wait(&self->region, &wait, 800, &events));
		must(!own || error == 0, "wait", error);
		break;
	case 1:
		CALL(LOOK, ivsh_region_peer(&self->region, (dice >> 4) % S, &look));
		must(memchr(look.name, 0, sizeof(look.name)) != NULL, "a name without an end", 0);
		for (unsigned i = 0; look.name[i]; i++)
			must(look.name[i] >= 0x20 && look.name[i] < 0x7f, "name", look.name[i]);
		break;
	case 2:
		CALL(COUNTERS, ivsh_region_counters(&self->region, (dice >> 4) % S, &counters));
		break;
	case 3:
		error =
		    CALL(PEER_EVENT, ivsh_region_peer_event(&self->region, self->seen, S, &event));
		must(error ||
			 (event.slot < S && event.kind >= IVSH_PEER_EVENT_UP &&
			     event.kind <= IVSH_PEER_EVENT_LOST) ||
			 (event.kind == IVSH_PEER_EVENT_MOVED && event.slot == self->self),
		    "peer event", event.slot);
		must(error || !own || claims != 0 || event.slot != self->link[0].peer ||
			 event.kind != IVSH_PEER_EVENT_LOST,
		    "lost between the innocents", event.slot);
		break;
	case 4:
		error =
		    CALL(FIND, ivsh_region_find(&self->region, self->seen, S, "innocent", &slot));
		must(error || slot < S, "found", slot);
		break;
	case 5:
		CALL(OFFER, ivsh_region_offer(
				&self->region, dice & 16 ? "numbers" : "stream", dice >> 5 & 63));
		break;
	case 6:
		error = CALL(SERVICE, ivsh_region_service(&self->region, (dice >> 4) % S,
					  (dice >> 8) % IVSH_WIRE_SERVICES, &service));
		must(error || memchr(service.name, 0, sizeof(service.name)) != NULL,
		    "a service without an end", 0);
		break;
	case 7:
		CALL(SERVICE_PORT,
		    ivsh_region_port(&self->region, (dice >> 4) % S, "numbers", &port));
		break;
	default:
		world.now_ns += (dice >> 4) % 100000000;
	}
}

static void step(uint32_t dice)
{
	struct innocent *self = &innocents[dice & 1];
	struct link *link = &self->link[dice >> 1 & 1];

	dice = hostile_random();
	if (!self->region.attached) {
		CALL_VOID(DETACH, ivsh_region_detach(&self->region));
		attach(self, dice);
		return;
	}
	must(!is_safe(self, link) || (!link->chan.dead && (link->chan.lost == 0 || claims != 0)),
	    "a safe channel", link->chan.lost);
	if (link->chan.open && link->chan.dead && dice % 3 != 0) {
		CALL(RESET_CHAN, ivsh_chan_reset(&link->chan));
		return;
	}
	if (!link->open || link->chan.dead) {
		link_open(self, link);
		return;
	}
	if (dice % 211 == 0) { /* it dies */
		memset(&self->region, 0xee, sizeof(self->region));
		attach(self, dice >> 8);
	} else if (dice % 223 == 0) {
		CALL_VOID(CLOSE, ivsh_chan_close(&link->chan));
		link_open(self, link);
	} else if (dice % 229 == 0 && !is_safe(self, link)) {
		CALL(REPORT_LOSS, ivsh_chan_report_loss(&link->chan));
	} else if (dice % 227 == 0) {
		CALL_VOID(DETACH, ivsh_region_detach(&self->region));
	} else if (dice % 16 < 5) {
		send(self, link, dice >> 4);
	} else if (dice % 16 < 11) {
		receive(self, link, dice >> 4);
	} else if (dice % 16 < 14) {
		stream(self, link, dice >> 4);
	} else {
		region_calls(self, dice >> 4);
	}
}

/* A plausible control word, for the receiver or the sender of that ring. */
static uint64_t guess(uint64_t offset, uint32_t dice)
{
	const struct link *link = &innocents[dice & 1].link[dice >> 1 & 1];
	uint32_t index = dice & 4 ? link->chan.rx.read : link->chan.tx.head;
	uint64_t wrap = (index + (dice >> 3) % 3) / D + 1, kind = dice >> 5 & 3;
	static const uint16_t ports[] = {PORT_NUMBERS, PORT_STREAM, PORT_STREAM + 1, 7};

	if (offset % 16 != 0)
		return (dice >> 7) % 128 * 64;
	return wrap << 48 | (uint64_t)ports[dice >> 7 & 3] << 32 | (uint64_t)(dice >> 9 & 1) << 30 |
	       kind << 28 | (dice & 0x400 ? 24 : (dice >> 11) % 5000);
}

static struct hostile_range ranges[64];
static struct hostile_peer hostile = {.ranges = ranges, .guess = guess};

static void allow(const void *from, uint64_t size)
{
	ranges[hostile.range_count].offset = (uint64_t)((const uint8_t *)from - world.memory);
	ranges[hostile.range_count++].size = size;
}

/* SPEC R1.1: the words that slot 1 may write. */
static void allow_own(void)
{
	hostile.range_count = 0;
	/* In a split region all of its part, also what it has no business to write there. SPEC
	 * R17.6. */
	if (world_is_split()) {
		allow((uint8_t *)world_slot(1) - IVSH_WIRE_PART_SLOT_OFFSET(1), 64);
		allow((uint8_t *)world_slot(1) - IVSH_WIRE_PART_SLOT_OFFSET(1),
		    world_offset(world_slot(2)) - world_offset(world_slot(1)));
	}
	allow(world_slot(1), offsetof(struct ivsh_wire_slot, pending));
	for (uint32_t slot = 0; slot < S; slot++) {
		if (slot == 1)
			continue;
		allow(world_pending(1, slot), 1);
		/* The innocents' rings more often than unused ones. */
		for (unsigned i = slot == 0 || slot == 2 ? 4 : 1; i > 0; i--) {
			allow(world_ring(1, slot).sender, sizeof(struct ivsh_wire_sender));
			allow(world_ring(1, slot).desc, WORLD_RING - sizeof(struct ivsh_wire_ring));
			allow(world_ring(slot, 1).receiver, sizeof(struct ivsh_wire_receiver));
		}
	}
}

static void allow_any(void)
{
	hostile.range_count = 0;
	allow(world.memory, WORLD_SIZE);
	allow(world.memory, 8192);
	for (uint32_t slot = 0; slot < 3; slot++) {
		allow(world_slot(slot), 0x300);
		for (uint32_t to = 0; to < 3; to++)
			if (to != slot)
				allow(world_ring(slot, to).sender, 8192);
	}
}

/* Which of its tricks slot 1 plays at the moment. */
static uint32_t moods;

static bool mood(uint32_t bit)
{
	return (moods & 1u << bit) != 0;
}

/*
 * The control word and the rest of the descriptor that (self) loads next in slot 1's ring. An open
 * counts from the published read index on; other calls load the message after the last one.
 */
static void tempt_head(struct innocent *self, uint64_t at)
{
	const struct ring ring = world_ring(1, self->self);
	struct link *link = &self->link[1];
	struct ivsh_wire_desc *desc = world_desc(1, self->self, (uint32_t)at);
	/* The small area's first bytes. */
	struct ivsh_wire_stream *said = (void *)(ring.desc + D);
	bool counts = call_now == OPEN || call_now == ATTACH;
	uint32_t index = counts ? ring.receiver->read + loads++ : link->chan.rx.read;
	uint64_t wrap = (uint16_t)(index / D + 1);

	if (index % D != at)
		return;
	if (counts || mood(0)) {
		/* Nothing, on the stream: there is always room for that. */
		desc->control = wrap << 48 | (uint64_t)PORT_STREAM << 32;
	} else {
		/* More credit, again and again. */
		*said = (struct ivsh_wire_stream){IVSH_WIRE_STREAM_CREDIT, 7, link->stream.self,
		    link->stream.tx.sent + (1u << 30), world_slot(1)->incarnation, 0};
		desc->body = 0;
		desc->control = wrap << 48 | (uint64_t)(PORT_STREAM + 1) << 32 |
				IVSH_WIRE_CONTROL_START | IVSH_WIRE_KIND_SMALL << 28 |
				sizeof(*said);
	}
}

/* Before (self)'s load of (offset), if it is a word of slot 1's. */
static void tempt_one(struct innocent *self, uint64_t offset)
{
	const struct ring in = world_ring(1, self->self), out = world_ring(self->self, 1);
	const uint8_t *word = world.memory + offset;
	const uint8_t *hints =
	    world_is_split() ? world_pending(1, self->self) : world_slot(self->self)->pending;
	const uint8_t *descs = (uint8_t *)in.desc;

	if (word == hints)
		++*world_pending(1, self->self);
	else if (word == (uint8_t *)&in.sender->generation && mood(1))
		in.sender->generation++; /* another generation */
	else if (word == (uint8_t *)&in.sender->notify_request ||
		 word == (uint8_t *)&out.receiver->notify_request)
		*(uint32_t *)(void *)(world.memory + offset) += 1u << 12 | 1;
	else if (word == (uint8_t *)&out.receiver->read && mood(2))
		out.receiver->read = self->link[1].chan.tx.head; /* all is room */
	else if (word == (uint8_t *)&out.receiver->reset_request && mood(3))
		out.receiver->reset_request++; /* a reset request */
	else if (word == (uint8_t *)&out.receiver->generation_ack && mood(4))
		out.receiver->generation_ack = out.sender->generation;
	else if (word >= descs && word < descs + D * sizeof(struct ivsh_wire_desc) &&
		 offset % sizeof(struct ivsh_wire_desc) == 0 && mood(5))
		tempt_head(self, (uint64_t)(word - descs) / sizeof(struct ivsh_wire_desc));
}

static void tempt(uint64_t offset, uint32_t size)
{
	(void)size;
	/* Names that are always just being written. */
	if (offset == (uint64_t)((uint8_t *)&world_slot(1)->sequence - world.memory))
		world_slot(1)->sequence += 2;
	for (unsigned i = 0; i < 2; i++)
		tempt_one(&innocents[i], offset);
}

static void storm(void)
{
	world_format();
	claims = 0;
	hostile.memory = world.memory;
	hostile.offset = world_offset;
	hostile.rate = 1u << hostile_random() % 8;
	if (own)
		allow_own();
	else
		allow_any();
	for (uint32_t i = 0; i < 2; i++) {
		memset(&innocents[i], 0, sizeof(innocents[i]));
		innocents[i].self = 2 * i;
		innocents[i].link[0].peer = 2 - 2 * i;
		innocents[i].link[1].peer = 1;
	}
	hostile.tempt = tempting ? tempt : NULL;
	if (tempting)
		hostile.rate = 0;
	hostile_set(&hostile);
	for (unsigned i = 0; i < CASE_STEPS; i++) {
		uint32_t dice = hostile_random();

		if (dice % 32 == 0)
			moods = dice >> 8;
		step(dice >> 5);
	}
	hostile_set(NULL);
}

static uint64_t steps(void)
{
	return getenv("IVSH_SOAK") ? 10000000 : 1000000;
}

static void own_words(void)
{
	own = true;
	tempting = false;
	CHECK(hostile_run("own", storm, 1, steps()));
}

static void any_words(void)
{
	own = tempting = false;
	CHECK(hostile_run("any", storm, 1, steps()));
}

static void wanted_words(void)
{
	own = tempting = true;
	CHECK(hostile_run("tempting", storm, 1, 200000));
}

static const struct test tests[] = {
    {"it writes its own words", own_words},
    {"it writes anywhere", any_words},
    {"it writes what is looked for", wanted_words},
};

int main(int argc, char **argv)
{
	int status;

	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		return 1;
	if (argc > 3 && strcmp(argv[1], "--replay") == 0) {
		tempting = strcmp(argv[2], "tempting") == 0;
		own = tempting || strcmp(argv[2], "own") == 0;
		hostile_replay(storm, argv + 3);
		return 0;
	}
	status = test_main("storm", tests, sizeof(tests) / sizeof(tests[0]));
	for (int call = 0; call < CALLS && argc > 1; call++)
		printf("%-14s %5u of %5u accesses; %8u good, %8u bad\n", calls[call].name,
		    seen[call].worst,
		    calls[call].most + calls[call].most_desc * D +
			(call == SEND_BATCH || call == RECEIVE_BATCH ? EACH * BATCH : 0),
		    seen[call].good, seen[call].bad);
	return status;
}
