/* SPDX-License-Identifier: MIT */
/*
 * clients.c - the connected sockets.
 *
 * Theory of operation
 *
 * Nothing is ever queued for a client: what it has to be told is the fixed sequence of handshake.h,
 * and (step) is how far it got. So a client that does not read costs nothing, and none can miss a
 * message. After the handshake the server has nothing more to say to it.
 *
 * A client is refused by a protocol version that it does not know, and closed when it has closed.
 * QEMU 7.2 spins for ever when the socket ends before the memory has come (hw/misc/ivshmem.c,
 * ivshmem_recv_msg()); so no one who was sent the right version is closed before that. The three
 * first messages always fit in a fresh socket's buffer.
 */
#include "clients.h"
#include "handshake.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_WAIT_NS UINT64_C(1000000000)     /* for the old client of a bound slot to go */
#define CLIENTS_GREETING_NS UINT64_C(5000000000) /* for reading the handshake */
#define CLIENTS_REFUSAL_NS UINT64_C(5000000000)  /* for closing after a refusal */
#define CLIENTS_EVENTS 256

static uint64_t clients_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint32_t clients_index(const struct clients *clients, const struct client *client)
{
	return (uint32_t)(client - clients->client);
}

static bool clients_holds_slot(const struct client *client)
{
	return client->state == CLIENT_GREETING || client->state == CLIENT_READY;
}

/* Forget a client; its slot keeps its eventfds and is free again. */
static void clients_drop(struct clients *clients, struct client *client, const char *reason)
{
	if (clients_holds_slot(client)) {
		log_event("event=disconnect slot=%u pid=%ld reason=%s", client->slot,
		    (long)client->pid, reason);
		clients->slots->slot[client->slot].client = SLOTS_NONE;
		page_connection(clients->page, client->slot);
	} else {
		log_detail("event=gone pid=%ld reason=%s", (long)client->pid, reason);
	}
	close(client->fd); /* this also takes it out of the epoll set */
	client->state = CLIENT_FREE;
	clients->used--;
}

static void clients_watch(struct clients *clients, struct client *client, int operation)
{
	struct epoll_event event = {
	    .events = EPOLLIN | EPOLLRDHUP, .data.u32 = clients_index(clients, client)};

	if (client->is_blocked)
		event.events |= EPOLLOUT;
	if (epoll_ctl(clients->epoll, operation, client->fd, &event))
		log_event("event=warning what=epoll_ctl error=%d", errno);
}

/* Go on with the handshake as far as the socket takes it. */
static void clients_greet(struct clients *clients, struct client *client)
{
	uint32_t length = handshake_length(clients->slots);
	bool blocked = false;

	while (client->step < length && !blocked) {
		struct handshake_message message =
		    handshake_message(clients->slots, clients->memory, client->slot, client->step);

		if (handshake_send(client->fd, &message) == 0) {
			client->step++;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			blocked = true;
		} else if (errno == ETOOMANYREFS || errno == ENOMEM || errno == ENOBUFS) {
			return; /* no event says when this is over: clients_tick() tries again */
		} else if (errno != EINTR) {
			clients_drop(clients, client, "send-failed");
			return;
		}
	}
	if (client->step == length) {
		client->state = CLIENT_READY;
		log_detail("event=greeted slot=%u messages=%u", client->slot, length);
	}
	if (client->is_blocked != blocked) {
		client->is_blocked = blocked;
		clients_watch(clients, client, EPOLL_CTL_MOD);
	}
}

static void clients_refuse(struct clients *clients, struct client *client, const char *reason)
{
	const struct handshake_message refusal = {HANDSHAKE_REFUSAL, -1};

	log_event(
	    "event=refuse pid=%ld uid=%ld reason=%s", (long)client->pid, (long)client->uid, reason);
	client->state = CLIENT_REFUSED;
	client->deadline_ns = clients_now_ns() + CLIENTS_REFUSAL_NS;
	/* Shutting down, not closing: it reads the version before it sees the end. */
	if (handshake_send(client->fd, &refusal) || shutdown(client->fd, SHUT_WR))
		clients_drop(clients, client, "refused");
}

