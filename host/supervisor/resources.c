/* SPDX-License-Identifier: MIT */
/*
 * resources.c - what the supervisor holds for its servers.
 */
#include "supervisor/resources.h"
#include "config/bindings.h"
#include "config/config.h"
#include "config/descriptors.h"
#include "config/known.h"
#include "process/log.h"
#include "supervisor/marks.h"
#include "supervisor/memory.h"
#include "supervisor/notify.h"
#include "config/settings.h"
#include "config/shape.h"
#include "process/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Servers inherit it. */
static void resources_keep(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

static int resources_tables(struct resources *resources, const struct options *options)
{
	resources->listeners = options->slots + 1;
	resources->sockets = options->slots + CLIENTS_SPARE;
	resources->bells_count = options->slots * options->vectors;
	resources->listener = calloc(resources->listeners, sizeof(*resources->listener));
	resources->coming = calloc(resources->listeners, sizeof(*resources->coming));
	resources->unwanted = calloc(resources->listeners, sizeof(*resources->unwanted));
	resources->moves = calloc(resources->listeners, sizeof(*resources->moves));
	resources->socket = calloc(resources->sockets, sizeof(*resources->socket));
	resources->bells = calloc(resources->bells_count + 1u, sizeof(*resources->bells));
	if (!resources->listener || !resources->coming || !resources->unwanted ||
	    !resources->moves || !resources->socket || !resources->bells)
		return log_failure("resources", "%s", strerror(errno));
	for (uint32_t i = 0; i < resources->listeners; i++)
		resources->listener[i] = (struct listener){.lock = -1, .fd = -1};
	for (uint32_t i = 0; i < resources->sockets; i++)
		resources->socket[i].fd = -1;
	for (uint32_t i = 0; i < resources->bells_count; i++)
		resources->bells[i] = -1;
	return 0;
}

/* Make (count) eventfds. 0, or -1 after one line, with none left open. */
static int resources_bells(int32_t *bells, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		/* Not close-on-exec: every server inherits them. */
		bells[i] = eventfd(0, EFD_NONBLOCK);
		if (bells[i] >= 0)
			continue;
		log_failure("eventfd", "%u of %u: %s", i + 1, count, strerror(errno));
		while (i > 0)
			close(bells[--i]);
		return -1;
	}
	return 0;
}

/* Take the lock of a path, unless systemd listens there for us. */
static int resources_lock(
    struct listener *listener, const char *path, uint32_t slot, const char *name)
{
	int fd = notify_listener(name, slot == LISTENER_COMMON);

	if (fd >= 0) {
		if (listener_adopt(listener, fd, slot))
			return -1;
		snprintf(listener->name, sizeof(listener->name), "%s", name);
		return 0;
	}
	return path ? listener_lock(listener, path, slot) : 0;
}

static int resources_locks(struct resources *resources, const struct options *options)
{
	settings_about(options, SETTING_SOCKET);
	if (resources_lock(&resources->listener[0], options->socket, LISTENER_COMMON, "common"))
		return -1;
	settings_about(options, SETTING_CONTROL);
	if (resources_lock(&resources->control, options->control, LISTENER_CONTROL, "control"))
		return -1;
	for (uint32_t i = 0; i < options->bound_count; i++) {
		bindings_about(options, &options->bound[i]);
		if (resources_lock(&resources->listener[i + 1], options->bound[i].socket,
			options->bound[i].slot, options->bound[i].name))
			return -1;
	}
	log_about(NULL);
	/* Whoever connected there would wait for ever. */
	if (notify_unclaimed() > 0)
		return log_failure("LISTEN_FDS",
		    "%d sockets are nobody's: FileDescriptorName= is common, control, or the name of"
		    " a bound slot",
		    notify_unclaimed());
	return 0;
}

/* There is a path to listen at, and nobody who does. */
static bool resources_is_ours(const struct listener *listener)
{
	return listener->path[0] && listener->fd < 0;
}

