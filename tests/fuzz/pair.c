/* SPDX-License-Identifier: MIT */
/*
 * pair.c - a bridge's pair, between a local peer's rings and a bus where the input publishes.
 *
 * Theory of operation: the region, its rings, and the bridge's code on both ways are the real ones;
 * the bus, the clock and what outlasts the bridge are here. The input says who moves: the local
 * peer, which sends numbered messages and receives; the bridge, which may be killed at each record
 * that it keeps, and at each publish, and hears another one with its name; the other bridge, whose
 * frames carry their numbers; and whoever else publishes there: frames and states with numbers near
 * the ends, epochs of their own, and bytes that are damaged.
 *
 * Far way: what the receiver gets of one epoch grows, and where a number is missing, or another
 * epoch begins, it was told of a loss before. SPEC R19.2. Near way: numbers grow by 1, each belongs
 * to one message for ever, and the messages are those of the ring, in order. SPEC R19.1. What waits
 * has a bound. SPEC R19.4.2.
 */
#include "bridge/far.h"
#include "bridge/near.h"
#include "tests/fuzz/feed.h"

#include <ivsh/geometry.h>

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define LOCAL 0u
#define REMOTE 1u
#define DESCS 16u
#define LARGE (1u << 17) /* more than a frame that is kept */
#define MEMORY (1u << 20)
#define BUFFER 3000u
#define SIZE_MOST 1500u /* of what comes in one frame */
#define MARK UINT64_C(0x64656b72616d2121)
#define EPOCHS 3u
#define RECENT 4096u

/* What a message carries: of the bus, where it was; of the ring, which one it is. */
struct tag {
	uint64_t mark, epoch, number;
};

static _Alignas(4096) uint8_t memory[MEMORY];
static uint64_t now;

/* --- The two peers ---------------------------------------------------------------------------- */

struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[DESCS];
};

static struct end local, remote;
static uint32_t incarnation; /* of the local peer, as others see it */
static uint32_t sent;        /* numbers of the local peer's messages so far */
static struct tag got;       /* the last one that it received; number 0: none */
static uint32_t got_lost;    /* its losses when that came */
static bool got_other;       /* since then something came that carries no number */

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return now;
}

static uint32_t count_none(void *ctx)
{
	(void)ctx;
	return 0;
}

static void sleep_none(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	(void)seen;
	(void)deadline_ns;
}

static void end_open(struct end *end, uint32_t self)
{
	struct ivsh_mem mem = {.base = memory,
	    .size = MEMORY,
	    .self = self,
	    .doorbell = {.now_ns = now_ns, .count = count_none, .sleep = sleep_none}};
	struct ivsh_attach attach = {.restart = ivsh_attach_restart, .nonce = ++now};

	FUZZ_MUST(ivsh_region_attach(&end->region, &mem, &attach) == 0);
	FUZZ_MUST(ivsh_chan_open(&end->chan, &end->region, 1 - self, end->records, DESCS) == 0);
}

/* --- The bridge's surroundings ---------------------------------------------------------------- */

static struct config config;
static struct remote remote_peer;
static struct pair pair;
static struct bridge bridge;
static struct ivsh_host *const host = (struct ivsh_host *)&remote;
static uint8_t kept[STATE_FRAME];
static struct state_near near_record;
static struct state_far far_record;
static uint8_t scratch[FRAME_SIZE + FRAME_LENGTH + LARGE];
static uint32_t items; /* that the bridge has */

/* A kill at one of the next records, or publications: before or behind it. */
static uint32_t kill_in;
static bool kill_before;
static jmp_buf killed;

/* What the bus is like. */
static bool is_up;
static size_t most;

/* What was published: of the epoch now, the message of each number, 0: a loss. */
static struct {
	uint64_t epoch, number;
	uint32_t message[RECENT];
	uint32_t last;    /* of all that was published */
	uint32_t skipped; /* losses that stand for a message each */
	bool may_repeat;  /* in another epoch: the bridge was killed before it noted what it did */
	uint64_t flight;  /* that JetStream has, and has not acknowledged; 0: none */
} out;

