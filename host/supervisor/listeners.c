/* SPDX-License-Identifier: MIT */
/*
 * listeners.c - the listening sockets that the supervisor holds.
 */
#include "supervisor/listeners.h"
#include "config/bindings.h"
#include "config/settings.h"
#include "process/inherited.h"
#include "process/log.h"
#include "process/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int listeners_open(struct listeners *listeners, const struct options *options)
{
	uint32_t count = options->slots + 1;

	*listeners = (struct listeners){.control = {.lock = -1, .fd = -1},
	    .listener = calloc(count, sizeof(*listeners->listener)),
	    .added = calloc(count, sizeof(*listeners->added)),
	    .is_unwanted = calloc(count, sizeof(*listeners->is_unwanted)),
	    .moves = calloc(count, sizeof(*listeners->moves))};
	if (!listeners->listener || !listeners->added || !listeners->is_unwanted ||
	    !listeners->moves)
		return log_failure("listeners", "%s", strerror(errno));
	listeners->count = count;
	for (uint32_t i = 0; i < count; i++)
		listeners->listener[i] = (struct listener){.lock = -1, .fd = -1};
	return 0;
}

/* Take the lock of a path, unless systemd listens there and has passed the socket. */
static int lock(struct listener *listener, const char *path, uint32_t slot, const char *name)
{
	int fd = notify_listener(name, slot == LISTENER_COMMON);

	if (fd < 0)
		return path ? listener_lock(listener, path, slot) : 0;
	if (listener_adopt(listener, fd, slot))
		return -1;
	snprintf(listener->name, sizeof(listener->name), "%s", name);
	return 0;
}

int listeners_lock(struct listeners *listeners, const struct options *options)
{
	settings_about(options, SETTING_SOCKET);
	if (lock(&listeners->listener[0], options->socket, LISTENER_COMMON, "common"))
		return -1;
	settings_about(options, SETTING_CONTROL);
	if (lock(&listeners->control, options->control, LISTENER_CONTROL, "control"))
		return -1;
	for (uint32_t i = 0; i < options->bound_count; i++) {
		const struct options_slot *bound = &options->bound[i];

		bindings_about(options, bound);
		if (lock(&listeners->listener[i + 1], bound->socket, bound->slot, bound->name))
			return -1;
	}
	log_about(NULL);
	/* A client that connects to a socket without a slot would wait for ever. */
	if (notify_unclaimed() > 0)
		return log_failure("LISTEN_FDS",
		    "%d sockets are nobody's: FileDescriptorName= is common, control, or the name"
		    " of a bound slot",
		    notify_unclaimed());
	return 0;
}

/* Listen, unless there is no path, or the socket listens already. Servers inherit it. */
static int listen_at(struct listener *listener, uint32_t mode, uint32_t group)
{
	if (listener->path[0] && listener->fd < 0 && listener_listen(listener, mode, group))
		return -1;
	inherited_pass_on(listener->lock);
	inherited_pass_on(listener->fd);
	return 0;
}

int listeners_listen(struct listeners *listeners, const struct options *options)
{
	uint32_t control_mode = options->control_group != OPTIONS_NONE ? 0660 : 0600;

	for (uint32_t i = 0; i <= options->bound_count; i++) {
		if (i == 0)
			settings_about(options, SETTING_SOCKET);
		else
			bindings_about(options, &options->bound[i - 1]);
		if (listen_at(&listeners->listener[i], options->socket_mode, options->socket_group))
			return -1;
	}
	settings_about(options, SETTING_CONTROL);
	if (listen_at(&listeners->control, control_mode, options->control_group))
		return -1;
	log_about(NULL);
	return 0;
}

void listeners_write_down(const struct listeners *listeners, const struct state *state)
{
	state->head->control = listeners->control.fd;
	for (uint32_t i = 0; i < listeners->count; i++) {
		const struct listener *from = &listeners->listener[i];
		struct state_listener *to = &state->listener[i];

		to->fd = from->fd;
		to->slot = from->slot;
		to->is_given = from->is_given;
		memcpy(to->path, from->path, STATE_PATH);
		memcpy(to->name, from->name, STATE_NAME);
	}
}

int listeners_want(
    struct listeners *listeners, const struct link_message *message, int fd, int lock_fd)
{
	struct listener *listener = &listeners->added[listeners->added_count];

	if (listeners->added_count == listeners->count)
		return -1;
	listeners->added_count++;
	*listener = (struct listener){.slot = message->slot,
	    .lock = lock_fd,
	    .fd = fd,
	    .device = (dev_t)message->device,
	    .inode = (ino_t)message->inode};
	snprintf(listener->path, sizeof(listener->path), "%s", message->path);
	inherited_pass_on(fd);
	inherited_pass_on(lock_fd);
	return 0;
}

void listeners_unwant(struct listeners *listeners, uint32_t index)
{
	if (index < listeners->count)
		listeners->is_unwanted[index] = true;
}

void listeners_move(struct listeners *listeners, uint32_t index, uint32_t slot)
{
	if (index < listeners->count && slot < listeners->count - 1)
		listeners->moves[index] = 1 + slot;
}

static void add(struct listeners *listeners, const struct listener *listener)
{
	for (uint32_t i = 0; i < listeners->count; i++)
		if (listeners->listener[i].fd < 0) {
			listeners->listener[i] = *listener;
			return;
		}
}

void listeners_settle(struct listeners *listeners, bool begins)
{
	for (uint32_t i = 0; i < listeners->count; i++) {
		if (listeners->is_unwanted[i] && begins)
			listener_close(&listeners->listener[i]);
		if (listeners->moves[i] && begins)
			listeners->listener[i].slot = listeners->moves[i] - 1;
		listeners->moves[i] = 0;
		listeners->is_unwanted[i] = false;
	}
	while (listeners->added_count > 0) {
		struct listener *listener = &listeners->added[--listeners->added_count];

		if (begins)
			add(listeners, listener);
		else
			listener_close(listener);
	}
}

void listeners_close(struct listeners *listeners)
{
	listeners_settle(listeners, false);
	listener_close(&listeners->control);
	for (uint32_t i = 0; i < listeners->count; i++)
		listener_close(&listeners->listener[i]);
	free(listeners->listener);
	free(listeners->added);
	free(listeners->is_unwanted);
	free(listeners->moves);
	*listeners = (struct listeners){.control = {.lock = -1, .fd = -1}};
}