static int resources_bind(struct resources *resources, const struct options *options)
{
	bool has_group = options->control_group != OPTIONS_NONE;

	for (uint32_t i = 0; i < resources->listeners; i++) {
		/* resources_locks() has placed them so. */
		if (i == 0)
			settings_about(options, SETTING_SOCKET);
		else if (i <= options->bound_count)
			bindings_about(options, &options->bound[i - 1]);
		if (resources_is_ours(&resources->listener[i]) &&
		    listener_listen(
			&resources->listener[i], options->socket_mode, options->socket_group))
			return -1;
	}
	settings_about(options, SETTING_CONTROL);
	if (resources_is_ours(&resources->control) &&
	    listener_listen(&resources->control, has_group ? 0660 : 0600, options->control_group))
		return -1;
	log_about(NULL);
	for (uint32_t i = 0; i < resources->listeners; i++) {
		resources_keep(resources->listener[i].lock);
		resources_keep(resources->listener[i].fd);
	}
	resources_keep(resources->control.lock);
	resources_keep(resources->control.fd);
	return 0;
}

static int resources_memory(struct resources *resources, const struct options *options)
{
	struct state_head *head = resources->state.head;
	const struct backend *memory = &resources->memory;
	bool kept;

	settings_about(options, settings_of_memory(options->kind));
	if (memory_open(&resources->memory, options, &kept))
		return -1;
	log_about(NULL);
	resources_keep(memory->fd);
	resources_keep(memory->lock);
	head->kept = kept;
	head->page = memory->page;
	head->supervisor = getpid();
	head->began_ns = clock_now_ns();
	/* What has no name is found by us. */
	if (memory->kind == BACKEND_SHM || memory->kind == BACKEND_FILE)
		snprintf(head->memory_path, sizeof(head->memory_path), "%.*s",
		    (int)sizeof(head->memory_path) - 1, memory->path);
	else
		snprintf(head->memory_path, sizeof(head->memory_path), "/proc/%ld/fd/%d",
		    (long)getpid(), memory->fd);
	return 0;
}

int resources_open(struct resources *resources, const struct options *options)
{
	const struct state_shape shape = shape_of(options);

	*resources = (struct resources){.state = {.fd = -1},
	    .memory = {.fd = -1, .lock = -1},
	    .control = {.lock = -1, .fd = -1},
	    .config = -1,
	    .known = known_keep()};
	if (resources->known < 0)
		return -1;
	if (options->config) {
		resources->config = config_keep(options);
		if (resources->config < 0)
			return -1;
	}
	/*
	 * Clients that were let into the backlog could not be refused any more: listening is last.
	 */
	if (descriptors_check(options) || resources_tables(resources, options) ||
	    resources_locks(resources, options) || state_create(&resources->state, &shape) ||
	    resources_memory(resources, options) ||
	    resources_bells(resources->bells, resources->bells_count) ||
	    resources_bind(resources, options)) {
		log_about(NULL);
		resources_close(resources);
		return -1;
	}
	resources->state.head->marks = marks_are_stored();
	if (!resources->state.head->marks)
		log_event("event=warning what=no-marks");
	resources->head = *resources->state.head;
	return 0;
}

void resources_write_down(struct resources *resources)
{
	struct state *state = &resources->state;

	memcpy(state->head, &resources->head, offsetof(struct state_head, is_begun));
	state->head->memory = resources->memory.fd;
	state->head->control = resources->control.fd;
	for (uint32_t i = 0; i < resources->listeners; i++) {
		state->listener[i].fd = resources->listener[i].fd;
		state->listener[i].slot = resources->listener[i].slot;
		state->listener[i].is_given = resources->listener[i].is_given;
		memcpy(state->listener[i].path, resources->listener[i].path, STATE_PATH);
		memcpy(state->listener[i].name, resources->listener[i].name, STATE_NAME);
	}
	memcpy(state->socket, resources->socket, resources->sockets * sizeof(*resources->socket));
	memcpy(
	    state->doorbells, resources->bells, resources->bells_count * sizeof(*resources->bells));
}

