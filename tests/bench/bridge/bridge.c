/* SPDX-License-Identifier: MIT */
/*
 * bridge.c - messages over two bridges, beside libnats' own between the same two processes; and
 * messages between many hosts.
 *
 * usage: bridge [polling] answer PLACE URL
 *	  bridge [polling] ask PLACE URL SLOT KIND SIZE SLICES COUNT
 *	  bridge [polling] guests PLACE URL SLOT SIZE SLICES COUNT TOLD NEAR FAR MODE
 *	  bridge [polling] mesh COUNT PLACE...
 *
 * A peer that waits sleeps at once, as libnats' threads do (IVSH_NODE_SLEEP); with "polling" it
 * polls for 50 us before, which is the library's own choice.
 *
 * The first two are peers of a region each, and clients of the bus. `ask` takes turns: COUNT round
 * trips (KIND trip) or COUNT messages one way (KIND rate) over the bridges, then as many over the
 * bus alone, SLICES times; the next slice begins with the other one. It prints a line for each
 * slice: nanoseconds for one round trip, or for one message, over the bridges and over the bus.
 *
 * `guests` takes turns of more: COUNT round trips over the bridges and as many requests of the bus,
 * as above; and, by order to the guest in slot TOLD (tests/bench/guest/trips.c), COUNT of that
 * guest with the one in slot NEAR of the same region, and with the one in slot FAR, behind the
 * bridges; they wait by MODE (0: polling, 1: asleep behind 50 us of it, 2: asleep). The line has
 * four figures.
 *
 * `mesh` is a peer of each region at once, p0 in the first one, and sends COUNT messages of 64
 * bytes from each to each other. It prints how long all took to arrive.
 */
#include "tests/bench/guest/trips.h"

#include <ivsh/host.h>

#include <nats/nats.h>

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The ports of messages over the bridges; subjects for the bus alone. */
#define PORT_ECHO 1u
#define PORT_COUNT 2u
#define PORT_END 3u /* answered with how many came to PORT_COUNT since the last one */
#define ECHO "bench.echo"
#define COUNT "bench.count"
#define LIMIT_NS UINT64_C(60000000000)
#define LIMIT_MS 60000
#define AGAIN_NS 100000000u
#define QUESTIONS 600u /* a minute's */
#define SIZE_MOST 65536u

static uint8_t bytes[SIZE_MOST];
static uint32_t flags = IVSH_NODE_SLEEP; /* of ivsh_host_open() */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void must(natsStatus status, const char *what)
{
	if (status != NATS_OK)
		errx(1, "%s: %s", what, natsStatus_GetText(status));
}

static struct ivsh_host *region_open(const char *place, const char *name)
{
	struct ivsh_host *host = NULL;

	if (ivsh_host_open(&host, place, name, flags, IVSH_SELF_NONE))
		errx(1, "%s: %s", place, ivsh_host_error(host));
	return host;
}

/*
 * asap: each message goes out at once, and not when the library's thread comes to it, up to 1 ms
 * later. That is the better of the two for answers, and the other for many messages.
 */
static natsConnection *bus_connect(const char *url, bool asap)
{
	natsConnection *bus = NULL;
	natsOptions *options = NULL;

	must(natsOptions_Create(&options), "options");
	must(natsOptions_SetURL(options, url), url);
	must(natsOptions_SetSendAsap(options, asap), "options");
	must(natsConnection_Connect(&bus, options), url);
	natsOptions_Destroy(options);
	return bus;
}

/* In a thread of libnats: of ECHO, and of COUNT. */
static void echo_answer(natsConnection *bus, natsSubscription *from, natsMsg *msg, void *closure)
{
	(void)from;
	(void)closure;
	must(natsConnection_Publish(
		 bus, natsMsg_GetReply(msg), natsMsg_GetData(msg), natsMsg_GetDataLength(msg)),
	    "answer");
	natsMsg_Destroy(msg);
}

static void count_answer(natsConnection *bus, natsSubscription *from, natsMsg *msg, void *closure)
{
	uint64_t *count = closure;

	(void)from;
	if (natsMsg_GetReply(msg)) {
		must(natsConnection_Publish(bus, natsMsg_GetReply(msg), count, (int)sizeof(*count)),
		    "answer");
		*count = 0;
	} else {
		++*count;
	}
	natsMsg_Destroy(msg);
}

static void message_answer(
    struct ivsh_host *host, const struct ivsh_host_message *m, uint64_t *count)
{
	int error = 0;

