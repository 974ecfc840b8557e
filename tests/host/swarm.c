/* SPDX-License-Identifier: MIT */
/*
 * swarm.c - many clients at a time, in one thread and one epoll set.
 *
 * Theory of operation
 *
 * In slot mode a client is told a fixed sequence, and then nothing. In classic mode each client
 * has a table of what it was told about each ID: how many descriptors, or that it left. What
 * counts is the state in which everybody ends, not the way there: everybody knows all who are
 * there, with all their vectors, and nobody else. On the way, what can never be right is an error:
 * a descriptor too many, the departure of one who was not announced or who is there, an own ID
 * before those who were complete when this client connected, another eventfd than another client
 * got for the same vector.
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
#define SWARM_NO_ID UINT32_MAX /* not told yet */
#define SWARM_EVENTS 64
#define SWARM_LEFT UINT16_MAX /* in (known): was announced and has left */
#define SWARM_QUIET_MS 50     /* in which nobody is told more than there is to tell */
#define SWARM_COMPLAINTS 10

enum swarm_state {
	SWARM_AWAY,
	SWARM_JOINING,
	SWARM_JOINED, /* it has its own vectors: its handshake is complete */
	SWARM_GONE    /* the server ended it, or we cannot go on with it */
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
	uint32_t connected; /* connections ever made, as an index: who comes next */
	uint32_t joining;   /* in their handshake */
	uint32_t *joined;   /* clients in the order in which they were complete */
	uint32_t joined_count;
	uint32_t joined_room;
	uint32_t *who;     /* by ID: 1 + client, 0: not one of ours */
	uint64_t *eventfd; /* by ID and vector: the kernel's number */
	uint32_t settled;  /* clients before this one have been found settled */
	uint64_t messages;
	uint64_t notices; /* of them, without a descriptor, behind the handshake's head */
	uint32_t errors;
	double last_ms; /* of the last message */
};

static void __attribute__((format(printf, 3, 4)))
swarm_error(struct swarm *swarm, const struct swarm_client *client, const char *format, ...)
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

static void swarm_close(struct swarm *swarm, struct swarm_client *client, enum swarm_state state)
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

static uint16_t *swarm_known(struct swarm_client *client, uint32_t id)
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

static void swarm_complete(struct swarm *swarm, struct swarm_client *client)
{
	client->state = SWARM_JOINED;
	swarm->joining--;
	if (swarm->joined_count < swarm->joined_room)
		swarm->joined[swarm->joined_count++] = (uint32_t)(client - swarm->client);
}

/* One eventfd for an ID and a vector, whoever is sent it. */
static void swarm_identity(struct swarm *swarm, const struct swarm_client *client, uint32_t id,
    uint32_t vector, uint64_t eventfd)
{
	uint64_t *first = &swarm->eventfd[(size_t)id * swarm->load->vectors + vector];

	if (*first == 0)
		*first = eventfd + 1;
	else if (*first != eventfd + 1)
		swarm_error(swarm, client, "another eventfd for vector %u of %u", vector, id);
}

/* Those who were complete when this one connected come before its own ID. */
static void swarm_order(struct swarm *swarm, struct swarm_client *client)
{
	uint32_t vectors = swarm->load->vectors;

	if (swarm->load->churn || swarm->load->lossy_ms)
		return;
	for (uint32_t i = 0; i < client->before; i++) {
		const struct swarm_client *other = &swarm->client[swarm->joined[i]];

		if (other->state == SWARM_JOINED && *swarm_known(client, other->id) != vectors)
			swarm_error(swarm, client, "its own ID comes before %u", other->id);
	}
}

static void swarm_classic(
    struct swarm *swarm, struct swarm_client *client, const struct load_message *message)
{
	uint32_t vectors = swarm->load->vectors, id = (uint32_t)message->value, owner;
	uint16_t *known;

	if (message->value < 0 || message->value >= SWARM_IDS) {
		swarm_error(swarm, client, "value %lld", (long long)message->value);
		return;
	}
	known = swarm_known(client, id);
	owner = swarm->who[id];
	if (!message->has_fd) {
		swarm->notices++;
		if (*known == 0 || *known == SWARM_LEFT)
			swarm_error(swarm, client, "%u left that is not there", id);
		else if (owner && swarm->client[owner - 1].id == id &&
			 (swarm->client[owner - 1].state == SWARM_JOINED ||
			     swarm->client[owner - 1].state == SWARM_JOINING))
			swarm_error(swarm, client, "%u left that is here", id);
		else
			client->alive--;
		*known = SWARM_LEFT;
		return;
	}
	if (*known == SWARM_LEFT || *known >= vectors) {
		swarm_error(swarm, client, "a vector too many of %u: %u", id, *known);
		return;
	}
	if (swarm->load->identity)
		swarm_identity(swarm, client, id, *known, message->eventfd);
	if (*known == 0)
		client->alive++;
	if (*known == 0 && id == client->id)
		swarm_order(swarm, client);
	*known = (uint16_t)(*known + 1);
	if (*known == vectors && id == client->id)
		swarm_complete(swarm, client);
}

