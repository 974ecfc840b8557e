/* SPDX-License-Identifier: MIT */
/*
 * traffic.c - a peer that sends numbered messages to all others and checks theirs.
 */
#include "tests/moved/traffic.h"

#include "tests/moved/numbered.h"

#include <ivsh/ivsh.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_MAX 8u
#define BYTES_MAX 2048u
#define TAKE_MAX 64u /* messages of one peer before the others have their turn */
#define RETRY_NS UINT64_C(20000000)
#define FORMAT_NS UINT64_C(200000000) /* how long an attach waits for the memory's formatter */
#define PORT 9u

/* One peer, both ways: kept while the machine is reset. */
struct flow {
	struct numbered_out out;
	struct numbered_in in;
	uint64_t lost;   /* IVSH_PEER_EVENT_LOST */
	uint64_t broken; /* the channel broke, and was reset */
	uint32_t resets; /* of its channels so far */
	uint32_t before; /* likewise, of those before this one */
};

static struct flow *flows; /* one for each slot */
static struct ivsh_chan chans[PEERS_MAX];
static struct ivsh_record records[PEERS_MAX][IVSH_FIT_DESCS];
static struct ivsh_peer seen[IVSH_WIRE_SLOTS_MAX];
static struct ivsh_region region;
static const struct traffic_world *world;

static uint32_t peers = 2, slot, burst = 16, turns;
static uint64_t pace_ns = 1000000;
static const char *name = "end", *size_name = "mix";
static char **words;
static int word_count;

static bool in_place, sending = true, wanted = true, is_open, attached;
static uint64_t attaches, moved, lost_slot, removed, busy; /* counted over all incarnations */
static uint64_t left_ns, retry_ns, next_ns;

const char *traffic_option(const char *key)
{
	for (int i = 0; i < word_count; i++)
		if (strncmp(words[i], key, strlen(key)) == 0 && words[i][strlen(key)] == '=')
			return words[i] + strlen(key) + 1;
	return NULL;
}

static uint32_t number(const char *key, uint32_t otherwise)
{
	const char *text = traffic_option(key);

	return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

bool traffic_options(int argc, char **argv)
{
	words = argv + 1;
	word_count = argc - 1;
	name = traffic_option("name") ? traffic_option("name") : name;
	size_name = traffic_option("size") ? traffic_option("size") : size_name;
	slot = number("slot", slot);
	peers = number("peers", peers);
	burst = number("burst", burst);
	pace_ns = UINT64_C(1000) * number("pace", 1000);
	sending = number("send", 1);
	in_place = number("inplace", 0);
	return peers >= 2 && peers <= PEERS_MAX;
}

static struct ivsh_chan *chan_of(const struct flow *flow)
{
	return &chans[flow - flows];
}

static uint32_t size_of(uint32_t n)
{
	static const uint32_t mixed[] = {8, 40, 1999, 64, 700, 9, 1024, 16};
	uint32_t fixed = (uint32_t)strtoul(size_name, NULL, 10);

	return fixed ? fixed : mixed[n % (sizeof(mixed) / sizeof(mixed[0]))];
}

/* --- Attaching and leaving ----------------------------------------------------------------- */

static void leave(void)
{
	if (!attached)
		return;
	for (uint32_t peer = 0; peer < peers; peer++) {
		flows[peer].resets = flows[peer].before + chans[peer].lost;
		if (chans[peer].open)
			ivsh_chan_close(&chans[peer]);
	}
	ivsh_region_detach(&region);
	attached = false;
	left_ns = world->now_ns();
	printf("detached name=%s\n", name);
}

static void close_device(void)
{
	leave();
	if (is_open)
		world->close();
	is_open = false;
}

static int open_channels(void)
{
	int error = 0;

	for (uint32_t peer = 0; peer < peers && !error; peer++) {
		struct flow *flow = &flows[peer];

		if (peer == region.mem.self)
			continue;
		memset(chan_of(flow), 0, sizeof(*chan_of(flow)));
		flow->before = flow->resets;
		error = ivsh_chan_open(chan_of(flow), &region, peer, records[peer], IVSH_FIT_DESCS);
		if (error == IVSH_EPROTO) {
			flow->broken++;
			error = ivsh_chan_reset(chan_of(flow));
		}
	}
	return error;
}

static int attach(void)
{
	struct ivsh_attach how = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = name,
	    .timeout_ns = FORMAT_NS};
	struct ivsh_mem mem;
	int error = world->open(&mem);

	if (error)
		return error;
	is_open = true;
	if (mem.self == IVSH_SELF_NONE) {
		mem.self = slot;
		how.claim = ivsh_attach_claim;
		how.formatter = ivsh_attach_format;
		error = ivsh_geometry_fit(mem.size, peers, &how.format, NULL);
	}
	how.nonce = ivsh_attach_nonce(&mem, mem.seed ? mem.seed : world->seed());
	if (!error)
		error = ivsh_region_attach(&region, &mem, &how);
	if (error)
		return error;
	attached = true;
	return open_channels();
}

