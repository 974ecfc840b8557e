/* SPDX-License-Identifier: MIT */
/*
 * passing.c - accepts connections, and passes them on to the server.
 */
#include "supervisor/passing.h"
#include "process/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void passing_pause(struct supervisor *supervisor)
{
	struct passing *passing = &supervisor->passing;

	passing->is_accepting = false;
	for (uint32_t i = 0; i < supervisor->resources.listeners.count; i++)
		loop_remove(&supervisor->loop, &passing->listener[i]);
}

static void resume(struct supervisor *supervisor)
{
	struct passing *passing = &supervisor->passing;

	passing->is_accepting = true;
	for (uint32_t i = 0; i < supervisor->resources.listeners.count; i++)
		if (supervisor->resources.listeners.listener[i].fd >= 0)
			loop_add(&supervisor->loop, &passing->listener[i],
			    supervisor->resources.listeners.listener[i].fd);
}

/* Accept only for a server that serves, and that has taken what was accepted before. */
void passing_update(struct supervisor *supervisor)
{
	const struct passing *passing = &supervisor->passing;
	bool is_wanted =
	    supervisor->server.may_begin && !supervisor->server.is_leaving &&
	    supervisor->next.pid == 0 && !passing->is_held_up && !passing->acceptor.is_paused &&
	    supervisor->resources.used < supervisor->resources.sockets && !supervisor->is_stopping;

	if (is_wanted && !passing->is_accepting)
		resume(supervisor);
	else if (!is_wanted && passing->is_accepting)
		passing_pause(supervisor);
}

uint32_t passing_count(const struct supervisor *supervisor)
{
	const struct passing *passing = &supervisor->passing;

	return passing->is_held_up || !supervisor->server.may_begin ? 0 : passing->count;
}

/* Whether an error of a send is over after a while. */
static bool is_brief(int error)
{
	return error == EAGAIN || error == ETOOMANYREFS || error == ENOMEM || error == ENOBUFS;
}

/* The first (done) messages are sent, or cannot be: keep the others. */
static void drop_first(struct passing *passing, uint32_t done)
{
	passing->count -= done;
	memmove(
	    passing->message, passing->message + done, passing->count * sizeof(*passing->message));
}

void passing_send(struct supervisor *supervisor)
{
	struct passing *passing = &supervisor->passing;
	bool was_held_up = passing->is_held_up;
	int fds[SUPERVISOR_PASSES], error = 0;

	passing->is_held_up = false;
	for (uint32_t i = 0; i < passing->count; i++)
		fds[i] = supervisor->resources.socket[passing->message[i].index].fd;
	for (uint32_t done = 0; passing->count > 0;) {
		int sent = link_send_many(
		    supervisor->server.link, passing->message, fds + done, passing->count);

		error = sent < 0 ? errno : 0;
		passing->is_held_up = is_brief(error);
		if (passing->is_held_up)
			break;
		/* At another error the connection, or the server, is no more. */
		sent = sent > 0 ? sent : 1;
		drop_first(passing, (uint32_t)sent);
		done += (uint32_t)sent;
	}
	if (passing->is_held_up || was_held_up)
		loop_await_room(&supervisor->loop, &supervisor->server.watch,
		    passing->is_held_up && error == EAGAIN);
	passing_update(supervisor);
}

void passing_on_room(struct supervisor *supervisor)
{
	if (supervisor->passing.is_held_up && supervisor->server.may_begin)
		passing_send(supervisor);
}

void passing_retry(struct supervisor *supervisor)
{
	acceptor_tick(&supervisor->passing.acceptor);
	passing_on_room(supervisor);
	passing_update(supervisor);
}

void passing_forget(struct supervisor *supervisor)
{
	supervisor->passing.count = 0;
	supervisor->passing.is_held_up = false;
}

/* Accept one connection of (listener). False: there is none, or no room for it. */
static bool accept_one(struct supervisor *supervisor, const struct listener *listener)
{
	struct passing *passing = &supervisor->passing;
	struct resources *resources = &supervisor->resources;
	uint32_t index = resources_free_index(resources);
	enum caller caller = CALLER_OTHER;
	int fd = -1;

	if (index == resources->sockets)
		passing->acceptor.is_paused = true;
	else
		fd = acceptor_take(&passing->acceptor, listener->fd, &caller);
	resources->state.head->counts.refused[CLIENTS_DESCRIPTORS] = passing->acceptor.refused;
	if (fd < 0)
		return false;
	resources_add(resources, index, fd, listener->slot);
	passing->message[passing->count++] = (struct link_message){
	    .kind = LINK_CLIENT, .index = index, .slot = listener->slot, .caller = caller};
	return true;
}

/*
 * Accept as many connections as have come in this moment already, and at least one: so a single
 * connection costs no second accept4(2), which answers that there is none only after the kernel
 * made all that belongs to a connection.
 */
static void on_connection(struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = watch->context;
	struct passing *passing = &supervisor->passing;
	uint32_t takes = passing->count > 0 ? passing->count : 1;
	bool is_taken = true;

	(void)events;
	for (uint32_t i = 0; i < takes && is_taken && passing->is_accepting; i++) {
		is_taken =
		    accept_one(supervisor, &supervisor->resources.listeners.listener[watch->index]);
		if (passing->count == SUPERVISOR_PASSES)
			passing_send(supervisor);
		passing_update(supervisor);
	}
}

int passing_open(struct supervisor *supervisor)
{
	struct passing *passing = &supervisor->passing;
	uint32_t listeners = supervisor->resources.listeners.count;

	passing->listener = calloc(listeners, sizeof(*passing->listener));
	if (!passing->listener)
		return log_failure("listeners", "%s", strerror(errno));
	for (uint32_t i = 0; i < listeners; i++)
		passing->listener[i] =
		    (struct watch){.on_event = on_connection, .context = supervisor, .index = i};
	return acceptor_open(&passing->acceptor);
}
