/* SPDX-License-Identifier: MIT */
/*
 * server.c - the process that serves.
 *
 * One thread and one epoll set; no call in the loop waits for a client or for the supervisor. The
 * clients have an epoll set of their own inside it, so that all hang-ups can be looked at before a
 * slot is given away. Everything that must outlive this process is in the state or with the supervisor.
 */
#include "server/server.h"
#include "server/isolate.h"
#include "server/admission.h"
#include "config/config.h"
#include "config/known.h"
#include "config/shape.h"
#include "process/clock.h"
#include "wire/link.h"
#include "process/log.h"
#include "server/mapping.h"
#include "server/takeover.h"
#include "server/touch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SERVER_TICK_NS 250000000 /* SPEC 4: the server's beat */
#define SERVER_EVENTS 16
#define SERVER_TAKES LINK_MANY /* connections taken at once before others have their turn */

/* What an event is about; the listeners follow from SERVER_LISTENERS on. */
enum {
	SERVER_TIMER,
	SERVER_SIGNALS,
	SERVER_CLIENTS,
	SERVER_LINK,
	SERVER_CONTROL,
	SERVER_LISTENERS
};

static const char *server_environment(void)
{
	const char *place = getenv(LINK_ENVIRONMENT);

	return place ? place : getenv(LINK_ENVIRONMENT_OLDER);
}

bool server_is_wanted(void)
{
	return server_environment() != NULL;
}

static int server_watch(const struct server *server, int fd, uint32_t what)
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
	server->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->timer < 0 || timerfd_settime(server->timer, 0, &tick, NULL))
		return log_failure("timer", "%s", strerror(errno));
	if (server_watch(server, server->signals, SERVER_SIGNALS) ||
	    server_watch(server, server->timer, SERVER_TIMER) ||
	    server_watch(server, server->link, SERVER_LINK))
		return -1;
	return 0;
}

/* The names of bound slots, by slot. */
static int server_slots(struct server *server)
{
	const struct options *options = &server->options;

	server->slots = (struct slots){.count = options->slots,
	    .vectors = options->vectors,
	    .slot = server->state.slot,
	    .bells = server->state.bells,
	    .names = calloc(options->slots, sizeof *server->slots.names)};
	if (options->classic)
		server->slots.known = calloc(options->slots, sizeof *server->slots.known);
	if (!server->slots.names || (options->classic && !server->slots.known))
		return log_failure("slots", "%s", strerror(errno));
	for (uint32_t i = 0; i < options->bound_count; i++)
		server->slots.names[options->bound[i].slot] = options->bound[i].name;
	return 0;
}

/* Tell the supervisor that we can begin, with what the next server shall read for a configuration. */
static int server_report(const struct server *server)
{
	const struct link_message ready = {.kind = LINK_READY};
	const int fds[LINK_FDS] = {server->known, server->config};

	if (rebind_tell(&server->rebind, server->link))
		return -1;
	if (link_send_in_time(
		server->link, &ready, fds, (server->known >= 0) + (server->config >= 0)) == 0)
		return 0;
	return log_failure("supervisor", "%s", strerror(errno));
}

/*
 * At a reload we are started while another serves: remember which connections we hold a copy of, to
 * close those that end in the meantime.
 */
static int server_inherit(struct server *server)
{
	const struct state *state = &server->state;
	/* Not the state's: another writes there as yet, and we are not isolated. */
	uint32_t clients = server->options.slots + CLIENTS_SPARE, slots = server->options.slots;

	server->inherited = calloc(clients, sizeof *server->inherited);
	server->listener_fd = calloc(slots + 1, sizeof *server->listener_fd);
	if (!server->inherited || !server->listener_fd)
		return log_failure("server", "%s", strerror(errno));
	for (uint32_t i = 0; i < clients; i++)
		server->inherited[i] = state->socket[i].fd;
	for (uint32_t i = 0; i <= slots; i++)
		server->listener_fd[i] = state->listener[i].fd;
	return 0;
}

static void server_settle(struct server *server)
{
	const struct state *state = &server->state;

	for (uint32_t i = 0; i < state->head->clients; i++)
		if (server->inherited[i] >= 0 && state->socket[i].fd != server->inherited[i])
			close(server->inherited[i]);
	for (uint32_t i = 0; i < server->rebind.removed_count; i++)
		close(server->listener_fd[server->rebind.removed[i]]);
	for (uint32_t i = 0; i <= state->head->slots; i++) {
		server->listener_fd[i] = state->listener[i].fd;
		/* What we opened ourselves has another number in the supervisor. */
		for (uint32_t j = 0; j < server->rebind.added_count; j++)
			if (!strcmp(server->rebind.added[j].path, state->listener[i].path))
				server->listener_fd[i] = server->rebind.added[j].fd;
	}
}

