/* SPDX-License-Identifier: MIT */
/*
 * doorbell.c - struct ivsh_doorbell over eventfds.
 *
 * All holders of an eventfd share its flags, and QEMU makes an eventfd blocking for a moment
 * whenever it receives one. So nothing here relies on EAGAIN: it calls poll(2) first, and then
 * reads or writes. One case is left: a host process may fill our peer's counter to 2^64 - 2 in just
 * that moment. It holds the eventfds, so it can keep us from notifying that peer anyway.
 *
 * Our own eventfds are in an epoll set, so that the cost of a poll does not grow with the vectors.
 *
 * No notification is lost between two calls. An eventfd stays readable until count() has read it,
 * and neither epoll(7), as it is used here, nor ppoll(2) reports only edges. If a notification
 * comes after a sleeper's count(), ppoll() does not sleep, or ends at once.
 */
#include "client/doorbell.h"
#include "client/protocol.h"
#include "client/peers.h"
#include "device/relax.h"
#include "process/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

/* Eventfds that one call of epoll_wait(2) reports. */
#define BATCH 64u

/*
 * The most that one eventfd adds to the count at a time: a process that adds more is filling
 * counters. All vectors together add far less than 2^32, so the count never comes round to where it
 * was.
 */
#define COUNT_MAX 0x10000u

static void notify(void *ctx, uint32_t peer, uint32_t vector)
{
	const struct ivsh_client *client = ctx;
	const uint64_t one = 1;
	struct pollfd ready = {.events = POLLOUT};

	if (vector >= ivsh_client_peers_vectors(client, peer))
		return;
	ready.fd = client->peers[peer].fd[vector];
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return; /* the counter is full: the peer can read it, so nothing is lost */
	if (write(ready.fd, &one, sizeof(one)) < 0)
		return; /* likewise */
}

/* Read the notifications of one readable eventfd. */
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

/* Read the notifications of one client. */
static void collect(struct ivsh_client *client)
{
	struct epoll_event ready[BATCH];
	uint32_t reported = 0;
	int n;

	/* A peer that notifies without end must not keep us here. */
	do {
		n = epoll_wait(client->doorbells, ready, BATCH, 0);
		for (int i = 0; i < n; i++)
			client->notifications += take_eventfd(ready[i].data.fd);
		reported += BATCH;
	} while (n == (int)BATCH && reported < client->mem.doorbell.vectors);
}

/* The notifications that the group has read so far. */
static uint32_t group_total(const struct ivsh_client *client)
{
	const struct ivsh_client *member = client;
	uint32_t sum = 0;

	do {
		sum += member->notifications;
		member = member->group;
	} while (member != client);
	return sum;
}

static uint32_t count_notifications(void *ctx)
{
	struct ivsh_client *client = ctx, *member = client;

	do {
		collect(member);
		member = member->group;
	} while (member != client);
	return group_total(client);
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return clock_now_ns();
}

/* The time from now to (deadline_ns). 0, or -1: it has passed. */
static int time_left(uint64_t deadline_ns, struct timespec *left)
{
	uint64_t now = clock_now_ns();

	if (now >= deadline_ns)
		return -1;
	left->tv_sec = (time_t)((deadline_ns - now) / UINT64_C(1000000000));
	left->tv_nsec = (long)((deadline_ns - now) % UINT64_C(1000000000));
	return 0;
}

/* Wait for the group's eventfds and its servers' sockets. Early returns are allowed. */
static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct ivsh_client *client = ctx, *member = client;
	struct pollfd wait[2 * IVSH_CLIENT_GROUP_MAX];
	nfds_t count = 0;
	struct timespec left;

	/* A descriptor that is not open is -1, and ppoll(2) ignores it. */
	do {
		wait[count++] = (struct pollfd){.fd = member->doorbells, .events = POLLIN};
		wait[count++] = (struct pollfd){.fd = member->socket, .events = POLLIN};
		member = member->group;
	} while (member != client);
	if (group_total(client) != seen || time_left(deadline_ns, &left) ||
	    ppoll(wait, count, &left, NULL) <= 0)
		return;
	for (nfds_t i = 1; i < count; i += 2, member = member->group)
		if (wait[i].revents)
			ivsh_client_protocol_take(member);
}

void ivsh_client_doorbell_leave(struct ivsh_client *client)
{
	struct ivsh_client *before = client->group;

	while (before && before->group != client)
		before = before->group;
	if (before)
		before->group = client->group;
	client->group = client;
}

static void relax(void *ctx)
{
	(void)ctx;
	relax_processor();
}

static int add_to_set(struct ivsh_client *client, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(client->doorbells, EPOLL_CTL_ADD, fd, &event);
}

int ivsh_client_doorbell_open(struct ivsh_client *client, bool has_eventfds)
{
	uint32_t vectors = has_eventfds ? ivsh_client_peers_vectors(client, client->mem.self) : 0;
	int error;

	client->mem.doorbell = (struct ivsh_doorbell){.ctx = client,
	    .vectors = vectors,
	    .notify = has_eventfds ? notify : NULL,
	    .count = count_notifications,
	    .now_ns = now_ns,
	    .sleep = sleep_until,
	    .relax = relax};
	client->group = client;
	if (vectors == 0)
		return 0;
	client->doorbells = epoll_create1(EPOLL_CLOEXEC);
	error = client->doorbells < 0;
	for (uint32_t i = 0; !error && i < vectors; i++)
		error = add_to_set(client, client->peers[client->mem.self].fd[i]);
	return error ? ivsh_client_fail(client, "the doorbells: epoll: %s", strerror(errno)) : 0;
}
