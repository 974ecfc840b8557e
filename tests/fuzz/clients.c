/* SPDX-License-Identifier: MIT */
/*
 * clients.c - clients of every kind, on a server that is killed between any two stores.
 *
 * They connect, read, stop reading, write, close; the clock goes on; sending fails; the supervisor
 * does not read the link. The target checks each message to a client (visitor.c), the server's
 * state after each step (serving.c), and in the end whether every client knows which others are
 * there.
 */
#include "tests/fuzz/feed.h"
#include "server/reading.h"
#include "server/sending.h"
#include "server/timeouts.h"
#include "server/protocol.h"
#include "tests/fuzz/serving.h"
#include "tests/fuzz/visitor.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define VISITORS 32u
#define STEPS 128u
#define ROUNDS 400u /* in the end, until no client has anything to read */

static struct visitor visitors[VISITORS];
static uint32_t count;
static uint32_t connections[IVSH_WIRE_SLOTS_MAX]; /* as the page had them */
static uint32_t change;

static struct visitor *visitor_at(uint32_t row)
{
	for (uint32_t i = 0; i < count; i++)
		if (visitors[i].row == row)
			return &visitors[i];
	FUZZ_MUST(false);
}

static void dropped(uint32_t row)
{
	visitor_at(row)->row = SLOTS_NONE;
}

static const struct serving_hooks hooks = {NULL, dropped};

/* Wherever the last one died, the next one knows what every client was sent. */
static void revive(void)
{
	const struct state *state = &serving.server.state;

	while (serving.is_dead)
		serving_begin();
	for (uint32_t i = 0; i < state->head->clients; i++)
		FUZZ_MUST(state->client[i].state != CLIENT_INDETERMINATE);
	serving_read_link();
}

/* Its socket has an address by which the server knows what it is: process/caller.h. */
static void name(int fd, const char *kind)
{
	static unsigned made;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "ivsh-%s-%ld-%u",
	    kind, (long)getpid(), made++);

	FUZZ_MUST(bind(fd, (struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)) == 0);
}

/* kind: of a split region, every other client is one of ours, and some are observers. */
static void meet(uint32_t slot, uint8_t kind)
{
	bool is_split = serving.server.state.head->split;
	struct visitor *visitor = &visitors[count];
	uint32_t row;
	int pair[2];

	if (count == VISITORS)
		return;
	FUZZ_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	row = serving_take(pair[1], slot);
	if (row == SLOTS_NONE) {
		close(pair[0]);
		close(pair[1]);
		return;
	}
	*visitor = (struct visitor){.fd = pair[0],
	    .row = row,
	    .slot = slot,
	    .is_ours = is_split && kind % 4 < 2,
	    .is_probe = is_split && kind % 4 == 2};
	visitor->may_end = visitor->is_probe;
	if (visitor->is_ours || visitor->is_probe)
		name(pair[0], visitor->is_ours ? "client" : "probe");
	count++;
	if (!serving.is_dead)
		serving_deliver(row, slot);
}

static void leave(struct visitor *visitor)
{
	visitor->may_end = visitor->has_closed = true;
	close(visitor->fd);
	visitor->fd = -1;
}

/* A turn of the loop in server.c, or one in which the messages to clients have to wait. */
static void service_call(void *is_last)
{
	reading_service(&serving.server.clients);
	if (is_last)
		sending_take_turns(&serving.server.clients);
}

static void tick_call(void *unused)
{
	(void)unused;
	page_heartbeat(&serving.server.page);
	timeouts_check(&serving.server.clients);
	sending_take_turns(&serving.server.clients);
}

static void tick(uint64_t time_ns)
{
	serving.now_ns += time_ns;
	serving_call(tick_call, NULL);
}

