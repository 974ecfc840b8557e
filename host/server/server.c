/* SPDX-License-Identifier: MIT */
/*
 * server.c - the whole server: acquire, serve, give back.
 *
 * One thread and one epoll set; no call in the loop waits for a client. The clients have an epoll
 * set of their own inside it, so that all hang-ups can be looked at before a slot is given away.
 */
#include "server.h"
#include "descriptors.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SERVER_TICK_NS 250000000 /* SPEC 4: the server's beat */
#define SERVER_EVENTS 16
#define SERVER_ACCEPTS 64 /* connections taken from one socket before others have their turn */

/* What an event is about; the listeners follow from SERVER_LISTENERS on. */
enum {
	SERVER_TIMER,
	SERVER_SIGNALS,
	SERVER_CLIENTS,
	SERVER_LISTENERS
};

static void server_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int server_lock(struct server *server)
{
	const struct options *options = &server->options;

	server->listeners = calloc(options->bound_count + 1, sizeof *server->listeners);
	if (!server->listeners)
		return log_failure("listeners", "%s", strerror(errno));
	for (uint32_t i = 0; i <= options->bound_count; i++) {
		const char *path = i ? options->bound[i - 1].socket : options->socket;
		uint32_t slot = i ? options->bound[i - 1].slot : LISTENER_COMMON;

		if (listener_lock(&server->listeners[i], path, slot))
			return -1;
		server->listener_count++;
	}
	return 0;
}

static int server_watch(struct server *server, int fd, uint32_t what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

	if (fd < 0 || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event))
		return log_failure("epoll", "%s", strerror(errno));
	return 0;
}

static int server_events(struct server *server)
{
	const struct itimerspec tick = {{0, SERVER_TICK_NS}, {0, SERVER_TICK_NS}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->timer < 0 || timerfd_settime(server->timer, 0, &tick, NULL))
		return log_failure("timer", "%s", strerror(errno));
	if (server_watch(server, server->signals, SERVER_SIGNALS) ||
	    server_watch(server, server->timer, SERVER_TIMER) ||
	    server_watch(server, server->clients.epoll, SERVER_CLIENTS))
		return -1;
	return 0;
}

static int server_listen(struct server *server)
{
	for (uint32_t i = 0; i < server->listener_count; i++)
		if (listener_listen(&server->listeners[i]) ||
		    server_watch(server, server->listeners[i].fd, SERVER_LISTENERS + i))
			return -1;
	return 0;
}

int server_open(struct server *server)
{
	const struct options *options = &server->options;

	server->epoll = server->timer = server->signals = server->spare = -1;
	server->memory.backend.fd = server->clients.epoll = -1;
	/*
	 * Clients that were let into the backlog could not be refused any more: listening is
	 * last.
	 */
	if (descriptors_check(options) || server_lock(server) ||
	    memory_open(&server->memory, options) ||
	    page_open(&server->page, memory_server_page(&server->memory), options->vectors) ||
	    slots_open(&server->slots, options) ||
	    clients_open(
		&server->clients, &server->slots, &server->page, server->memory.backend.fd) ||
	    server_events(server) || server_listen(server)) {
		server_close(server);
		return -1;
	}
	return 0;
}

/* Take the listeners out of the epoll set, or put them back. */
static void server_pause(struct server *server, bool pause)
{
	if (server->is_paused == pause)
		return;
	server->is_paused = pause;
	log_detail("event=accept paused=%d", pause);
	for (uint32_t i = 0; i < server->listener_count; i++) {
		struct epoll_event event = {
		    .events = pause ? 0 : EPOLLIN, .data.u32 = SERVER_LISTENERS + i};

		epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listeners[i].fd, &event);
	}
}

/* Opening files is forbidden by now: any descriptor that we have is copied. */
static void server_hold_spare(struct server *server)
{
	server->spare = fcntl(server->epoll, F_DUPFD_CLOEXEC, 0);
}

static void server_admit(struct server *server, const struct listener *listener, int fd)
{
	clients_add(
	    &server->clients, fd, listener->slot == LISTENER_COMMON ? SLOTS_NONE : listener->slot);
}

/*
 * Descriptors have run out, of this process or of the system. One is held back for this: it lets
 * the waiting client be told, instead of leaving it, and QEMU's start, waiting for ever. accept4(2)
 * says so also when nobody waits. Answers whether to go on accepting.
 */
static bool server_accept_last(struct server *server, const struct listener *listener)
{
	int fd;

	server_close_fd(&server->spare);
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		server_pause(server, true);
	server_hold_spare(server);
	if (fd < 0)
		return false;
	if (server->spare >= 0) {
		/* Meanwhile there is one more. */
		server_admit(server, listener, fd);
		return true;
	}
	log_event("event=refuse reason=descriptors");
	clients_turn_away(fd);
	server_hold_spare(server);
	return true;
}

static void server_accept(struct server *server, const struct listener *listener)
{
	for (unsigned i = 0; i < SERVER_ACCEPTS && !server->is_paused; i++) {
		int fd;

		if (clients_is_full(&server->clients)) {
			server_pause(server, true);
			return;
		}
		fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			server_admit(server, listener, fd);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno == EMFILE || errno == ENFILE) {
			if (!server_accept_last(server, listener))
				return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			server_pause(server, true);
		}
	}
}

static void server_tick(struct server *server)
{
	uint64_t ticks;

	if (read(server->timer, &ticks, sizeof ticks) < 0)
		return;
	page_beat(&server->page);
	clients_tick(&server->clients);
	server_pause(server, false);
	if (server->spare < 0)
		server_hold_spare(server);
}

static void server_signal(struct server *server)
{
	struct signalfd_siginfo info;

	if (read(server->signals, &info, sizeof info) != sizeof info)
		return;
	log_event("event=stop signal=%u", info.ssi_signo);
	server->is_stopped = true;
}

void server_run(struct server *server)
{
	struct epoll_event events[SERVER_EVENTS];

	while (!server->is_stopped) {
		int count = epoll_wait(server->epoll, events, SERVER_EVENTS, -1);

		for (int i = 0; i < count; i++) {
			uint32_t what = events[i].data.u32;

			if (what == SERVER_TIMER)
				server_tick(server);
			else if (what == SERVER_SIGNALS)
				server_signal(server);
			else if (what == SERVER_CLIENTS)
				clients_service(&server->clients);
			else
				server_accept(server, &server->listeners[what - SERVER_LISTENERS]);
		}
		/* The words are stored: whoever is woken by this sees them. */
		if (page_take_change(&server->page))
			slots_ring(&server->slots);
	}
}

void server_close(struct server *server)
{
	page_close(&server->page);
	/* Sockets first, so that nobody connects to what is going; the locks go with them. */
	if (server->clients.client)
		clients_close(&server->clients);
	slots_close(&server->slots);
	memory_close(&server->memory);
	while (server->listener_count > 0)
		listener_close(&server->listeners[--server->listener_count]);
	free(server->listeners);
	server->listeners = NULL;
	server_close_fd(&server->timer);
	server_close_fd(&server->signals);
	server_close_fd(&server->spare);
	server_close_fd(&server->epoll);
}
