/* SPDX-License-Identifier: MIT */
/*
 * rebind.c - at a reload: sockets of slots that came or went.
 */
#include "server/rebind.h"
#include "config/bindings.h"
#include "wire/link.h"
#include "process/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Two paths of one socket, however they are spelt. */
static bool is_same(const char *a, const char *b)
{
	struct stat one, other;

	if (!strcmp(a, b))
		return true;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/*
 * The configuration's entry for a listener that exists; NULL: none. A listener is known by
 * its path. But systemd chooses the path of a socket that it passes: that listener is known by the
 * slot's name, or, if nothing has that name any more, by the slot.
 */
static const struct options_slot *find(
    const struct options *options, const struct state_listener *listener)
{
	for (uint32_t i = 0; i < options->bound_count; i++) {
		const struct options_slot *bound = &options->bound[i];

		if (listener->is_given ? !strcmp(bound->name, listener->name)
				       : is_same(bound->socket, listener->path))
			return bound;
	}
	for (uint32_t i = 0; i < options->bound_count && listener->is_given; i++)
		if (options->bound[i].slot == listener->slot)
			return &options->bound[i];
	return NULL;
}

/* The common socket and the control socket stay where they are. 0, or -1 after one line. */
static int is_free(
    const struct state *state, const struct options *options, const struct options_slot *bound)
{
	const char *what = NULL;

	if (is_same(bound->socket, state->listener[0].path))
		what = "common";
	else if (options->control && is_same(bound->socket, options->control))
		what = "control";
	if (!what)
		return 0;
	return log_failure(bound->socket,
	    "this is the %s socket, which stays where it is: end the server and start it again",
	    what);
}

/* Open a socket for (bound). 0, or -1 after one line. */
static int add(struct rebind *rebind, const struct state *state, const struct options *options,
    const struct options_slot *bound)
{
	struct listener *listener = &rebind->added[rebind->added_count];

	bindings_about(options, bound);
	if (is_free(state, options, bound) || listener_lock(listener, bound->socket, bound->slot))
		return -1;
	rebind->added_count++;
	return listener_listen(listener, options->socket_mode, options->socket_group);
}

/* A listener stays, perhaps for another slot, or it goes. (is_there): of options->bound. */
static void compare(struct rebind *rebind, const struct state *state, const struct options *options,
    bool is_there[])
{
	for (uint32_t i = 0; i <= options->slots; i++) {
		const struct state_listener *listener = &state->listener[i];
		const struct options_slot *bound;

		if (listener->fd < 0 || listener->slot == SLOTS_NONE)
			continue;
		bound = find(options, listener);
		if (!bound || is_there[bound - options->bound]) {
			rebind->removed[rebind->removed_count++] = i;
			continue;
		}
		is_there[bound - options->bound] = true;
		if (bound->slot != listener->slot) {
			rebind->slot[rebind->moved_count] = bound->slot;
			rebind->moved[rebind->moved_count++] = i;
		}
	}
}

int rebind_open(struct rebind *rebind, const struct state *state, const struct options *options)
{
	bool *is_there = calloc(options->bound_count + 1, sizeof(*is_there));
	int error = 0;

	*rebind = (struct rebind){.options = options,
	    .added = calloc(options->bound_count + 1, sizeof(*rebind->added)),
	    .removed = calloc(options->slots + 1, sizeof(*rebind->removed)),
	    .moved = calloc(options->slots + 1, sizeof(*rebind->moved)),
	    .slot = calloc(options->slots + 1, sizeof(*rebind->slot))};
	if (!rebind->added || !rebind->removed || !rebind->moved || !rebind->slot || !is_there) {
		free(is_there);
		return log_failure("listeners", "%s", strerror(errno));
	}
	compare(rebind, state, options, is_there);
	for (uint32_t i = 0; i < options->bound_count && !error; i++)
		if (!is_there[i])
			error = add(rebind, state, options, &options->bound[i]);
	free(is_there);
	if (error)
		rebind_undo(rebind);
	else
		log_about(NULL);
	return error;
}

/* Whose the parts of a split region shall be. Those that are not named are the supervisor's. */
static int send_owners(const struct options *options, int link)
{
	for (uint32_t i = 0; i < options->bound_count; i++) {
		const struct options_slot *bound = &options->bound[i];
		const struct link_message message = {
		    .kind = LINK_OWNER, .slot = bound->slot, .index = bound->user};

		if (bound->user != OPTIONS_NONE && link_send_in_time(link, &message, NULL, 0))
			return log_failure("supervisor", "%s", strerror(errno));
	}
	return 0;
}

int rebind_send(const struct rebind *rebind, int link)
{
	struct link_message message = {.kind = LINK_UNLISTEN};

	for (uint32_t i = 0; i < rebind->removed_count; i++) {
		message.index = rebind->removed[i];
		if (link_send_in_time(link, &message, NULL, 0))
			return log_failure("supervisor", "%s", strerror(errno));
	}
	message.kind = LINK_REBIND;
	for (uint32_t i = 0; i < rebind->moved_count; i++) {
		message.index = rebind->moved[i];
		message.slot = rebind->slot[i];
		if (link_send_in_time(link, &message, NULL, 0))
			return log_failure("supervisor", "%s", strerror(errno));
	}
	message.kind = LINK_LISTEN;
	for (uint32_t i = 0; i < rebind->added_count; i++) {
		const struct listener *listener = &rebind->added[i];
		int fds[LINK_FDS] = {listener->fd, listener->lock};

		message.slot = listener->slot;
		message.device = listener->device;
		message.inode = listener->inode;
		memcpy(message.path, listener->path, sizeof(message.path));
		if (link_send_in_time(link, &message, fds, listener->lock >= 0 ? LINK_FDS : 1))
			return log_failure("supervisor", "%s", strerror(errno));
	}
	return send_owners(rebind->options, link);
}

void rebind_undo(struct rebind *rebind)
{
	while (rebind->added_count > 0)
		listener_close(&rebind->added[--rebind->added_count]);
}