/* All that needs more than serving does. */
static int server_prepare(struct server *server, int argc, char **argv)
{
	const char *place = server_environment();
	struct state_shape shape;
	int state, config, reload, known = -1, status;

	/* A supervisor of an older program hands on less; state_map() says that it is one. */
	if (sscanf(place, "%d,%d,%d,%d,%d", &server->link, &state, &config, &reload, &known) < 4)
		return log_failure(LINK_ENVIRONMENT, "is the supervisor's: unset it");
	/* Names and limits may be others by now: only a reload asks for them. */
	if (known_read(reload ? -1 : known))
		return -1;
	status = options_parse(&server->options, argc, argv,
	    reload        ? -1
	    : config >= 0 ? config
			  : 0);
	if (status != OPTIONS_GO)
		return -1;
	server->config = reload ? config_keep(&server->options) : -1;
	server->known = reload ? known_keep() : -1;
	if (reload && server->known < 0)
		return -1;
	log_open(server->options.verbose);
	if (server->options.daemon)
		(void)log_open_system();
	shape = shape_of(&server->options);
	if (state_map(&server->state, state, &shape) || server_slots(server) ||
	    server_inherit(server) || server_events(server) || acceptor_open(&server->acceptor) ||
	    rebind_open(&server->rebind, &server->state, &server->options))
		return -1;
	touch();
	if (isolate(&server->options, &server->is_filtered) == 0 && server_report(server) == 0)
		return 0;
	rebind_undo(&server->rebind);
	return -1;
}

static void server_alive(const struct server *server)
{
	const struct link_message alive = {.kind = LINK_ALIVE};

	if (server->link >= 0 && link_send(server->link, &alive, NULL, 0))
		log_detail("event=warning what=supervisor-is-slow");
}

/* The supervisor's word: what is in the state is ours now. */
static int server_begin(struct server *server)
{
	const struct state_head *head = server->state.head;
	struct ivsh_wire_server *words = NULL;
	bool is_takeover = head->is_begun;

	if (!head->raw) {
		words = mapping_open(head->memory, head->page);
		if (!words)
			return -1;
	}
	server_settle(server);
	takeover_repair(&server->state);
	if (page_open(&server->page, &server->state.head->page_words, words, head->vectors))
		return -1;
	server->clients = (struct clients){.options = &server->options,
	    .slots = &server->slots,
	    .page = &server->page,
	    .counts = &server->state.head->counts,
	    .client = server->state.client,
	    .batch = server->state.batch,
	    .knows = server->state.knows,
	    .next_id = &server->state.head->next_id,
	    .told = server->state.told,
	    .capacity = head->clients,
	    .unread = admission_unread(head->clients),
	    .memory = head->memory,
	    .link = server->link,
	    .is_classic = head->classic};
	server->began_ns = clock_now_ns();
	control_open(&server->control, head->control);
	if (clients_open(&server->clients, &server->state) ||
	    server_watch(server, server->clients.epoll, SERVER_CLIENTS) ||
	    server_watch(server, server->control.epoll, SERVER_CONTROL))
		return -1;
	server->state.head->is_begun = 1;
	server->is_begun = true;
	server_alive(server);
	if (is_takeover)
		log_event("event=takeover server=%ld clients=%u doubtful=%llu", (long)getpid(),
		    server->clients.used, (unsigned long long)server->state.head->counts.doubtful);
	return 0;
}

/* Watch the listeners, or let connections wait in their queues. */
static void server_listen(struct server *server, bool on)
{
	for (uint32_t i = 0; i <= server->state.head->slots; i++) {
		if (server->listener_fd[i] < 0)
			continue;
		if (on)
			server_watch(server, server->listener_fd[i], SERVER_LISTENERS + i);
		else
			epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->listener_fd[i], NULL);
	}
}

/* The supervisor is gone, and with it who accepts. What it held, we hold too. */
static void server_alone(struct server *server)
{
	log_event("event=warning what=supervisor-gone");
	close(server->link);
	server->link = server->clients.link = -1;
	if (server->is_begun)
		server_listen(server, true);
	else
		server->is_stopped = true;
}