static void record(void *to, const void *from, size_t size)
{
	bool dies = kill_in != 0 && --kill_in == 0;

	if (!dies || !kill_before)
		memcpy(to, from, size);
	if (dies)
		longjmp(killed, 1);
}

void state_near_keep(struct state *state)
{
	record(&near_record, &state->near, sizeof(near_record));
}

void state_far_keep(struct state *state)
{
	record(&far_record, &state->far, sizeof(far_record));
}

bool state_has_room(struct state *state)
{
	(void)state;
	return true;
}

struct ivsh_node *ivsh_host_node(struct ivsh_host *of)
{
	return (struct ivsh_node *)of;
}

struct ivsh_chan *ivsh_node_channel(struct ivsh_node *node, uint32_t slot)
{
	FUZZ_MUST(node == (struct ivsh_node *)host && slot == LOCAL);
	return &remote.chan;
}

void look_refresh(struct look *look, uint32_t slot)
{
	(void)look;
	FUZZ_MUST(slot == LOCAL);
}

uint32_t look_incarnation(const struct look *look, uint32_t slot)
{
	(void)look;
	(void)slot;
	return incarnation;
}

bool bus_is_up(struct bus *bus)
{
	(void)bus;
	return is_up;
}

size_t bus_most(struct bus *bus)
{
	(void)bus;
	return most;
}

const char *bus_inbox(const struct bus *bus)
{
	(void)bus;
	return "_INBOX.x";
}

void bus_free(struct bus_item *item)
{
	items--;
	free((void *)(uintptr_t)item->data);
	free(item);
}

ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags)
{
	static uint64_t drawn = 1000;

	(void)flags;
	drawn++;
	memcpy(buffer, &drawn, size);
	return (ssize_t)size;
}

/* --- What is published ------------------------------------------------------------------------ */

/* Message (number) is the local peer's (message), or 0: a loss. SPEC R19.1.1, R19.1.3. */
static void out_one(uint64_t number, uint32_t message)
{
	uint32_t *known = &out.message[number % RECENT];

	if (number <= out.number) {
		/* The other side drops it; a bus that takes less, or more, than before may have
		 * made a loss of it. */
		FUZZ_MUST(out.number - number < RECENT);
		FUZZ_MUST(*known == message || *known == 0 || message == 0);
		return;
	}
	FUZZ_MUST(number == out.number + 1);
	out.number = number;
	*known = message;
	if (message == 0) {
		out.skipped++;
		return;
	}
	if (out.may_repeat && message <= out.last)
		return;
	FUZZ_MUST(message > out.last && message - out.last <= 1 + out.skipped);
	out.skipped -= message - out.last - 1;
	out.last = message;
}

static void out_take(const uint8_t *data, size_t size)
{
	struct frame frame;
	size_t at = FRAME_SIZE;

	FUZZ_MUST(frame_read(&frame, data, size));
	FUZZ_MUST(frame_is_whole(&frame, data + FRAME_SIZE, size - FRAME_SIZE));
	if (frame.epoch != out.epoch) {
		out.epoch = frame.epoch;
		out.number = 0;
	}
	/* A frame that this bus is too small for is one loss, behind a gap. */
	if (frame.flags & FRAME_LOST)
		while (out.number + 1 < frame.number)
			out_one(out.number + 1, 0);
	for (uint32_t i = 0; i < frame.count; i++) {
		uint32_t message = 0, length;

		if (!(frame.flags & FRAME_LOST)) {
			length = frame_length_read(data + at);
			FUZZ_MUST(length >= sizeof(message));
			memcpy(&message, data + at + FRAME_LENGTH, sizeof(message));
			at += FRAME_LENGTH + length;
		}
		out_one(frame.number + i, message);
	}
	if (pair_is_kept(&pair))
		out.flight = frame.flags & FRAME_LOST ? pair.state.near.number + 1 : frame.number;
}

bool bus_has_room(struct bus *bus)
{
	(void)bus;
	return true;
}

