/* SPDX-License-Identifier: MIT */
/*
 * swarm.c - many clients at a time, in one thread and one epoll set.
 *
 * Theory of operation
 *
 * With slots the server sends each client a fixed sequence of messages, and then nothing. With
 * --classic each client has a table of what the server has sent it about each ID: how many
 * descriptors, or that the peer left. The test passes by the state at the end: every client knows
 * all peers that are connected, with all their vectors, and no others. Until then these are errors:
 * a descriptor too many, the departure of a peer that was never sent or that is connected, the own
 * ID before those of peers that were complete when this client connected, and another eventfd than
 * another client got for the same vector.
 */
#include "tests/host/load.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWARM_IDS 65536u
#define SWARM_NO_ID UINT32_MAX /* not received yet */
#define SWARM_EVENTS 64
#define SWARM_LEFT UINT16_MAX /* in (known): it was connected, and has left */
#define SWARM_QUIET_MS 50     /* for so long no client may receive anything more */
#define SWARM_COMPLAINTS 10

enum swarm_state {
	SWARM_AWAY,
	SWARM_JOINING,
	SWARM_JOINED, /* it has its own vectors: its handshake is complete */
	SWARM_GONE    /* the server closed the connection, or a message was wrong */
};

struct swarm_client {
	int fd;
	enum swarm_state state;
	uint32_t id;
	uint32_t step;   /* messages so far */
	uint32_t before; /* how many had joined when it connected */
	uint32_t alive;  /* IDs that it knows of and that have not left, itself included */
	uint16_t *known; /* by ID: descriptors, or SWARM_LEFT */
	uint32_t known_count;
};

struct swarm {
	struct load *load;
	int epoll;
	struct swarm_client *client;
	uint32_t count;     /* clients that read */
	uint32_t present;   /* of them connected */
	uint32_t connected; /* connections ever made: the index of the next client */
	uint32_t joining;   /* in their handshake */
	uint32_t *joined;   /* clients in the order in which they were complete */
	uint32_t joined_count;
	uint32_t joined_room;
	uint32_t *who;     /* by ID: 1 + client, 0: not one of ours */
	uint64_t *eventfd; /* by ID and vector: the kernel's number */
	uint32_t settled;  /* clients before this one have been found settled */
	uint64_t messages;
	uint64_t departures; /* of them, without a descriptor, behind the handshake's head */
	uint32_t errors;
	double last_ms; /* of the last message */
};