static void swarm_slot(
    struct swarm *swarm, struct swarm_client *client, const struct load_message *message)
{
	const struct load *load = swarm->load;
	uint32_t length = LOAD_HEAD + load->slots * load->vectors;

	if (client->step >= length)
		swarm_error(swarm, client, "a message too many: %lld", (long long)message->value);
	else if (message->value != load_slot_value(load, client->id, client->step))
		swarm_error(swarm, client, "value %lld", (long long)message->value);
	else if (!message->has_fd)
		swarm_error(swarm, client, "no descriptor");
	else if (load->identity)
		swarm_identity(swarm, client, (uint32_t)message->value,
		    (client->step - LOAD_HEAD) % load->vectors, message->eventfd);
	if (client->step + 1 == length)
		swarm_complete(swarm, client);
}

/* Version, ID, memory. Answers false when there is no going on with this client. */
static bool swarm_head(
    struct swarm *swarm, struct swarm_client *client, const struct load_message *message)
{
	static const char *const what[] = {"version", "ID", "memory"};
	uint32_t step = client->step;
	bool good = step == 0   ? message->value == 0
		    : step == 1 ? message->value >= 0 && message->value < SWARM_IDS
				: message->value == -1;

	if (!good || message->has_fd != (step == 2)) {
		swarm_error(swarm, client, "%s %lld", what[step], (long long)message->value);
		return false;
	}
	if (step == 1) {
		client->id = (uint32_t)message->value;
		swarm->who[client->id] = 1 + (uint32_t)(client - swarm->client);
	}
	if (step == 2 && !swarm->load->classic && swarm->load->slots * swarm->load->vectors == 0)
		swarm_complete(swarm, client);
	return true;
}

static void swarm_read(struct swarm *swarm, struct swarm_client *client)
{
	struct load_message messages[LOAD_BATCH];
	int got;

	do {
		got = load_take(swarm->load, client->fd, messages, LOAD_BATCH, false);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			swarm_error(swarm, client, got ? strerror(errno) : "the end");
			swarm_close(swarm, client, SWARM_GONE);
			return;
		}
		for (int i = 0; i < got; i++, client->step++, swarm->messages++) {
			if (client->step >= LOAD_HEAD && swarm->load->classic)
				swarm_classic(swarm, client, &messages[i]);
			else if (client->step >= LOAD_HEAD)
				swarm_slot(swarm, client, &messages[i]);
			else if (!swarm_head(swarm, client, &messages[i])) {
				swarm_close(swarm, client, SWARM_GONE);
				return;
			}
		}
	} while (got == LOAD_BATCH);
	swarm->last_ms = load_now_ms();
}

/* Answers false if the server has to take others first. */
static bool swarm_join(struct swarm *swarm, uint32_t index)
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
		swarm_error(swarm, client, "connect: %s", strerror(errno));
		swarm_close(swarm, client, SWARM_GONE);
	}
	return true;
}