	if (m->port == PORT_ECHO)
		error = ivsh_host_send(host, m->peer, m->port, bytes, m->size, LIMIT_NS);
	if (m->port == PORT_COUNT)
		++*count;
	if (m->port == PORT_END) {
		error = ivsh_host_send(host, m->peer, m->port, count, sizeof(*count), LIMIT_NS);
		*count = 0;
	}
	if (error)
		errx(1, "send: error %d", error);
}

/* Until it is killed. */
static int answer(const char *place, const char *url)
{
	struct ivsh_host *host = region_open(place, "bpeer");
	natsConnection *bus = bus_connect(url, true);
	natsSubscription *echo = NULL, *count = NULL;
	uint64_t over_bus = 0, over_bridges = 0;
	struct ivsh_host_message m;

	must(natsConnection_Subscribe(&echo, bus, ECHO, echo_answer, NULL), ECHO);
	must(natsConnection_Subscribe(&count, bus, COUNT, count_answer, &over_bus), COUNT);
	must(natsSubscription_SetPendingLimits(count, -1, -1), COUNT);
	must(natsConnection_Flush(bus), url);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int error = ivsh_host_receive(host, &m, bytes, sizeof(bytes), IVSH_FOREVER);

		if (error)
			errx(1, "receive: error %d", error);
		message_answer(host, &m, &over_bridges);
	}
}

struct asker {
	struct ivsh_host *host;
	natsConnection *bus;
	uint32_t slot, size, count;
};

/*
 * Until it answers: the peer that the bridge has in that slot may still be one that was killed just
 * before, and with it goes what it was sent.
 */
static void answer_await(struct asker *a)
{
	const struct timespec pause = {0, AGAIN_NS};

	for (uint32_t asked = 1; asked <= QUESTIONS; asked++) {
		struct ivsh_host_message m = {0};
		int error = ivsh_host_send(a->host, a->slot, PORT_ECHO, bytes, asked, AGAIN_NS);

		/* Answers to the questions before, if they come, come before that one. */
		while (!error && m.size != asked)
			error = ivsh_host_receive(a->host, &m, bytes, sizeof(bytes), AGAIN_NS);
		if (!error)
			return;
		nanosleep(&pause, NULL);
	}
	errx(1, "bpeer does not answer");
}

static void asker_open(struct asker *a, const char *place, const char *url)
{
	uint32_t peer = 0;

	a->host = region_open(place, "apeer");
	a->bus = bus_connect(url, false);
	if (ivsh_host_find(a->host, "bpeer", &peer, LIMIT_NS) || peer != a->slot)
		errx(1, "bpeer: not in slot %u", a->slot);
	answer_await(a);
}

static void asker_close(struct asker *a)
{
	ivsh_host_close(a->host);
	natsConnection_Destroy(a->bus);
	nats_Close();
}

static void send_one(struct asker *a, uint16_t port, uint32_t size)
{
	int error = ivsh_host_send(a->host, a->slot, port, bytes, size, LIMIT_NS);

	if (error)
		errx(1, "send: error %d", error);
}

static void await_one(struct asker *a, uint16_t port, uint32_t size)
{
	struct ivsh_host_message m;
	int error = ivsh_host_receive(a->host, &m, bytes, sizeof(bytes), LIMIT_NS);

	if (error || m.port != port || m.size != size)
		errx(1, "receive: error %d, port %u, %u bytes", error, m.port, m.size);
}

static natsMsg *request(struct asker *a, const char *subject, uint32_t size)
{
	natsMsg *msg = NULL;

	must(natsConnection_Request(&msg, a->bus, subject, bytes, (int)size, LIMIT_MS), subject);
	return msg;
}

static void trip_bridges(struct asker *a)
{
	for (uint32_t i = 0; i < a->count; i++) {
		send_one(a, PORT_ECHO, a->size);
		await_one(a, PORT_ECHO, a->size);
	}
}

static void trip_bus(struct asker *a)
{
	for (uint32_t i = 0; i < a->count; i++) {
		natsMsg *msg = request(a, ECHO, a->size);

		if (natsMsg_GetDataLength(msg) != (int)a->size)
			errx(1, ECHO ": %d bytes", natsMsg_GetDataLength(msg));
		natsMsg_Destroy(msg);
	}
}

