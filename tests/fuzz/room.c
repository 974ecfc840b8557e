/* SPDX-License-Identifier: MIT */
/*
 * room.c - a small region for fuzzers of the core.
 */
#include "tests/fuzz/room.h"

#include "core/atomic.h"
#include "tests/fuzz/feed.h"

#include <string.h>

/* No call makes more accesses than this here: SPEC 9. */
#define ACCESSES_MOST 100000u

#define PORT_STREAM 40

_Alignas(4096) uint8_t room_memory[ROOM_SIZE];

static uint64_t now;
static uint32_t notified, accesses;
static bool pokes;
static uint8_t bytes[2048];

static bool is_split, parts_known, parts_short;
static uint32_t self_now; /* whose transport was asked for last */

#define BATCH 12u
static struct ivsh_message batch[BATCH];

/*
 * --- The hostile peer
 * ---------------------------------------------------------------------------
 */

/* One byte of input for each access: 0xf? writes, to this word or another, one of eight values. */
static void poke(const void *word, uint32_t size)
{
	uint8_t how = feed_byte();
	uint64_t value = 0, offset = (uint64_t)((const uint8_t *)word - room_memory);

	if ((how & 0xf0) != 0xf0)
		return;
	if ((how & 1) == 0) {
		size = 4;
		offset = feed_number(2) * 4 % ROOM_SIZE;
	}
	memcpy(&value, room_memory + offset, size);
	switch (how >> 1 & 7) {
	case 0:
		value = 0;
		break;
	case 1:
		value = UINT64_MAX;
		break;
	case 2:
		value++;
		break;
	case 3:
		value--;
		break;
	case 4:
		value += UINT64_C(1) << (size == 8 ? 48 : 16);
		break;
	case 5:
		value = feed_byte();
		break;
	case 6:
		value ^= UINT64_C(1) << feed_byte() % 64;
		break;
	default:
		value = feed_number(size);
	}
	memcpy(room_memory + offset, &value, size);
}

/* Of areas of 1 KiB, without logs; of each part the rings are not before SPLIT_SHORT. */
#define SPLIT_SLOTS 3u
#define SPLIT_PART 36864u
#define SPLIT_SHORT 16384u

/* Whether the peer has not mapped what is at (offset): rings of another. SPEC R18.4. */
static bool is_behind(uint64_t offset)
{
	uint64_t in_parts = offset - IVSH_WIRE_COMMON_SIZE;

	return is_split && parts_short && offset >= IVSH_WIRE_COMMON_SIZE &&
	       in_parts / SPLIT_PART < SPLIT_SLOTS && in_parts / SPLIT_PART != self_now &&
	       in_parts % SPLIT_PART >= SPLIT_SHORT;
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	const uint8_t *at = word;

	(void)kind;
	/* Steering words are words of the memory. SPEC R9.1. */
	FUZZ_MUST(at >= room_memory && size <= ROOM_SIZE &&
		  (uint64_t)(at - room_memory) <= ROOM_SIZE - size);
	FUZZ_MUST(!is_behind((uint64_t)(at - room_memory)));
	FUZZ_MUST(++accesses < ACCESSES_MOST);
	if (pokes)
		poke(word, size);
}

void room_poke(bool yes)
{
	pokes = yes;
}

/*
 * --- The transport -----------------------------------------------------------------------------
 */

static uint32_t count(void *ctx)
{
	(void)ctx;
	return notified;
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return now;
}

static void ring(void *ctx, uint32_t peer, uint32_t vector)
{
	(void)ctx;
	(void)peer;
	(void)vector;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	if (seen == notified && deadline_ns > now)
		now = deadline_ns;
}

static void relax(void *ctx)
{
	(void)ctx;
	now += 100;
}

uint32_t room_part_offset(uint32_t slot)
{
	return slot < SPLIT_SLOTS ? IVSH_WIRE_COMMON_SIZE + slot * SPLIT_PART : 0;
}

