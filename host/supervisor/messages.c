/* SPDX-License-Identifier: MIT */
/*
 * messages.c - what servers send to the supervisor. A message that its sender is not entitled to,
 * in the state that it is in, is ignored.
 */
#include "supervisor/messages.h"
#include "process/clock.h"
#include "process/notify.h"
#include "supervisor/handover.h"
#include "supervisor/passing.h"
#include "supervisor/ready.h"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Messages read from a server at a time: a server that serves can have sent no more. */
#define MESSAGES_READ 256

/* A server reports that it runs. The first report of the first server means that all is ready. */
static void on_alive(struct supervisor *supervisor, struct child *child)
{
	if (child != &supervisor->server || !child->may_begin || child->is_alive)
		return;
	child->is_alive = true;
	notify("READY=1");
	if (supervisor->is_ready)
		return;
	supervisor->is_ready = true;
	ready_announce(supervisor);
}

static void on_ready(struct supervisor *supervisor, struct child *child, int *fds)
{
	if (parts_give(&supervisor->resources.parts)) {
		child_signal(child, SIGKILL);
		return;
	}
	child->is_ready = true;
	if (fds[0] >= 0) {
		handover_keep_config(supervisor, fds);
		fds[0] = fds[1] = -1;
	}
	if (child == &supervisor->server) {
		handover_adopt_config(supervisor);
		handover_begin(supervisor);
	} else if (supervisor->server.pid > 0) {
		handover_request(supervisor);
	}
}

/* A server that is not ready yet requests a change of the listeners, or of whose the parts are. */
static void on_request(struct resources *resources, const struct link_message *message, int *fds)
{
	struct listeners *listeners = &resources->listeners;

	if (message->kind == LINK_OWNER)
		parts_want(&resources->parts, message->slot, message->index);
	else if (message->kind == LINK_UNLISTEN)
		listeners_unwant(listeners, message->index);
	else if (message->kind == LINK_REBIND)
		listeners_move(listeners, message->index, message->slot);
	else if (message->kind == LINK_LISTEN && fds[0] >= 0 &&
		 listeners_want(listeners, message, fds[0], fds[1]) == 0)
		fds[0] = fds[1] = -1;
}

static void handle_message(struct supervisor *supervisor, struct child *child,
    const struct link_message *message, int *fds)
{
	child->alive_ns = clock_now_ns();
	if (message->kind == LINK_ALIVE) {
		on_alive(supervisor, child);
	} else if (message->kind == LINK_DROP) {
		if (child == &supervisor->server && child->may_begin) {
			resources_drop(&supervisor->resources, message->index);
			passing_update(supervisor);
		}
	} else if (!child->is_ready) {
		/* A message of a server that has ended neither begins it nor ends another. */
		if (message->kind == LINK_READY && child->pid > 0)
			on_ready(supervisor, child, fds);
		else
			on_request(&supervisor->resources, message, fds);
	}
	for (unsigned i = 0; i < LINK_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void close_link(struct supervisor *supervisor, struct child *child)
{
	loop_remove(&supervisor->loop, &child->watch);
	close(child->link);
	child->link = -1;
}

void messages_read(struct supervisor *supervisor, struct child *child)
{
	struct link_message message;
	int fds[LINK_FDS], got = 0;

	if (child->link < 0)
		return;
	for (unsigned i = 0; i < MESSAGES_READ; i++) {
		got = link_receive(child->link, &message, fds);
		if (got <= 0)
			break;
		handle_message(supervisor, child, &message, fds);
	}
	if (got >= 0)
		return;
	/* A server that has closed its end is of no use; most have just ended. */
	close_link(supervisor, child);
	child_signal(child, SIGKILL);
}

static void on_link(struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = watch->context;
	struct child *child =
	    watch == &supervisor->next.watch ? &supervisor->next : &supervisor->server;

	if (events & ~(uint32_t)EPOLLOUT)
		messages_read(supervisor, child);
	if ((events & EPOLLOUT) && child == &supervisor->server)
		passing_on_room(supervisor);
}

void messages_watch(struct supervisor *supervisor, struct child *child)
{
	child->watch = (struct watch){.on_event = on_link, .context = supervisor};
	if (child->link >= 0)
		loop_add(&supervisor->loop, &child->watch, child->link);
}

void messages_end(struct supervisor *supervisor, struct child *child)
{
	child->pid = 0;
	while (child->link >= 0)
		messages_read(supervisor, child);
}