void clients_turn_away(int fd)
{
	const struct handshake_message refusal = {HANDSHAKE_REFUSAL, -1};

	/* It never wrote, so nothing unread of ours makes the kernel throw the version away. */
	if (handshake_send(fd, &refusal) == 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

static void clients_grant(struct clients *clients, struct client *client)
{
	struct slot *slot = &clients->slots->slot[client->slot];

	slot->client = clients_index(clients, client);
	client->state = CLIENT_GREETING;
	client->step = 0;
	client->deadline_ns = clients_now_ns() + CLIENTS_GREETING_NS;
	log_event("event=connect slot=%u pid=%ld uid=%ld%s%s", client->slot, (long)client->pid,
	    (long)client->uid, slot->name ? " name=" : "", slot->name ? slot->name : "");
	/* Before the first message: a client that knows its ID finds itself connected. */
	page_connection(clients->page, client->slot);
	clients_greet(clients, client);
}

/* Give slots that became free to those who wait for them, the longest waiting first. */
static void clients_promote(struct clients *clients)
{
	for (;;) {
		struct client *next = NULL;

		for (uint32_t i = 0; i < clients->capacity; i++) {
			struct client *c = &clients->client[i];

			if (c->state == CLIENT_WAITING &&
			    clients->slots->slot[c->slot].client == SLOTS_NONE &&
			    (!next || c->deadline_ns < next->deadline_ns))
				next = c;
		}
		if (!next)
			return;
		clients_grant(clients, next); /* it holds the slot now, or is gone: fewer wait */
	}
}

static void clients_admit(struct clients *clients, struct client *client)
{
	if (client->slot == SLOTS_NONE) {
		client->slot = slots_lowest_free(clients->slots);
		if (client->slot == SLOTS_NONE) {
			clients_refuse(clients, client, "no-free-slot");
			return;
		}
	}
	client->state = CLIENT_WAITING;
	client->deadline_ns = clients_now_ns() + CLIENTS_WAIT_NS;
	clients_promote(clients);
}

/* The client closed, or wrote, which no client has reason to. */
static void clients_input(struct clients *clients, struct client *client)
{
	unsigned char bytes[64];
	ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	clients_drop(clients, client, got > 0 ? "sent-bytes" : got == 0 ? "hang-up" : "error");
}

void clients_service(struct clients *clients)
{
	struct epoll_event events[CLIENTS_EVENTS];
	int count;

	do {
		count = epoll_wait(clients->epoll, events, CLIENTS_EVENTS, 0);
		for (int i = 0; i < count; i++) {
			struct client *client = &clients->client[events[i].data.u32];

			if (client->state == CLIENT_FREE)
				continue;
			if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
				clients_input(clients, client);
			else if (client->state == CLIENT_GREETING)
				clients_greet(clients, client);
		}
	} while (count == CLIENTS_EVENTS);
	clients_promote(clients);
}

bool clients_is_full(const struct clients *clients)
{
	return clients->used == clients->capacity;
}

/* It closed before it was looked at: no reason to ring everybody. */
static bool clients_is_gone(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLRDHUP};

	return poll(&ready, 1, 0) == 1;
}

void clients_add(struct clients *clients, int fd, uint32_t slot)
{
	struct client *client = clients->client;
	struct ucred peer = {0};
	socklen_t size = sizeof peer;

	clients_service(clients);
	if (clients_is_gone(fd)) {
		log_detail("event=gone reason=hang-up");
		close(fd);
		return;
	}
	while (client->state != CLIENT_FREE)
		client++;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	*client = (struct client){.fd = fd, .slot = slot, .pid = peer.pid, .uid = peer.uid};
	client->state = CLIENT_WAITING;
	clients->used++;
	clients_watch(clients, client, EPOLL_CTL_ADD);
	clients_admit(clients, client);
}

void clients_tick(struct clients *clients)
{
	uint64_t now = clients_now_ns();

	for (uint32_t i = 0; i < clients->capacity; i++) {
		struct client *client = &clients->client[i];
		bool late = now >= client->deadline_ns;

		if (client->state == CLIENT_GREETING && !client->is_blocked)
			clients_greet(clients, client);
		if (client->state == CLIENT_GREETING && late && client->step >= HANDSHAKE_HEAD)
			clients_drop(clients, client, "slow");
		else if (client->state == CLIENT_WAITING && late)
			clients_refuse(clients, client, "slot-in-use");
		else if (client->state == CLIENT_REFUSED && late)
			clients_drop(clients, client, "refused");
	}
	clients_promote(clients);
}

int clients_open(struct clients *clients, struct slots *slots, struct page *page, int memory)
{
	*clients = (struct clients){.slots = slots,
	    .page = page,
	    .memory = memory,
	    .epoll = epoll_create1(EPOLL_CLOEXEC),
	    .capacity = slots->count + CLIENTS_SPARE};
	clients->client = calloc(clients->capacity, sizeof *clients->client);
	if (clients->epoll >= 0 && clients->client)
		return 0;
	log_failure("clients", "%s", strerror(errno));
	clients_close(clients);
	return -1;
}

void clients_close(struct clients *clients)
{
	for (uint32_t i = 0; clients->client && i < clients->capacity; i++)
		if (clients->client[i].state != CLIENT_FREE)
			close(clients->client[i].fd);
	free(clients->client);
	if (clients->epoll >= 0)
		close(clients->epoll);
	*clients = (struct clients){.epoll = -1};
}