static void try_attach(void)
{
	static int refused;
	uint64_t now_ns = world->now_ns();
	int error;

	if (now_ns < retry_ns)
		return;
	error = attach();
	if (error) {
		busy += error == IVSH_EBUSY;
		leave();
		if (error != refused)
			printf("refused name=%s: %s\n", name, ivsh_error_text(error));
		refused = error;
		if (error == IVSH_EREMOVED)
			close_device();
		retry_ns = world->now_ns() + RETRY_NS;
		return;
	}
	refused = 0;
	memset(seen, 0, sizeof(seen));
	attaches++;
	now_ns = world->now_ns();
	printf("attached name=%s slot=%u incarnation=%u vectors=%u away_us=%" PRIu64 "\n", name,
	    (unsigned)region.mem.self, (unsigned)region.incarnation,
	    (unsigned)region.mem.doorbell.vectors, left_ns ? (now_ns - left_ns) / 1000 : 0);
}

/* --- What an application does with an error ------------------------------------------------ */

/*
 * Whether the call of (flow)'s channel succeeded; otherwise what follows is done. That a channel is
 * one-way the other side says, which may say something else next.
 */
static bool good(struct flow *flow, int error)
{
	if (error == 0)
		return true;
	if (error == IVSH_EPROTO && flow != NULL) {
		flow->broken++;
		error = ivsh_chan_reset(chan_of(flow));
	}
	if (error == IVSH_ELOST) {
		lost_slot++;
		printf("lost-slot name=%s\n", name);
		leave();
	} else if (error == IVSH_EREMOVED) {
		removed++;
		printf("removed name=%s\n", name);
		close_device();
	} else if (error != IVSH_EAGAIN && error != IVSH_EONEWAY && error != 0) {
		printf("FAIL: traffic: name=%s: %s\n", name, ivsh_error_text(error));
		exit(1);
	}
	return false;
}

/* --- Sending: by each call in turn --------------------------------------------------------- */

static int send_by(struct flow *flow, const uint8_t *bytes, uint32_t size)
{
	struct ivsh_message message = {.data = bytes, .size = size, .port = PORT};
	uint32_t sent = 0;
	void *payload;
	int error;

	switch (turns++ % 3) {
	case 0:
		return ivsh_chan_send(chan_of(flow), PORT, bytes, size);
	case 1:
		error = ivsh_chan_send_batch(chan_of(flow), &message, 1, &sent);
		return error == 0 && sent != 1 ? IVSH_EINVAL : error;
	default:
		error = ivsh_chan_reserve(chan_of(flow), size, &payload);
		if (error)
			return error;
		memcpy(payload, bytes, size);
		error = ivsh_chan_publish(chan_of(flow), PORT);
		if (error == IVSH_EAGAIN)
			ivsh_chan_abandon(chan_of(flow));
		return error;
	}
}

static bool send_one(struct flow *flow)
{
	static uint8_t bytes[BYTES_MAX];
	uint64_t nonce = region.nonce;
	uint32_t size = size_of(flow->out.next);
	int error;

	numbered_write(&flow->out, nonce, bytes, size);
	error = send_by(flow, bytes, size);
	flow->out.full += error == IVSH_EAGAIN;
	if (!good(flow, error))
		return false;
	numbered_sent(&flow->out, nonce);
	return true;
}

/* --- Receiving, likewise ------------------------------------------------------------------- */

static uint32_t resets(struct flow *flow)
{
	flow->resets = flow->before + chan_of(flow)->lost;
	return flow->resets;
}

static void take(
    struct flow *flow, const uint8_t *bytes, const struct ivsh_message *message, bool whole)
{
	uint64_t wrong = flow->in.wrong;

	numbered_take(&flow->in, bytes, whole, message->flags & IVSH_MAYBE_SEEN, resets(flow),
	    world->now_ns());
	if (flow->in.wrong != wrong && wrong < 4)
		printf("wrong name=%s from=%u size=%u word=%#" PRIx64 " want=%u\n", name,
		    (unsigned)chan_of(flow)->peer, (unsigned)message->size,
		    *(const uint64_t *)(const void *)bytes, (unsigned)flow->in.want);
}

static bool receive_copied(struct flow *flow, bool batch)
{
	static uint64_t buffer[BYTES_MAX / 8];
	uint8_t *bytes = (uint8_t *)buffer;
	struct ivsh_message message;
	uint32_t received = 1;
	int error =
	    batch ? ivsh_chan_receive_batch(chan_of(flow), &message, 1, bytes, BYTES_MAX, &received)
		  : ivsh_chan_receive(chan_of(flow), &message, bytes, BYTES_MAX);

	if (!good(flow, error))
		return false;
	take(flow, bytes, &message, numbered_is_whole(bytes, message.size));
	return true;
}

/* What was peeked counts once it is released. */
static bool receive_in_place(struct flow *flow)
{
	static uint64_t first;
	struct ivsh_message message;
	bool whole;

	if (!good(flow, ivsh_chan_peek(chan_of(flow), &message)))
		return false;
	whole = numbered_is_whole(message.data, message.size);
	memcpy(&first, message.data, message.size < 8 ? message.size : 8);
	if (in_place)
		take(flow, (const uint8_t *)&first, &message, whole);
	if (!good(flow, ivsh_chan_release(chan_of(flow))))
		return false;
	if (!in_place)
		take(flow, (const uint8_t *)&first, &message, whole);
	return true;
}