/* A message of the supervisor that brings no client. */
static void server_obey(struct server *server, const struct link_message *message)
{
	if (message->kind == LINK_GO && !server->is_begun) {
		if (server_begin(server))
			_exit(1);
	} else if (message->kind == LINK_HANDOVER) {
		server->is_handed_over = true;
	}
}

static struct arrival server_arrival(const struct link_message *message, int fd)
{
	if (fd < 0) {
		/* No descriptor was left for it. The next server inherits it. */
		log_event("event=warning what=descriptors");
		_exit(1);
	}
	return (struct arrival){message->index, fd, message->slot, message->caller};
}

static void server_hear(struct server *server)
{
	struct link_message message[SERVER_TAKES];
	struct arrival arrival[SERVER_TAKES];
	int fds[SERVER_TAKES][LINK_FDS], got;
	uint32_t count = 0;

	got = link_receive_many(server->link, message, fds, SERVER_TAKES);
	for (int i = 0; i < got && !server->is_handed_over; i++) {
		if (message[i].kind == LINK_CLIENT)
			arrival[count++] = server_arrival(&message[i], fds[i][0]);
		else
			server_obey(server, &message[i]);
	}
	if (count > 0)
		clients_add(&server->clients, arrival, count, got == SERVER_TAKES);
	if (got < 0)
		server_alone(server);
}

/* A connection at a listener of ours, now that there is no supervisor. */
static void server_accept(struct server *server, uint32_t number)
{
	for (unsigned i = 0; i < SERVER_TAKES && !server->acceptor.is_paused; i++) {
		uint32_t place = clients_free_place(&server->clients);
		struct arrival arrival = {place, -1, server->state.listener[number].slot, 0};

		if (place == server->clients.capacity)
			server->acceptor.is_paused = true;
		else
			arrival.fd = acceptor_take(
			    &server->acceptor, server->listener_fd[number], &arrival.caller);
		if (server->acceptor.is_paused)
			server_listen(server, false);
		if (arrival.fd < 0)
			return;
		clients_add(&server->clients, &arrival, 1, true);
	}
}

static void server_accept_again(struct server *server)
{
	if (server->link >= 0 || !server->acceptor.is_paused)
		return;
	acceptor_tick(&server->acceptor);
	server_listen(server, true);
}

static void server_tick(struct server *server)
{
	uint64_t ticks;

	if (read(server->timer, &ticks, sizeof ticks) < 0 || !server->is_begun)
		return;
	server_alive(server);
	page_beat(&server->page);
	clients_tick(&server->clients);
	control_tick(&server->control);
	server_accept_again(server);
	if (mapping_is_lost() && !server->is_lost_told) {
		server->is_lost_told = true;
		log_event("event=warning what=memory-lost hint=\"its pages were taken away:"
			  " truncated, or no space or huge page is left; peers no longer see the"
			  " server\"");
	}
}

static void server_signal(struct server *server)
{
	struct signalfd_siginfo info;

	if (read(server->signals, &info, sizeof info) != sizeof info || info.ssi_signo == SIGHUP)
		return; /* a reload is the supervisor's */
	server->is_stopped = true;
}

static void server_serve(struct server *server)
{
	struct epoll_event events[SERVER_EVENTS];
	int timeout_ms = -1;

	while (!server->is_stopped && !server->is_handed_over) {
		int count = epoll_wait(server->epoll, events, SERVER_EVENTS, timeout_ms);

		for (int i = 0; i < count; i++) {
			uint32_t what = events[i].data.u32;

			if (what == SERVER_TIMER)
				server_tick(server);
			else if (what == SERVER_SIGNALS)
				server_signal(server);
			else if (what == SERVER_LINK)
				server_hear(server);
			else if (what == SERVER_CLIENTS)
				clients_service(&server->clients);
			else if (what == SERVER_CONTROL)
				control_service(&server->control, server);
			else
				server_accept(server, what - SERVER_LISTENERS);
		}
		if (!server->is_begun)
			continue;
		timeout_ms = clients_announce_due(&server->clients);
		/* The words are stored: whoever is woken by this sees them. */
		if (page_take_change(&server->page))
			server->clients.counts->bells_blocked += slots_ring(&server->slots);
	}
}

int server_main(int argc, char **argv)
{
	static struct server server;

	if (server_prepare(&server, argc, argv))
		return 1;
	server_serve(&server);
	if (server.is_begun && !server.is_handed_over) {
		if (server.link < 0)
			log_event("event=stop");
		page_close(&server.page);
	}
	return 0;
}