uint32_t resources_free_place(const struct resources *resources)
{
	uint32_t place = 0;

	/* A server writes down that a place is free, and then says so. */
	while (
	    place < resources->sockets && (resources->socket[place].fd >= 0 ||
					      resources->state.client[place].state != CLIENT_FREE))
		place++;
	return place;
}

void resources_add(struct resources *resources, uint32_t place, int fd, uint32_t slot)
{
	resources->socket[place] = (struct state_socket){.fd = fd, .slot = slot};
	resources->used++;
}

void resources_drop(struct resources *resources, uint32_t place)
{
	if (place >= resources->sockets || resources->socket[place].fd < 0)
		return;
	close(resources->socket[place].fd);
	resources->socket[place].fd = -1;
	resources->used--;
}

/* A listener that a server has made, which is now this process's to close. */
static void resources_inherit(
    struct listener *listener, const struct link_message *message, int fd, int lock)
{
	*listener = (struct listener){.slot = message->slot,
	    .lock = lock,
	    .fd = fd,
	    .device = (dev_t)message->device,
	    .inode = (ino_t)message->inode};
	snprintf(listener->path, sizeof(listener->path), "%s", message->path);
}

int resources_listen(
    struct resources *resources, const struct link_message *message, int fd, int lock)
{
	if (resources->coming_count == resources->listeners)
		return -1;
	resources_inherit(&resources->coming[resources->coming_count++], message, fd, lock);
	resources_keep(fd);
	resources_keep(lock);
	return 0;
}

void resources_unlisten(struct resources *resources, uint32_t place)
{
	if (place < resources->listeners)
		resources->unwanted[place] = true;
}

void resources_move(struct resources *resources, uint32_t place, uint32_t slot)
{
	if (place < resources->listeners && slot < resources->listeners - 1)
		resources->moves[place] = 1 + slot;
}

static void resources_place(struct resources *resources, const struct listener *listener)
{
	for (uint32_t i = 0; i < resources->listeners; i++)
		if (resources->listener[i].fd < 0) {
			resources->listener[i] = *listener;
			return;
		}
}

void resources_rebind(struct resources *resources, bool begins)
{
	for (uint32_t i = 0; i < resources->listeners; i++) {
		if (resources->unwanted[i] && begins)
			listener_close(&resources->listener[i]);
		if (resources->moves[i] && begins)
			resources->listener[i].slot = resources->moves[i] - 1;
		resources->moves[i] = 0;
		resources->unwanted[i] = false;
	}
	while (resources->coming_count > 0) {
		struct listener *listener = &resources->coming[--resources->coming_count];

		if (begins)
			resources_place(resources, listener);
		else
			listener_close(listener);
	}
}

void resources_close(struct resources *resources)
{
	/* Sockets first, so that nobody connects to what is going; the locks go with them. */
	for (uint32_t i = 0; resources->socket && i < resources->sockets; i++)
		resources_drop(resources, i);
	for (uint32_t i = 0; resources->bells && i < resources->bells_count; i++)
		if (resources->bells[i] >= 0)
			close(resources->bells[i]);
	backend_close(&resources->memory);
	if (resources->coming)
		resources_rebind(resources, false);
	listener_close(&resources->control);
	for (uint32_t i = 0; resources->listener && i < resources->listeners; i++)
		listener_close(&resources->listener[i]);
	state_close(&resources->state);
	if (resources->config >= 0)
		close(resources->config);
	if (resources->known >= 0)
		close(resources->known);
	resources->config = resources->known = -1;
	free(resources->listener);
	free(resources->coming);
	free(resources->unwanted);
	free(resources->moves);
	free(resources->socket);
	free(resources->bells);
	resources->listener = NULL;
	resources->coming = NULL;
	resources->unwanted = NULL;
	resources->moves = NULL;
	resources->socket = NULL;
	resources->bells = NULL;
}