int bus_publish(struct bus *bus, const char *subject, const char *reply, const char *id,
    const void *data, size_t size)
{
	bool dies = kill_in != 0 && --kill_in == 0;
	/* It ends where its memory ends. */
	uint8_t *exact = malloc(size);

	(void)bus;
	FUZZ_MUST(subject && *subject && (reply != NULL) == pair_is_kept(&pair));
	FUZZ_MUST((id != NULL) == (reply != NULL) && size <= most);
	FUZZ_MUST(!bridge.twin.is_there);
	/* SPEC R19.3.8. What is in flight is published again. */
	FUZZ_MUST(pair.flight.is_up || pair.said_incarnation == incarnation);
	memcpy(exact, data, size);
	if (!dies || !kill_before)
		out_take(exact, size);
	free(exact);
	if (dies)
		longjmp(killed, 1);
	return 0;
}

/* --- The bridge ------------------------------------------------------------------------------- */

static void bridge_attach(void)
{
	end_open(&remote, REMOTE);
	near_attach(&pair);
	far_attach(&pair);
}

static void bridge_begin(enum config_mode mode)
{
	config = (struct config){.buffer = BUFFER, .stream_size = UINT64_C(1) << 26};
	remote_peer = (struct remote){.host = host, .pairs = &pair, .pair_count = 1};
	remote_peer.config.mode = mode;
	bridge =
	    (struct bridge){.config = &config, .scratch = scratch, .scratch_size = sizeof(scratch)};
	pair = (struct pair){.remote = &remote_peer, .slot = LOCAL, .last = &pair.first};
	strcpy(pair.out.region, "r");
	strcpy(pair.out.host, "a");
	strcpy(pair.out.peer, "x");
	strcpy(pair.out.to_host, "b");
	strcpy(pair.out.to_peer, "y");
	pair.in = (struct subject_pair){"r", "b", "y", "a", "x"};
	pair.state = (struct state){.kept = kept, .near = near_record, .far = far_record};
	near_begin(&pair);
}

/* Another one goes on from what it has kept. */
static void bridge_again(enum config_mode mode)
{
	far_clear(&pair);
	FUZZ_MUST(items == 0);
	out.may_repeat = true;
	out.flight = 0;
	/* Nothing cuts its begin: the record of a cut there is the one before. */
	kill_in = 0;
	bridge_begin(mode);
	bridge_attach();
}

static void take(uint8_t *data, size_t size, bool is_state, uint16_t port)
{
	struct bus_item *item = calloc(1, sizeof(*item));
	static uint64_t sequence;

	*item = (struct bus_item){.subject = "", .reply = "", .data = data, .size = size};
	items++;
	if (!far_take(&bridge, &pair, item, is_state, port,
		!is_state && pair_is_kept(&pair) ? ++sequence : 0, now))
		bus_free(item);
	FUZZ_MUST(pair.waiting_bytes <= BUFFER + SIZE_MOST && items <= BUFFER / FRAME_SIZE + 2);
}

/* --- The other bridge, and strangers --------------------------------------------------------- */

static struct {
	uint64_t epoch, number; /* of its last message */
} there;

/* Mostly what is true; else something that comes near an end. */
static uint64_t number_near(uint64_t is)
{
	static const uint64_t some[] = {
	    0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 4096, UINT64_C(1) << 63, UINT32_MAX};
	uint8_t dice = feed_byte();

	if (dice < 128)
		return is;
	if (dice < 192)
		return is + (uint64_t)(int64_t)(int8_t)feed_byte();
	return some[dice % 7];
}

/*
 * Messages from (number) on, each of its own size. is_damaged: they carry no numbers. Answers how
 * many they are.
 */
