/* SPDX-License-Identifier: MIT */
/*
 * doorbell.c - struct ivsh_bell over eventfds.
 *
 * Every holder of an eventfd shares its flags, and QEMU makes it blocking for a moment whenever it
 * receives one; so nothing here relies on EAGAIN: poll(2) first, then touch. What is left is a host
 * process that fills our peer's counter to 2^64 - 2 in just that moment: it holds the eventfds, so
 * it can keep us from ringing anyway.
 */
#include "doorbell.h"
#include "announcements.h"
#include "peers.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* More own vectors than this are looked at in several calls. */
#define DOORBELL_BATCH 64u

static void doorbell_ring(void *ctx, uint32_t peer, uint32_t vector)
{
	const struct client *client = ctx;
	const uint64_t one = 1;
	struct pollfd ready = {.events = POLLOUT};

	if (vector >= peers_vectors(client, peer))
		return;
	ready.fd = client->peers[peer].fd[vector];
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return; /* saturated: it is readable, so nothing is lost */
	if (write(ready.fd, &one, sizeof one) < 0)
		return; /* likewise */
}

/* Take the bells out of one readable eventfd. */
static uint32_t doorbell_take(int fd)
{
	uint64_t value = 0;
	struct iovec io = {.iov_base = &value, .iov_len = sizeof value};
	ssize_t got = preadv2(fd, &io, 1, -1, RWF_NOWAIT);

	/* Kernels before 5.8 know no RWF_NOWAIT here. */
	if (got < 0 && errno == EOPNOTSUPP)
		got = read(fd, &value, sizeof value);
	return got == (ssize_t)sizeof value ? (uint32_t)value : 0;
}

static uint32_t doorbell_count(void *ctx)
{
	struct client *client = ctx;
	uint32_t vectors = peers_vectors(client, client->mem.self);
	struct pollfd ready[DOORBELL_BATCH];

	for (uint32_t first = 0; first < vectors; first += DOORBELL_BATCH) {
		uint32_t n = vectors - first < DOORBELL_BATCH ? vectors - first : DOORBELL_BATCH;

		for (uint32_t i = 0; i < n; i++)
			ready[i] = (struct pollfd){
			    .fd = client->peers[client->mem.self].fd[first + i], .events = POLLIN};
		if (poll(ready, n, 0) <= 0)
			continue;
		for (uint32_t i = 0; i < n; i++)
			if (ready[i].revents & POLLIN)
				client->bells += doorbell_take(ready[i].fd);
	}
	return client->bells;
}

uint64_t doorbell_now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The time from now to (deadline_ns); false when it has passed. */
static bool doorbell_left(uint64_t deadline_ns, struct timespec *left)
{
	uint64_t now = doorbell_now_ns(NULL);

	if (now >= deadline_ns)
		return false;
	left->tv_sec = (time_t)((deadline_ns - now) / UINT64_C(1000000000));
	left->tv_nsec = (long)((deadline_ns - now) % UINT64_C(1000000000));
	return true;
}

/* Wait for our own eventfds and the server's socket. Early returns are allowed. */
static void doorbell_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct client *client = ctx;
	uint32_t vectors = peers_vectors(client, client->mem.self);
	struct pollfd wait[CLIENT_VECTORS_MAX + 1];
	struct timespec left;

	if (doorbell_count(client) != seen || !doorbell_left(deadline_ns, &left))
		return;
	for (uint32_t i = 0; i < vectors; i++)
		wait[i] =
		    (struct pollfd){.fd = client->peers[client->mem.self].fd[i], .events = POLLIN};
	/* A closed socket is -1, which ppoll(2) passes over. */
	wait[vectors] = (struct pollfd){.fd = client->socket, .events = POLLIN};
	if (ppoll(wait, vectors + 1, &left, NULL) > 0 && wait[vectors].revents)
		announcements_take(client);
}

static void doorbell_relax(void *ctx)
{
	(void)ctx;
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

void doorbell_open(struct client *client, bool eventfds)
{
	client->mem.bell = (struct ivsh_bell){.ctx = client,
	    .vectors = eventfds ? peers_vectors(client, client->mem.self) : 0,
	    .ring = eventfds ? doorbell_ring : NULL,
	    .count = doorbell_count,
	    .now_ns = doorbell_now_ns,
	    .sleep = doorbell_sleep,
	    .relax = doorbell_relax};
}