struct ivsh_mem room_mem(uint32_t self)
{
	struct ivsh_mem mem = {.base = room_memory,
	    .size = ROOM_SIZE,
	    .self = self,
	    .doorbell = {.vectors = 4,
		.notify = ring,
		.count = count,
		.now_ns = now_ns,
		.sleep = sleep_until,
		.relax = relax}};
	static struct ivsh_mem_part parts[SPLIT_SLOTS];

	self_now = self;
	if (!is_split)
		return mem;
	for (uint32_t i = 0; i < SPLIT_SLOTS; i++)
		parts[i] = (struct ivsh_mem_part){room_memory + room_part_offset(i),
		    parts_short && i != self ? SPLIT_SHORT : SPLIT_PART,
		    parts_known ? i : IVSH_SELF_NONE, i == self, IVSH_SELF_NONE};
	mem.size = IVSH_WIRE_COMMON_SIZE;
	mem.parts = parts;
	mem.part_count = SPLIT_SLOTS;
	mem.split = ivsh_attach_split;
	return mem;
}

void room_clear(void)
{
	memset(room_memory, 0, sizeof(room_memory));
	pokes = is_split = false;
	now = 1000000000;
	notified = accesses = 0;
}

void room_format(uint32_t slots)
{
	struct ivsh_geometry geometry = {slots, ROOM_DESCS, 1024, 1024, 0};

	room_clear();
	FUZZ_MUST(ivsh_region_format(room_memory, ROOM_SIZE, &geometry, 1, false) == 0);
}

void room_split_format(bool is_known, bool is_short)
{
	const struct ivsh_geometry geometry = {SPLIT_SLOTS, ROOM_DESCS, 1024, 1024, 0};

	room_clear();
	FUZZ_MUST(ivsh_split_format(room_memory, IVSH_WIRE_COMMON_SIZE, &geometry, 1, false) == 0);
	for (uint32_t i = 0; i < SPLIT_SLOTS; i++)
		FUZZ_MUST(ivsh_part_format(room_memory + room_part_offset(i), SPLIT_PART, &geometry,
			      1, i, false) == 0);
	accesses = 0;
	is_split = true;
	parts_known = is_known;
	parts_short = is_short;
}

/*
 * --- Calls -------------------------------------------------------------------------------------
 */

/* Only errors of the list, and not too many accesses. */
int room_answer(int error)
{
	FUZZ_MUST(error <= 0 && (error >= IVSH_ELOST || (is_split && error == IVSH_EPART) ||
				    error == IVSH_EONEWAY));
	accesses = 0;
	return error;
}

void room_pass(uint64_t ns)
{
	now += ns;
}

static void link_open(struct room_peer *peer, uint32_t one_way)
{
	/* A hostile header may have asked for more records than there are: then it is refused. */
	peer->open = room_answer(ivsh_chan_open_one_way(&peer->chan, &peer->region, peer->other,
			 peer->records, ROOM_DESCS, one_way)) == 0;
	if (peer->open)
		room_answer(ivsh_stream_open(
		    &peer->stream, &peer->chan, PORT_STREAM, peer->buffer, sizeof(peer->buffer)));
}

int room_attach(struct room_peer *peer, uint32_t self, uint32_t other, uint8_t options)
{
	struct ivsh_mem mem = room_mem(self);
	struct ivsh_attach attach = {.restart = options & 16 ? NULL : ivsh_attach_restart,
	    .reset = options & 32 ? ivsh_attach_reset : NULL,
	    .counters = options & 64 ? NULL : ivsh_attach_counters,
	    .name = options & 1 ? "fuzz" : NULL,
	    .nonce = now,
	    .timeout_ns = 10000000,
	    .discard = options & 2 ? ivsh_attach_discard : NULL,
	    .claim = options & 4 ? ivsh_attach_claim : NULL,
	    .formatter = options & 8 ? ivsh_attach_format : NULL,
	    .format = {2, ROOM_DESCS, 1024, 1024, 0}};
	int error;

	peer->open = false;
	peer->other = other;
	error = room_answer(ivsh_region_attach(&peer->region, &mem, &attach));
	if (error)
		return error;
	link_open(peer, options & 128 ? 1 + (options & 1) : 0);
	return 0;
}