static bool swarm_is_settled(const struct swarm *swarm, const struct swarm_client *client)
{
	const struct load *load = swarm->load;
	uint32_t strangers = 0;

	if (client->state != SWARM_JOINED)
		return client->state != SWARM_JOINING;
	if (!load->classic)
		return true;
	/* The stalled ones are there until the server loses patience. */
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

/* Everybody is where it shall be. Who was found so is asked again only when others come or go. */
static bool swarm_are_settled(struct swarm *swarm)
{
	while (swarm->settled < swarm->count &&
	       swarm_is_settled(swarm, &swarm->client[swarm->settled]))
		swarm->settled++;
	return swarm->settled == swarm->count;
}

static void swarm_events(struct swarm *swarm, int timeout_ms)
{
	struct epoll_event events[SWARM_EVENTS];
	int count = epoll_wait(swarm->epoll, events, SWARM_EVENTS, timeout_ms);

	for (int i = 0; i < count; i++)
		if (swarm->client[events[i].data.u32].fd >= 0)
			swarm_read(swarm, &swarm->client[events[i].data.u32]);
}

static bool swarm_is_over(const struct swarm *swarm)
{
	const struct load *load = swarm->load;

	return swarm->errors > 0 || load_is_late(load) ||
	       (load->lossy_ms && load_now_ms() - swarm->last_ms > load->lossy_ms);
}

/* Let those from (connected) on to (count) join, and wait until everybody knows of everybody. */
static void swarm_gather(struct swarm *swarm)
{
	swarm->last_ms = load_now_ms();
	while (!swarm_is_over(swarm)) {
		bool full = false;

		while (swarm->connected < swarm->count && !full &&
		       swarm->joining < swarm->load->joining) {
			full = !swarm_join(swarm, swarm->connected);
			swarm->connected += !full;
		}
		if (swarm->connected == swarm->count && swarm_are_settled(swarm))
			return;
		swarm_events(swarm, full ? 0 : 10);
	}
}

static uint32_t swarm_random_present(struct swarm *swarm)
{
	uint32_t index;

	do
		index = load_random(swarm->load, swarm->count);
	while (swarm->client[index].state != SWARM_JOINED);
	return index;
}

/* (leaving) at a time, until nobody is left. */
static void swarm_scatter(struct swarm *swarm)
{
	while (swarm->present > 0 && !swarm_is_over(swarm)) {
		for (uint32_t i = 0; i < swarm->load->leaving && swarm->present > 0; i++)
			swarm_close(swarm, &swarm->client[swarm_random_present(swarm)], SWARM_AWAY);
		while (!swarm_are_settled(swarm) && !swarm_is_over(swarm))
			swarm_events(swarm, 10);
	}
}

/* One leaves and one comes, without waiting for what the others hear of it. */
static void swarm_churn(struct swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->load->churn && !swarm_is_over(swarm); i++) {
		uint32_t index = swarm_random_present(swarm);

		swarm_close(swarm, &swarm->client[index], SWARM_AWAY);
		while (!swarm_join(swarm, index) && !swarm_is_over(swarm))
			swarm_events(swarm, 0);
		while (swarm->client[index].state == SWARM_JOINING && !swarm_is_over(swarm))
			swarm_events(swarm, 10);
	}
	while (!swarm_are_settled(swarm) && !swarm_is_over(swarm))
		swarm_events(swarm, 10);
}

static uint32_t swarm_incomplete(const struct swarm *swarm)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < swarm->count; i++)
		count +=
		    swarm->client[i].state == SWARM_JOINING || swarm->client[i].state == SWARM_GONE;
	return count;
}

/* Run one phase and print it. */
static bool swarm_phase(struct swarm *swarm, const char *name, void (*run)(struct swarm *))
{
	const struct load *load = swarm->load;
	double began = load_now_ms(), cpu = load_cpu_ms(load);
	uint64_t messages = swarm->messages, notices = swarm->notices;
	uint32_t bells = load->vectors * (load->classic ? swarm->count : load->slots);
	uint64_t all = (uint64_t)swarm->count * (LOAD_HEAD + bells);
	bool settled;

	run(swarm);
	settled = swarm_are_settled(swarm);
	messages = swarm->messages - messages;
	printf("phase=%s wall_ms=%.3f cpu_ms=%.3f clients=%u messages=%llu notices=%llu", name,
	    swarm->last_ms - began, load_cpu_ms(load) - cpu, swarm->present,
	    (unsigned long long)messages, (unsigned long long)(swarm->notices - notices));
	if (run == swarm_gather)
		printf(" lost=%llu incomplete=%u",
		    (unsigned long long)(messages < all ? all - messages : 0),
		    swarm_incomplete(swarm));
	printf(" settled=%d errors=%u\n", settled, swarm->errors);
	fflush(stdout);
	return settled && swarm->errors == 0;
}

static void swarm_listen(struct swarm *swarm)
{
	double end = load_now_ms() + SWARM_QUIET_MS;
	uint64_t messages = swarm->messages;

	while (load_now_ms() < end)
		swarm_events(swarm, 5);
	if (swarm->messages != messages && !swarm->load->stalled)
		swarm_error(swarm, &swarm->client[0], "messages when all was said");
}

/* Connect those that will never read: they are told as much as fits in their buffer. */
static void swarm_stall(struct swarm *swarm, int *stalled)
{
	for (uint32_t i = 0; i < swarm->load->stalled; i++) {
		stalled[i] = load_connect(swarm->load, true);
		if (stalled[i] < 0)
			swarm_error(swarm, &swarm->client[0], "stall: %s", strerror(errno));
	}
}

static bool swarm_open(struct swarm *swarm, struct load *load)
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

	if (!swarm_open(&swarm, load) || !stalled) {
		perror("load");
		return false;
	}
	swarm_stall(&swarm, stalled);
	good = swarm_phase(&swarm, "join", swarm_gather);
	if (good)
		good = swarm_phase(&swarm, "quiet", swarm_listen);
	if (good && load->churn)
		good = swarm_phase(&swarm, "churn", swarm_churn);
	if (good && load->leaving)
		good = swarm_phase(&swarm, "leave", swarm_scatter);
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