/* All must have come, or the time says nothing. */
static void count_check(const void *data, const struct asker *a, const char *way)
{
	uint64_t count;

	memcpy(&count, data, sizeof(count));
	if (count != a->count)
		errx(1, "%s: %" PRIu64 " messages of %u came", way, count, a->count);
}

static void rate_bridges(struct asker *a)
{
	for (uint32_t i = 0; i < a->count; i++)
		send_one(a, PORT_COUNT, a->size);
	send_one(a, PORT_END, 1);
	await_one(a, PORT_END, sizeof(uint64_t));
	count_check(bytes, a, "bridges");
}

static void rate_bus(struct asker *a)
{
	natsMsg *msg;

	for (uint32_t i = 0; i < a->count; i++)
		must(natsConnection_Publish(a->bus, COUNT, bytes, (int)a->size), COUNT);
	msg = request(a, COUNT, 1);
	if (natsMsg_GetDataLength(msg) != sizeof(uint64_t))
		errx(1, COUNT ": %d bytes", natsMsg_GetDataLength(msg));
	count_check(natsMsg_GetData(msg), a, "bus");
	natsMsg_Destroy(msg);
}

static double timed(void (*run)(struct asker *), struct asker *a)
{
	uint64_t begin = now_ns();

	run(a);
	return (double)(now_ns() - begin) / a->count;
}

static void slices_run(struct asker *a, bool is_rate, uint32_t slices)
{
	void (*const over_bridges)(struct asker *) = is_rate ? rate_bridges : trip_bridges;
	void (*const over_bus)(struct asker *) = is_rate ? rate_bus : trip_bus;
	double bridges, bus;

	for (uint32_t i = 0; i < slices; i++) {
		if (i % 2 == 0) {
			bridges = timed(over_bridges, a);
			bus = timed(over_bus, a);
		} else {
			bus = timed(over_bus, a);
			bridges = timed(over_bridges, a);
		}
		printf("%.1f %.1f\n", bridges, bus);
		fflush(stdout);
	}
}

#define MODES 3u /* of waiting, as <ivsh/wait.h> counts them */
#define CELLS 4u

struct guests {
	uint32_t told, near, far; /* slots */
	uint32_t mode;
};

static void trip_guests(struct asker *a, uint32_t told, uint32_t peer, uint32_t mode)
{
	const struct trips_order order = {peer, mode, a->size, a->count};
	int error =
	    ivsh_host_send(a->host, told, TRIPS_PORT_ORDER, &order, sizeof(order), LIMIT_NS);

	if (error)
		errx(1, "send: error %d", error);
	await_one(a, TRIPS_PORT_ORDER, 0);
}

static void cell_run(struct asker *a, const struct guests *g, uint32_t cell)
{
	if (cell == 0)
		trip_bridges(a);
	else if (cell == 1)
		trip_bus(a);
	else
		trip_guests(a, g->told, cell == 2 ? g->near : g->far, g->mode);
}

static void guests_run(struct asker *a, const struct guests *g, uint32_t slices)
{
	double took[CELLS];

	for (uint32_t i = 0; i < slices; i++) {
		/* Each slice begins with another one. */
		for (uint32_t k = 0; k < CELLS; k++) {
			uint32_t cell = (i + k) % CELLS;
			uint64_t begin = now_ns();

			cell_run(a, g, cell);
			took[cell] = (double)(now_ns() - begin) / a->count;
		}
		for (uint32_t k = 0; k < CELLS; k++)
			printf("%.1f%c", took[k], k == CELLS - 1 ? '\n' : ' ');
		fflush(stdout);
	}
}

#define MESH_MOST 16u /* regions */
#define MESH_SIZE 64u

struct member {
	struct ivsh_host *host;
	uint32_t slot[MESH_MOST]; /* of each other one here */
	bool is_known[MESH_MOST];
	uint32_t sent[MESH_MOST];
};

struct mesh {
	struct member member[MESH_MOST];
	uint32_t size, count;
	uint64_t known, received;
};

/* Find those that are not known yet. Also where none is left: the heartbeat wants to go on. */
static void others_find(struct mesh *m, uint32_t self)
{
	struct member *me = &m->member[self];
	uint32_t events;

	if (ivsh_host_ready(me->host, 0, &events))
		errx(1, "p%u: its region is lost", self);
	for (uint32_t other = 0; other < m->size; other++) {
		char name[16];

		snprintf(name, sizeof(name), "p%u", other);
		if (other == self || me->is_known[other] ||
		    ivsh_host_find(me->host, name, &me->slot[other], 0))
			continue;
		me->is_known[other] = true;
		m->known++;
	}
}