static void __attribute__((format(printf, 3, 4)))
complain(struct swarm *swarm, const struct swarm_client *client, const char *format, ...)
{
	va_list arguments;

	if (swarm->errors++ >= SWARM_COMPLAINTS)
		return;
	fprintf(stderr, "load: client %u, ID %u, message %u: ", (uint32_t)(client - swarm->client),
	    client->id, client->step);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void drop(struct swarm *swarm, struct swarm_client *client, enum swarm_state state)
{
	if (client->state == SWARM_JOINING)
		swarm->joining--;
	if (client->state == SWARM_JOINING || client->state == SWARM_JOINED) {
		swarm->present--;
		close(client->fd);
	}
	free(client->known);
	*client = (struct swarm_client){.fd = -1, .state = state, .id = client->id};
	swarm->settled = 0;
}

static uint16_t *known_of(struct swarm_client *client, uint32_t id)
{
	if (id >= client->known_count) {
		uint32_t count = (id + 256) & ~255u;

		client->known = realloc(client->known, count * sizeof(*client->known));
		if (!client->known)
			abort();
		memset(client->known + client->known_count, 0,
		    (count - client->known_count) * sizeof(*client->known));
		client->known_count = count;
	}
	return &client->known[id];
}

static void complete(struct swarm *swarm, struct swarm_client *client)
{
	client->state = SWARM_JOINED;
	swarm->joining--;
	if (swarm->joined_count < swarm->joined_room)
		swarm->joined[swarm->joined_count++] = (uint32_t)(client - swarm->client);
}

/* All clients get the same eventfd for an ID and a vector. */
static void check_identity(struct swarm *swarm, const struct swarm_client *client, uint32_t id,
    uint32_t vector, uint64_t eventfd)
{
	uint64_t *first = &swarm->eventfd[(size_t)id * swarm->load->vectors + vector];

	if (*first == 0)
		*first = eventfd + 1;
	else if (*first != eventfd + 1)
		complain(swarm, client, "another eventfd for vector %u of %u", vector, id);
}

/* Peers that were complete when this client connected come before its own ID. */
static void check_order(struct swarm *swarm, struct swarm_client *client)
{
	uint32_t vectors = swarm->load->vectors;

	if (swarm->load->churn || swarm->load->lossy_ms)
		return;
	for (uint32_t i = 0; i < client->before; i++) {
		const struct swarm_client *other = &swarm->client[swarm->joined[i]];

		if (other->state == SWARM_JOINED && *known_of(client, other->id) != vectors)
			complain(swarm, client, "its own ID comes before %u", other->id);
	}
}

static void check_classic(
    struct swarm *swarm, struct swarm_client *client, const struct load_message *message)
{
	uint32_t vectors = swarm->load->vectors, id = (uint32_t)message->value, owner;
	uint16_t *known;

	if (message->value < 0 || message->value >= SWARM_IDS) {
		complain(swarm, client, "value %lld", (long long)message->value);
		return;
	}
	known = known_of(client, id);
	owner = swarm->who[id];
	if (!message->has_fd) {
		swarm->departures++;
		if (*known == 0 || *known == SWARM_LEFT)
			complain(swarm, client, "%u left that is not there", id);
		else if (owner && swarm->client[owner - 1].id == id &&
			 (swarm->client[owner - 1].state == SWARM_JOINED ||
			     swarm->client[owner - 1].state == SWARM_JOINING))
			complain(swarm, client, "%u left that is here", id);
		else
			client->alive--;
		*known = SWARM_LEFT;
		return;
	}
	if (*known == SWARM_LEFT || *known >= vectors) {
		complain(swarm, client, "a vector too many of %u: %u", id, *known);
		return;
	}
	if (swarm->load->identity)
		check_identity(swarm, client, id, *known, message->eventfd);
	if (*known == 0)
		client->alive++;
	if (*known == 0 && id == client->id)
		check_order(swarm, client);
	*known = (uint16_t)(*known + 1);
	if (*known == vectors && id == client->id)
		complete(swarm, client);
}

static void check_slot(
    struct swarm *swarm, struct swarm_client *client, const struct load_message *message)
{
	const struct load *load = swarm->load;
	uint32_t length = LOAD_HEAD + load->slots * load->vectors;

	if (client->step >= length)
		complain(swarm, client, "a message too many: %lld", (long long)message->value);
	else if (message->value != load_slot_value(load, client->id, client->step))
		complain(swarm, client, "value %lld", (long long)message->value);
	else if (!message->has_fd)
		complain(swarm, client, "no descriptor");
	else if (load->identity)
		check_identity(swarm, client, (uint32_t)message->value,
		    (client->step - LOAD_HEAD) % load->vectors, message->eventfd);
	if (client->step + 1 == length)
		complete(swarm, client);
}

/* Version, ID, memory. False: a message was wrong, and the client must be dropped. */
static bool check_head(
    struct swarm *swarm, struct swarm_client *client, const struct load_message *message)
{
	static const char *const what[] = {"version", "ID", "memory"};
	uint32_t step = client->step;
	bool good = step == 0   ? message->value == 0
		    : step == 1 ? message->value >= 0 && message->value < SWARM_IDS
				: message->value == -1;

	if (!good || message->has_fd != (step == 2)) {
		complain(swarm, client, "%s %lld", what[step], (long long)message->value);
		return false;
	}
	if (step == 1) {
		client->id = (uint32_t)message->value;
		swarm->who[client->id] = 1 + (uint32_t)(client - swarm->client);
	}
	if (step == 2 && !swarm->load->classic && swarm->load->slots * swarm->load->vectors == 0)
		complete(swarm, client);
	return true;
}

static void read_messages(struct swarm *swarm, struct swarm_client *client)
{
	struct load_message messages[LOAD_BATCH];
	int got;

	do {
		got = load_take(swarm->load, client->fd, messages, LOAD_BATCH, false);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			complain(swarm, client, got ? strerror(errno) : "the end");
			drop(swarm, client, SWARM_GONE);
			return;
		}
		for (int i = 0; i < got; i++, client->step++, swarm->messages++) {
			if (client->step >= LOAD_HEAD && swarm->load->classic)
				check_classic(swarm, client, &messages[i]);
			else if (client->step >= LOAD_HEAD)
				check_slot(swarm, client, &messages[i]);
			else if (!check_head(swarm, client, &messages[i])) {
				drop(swarm, client, SWARM_GONE);
				return;
			}
		}
	} while (got == LOAD_BATCH);
	swarm->last_ms = load_now_ms();
}