static void check_message(const struct ivsh_chan *chan, const struct ivsh_message *message)
{
	const uint8_t *data = message->data;

	FUZZ_MUST(message->size <= ivsh_chan_max(chan));
	if (message->data == &chan->rx.body)
		FUZZ_MUST(message->size <= 8);
	else
		FUZZ_MUST(data >= room_memory && message->size <= ROOM_SIZE &&
			  (uint64_t)(data - room_memory) <= ROOM_SIZE - message->size);
}

static void send_batch(struct room_peer *peer)
{
	uint32_t count = feed_byte() % (BATCH + 1), sent = UINT32_MAX;
	int error;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t dice = feed_byte();

		batch[i].data = bytes;
		batch[i].size = dice < 0x80 ? dice & 15 : (dice & 0x7f) * 9;
		batch[i].port = (uint16_t)dice;
		/* Some in a row are packed. */
		if (i != 0 && dice % 8 != 0) {
			batch[i].size = batch[i - 1].size;
			batch[i].port = batch[i - 1].port;
		}
	}
	error = room_answer(ivsh_chan_send_batch(&peer->chan, batch, count, &sent));
	FUZZ_MUST(sent <= count && (error == 0) == (sent == count));
}

static void receive_batch(struct room_peer *peer)
{
	uint32_t count = 1 + feed_byte() % BATCH, received = UINT32_MAX, at = 0;
	uint32_t capacity = (uint32_t)feed_number(2) % (sizeof(bytes) - 8);
	int error;

	memset(bytes + capacity, 0x5a, 8);
	error = room_answer(
	    ivsh_chan_receive_batch(&peer->chan, batch, count, bytes, capacity, &received));
	FUZZ_MUST(received <= count && (error == 0) == (received != 0));
	for (uint32_t i = 0; i < received; i++) {
		at = (at + 7) & ~7u;
		FUZZ_MUST(batch[i].data == bytes + at && batch[i].size <= capacity - at);
		at += batch[i].size;
	}
	for (unsigned i = 0; i < 8; i++)
		FUZZ_MUST(bytes[capacity + i] == 0x5a);
}

static void receive(struct room_peer *peer)
{
	struct ivsh_message message;
	uint32_t how = feed_byte();
	struct ivsh_chan *chan;

	/* Beside the others, which stay what they were for the inputs that are kept. */
	switch (how >= 0xd0 ? 5 : how % 5) {
	case 5:
		receive_batch(peer);
		break;
	case 4:
		if (room_answer(ivsh_region_next(&peer->region, &chan, &message)) == 0) {
			FUZZ_MUST(chan == &peer->chan);
			check_message(chan, &message);
		}
		break;
	case 0:
		if (room_answer(ivsh_chan_peek(&peer->chan, &message)) == 0)
			check_message(&peer->chan, &message);
		break;
	case 1:
		room_answer(ivsh_chan_release(&peer->chan));
		break;
	default:
		room_answer(ivsh_chan_receive(&peer->chan, &message, bytes, sizeof(bytes)));
	}
}

static void send(struct room_peer *peer)
{
	uint32_t how = feed_byte(), size = (uint32_t)feed_number(2) % 1100;
	void *payload;

	switch (how >= 0xf8 ? 5 : how >= 0xd0 ? 4 : how % 4) {
	case 5:
		ivsh_chan_abandon(&peer->chan);
		break;
	case 4:
		send_batch(peer);
		break;
	case 0:
		if (room_answer(ivsh_chan_reserve(&peer->chan, size, &payload)) == 0)
			memset(payload, (int)how, size);
		break;
	case 1:
		room_answer(ivsh_chan_publish(&peer->chan, (uint16_t)how));
		break;
	default:
		room_answer(ivsh_chan_send(&peer->chan, (uint16_t)how, bytes, size));
	}
}

