/* SPDX-License-Identifier: MIT */
/*
 * watch.c - one descriptor that poll(2) waits for: an epoll set of the doorbells, the server's
 * socket, and a timer.
 *
 * The doorbells are an epoll set of their own, the client's (client/doorbell.c), which is readable
 * as long as an eventfd is. The socket is watched for edges: after fork(2) a child may hold the
 * socket that this process has closed, and its end would else be reported without end.
 */
#include "library/inside.h"
#include "process/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum watched {
	WATCHED_DOORBELLS,
	WATCHED_SOCKET,
	WATCHED_TIMER
};

static int add(struct ivsh_host *host, int fd, enum watched which, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = which};

	return fd < 0 ? 0 : epoll_ctl(host->fd, EPOLL_CTL_ADD, fd, &event);
}

int ivsh_host_watch_open(struct ivsh_host *host)
{
	host->fd = epoll_create1(EPOLL_CLOEXEC);
	host->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (host->fd < 0 || host->timer < 0 || add(host, host->timer, WATCHED_TIMER, EPOLLIN))
		return ivsh_host_fail(host, IVSH_EPLATFORM, "epoll: %s", strerror(errno));
	return 0;
}

void ivsh_host_watch_close(struct ivsh_host *host)
{
	if (host->timer >= 0)
		close(host->timer);
	if (host->fd >= 0)
		close(host->fd);
	host->fd = host->timer = -1;
}

int ivsh_host_watch_add(struct ivsh_host *host)
{
	const struct ivsh_client *client = &host->clients[host->turn];

	host->is_socket_ready = true;
	if (add(host, client->doorbells, WATCHED_DOORBELLS, EPOLLIN) ||
	    add(host, client->socket, WATCHED_SOCKET, EPOLLIN | EPOLLET))
		return ivsh_host_fail(host, IVSH_EPLATFORM, "epoll: %s", strerror(errno));
	return 0;
}

void ivsh_host_watch_remove(struct ivsh_host *host)
{
	const struct ivsh_client *client = &host->clients[host->turn];

	/* An error: it was not watched, or was closed. */
	if (client->doorbells >= 0)
		(void)epoll_ctl(host->fd, EPOLL_CTL_DEL, client->doorbells, NULL);
	if (client->socket >= 0)
		(void)epoll_ctl(host->fd, EPOLL_CTL_DEL, client->socket, NULL);
}

void ivsh_host_watch_take(struct ivsh_host *host)
{
	struct ivsh_client *client = &host->clients[host->turn];
	struct epoll_event ready[4];
	int count = epoll_wait(host->fd, ready, 4, 0);
	uint64_t expired;

	for (int i = 0; i < count; i++) {
		if (ready[i].data.u32 == WATCHED_TIMER) {
			host->timer_ns = 0;
			host->has_expired = true;
			if (read(host->timer, &expired, sizeof(expired)) < 0)
				continue; /* it was set anew meanwhile */
		} else if (host->is_open && ready[i].data.u32 == WATCHED_DOORBELLS) {
			host->has_notified = true;
			(void)client->mem.doorbell.count(client->mem.doorbell.ctx);
		} else if (ready[i].data.u32 == WATCHED_SOCKET) {
			host->is_socket_ready = true;
		}
	}
}

void ivsh_host_watch_within(struct ivsh_host *host, uint64_t ns)
{
	uint64_t now = clock_now_ns(), end = now + (ns ? ns : 1);
	struct itimerspec when = {
	    .it_value = {(time_t)(end / UINT64_C(1000000000)), (long)(end % UINT64_C(1000000000))}};

	if (host->timer_ns > now && host->timer_ns <= end)
		return;
	if (timerfd_settime(host->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		host->timer_ns = end;
}

void ivsh_host_watch_sleep(const struct ivsh_host *host, uint64_t ns)
{
	struct pollfd ready = {.fd = host->fd, .events = POLLIN};
	struct timespec limit = {
	    (time_t)(ns / UINT64_C(1000000000)), (long)(ns % UINT64_C(1000000000))};

	(void)ppoll(&ready, 1, &limit, NULL);
}