/* Send one to each for which there is room, and take all that is there. Whether anything moved. */
static bool member_move(struct mesh *m, uint32_t self)
{
	struct member *me = &m->member[self];
	struct ivsh_host_message message;
	bool moved = false;

	for (uint32_t other = 0; other < m->size; other++) {
		if (other == self || me->sent[other] == m->count ||
		    ivsh_host_send(me->host, me->slot[other], PORT_COUNT, bytes, MESH_SIZE, 0))
			continue;
		me->sent[other]++;
		moved = true;
	}
	while (ivsh_host_receive(me->host, &message, bytes, sizeof(bytes), 0) == 0) {
		m->received++;
		moved = true;
	}
	return moved;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

static int mesh(uint32_t count, uint32_t size, char **places)
{
	static struct mesh m;
	uint64_t begin, all = (uint64_t)size * (size - 1) * count;
	char name[16];

	m = (struct mesh){.size = size, .count = count};
	for (uint32_t i = 0; i < size; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		m.member[i].host = region_open(places[i], name);
	}
	begin = now_ns();
	for (; m.known < (uint64_t)size * (size - 1); nap()) {
		for (uint32_t i = 0; i < size; i++)
			others_find(&m, i);
		if (now_ns() - begin > LIMIT_NS)
			errx(1, "%" PRIu64 " peers were found", m.known);
	}
	printf("all peers were found within %.1f s\n", (double)(now_ns() - begin) / 1e9);
	begin = now_ns();
	while (m.received < all) {
		bool moved = false;

		for (uint32_t i = 0; i < size; i++)
			moved |= member_move(&m, i);
		if (!moved)
			nap();
		if (now_ns() - begin > LIMIT_NS)
			errx(1, "%" PRIu64 " messages of %" PRIu64 " came", m.received, all);
	}
	printf("%" PRIu64 " messages within %.1f s: %.0f messages/s\n", all,
	    (double)(now_ns() - begin) / 1e9, (double)all * 1e9 / (double)(now_ns() - begin));
	for (uint32_t i = 0; i < size; i++)
		ivsh_host_close(m.member[i].host);
	return 0;
}

static uint32_t number(const char *text, uint32_t most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value > most)
		errx(2, "%s: not 0 to %u", text, most);
	return (uint32_t)value;
}

static int guests(char **argv)
{
	struct asker a = {
	    .slot = number(argv[4], 4095),
	    .size = number(argv[5], TRIPS_SIZE_MOST),
	    .count = number(argv[7], 1000000),
	};
	const struct guests g = {number(argv[8], 4095), number(argv[9], 4095),
	    number(argv[10], 4095), number(argv[11], MODES - 1)};

	asker_open(&a, argv[2], argv[3]);
	guests_run(&a, &g, number(argv[6], 1000000));
	asker_close(&a);
	return 0;
}

int main(int argc, char **argv)
{
	struct asker a;

	if (argc >= 2 && strcmp(argv[1], "polling") == 0) {
		flags = 0;
		argc--;
		argv++;
	}
	if (argc == 4 && strcmp(argv[1], "answer") == 0)
		return answer(argv[2], argv[3]);
	if (argc >= 5 && argc <= 3 + (int)MESH_MOST && strcmp(argv[1], "mesh") == 0)
		return mesh(number(argv[2], 1000000), (uint32_t)argc - 3, argv + 3);
	if (argc == 12 && strcmp(argv[1], "guests") == 0)
		return guests(argv);
	if (argc != 9 || strcmp(argv[1], "ask") != 0 ||
	    (strcmp(argv[5], "trip") != 0 && strcmp(argv[5], "rate") != 0))
		errx(2, "answer PLACE URL, ask PLACE URL SLOT trip|rate SIZE SLICES COUNT, guests"
			" PLACE URL SLOT SIZE SLICES COUNT TOLD NEAR FAR MODE, or mesh COUNT PLACE"
			" PLACE...");
	a = (struct asker){.slot = number(argv[4], 4095),
	    .size = number(argv[6], SIZE_MOST),
	    .count = number(argv[8], 1000000)};
	asker_open(&a, argv[2], argv[3]);
	slices_run(&a, strcmp(argv[5], "rate") == 0, number(argv[7], 1000000));
	asker_close(&a);
	return 0;
}
