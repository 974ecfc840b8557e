/* SPDX-License-Identifier: MIT */
/*
 * serve.c - the server's loop: the supervisor's messages, the tick, signals, clients.
 */
#include "server/serve.h"
#include "process/log.h"
#include "server/alone.h"
#include "server/arrivals.h"
#include "server/begin.h"
#include "server/mapping.h"
#include "server/prepare.h"
#include "server/reading.h"
#include "server/sending.h"
#include "server/server.h"
#include "server/timeouts.h"
#include "wire/link.h"

#include <signal.h>
#include <unistd.h>

static void send_alive(const struct server *server)
{
	const struct link_message alive = {.kind = LINK_ALIVE};

	if (server->link >= 0 && link_send(server->link, &alive, NULL, 0))
		log_detail("event=warning what=supervisor-is-slow");
}

/*
 * The supervisor takes this server for one that works as soon as it is alive; the log comes then.
 */
static void on_begin(struct server *server)
{
	const struct state_head *head = server->state.head;
	bool is_takeover = head->is_begun;

	if (begin(server))
		_exit(1);
	send_alive(server);
	if (is_takeover)
		log_event("event=takeover server=%ld clients=%u indeterminate=%llu", (long)getpid(),
		    server->clients.used, (unsigned long long)head->counts.indeterminate);
}

/* A message of the supervisor that brings no client. */
static void handle_message(struct server *server, const struct link_message *message)
{
	if (message->kind == LINK_BEGIN && !server->is_begun)
		on_begin(server);
	else if (message->kind == LINK_HANDOVER)
		server->is_handed_over = true;
}

static struct arrival arrival_of(const struct link_message *message, int fd)
{
	if (fd < 0) {
		/* No descriptor was left for it. The next server inherits it. */
		log_event("event=warning what=descriptors");
		_exit(1);
	}
	return (struct arrival){message->index, fd, message->slot, message->caller};
}

/* The supervisor's messages: those of a moment at once, then others have their turn. */
static void on_link(struct watch *watch, uint32_t events)
{
	struct server *server = watch->context;
	struct link_message message[LINK_MANY];
	struct arrival arrival[LINK_MANY];
	int fds[LINK_MANY][LINK_FDS], got;
	uint32_t count = 0;

	(void)events;
	got = link_receive_many(server->link, message, fds, LINK_MANY);
	for (int i = 0; i < got && !server->is_handed_over; i++) {
		if (message[i].kind == LINK_CLIENT)
			arrival[count++] = arrival_of(&message[i], fds[i][0]);
		else
			handle_message(server, &message[i]);
	}
	if (count > 0)
		arrivals_add(&server->clients, arrival, count, got == LINK_MANY);
	if (got < 0)
		alone_begin(server);
}

static void on_clients(struct watch *watch, uint32_t events)
{
	struct server *server = watch->context;

	(void)events;
	reading_service(&server->clients);
}

static void on_control(struct watch *watch, uint32_t events)
{
	struct server *server = watch->context;

	(void)events;
	control_service(&server->control);
}

/* The owner of a part can truncate it at any time. */
static void report_parts(void)
{
	uint32_t slot = mapping_lost_part();

	for (; slot != SLOTS_NONE; slot = mapping_lost_part())
		log_event("event=warning what=part-lost slot=%u hint=\"its pages were taken away:"
			  " its owner truncated it; peers that read it may have died\"",
		    slot);
}

static void on_tick(void *context)
{
	struct server *server = context;

	if (!server->is_begun)
		return;
	send_alive(server);
	page_heartbeat(&server->page);
	timeouts_check(&server->clients);
	control_check_timeouts(&server->control);
	alone_tick(server);
	report_parts();
	if (mapping_is_lost() && !server->is_lost_reported) {
		server->is_lost_reported = true;
		log_event("event=warning what=memory-lost hint=\"its pages were taken away:"
			  " truncated, or no space or huge page is left; peers no longer see the"
			  " server\"");
	}
}

/* SIGHUP is the supervisor's: it may come to the whole process group. */
static void on_signal(void *context, int signal)
{
	struct server *server = context;

	if (signal != SIGHUP)
		server->is_stopped = true;
}

static void run(struct server *server)
{
	int timeout_ms = -1;

	while (!server->is_stopped && !server->is_handed_over) {
		loop_wait(&server->loop, timeout_ms);
		if (!server->is_begun)
			continue;
		timeout_ms = sending_take_turns(&server->clients);
		/* The words are stored: a peer that this wakes sees them. */
		if (page_take_change(&server->page))
			server->clients.counts->notifications_blocked +=
			    slots_notify(&server->slots);
	}
}

int serve(int argc, char **argv)
{
	static struct server server;

	server.loop = (struct loop){.context = &server, .on_tick = on_tick, .on_signal = on_signal};
	server.link_watch = (struct watch){.context = &server, .on_event = on_link};
	server.clients_watch = (struct watch){.context = &server, .on_event = on_clients};
	server.control_watch = (struct watch){.context = &server, .on_event = on_control};
	if (prepare(&server, argc, argv) || loop_add(&server.loop, &server.link_watch, server.link))
		return 1;
	run(&server);
	if (server.is_begun && !server.is_handed_over) {
		if (server.link < 0)
			log_event("event=stop");
		page_close(&server.page);
	}
	return 0;
}