static uint32_t messages_come(uint64_t epoch, uint64_t number, uint32_t flags, bool is_damaged)
{
	uint32_t count = flags & FRAME_LOST ? 1 : 1 + feed_byte() % 4;
	struct frame frame = {flags, epoch, number, 1, count};
	uint8_t *data = malloc(SIZE_MOST);
	size_t size = FRAME_SIZE;

	memset(data, 0, SIZE_MOST);
	for (uint32_t i = 0; i < count && !(flags & FRAME_LOST); i++) {
		struct tag tag = {is_damaged ? 0 : MARK, epoch, number + i};
		uint32_t length = (uint32_t)sizeof(tag) + feed_byte();

		frame_length_write(data + size, length);
		memcpy(data + size + FRAME_LENGTH, &tag, sizeof(tag));
		size += FRAME_LENGTH + length;
	}
	frame_write(data, &frame);
	if (is_damaged) {
		uint8_t dice = feed_byte();

		if (dice & 1)
			data[feed_byte() % size] ^= 1 << feed_byte() % 8;
		if (dice & 2)
			size -= feed_byte() % size;
		else if (dice & 4)
			size += feed_byte() % (SIZE_MOST - size);
	}
	data = realloc(data, size ? size : 1);
	take(data, size, false, feed_byte() & 1);
	return count;
}

static void state_comes(uint64_t epoch, uint64_t number, bool is_true)
{
	static const uint32_t windows[] = {0, 1, 2000, 10000, UINT32_MAX};
	struct frame frame = {FRAME_PRESENT | FRAME_CORE, epoch, number, 1, 0};
	struct frame_received received = {out.epoch, out.number, 10000};
	uint8_t *data = malloc(FRAME_STATE_SIZE + 8);
	size_t size = FRAME_STATE, more = 0;

	if (!is_true) {
		frame.flags = feed_byte();
		frame.count = (uint32_t)number_near(0);
		received.epoch = number_near(out.epoch);
		received.number = number_near(out.number);
		received.window = windows[feed_byte() % 5];
		more = feed_byte() % (FRAME_STATE_SIZE - FRAME_STATE + 8);
	}
	frame_write(data, &frame);
	frame_received_write(data + FRAME_SIZE, &received);
	memset(data + size, 0, more);
	feed_bytes(data + size, more);
	size += more;
	if (!is_true && feed_byte() > 240)
		size = feed_byte() % size;
	take(realloc(data, size ? size : 1), size, true, 0);
}

/* From (back) numbers before the last one on. */
static void messages_come_again(uint32_t back)
{
	uint64_t first, last;

	if (back >= there.number)
		return;
	first = there.number - back;
	last = first + messages_come(there.epoch, first, 0, false) - 1;
	if (last > there.number)
		there.number = last;
}

static void bus_moves(uint8_t dice)
{
	switch (dice % 7) {
	case 0: /* in order */
		there.number += messages_come(there.epoch, there.number + 1, 0, false);
		break;
	case 1: /* a loss that its bridge knows of, and one that the bus makes */
		there.number += messages_come(there.epoch, there.number + 1, FRAME_LOST, false);
		there.number += feed_byte() % 3;
		break;
	case 2:
		state_comes(there.epoch, there.number, true);
		break;
	case 3: /* another count of its own */
		there.epoch = 1 + feed_byte() % EPOCHS;
		break;
	case 4:
		(void)messages_come(number_near(there.epoch), number_near(there.number),
		    feed_byte() % 4, feed_byte() & 1);
		break;
	case 6: /* its bridge was killed before it noted that it had sent this */
		messages_come_again(feed_byte() % 6);
		break;
	case 5:
		state_comes(number_near(there.epoch), number_near(there.number), false);
		break;
	}
}

/* --- The local peer -------------------------------------------------------------------------- */

static void local_sends(uint8_t dice)
{
	static const uint32_t sizes[] = {4, 8, 9, 64, 700, 1500, 70000};
	static uint8_t bytes[70000];
	uint32_t number = sent + 1;

	memcpy(bytes, &number, sizeof(number));
	if (ivsh_chan_send(&local.chan, dice & 1, bytes, sizes[dice / 2 % 7]) == 0)
		sent = number;
}