/* False: the server has to accept others first. */
static bool join_one(struct swarm *swarm, uint32_t index)
{
	struct swarm_client *client = &swarm->client[index];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
	int fd = load_connect(swarm->load, false);

	if (fd < 0 && errno == EAGAIN)
		return false;
	*client = (struct swarm_client){
	    .fd = fd, .state = SWARM_JOINING, .id = SWARM_NO_ID, .before = swarm->joined_count};
	swarm->joining++;
	swarm->present++;
	swarm->settled = 0;
	if (fd < 0 || epoll_ctl(swarm->epoll, EPOLL_CTL_ADD, fd, &event)) {
		complain(swarm, client, "connect: %s", strerror(errno));
		drop(swarm, client, SWARM_GONE);
	}
	return true;
}

static bool is_settled(const struct swarm *swarm, const struct swarm_client *client)
{
	const struct load *load = swarm->load;
	uint32_t strangers = 0;

	if (client->state != SWARM_JOINED)
		return client->state != SWARM_JOINING;
	if (!load->classic)
		return true;
	/* Stalled clients stay connected until the server closes them. */
	if (client->alive < swarm->present || client->alive > swarm->present + load->stalled)
		return false;
	for (uint32_t id = 0; id < client->known_count; id++) {
		const struct swarm_client *other = NULL;

		if (swarm->who[id])
			other = &swarm->client[swarm->who[id] - 1];
		if (other &&
		    (other->id != id || other->state == SWARM_AWAY || other->state == SWARM_GONE))
			other = NULL;
		if (client->known[id] == 0 || client->known[id] == SWARM_LEFT)
			continue;
		if (client->known[id] != load->vectors)
			return false;
		if (!other)
			strangers++;
	}
	return client->alive - strangers == swarm->present && strangers <= load->stalled;
}

/*
 * All clients are settled. One that was found so is checked again only when others come or leave.
 */
static bool are_settled(struct swarm *swarm)
{
	while (swarm->settled < swarm->count && is_settled(swarm, &swarm->client[swarm->settled]))
		swarm->settled++;
	return swarm->settled == swarm->count;
}

static void handle_events(struct swarm *swarm, int timeout_ms)
{
	struct epoll_event events[SWARM_EVENTS];
	int count = epoll_wait(swarm->epoll, events, SWARM_EVENTS, timeout_ms);

	for (int i = 0; i < count; i++)
		if (swarm->client[events[i].data.u32].fd >= 0)
			read_messages(swarm, &swarm->client[events[i].data.u32]);
}

static bool is_over(const struct swarm *swarm)
{
	const struct load *load = swarm->load;

	return swarm->errors > 0 || load_is_late(load) ||
	       (load->lossy_ms && load_now_ms() - swarm->last_ms > load->lossy_ms);
}

/* Let the clients from (connected) to (count) join, and wait until all know all. */
static void gather(struct swarm *swarm)
{
	swarm->last_ms = load_now_ms();
	while (!is_over(swarm)) {
		bool full = false;

		while (swarm->connected < swarm->count && !full &&
		       swarm->joining < swarm->load->joining) {
			full = !join_one(swarm, swarm->connected);
			swarm->connected += !full;
		}
		if (swarm->connected == swarm->count && are_settled(swarm))
			return;
		handle_events(swarm, full ? 0 : 10);
	}
}

static uint32_t random_present(struct swarm *swarm)
{
	uint32_t index;

	do
		index = load_random(swarm->load, swarm->count);
	while (swarm->client[index].state != SWARM_JOINED);
	return index;
}

/* Clients leave, (leaving) at a time, until there are none. */
static void scatter(struct swarm *swarm)
{
	while (swarm->present > 0 && !is_over(swarm)) {
		for (uint32_t i = 0; i < swarm->load->leaving && swarm->present > 0; i++)
			drop(swarm, &swarm->client[random_present(swarm)], SWARM_AWAY);
		while (!are_settled(swarm) && !is_over(swarm))
			handle_events(swarm, 10);
	}
}