static bool receive_one(struct flow *flow)
{
	uint32_t turn = in_place ? 0 : turns++ % 3;

	return turn == 0 ? receive_in_place(flow) : receive_copied(flow, turn == 1);
}

/* --- One turn ------------------------------------------------------------------------------ */

static void read_events(void)
{
	struct ivsh_peer_event event;

	while (attached &&
	       good(NULL, ivsh_region_peer_event(&region, seen, IVSH_WIRE_SLOTS_MAX, &event))) {
		if (event.kind == IVSH_PEER_EVENT_LOST && event.slot < peers)
			flows[event.slot].lost++;
		if (event.kind == IVSH_PEER_EVENT_MOVED) {
			moved++;
			printf(
			    "moved name=%s incarnation=%u\n", name, (unsigned)region.incarnation);
		}
	}
}

static void turn(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint64_t now_ns = world->now_ns();
	bool due = sending && now_ns >= next_ns, more = false;
	uint32_t events;

	if (due)
		next_ns = now_ns + pace_ns;
	for (uint32_t peer = 0; peer < peers; peer++) {
		struct flow *flow = &flows[peer];

		for (uint32_t i = 0; due && i < burst && attached && chan_of(flow)->open; i++)
			if (!send_one(flow))
				break;
		for (uint32_t i = 0; i < TAKE_MAX && attached && chan_of(flow)->open; i++)
			if (!receive_one(flow))
				break;
			else if (i == TAKE_MAX - 1)
				more = true;
	}
	read_events();
	if (attached && !more)
		(void)good(
		    NULL, ivsh_region_wait(&region, &wait, sending ? pace_ns : RETRY_NS, &events));
}

/* --- Reports ------------------------------------------------------------------------------- */

static void report_flow(uint32_t peer)
{
	const struct flow *f = &flows[peer];

	printf("flow name=%s to=%u marked=%" PRIu64 " sent=%" PRIu64 " next=%u full=%" PRIu64, name,
	    (unsigned)peer, f->in.marked, f->out.sent, (unsigned)f->out.next, f->out.full);
	printf(" taken=%" PRIu64 " want=%u wrong=%" PRIu64 " again=%" PRIu64 " repeated=%" PRIu64
	       " rewound=%" PRIu64,
	    f->in.taken, (unsigned)f->in.want, f->in.wrong, f->in.again, f->in.repeated,
	    f->in.rewound);
	printf(" gaps=%" PRIu64 " missing=%" PRIu64 " silent=%" PRIu64 " lost=%" PRIu64
	       " resets=%u broken=%" PRIu64,
	    f->in.gaps, f->in.missing, f->in.silent, f->lost,
	    (unsigned)(f->before + chans[peer].lost), f->broken);
	printf(" stall_us=%" PRIu64 " quiet_us=%" PRIu64 "\n", f->in.stall_ns / 1000,
	    f->in.last_ns ? (world->now_ns() - f->in.last_ns) / 1000 : 0);
}

static void report(void)
{
	for (uint32_t peer = 0; peer < peers; peer++)
		if (!attached || peer != region.mem.self)
			report_flow(peer);
	printf("state name=%s attached=%d slot=%u incarnation=%u attaches=%" PRIu64
	       " moved=%" PRIu64 " lost_slot=%" PRIu64 " removed=%" PRIu64 " busy=%" PRIu64
	       " wakes_doorbell=%" PRIu64 " wakes_timer=%" PRIu64 " missed=%" PRIu64 "\n",
	    name, attached, (unsigned)region.mem.self, (unsigned)region.incarnation, attaches,
	    moved, lost_slot, removed, busy, region.counters.wakes_doorbell,
	    region.counters.wakes_timer, region.counters.missed_notifications);
}

static bool act_on(int key)
{
	if (key == 'g' || key == 's')
		sending = key == 'g';
	else if (key == 'l' || key == 'c' || key == 'a')
		wanted = key == 'a';
	if (key == 'c')
		close_device();
	if (key == 'r')
		report();
	for (uint32_t peer = 0; peer < peers && key == 'z'; peer++)
		flows[peer].in.stall_ns = 0;
	return key != 'q';
}

int traffic_run(const struct traffic_world *of)
{
	int key = -1;

	world = of;
	flows = world->kept(sizeof(*flows) * PEERS_MAX);
	for (uint32_t peer = 0; peer < PEERS_MAX; peer++)
		numbered_go_on(&flows[peer].out);
	setvbuf(stdout, NULL, _IOLBF, 512);
	while (act_on(key)) {
		if (!wanted)
			leave();
		if (world->leaving()) {
			close_device();
			if (world->left)
				world->left();
		} else if (wanted && !attached) {
			try_attach();
		}
		if (attached)
			turn();
		else
			world->nap(RETRY_NS / 4);
		key = world->key();
	}
	close_device();
	printf("over name=%s\n", name);
	return 0;
}