static void local_receives(void)
{
	struct ivsh_message m;
	static uint8_t bytes[8192];
	struct tag tag;
	int error = ivsh_chan_receive(&local.chan, &m, bytes, sizeof(bytes));

	FUZZ_MUST(error == 0 || error == IVSH_EAGAIN);
	if (error)
		return;
	memcpy(&tag, bytes, sizeof(tag));
	if (m.size < sizeof(tag) || tag.mark != MARK) {
		got_other = true;
		return;
	}
	if (got.number != 0 && !got_other) {
		bool was_told = local.chan.lost != got_lost;

		FUZZ_MUST(tag.epoch != got.epoch || tag.number > got.number || was_told);
		FUZZ_MUST((tag.epoch == got.epoch && tag.number == got.number + 1) || was_told);
	}
	got = tag;
	got_lost = local.chan.lost;
	got_other = false;
}

/* The bridge, once it has said whose messages wait. */
static void bridge_moves(uint8_t dice)
{
	if (bridge.is_unsaid)
		pair.said_incarnation = incarnation;
	bridge.is_unsaid = false;
	for (uint32_t i = 0; i <= dice % 8u; i++) {
		(void)near_step(&bridge, &pair, now);
		(void)far_step(&pair);
	}
	FUZZ_MUST(!remote.chan.dead);
}

/* JetStream acknowledges what it has, refuses it, or somebody else says something. */
static void stream_answers(uint8_t dice)
{
	if (!pair_is_kept(&pair))
		return;
	if (dice % 4 != 0 && out.flight) {
		near_answer(&pair, pair.state.near.epoch, out.flight, dice % 4 != 1, now);
		out.flight = dice % 4 == 1 ? out.flight : 0;
	}
}

/* Another bridge with this name comes, or goes: twin.c. */
static void twin_moves(void)
{
	bridge.twin.is_there = !bridge.twin.is_there;
	near_renew(&pair);
}

/* A reload gives the pair the other mode: reload.c. */
static void mode_changes(void)
{
	remote_peer.config.mode = pair_is_kept(&pair) ? CONFIG_CORE : CONFIG_JETSTREAM;
	out.flight = 0;
	near_change(&pair);
}

static void move(void)
{
	uint8_t dice = feed_byte();

	switch (dice % 8) {
	case 0:
	case 1:
		bus_moves(dice / 8);
		break;
	case 2:
		local_sends(dice / 8);
		break;
	case 3:
		local_receives();
		break;
	case 4:
	case 5:
		bridge_moves(dice / 8);
		break;
	case 6:
		stream_answers(dice / 8);
		break;
	case 7:
		now += UINT64_C(1) << dice / 8;
		if (dice >= 248)
			bridge_again(remote_peer.config.mode);
		else if (dice >= 240)
			is_up = !is_up;
		else if (dice >= 232)
			most = feed_byte() & 1 ? 1 << 20 : 600;
		else if (dice >= 208) {
			kill_in = 1 + feed_byte() % 8;
			kill_before = feed_byte() & 1;
		} else if (dice >= 200) {
			twin_moves();
		} else if (dice >= 192) {
			incarnation++;
		} else if (dice >= 184) {
			mode_changes();
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ivsh_geometry geometry = {2, DESCS, 4096, LARGE, 0};
	enum config_mode mode;

	feed_set(data, size);
	mode = feed_byte() & 1 ? CONFIG_JETSTREAM : CONFIG_CORE;
	memset(memory, 0, sizeof(memory));
	now = UINT64_C(1000000000);
	FUZZ_MUST(ivsh_region_format(memory, MEMORY, &geometry, 1, true) == 0);
	incarnation = 1;
	sent = 0;
	got = (struct tag){0};
	got_lost = 0;
	got_other = false;
	memset(&out, 0, sizeof(out));
	memset(&near_record, 0, sizeof(near_record));
	memset(&far_record, 0, sizeof(far_record));
	there.epoch = 1;
	there.number = 0;
	is_up = true;
	most = 1 << 20;
	kill_in = 0;
	end_open(&local, LOCAL);
	bridge_begin(mode);
	bridge_attach();
	while (feed_left()) {
		if (setjmp(killed))
			bridge_again(remote_peer.config.mode);
		else
			move();
	}
	far_clear(&pair);
	FUZZ_MUST(items == 0);
	return 0;
}
