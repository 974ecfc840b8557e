/* SPDX-License-Identifier: MIT */
/*
 * doorbell.c - struct ivsh_doorbell over eventfds.
 *
 * Every holder of an eventfd shares its flags, and QEMU makes it blocking for a moment whenever it
 * receives one; so nothing here relies on EAGAIN: poll(2) first, then touch. What is left is a host
 * process that fills our peer's counter to 2^64 - 2 in just that moment: it holds the eventfds, so
 * it can keep us from ringing anyway.
 *
 * Our own eventfds are in an epoll set: what a look costs does not grow with the vectors.
 *
 * No bell is lost between two calls: an eventfd stays readable until count() has read it, and
 * neither epoll(7), as it is used here, nor ppoll(2) looks at edges. A bell that comes behind the
 * count() of a sleeper keeps ppoll() from sleeping, or ends it at once.
 */
#include "client/doorbell.h"
#include "client/protocol.h"
#include "client/peers.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* More bells at a time than this are taken in several calls. */
#define BATCH 64u

/* Whoever adds more at a time fills counters. All vectors together then stay far below 2^32, so
 * that the count never comes round to where it was. */
#define COUNT_MAX 0x10000u

static void notify(void *ctx, uint32_t peer, uint32_t vector)
{
	const struct client *client = ctx;
	const uint64_t one = 1;
	struct pollfd ready = {.events = POLLOUT};

	if (vector >= peers_vectors(client, peer))
		return;
	ready.fd = client->peers[peer].fd[vector];
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return; /* saturated: it is readable, so nothing is lost */
	if (write(ready.fd, &one, sizeof(one)) < 0)
		return; /* likewise */
}

/* Take the bells out of one readable eventfd. */
static uint32_t take_eventfd(int fd)
{
	uint64_t value = 0;
	struct iovec io = {.iov_base = &value, .iov_len = sizeof(value)};
	ssize_t got = preadv2(fd, &io, 1, -1, RWF_NOWAIT);

	/* Kernels before 5.8 know no RWF_NOWAIT here. */
	if (got < 0 && errno == EOPNOTSUPP)
		got = read(fd, &value, sizeof(value));
	if (got != (ssize_t)sizeof(value))
		return 0;
	return value < COUNT_MAX ? (uint32_t)value : COUNT_MAX;
}

/* Take the bells of one client. */
static void collect(struct client *client)
{
	struct epoll_event ready[BATCH];
	uint32_t looked = 0;
	int n;

	/* Who rings on and on does not keep us here. */
	do {
		n = epoll_wait(client->doorbells, ready, BATCH, 0);
		for (int i = 0; i < n; i++)
			client->bells += take_eventfd(ready[i].data.fd);
		looked += BATCH;
	} while (n == (int)BATCH && looked < client->mem.doorbell.vectors);
}

/* What the group has taken so far. */
static uint32_t group_total(const struct client *client)
{
	const struct client *member = client;
	uint32_t bells = 0;

	do {
		bells += member->bells;
		member = member->group;
	} while (member != client);
	return bells;
}

static uint32_t count_notifications(void *ctx)
{
	struct client *client = ctx, *member = client;

	do {
		collect(member);
		member = member->group;
	} while (member != client);
	return group_total(client);
}

uint64_t doorbell_now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The time from now to (deadline_ns); false when it has passed. */
static bool time_left(uint64_t deadline_ns, struct timespec *left)
{
	uint64_t now = doorbell_now_ns(NULL);

	if (now >= deadline_ns)
		return false;
	left->tv_sec = (time_t)((deadline_ns - now) / UINT64_C(1000000000));
	left->tv_nsec = (long)((deadline_ns - now) % UINT64_C(1000000000));
	return true;
}

/* Wait for the group's eventfds and its servers' sockets. Early returns are allowed. */
static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct client *client = ctx, *member = client;
	struct pollfd wait[2 * CLIENT_GROUP_MOST];
	nfds_t count = 0;
	struct timespec left;

	/* What is closed, or never was, is -1, which ppoll(2) passes over. */
	do {
		wait[count++] = (struct pollfd){.fd = member->doorbells, .events = POLLIN};
		wait[count++] = (struct pollfd){.fd = member->socket, .events = POLLIN};
		member = member->group;
	} while (member != client);
	if (group_total(client) != seen || !time_left(deadline_ns, &left) ||
	    ppoll(wait, count, &left, NULL) <= 0)
		return;
	for (nfds_t i = 1; i < count; i += 2, member = member->group)
		if (wait[i].revents)
			protocol_take(member);
}

bool client_group(struct client *client, struct client *other)
{
	const struct client *member = client;
	uint32_t members = 0;

	do {
		members++;
		member = member->group;
	} while (member != client);
	if (members == CLIENT_GROUP_MOST)
		return false;
	other->group = client->group;
	client->group = other;
	return true;
}

void doorbell_leave(struct client *client)
{
	struct client *before = client->group;

	while (before && before->group != client)
		before = before->group;
	if (before)
		before->group = client->group;
	client->group = client;
}

static void relax(void *ctx)
{
	(void)ctx;
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static int fail(struct client *client)
{
	snprintf(client->error, sizeof(client->error), "the bells: epoll: %s", strerror(errno));
	return -1;
}

int doorbell_open(struct client *client, bool eventfds)
{
	uint32_t vectors = eventfds ? peers_vectors(client, client->mem.self) : 0;

	client->mem.doorbell = (struct ivsh_doorbell){.ctx = client,
	    .vectors = vectors,
	    .notify = eventfds ? notify : NULL,
	    .count = count_notifications,
	    .now_ns = doorbell_now_ns,
	    .sleep = sleep_until,
	    .relax = relax};
	client->group = client;
	if (vectors == 0)
		return 0;
	client->doorbells = epoll_create1(EPOLL_CLOEXEC);
	if (client->doorbells < 0)
		return fail(client);
	for (uint32_t i = 0; i < vectors; i++) {
		int fd = client->peers[client->mem.self].fd[i];
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		if (epoll_ctl(client->doorbells, EPOLL_CTL_ADD, fd, &event))
			return fail(client);
	}
	return 0;
}