static void stream(struct room_peer *peer)
{
	uint32_t size = (uint32_t)feed_number(2) % 1500, got = 0;

	switch (feed_byte() % 8) {
	case 0:
	case 1:
	case 2:
		room_answer(ivsh_stream_write(&peer->stream, bytes, size, &got));
		FUZZ_MUST(got <= size);
		break;
	case 3:
	case 4:
	case 5:
		room_answer(ivsh_stream_read(&peer->stream, bytes, size, &got));
		FUZZ_MUST(got <= size);
		break;
	case 6:
		room_answer(ivsh_stream_finish(&peer->stream));
		break;
	default:
		ivsh_stream_close(&peer->stream);
		room_answer(ivsh_stream_open(
		    &peer->stream, &peer->chan, PORT_STREAM, peer->buffer, sizeof(peer->buffer)));
	}
}

static void look(struct room_peer *peer)
{
	struct ivsh_wait wait = {.mode = feed_byte() % 3, .spin_ns = 300};
	static struct ivsh_peer seen[4];
	struct ivsh_counters counters;
	struct ivsh_service service;
	struct ivsh_peer other = {0};
	struct ivsh_peer_event event;
	uint32_t events, slot;
	uint16_t port;

	switch (feed_byte() % 8) {
	case 0:
		notified++;
		room_answer(ivsh_region_wait(&peer->region, &wait, 1000, &events));
		break;
	case 1:
		room_answer(ivsh_region_counters(&peer->region, feed_byte() % 5, &counters));
		break;
	case 2:
		if (room_answer(ivsh_region_peer_event(&peer->region, seen, 4, &event)) == 0)
			FUZZ_MUST(event.slot < 4 && event.kind >= IVSH_PEER_EVENT_UP &&
				  event.kind <= IVSH_PEER_EVENT_MOVED);
		now += feed_number(4);
		break;
	case 3:
		if (room_answer(ivsh_region_find(&peer->region, seen, 4, "fuzz", &slot)) == 0)
			FUZZ_MUST(slot < 4);
		break;
	case 4:
		slot = feed_byte();
		if (room_answer(ivsh_region_service(
			&peer->region, slot & 7, slot >> 3 & 31, &service)) == 0)
			FUZZ_MUST(memchr(service.name, 0, sizeof(service.name)) != NULL);
		break;
	case 5:
		room_answer(ivsh_region_port(&peer->region, feed_byte() & 7, "echo", &port));
		break;
	case 6:
		room_answer(ivsh_region_offer(&peer->region, feed_byte() & 1 ? "echo" : "fuzz", 7));
		break;
	default:
		room_answer(ivsh_region_peer(&peer->region, feed_byte() % 5, &other));
		FUZZ_MUST(memchr(other.name, 0, sizeof(other.name)) != NULL);
		for (unsigned i = 0; other.name[i]; i++)
			FUZZ_MUST(other.name[i] >= 0x20 && other.name[i] < 0x7f);
		now += feed_number(4);
	}
}

void room_step(struct room_peer *peer, uint32_t set)
{
	uint8_t dice = feed_byte();
	uint32_t which = 1u << dice % 5;

	if ((which & set) == 0)
		which = set & -set;
	/* Beside a step: what earlier inputs found stays what it was. */
	if (dice >= 250 && peer->region.attached && peer->chan.open && (set & ROOM_SEND))
		room_answer(ivsh_chan_report_loss(&peer->chan));
	if (which == ROOM_LIVES || !peer->region.attached) {
		uint8_t how = feed_byte();

		if (how & 0x80 && peer->region.attached && peer->chan.open)
			room_answer(ivsh_chan_reset(&peer->chan));
		else if (room_attach(peer, peer->region.mem.self, peer->other, how) && is_split)
			room_split_format(parts_known, parts_short);
		else if (!peer->region.attached)
			room_format(2);
		return;
	}
	if (which == ROOM_LOOK)
		look(peer);
	else if (!peer->open)
		link_open(peer, 0);
	else if (which == ROOM_RECEIVE)
		receive(peer);
	else if (which == ROOM_SEND)
		send(peer);
	else if (which == ROOM_STREAM)
		stream(peer);
}