static void send_bytes(struct visitor *visitor, uint32_t size)
{
	static const char bytes[256];

	if (send(visitor->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		visitor->may_end = true;
}

/* Let a client that is there do something. */
static void act(struct visitor *visitor, unsigned action, uint8_t argument)
{
	if (visitor->fd < 0)
		return;
	switch (action) {
	case 0:
		visitor_read(visitor, argument % 16 + 1u);
		break;
	case 1:
		visitor_read(visitor, 1000);
		break;
	case 2:
		leave(visitor);
		break;
	case 3:
		send_bytes(visitor, argument + 1u);
		break;
	default:
		visitor->may_end = visitor->has_closed = true;
		shutdown(visitor->fd, argument % 3); /* SHUT_RD, SHUT_WR, SHUT_RDWR */
		break;
	}
}

static void fail(uint8_t argument)
{
	static const int errors[] = {ETOOMANYREFS, ENOMEM, EINTR, ENOBUFS, EAGAIN};

	serving.failure = errors[argument % (sizeof(errors) / sizeof(*errors))];
}

static uint32_t bound(uint8_t argument)
{
	uint32_t slot = argument % (serving.server.slots.count + 2);

	if (slot >= serving.server.slots.count || !serving.server.slots.names[slot])
		return SLOTS_NONE;
	return slot;
}

/* One thing that happens: what it is, and with whom or how much. */
static void step(void)
{
	uint8_t what = feed_byte(), argument = feed_byte();

	if (what >= 0x80) {
		if (count > 0)
			act(&visitors[argument % count], what % 5, what >> 3 & 15);
		return;
	}
	switch (what % 10) {
	case 0:
	case 1:
		meet(bound(argument), argument >> 4);
		break;
	case 2:
		serving_call(service_call, NULL);
		break;
	case 3:
		serving_call(service_call, &count);
		break;
	case 4:
		tick((uint64_t)argument * 50000000);
		break;
	case 5:
		serving_kill_in(serving.has_supervisor ? argument : 0);
		break;
	case 6:
		if (serving.has_supervisor)
			serving_kill();
		break;
	case 7:
		fail(argument);
		break;
	case 8:
		serving.is_deaf = argument % 2;
		break;
	default:
		break;
	}
}

/* A connection word only advances, and never without the count of changes. */
static void check_page(void)
{
	const struct ivsh_wire_server *words = &serving.words;

	if (!memcmp(connections, words->connection, sizeof(connections))) {
		change = serving.is_dead ? change : words->change;
		return;
	}
	FUZZ_MUST(words->change != change || serving.is_dead);
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++)
		FUZZ_MUST(words->connection[i] >= connections[i]);
	if (serving.is_dead)
		return;
	memcpy(connections, words->connection, sizeof(connections));
	change = words->change;
}

static bool has_id(const struct visitor *visitor)
{
	return visitor->step >= 2 && !visitor->is_refused && !visitor->has_closed &&
	       !visitor->is_probe;
}

/* A client has its ID alone, until it closes. */
static void check_ids(void)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < i && has_id(&visitors[i]); j++)
			FUZZ_MUST(!has_id(&visitors[j]) || visitors[j].id != visitors[i].id);
}

static bool settle(void)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < count; i++)
		done += visitor_read(&visitors[i], 1000);
	serving_call(service_call, &count);
	tick(250000000);
	serving_read_link();
	serving_check();
	check_ids();
	return done > 0;
}

/* All clients read: in the end each accepted one knows which others are there. */
static void finish(void)
{
	unsigned rounds = 0;

	serving_kill_in(0);
	serving.failure = 0;
	serving.is_deaf = false;
	if (serving.is_dead)
		revive();
	/* Longer than any client waits for a slot. */
	for (unsigned quiet = 0; quiet < 6; quiet++) {
		if (settle())
			quiet = 0;
		FUZZ_MUST(++rounds < ROUNDS);
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct visitor *visitor = &visitors[i];

		if (visitor->fd < 0 || visitor->may_end)
			continue;
		if (visitor->is_ended)
			FUZZ_MUST(visitor->is_refused);
		else
			visitor_check(visitor);
	}
}

static void begin(void)
{
	static const struct options_allow nobody = {.id = UINT32_MAX - 1};
	static struct options_slot bindings[SERVING_SLOTS];
	uint8_t shape = feed_byte(), kind = feed_byte();
	struct options options = {.slots = shape % SERVING_SLOTS + 1,
	    .vectors = shape / SERVING_SLOTS % (SERVING_VECTORS + 1),
	    .classic = kind & 1,
	    .raw = kind >> 1 & 1,
	    .split = (shape & 0x40) && !(kind & 3),
	    .per_uid = kind & 4 ? 3 : UINT32_MAX,
	    .allow = (struct options_allow *)(uintptr_t)&nobody,
	    .allow_count = kind >> 3 == 31,
	    .bound = bindings};

	for (uint32_t i = 0; i < options.slots && !options.classic; i++)
		if (kind >> 4 >> i & 1)
			bindings[options.bound_count++] =
			    (struct options_slot){.slot = i, .name = "name", .socket = "path"};
	serving_open(&options, !(kind & 8), &hooks);
	serving.unread = shape & 0x80 ? 6 : 20;
	if (options.classic && kind >> 4 == 15)
		serving.server.state.head->next_id = 65530;
	visitor_first_id = serving.server.state.head->next_id;
	count = change = 0;
	memset(connections, 0, sizeof(connections));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed_set(data, size);
	begin();
	serving_begin();
	for (unsigned i = 0; i < STEPS && feed_left(); i++) {
		step();
		/* The supervisor may accept before it learns of a death: an 8th of the times. */
		if (serving.is_dead) {
			serving_read_link();
			if (feed_byte() % 8 == 0)
				meet(bound(feed_byte()), feed_left() ? 0 : 1);
			revive();
		}
		if (serving.has_supervisor ? feed_byte() % 2 : 1)
			serving_read_link();
		serving_check();
		check_page();
		check_ids();
	}
	finish();
	for (uint32_t i = 0; i < count; i++)
		if (visitors[i].fd >= 0)
			close(visitors[i].fd);
	serving_close();
	return 0;
}