/* One client leaves and one comes, before the others have received that. */
static void churn(struct swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->load->churn && !is_over(swarm); i++) {
		uint32_t index = random_present(swarm);

		drop(swarm, &swarm->client[index], SWARM_AWAY);
		while (!join_one(swarm, index) && !is_over(swarm))
			handle_events(swarm, 0);
		while (swarm->client[index].state == SWARM_JOINING && !is_over(swarm))
			handle_events(swarm, 10);
	}
	while (!are_settled(swarm) && !is_over(swarm))
		handle_events(swarm, 10);
}

static uint32_t count_incomplete(const struct swarm *swarm)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < swarm->count; i++)
		count +=
		    swarm->client[i].state == SWARM_JOINING || swarm->client[i].state == SWARM_GONE;
	return count;
}

/* Run one phase and print it. */
static bool run_phase(struct swarm *swarm, const char *name, void (*run)(struct swarm *))
{
	const struct load *load = swarm->load;
	double began = load_now_ms(), cpu = load_cpu_ms(load);
	uint64_t messages = swarm->messages, departures = swarm->departures;
	uint32_t eventfds = load->vectors * (load->classic ? swarm->count : load->slots);
	uint64_t all = (uint64_t)swarm->count * (LOAD_HEAD + eventfds);
	bool settled;

	run(swarm);
	settled = are_settled(swarm);
	messages = swarm->messages - messages;
	printf("phase=%s wall_ms=%.3f cpu_ms=%.3f clients=%u messages=%llu departures=%llu", name,
	    swarm->last_ms - began, load_cpu_ms(load) - cpu, swarm->present,
	    (unsigned long long)messages, (unsigned long long)(swarm->departures - departures));
	if (run == gather)
		printf(" lost=%llu incomplete=%u",
		    (unsigned long long)(messages < all ? all - messages : 0),
		    count_incomplete(swarm));
	printf(" settled=%d errors=%u\n", settled, swarm->errors);
	fflush(stdout);
	return settled && swarm->errors == 0;
}

static void stay_quiet(struct swarm *swarm)
{
	double end = load_now_ms() + SWARM_QUIET_MS;
	uint64_t messages = swarm->messages;

	while (load_now_ms() < end)
		handle_events(swarm, 5);
	if (swarm->messages != messages && !swarm->load->stalled)
		complain(swarm, &swarm->client[0], "messages when all was said");
}

/* Connect clients that never read: they get as much as fits into their buffer. */
static void connect_stalled(struct swarm *swarm, int *stalled)
{
	for (uint32_t i = 0; i < swarm->load->stalled; i++) {
		stalled[i] = load_connect(swarm->load, true);
		if (stalled[i] < 0)
			complain(swarm, &swarm->client[0], "stall: %s", strerror(errno));
	}
}

static bool allocate(struct swarm *swarm, struct load *load)
{
	*swarm = (struct swarm){.load = load, .count = load->clients};
	swarm->joined_room = load->clients + load->churn;
	swarm->epoll = epoll_create1(EPOLL_CLOEXEC);
	swarm->client = calloc(load->clients, sizeof(*swarm->client));
	swarm->joined = calloc(swarm->joined_room, sizeof(*swarm->joined));
	swarm->who = calloc(SWARM_IDS, sizeof(*swarm->who));
	swarm->eventfd = calloc((size_t)SWARM_IDS * load->vectors + 1, sizeof(*swarm->eventfd));
	for (uint32_t i = 0; swarm->client && i < load->clients; i++)
		swarm->client[i].fd = -1;
	return swarm->epoll >= 0 && swarm->client && swarm->joined && swarm->who && swarm->eventfd;
}

bool swarm_run(struct load *load)
{
	int *stalled = calloc(load->stalled + 1, sizeof(*stalled));
	struct swarm swarm;
	bool good;

	if (!allocate(&swarm, load) || !stalled) {
		perror("load");
		return false;
	}
	connect_stalled(&swarm, stalled);
	good = run_phase(&swarm, "join", gather);
	if (good)
		good = run_phase(&swarm, "quiet", stay_quiet);
	if (good && load->churn)
		good = run_phase(&swarm, "churn", churn);
	if (good && load->leaving)
		good = run_phase(&swarm, "leave", scatter);
	printf("result=%s clients=%u messages=%llu errors=%u\n", good ? "ok" : "failed",
	    swarm.count, (unsigned long long)swarm.messages, swarm.errors);
	/* Sockets close with the process. */
	free(swarm.client);
	free(swarm.joined);
	free(swarm.who);
	free(swarm.eventfd);
	free(stalled);
	return good;
}
