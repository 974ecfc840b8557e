/* SPDX-License-Identifier: MIT */
/*
 * resources.c - what the supervisor holds for its servers.
 */
#include "supervisor/resources.h"
#include "config/bindings.h"
#include "config/config.h"
#include "config/descriptors.h"
#include "config/known.h"
#include "config/settings.h"
#include "config/shape.h"
#include "process/clock.h"
#include "process/inherited.h"
#include "process/log.h"
#include "supervisor/marks.h"
#include "supervisor/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int make_tables(struct resources *resources, const struct options *options)
{
	uint32_t sockets = options->slots + CLIENTS_SPARE;
	uint32_t doorbells = options->slots * options->vectors;

	resources->socket = calloc(sockets, sizeof(*resources->socket));
	resources->doorbell = calloc(doorbells + 1u, sizeof(*resources->doorbell));
	if (!resources->socket || !resources->doorbell)
		return log_failure("resources", "%s", strerror(errno));
	resources->sockets = sockets;
	for (uint32_t i = 0; i < sockets; i++)
		resources->socket[i].fd = -1;
	return 0;
}

/* Make (count) eventfds, not close-on-exec: every server inherits them. 0, or -1 after one line. */
static int make_doorbells(struct resources *resources, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		resources->doorbell[i] = eventfd(0, EFD_NONBLOCK);
		if (resources->doorbell[i] < 0)
			return log_failure(
			    "eventfd", "%u of %u: %s", i + 1, count, strerror(errno));
		resources->doorbells = i + 1;
	}
	return 0;
}

static int open_memory(struct resources *resources, const struct options *options)
{
	struct state_head *head = resources->state.head;
	const struct backend *memory = &resources->memory;
	bool kept;
	int error;

	settings_about(options, settings_of_memory(options->kind));
	error = options->split ? parts_open(&resources->parts, &resources->memory, options, &kept)
			       : memory_open(&resources->memory, options, &kept);
	if (error)
		return -1;
	log_about(NULL);
	inherited_pass_on(memory->fd);
	inherited_pass_on(memory->lock);
	head->kept = kept;
	head->part = options->split ? options->part_size : 0;
	head->page = memory->page;
	head->supervisor = getpid();
	head->began_ns = clock_now_ns();
	/* Memory without a name is found through this process. */
	if (options->split)
		snprintf(head->memory_path, sizeof(head->memory_path), "%s", resources->parts.path);
	else if (memory->kind == BACKEND_SHM || memory->kind == BACKEND_FILE)
		snprintf(head->memory_path, sizeof(head->memory_path), "%.*s",
		    (int)sizeof(head->memory_path) - 1, memory->path);
	else
		snprintf(head->memory_path, sizeof(head->memory_path), "/proc/%ld/fd/%d",
		    (long)getpid(), memory->fd);
	return 0;
}

/* Listening is last: a client that is let into the backlog could not be refused any more. */
static int acquire(struct resources *resources, const struct options *options)
{
	const struct state_shape shape = shape_of(options);

	if (descriptors_check(options) || listeners_open(&resources->listeners, options) ||
	    make_tables(resources, options) || listeners_lock(&resources->listeners, options) ||
	    state_create(&resources->state, &shape) || open_memory(resources, options) ||
	    make_doorbells(resources, options->slots * options->vectors))
		return -1;
	return listeners_listen(&resources->listeners, options);
}

int resources_open(struct resources *resources, const struct options *options)
{
	*resources = (struct resources){.state = {.fd = -1},
	    .memory = {.fd = -1, .lock = -1},
	    .parts = {.reader = -1},
	    .listeners = {.control = {.lock = -1, .fd = -1}},
	    .config = -1,
	    .known = known_keep()};
	if (resources->known < 0)
		return -1;
	if (options->config) {
		resources->config = config_keep(options);
		if (resources->config < 0)
			return -1;
	}
	if (acquire(resources, options)) {
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

void resources_write_down(const struct resources *resources)
{
	const struct state *state = &resources->state;

	memcpy(state->head, &resources->head, offsetof(struct state_head, is_begun));
	state->head->memory = resources->memory.fd;
	parts_write_down(&resources->parts, state);
	listeners_write_down(&resources->listeners, state);
	memcpy(state->socket, resources->socket, resources->sockets * sizeof(*resources->socket));
	memcpy(state->doorbells, resources->doorbell,
	    resources->doorbells * sizeof(*resources->doorbell));
}

void resources_settle(struct resources *resources, bool begins)
{
	listeners_settle(&resources->listeners, begins);
	parts_settle(&resources->parts, begins);
}

uint32_t resources_free_index(const struct resources *resources)
{
	uint32_t index = 0;

	/* A server writes down that an entry is free, and then reports it. */
	while (
	    index < resources->sockets && (resources->socket[index].fd >= 0 ||
					      resources->state.client[index].state != CLIENT_FREE))
		index++;
	return index;
}

void resources_add(struct resources *resources, uint32_t index, int fd, uint32_t slot)
{
	resources->socket[index] = (struct state_socket){.fd = fd, .slot = slot};
	resources->used++;
}

void resources_drop(struct resources *resources, uint32_t index)
{
	if (index >= resources->sockets || resources->socket[index].fd < 0)
		return;
	close(resources->socket[index].fd);
	resources->socket[index].fd = -1;
	resources->used--;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void resources_close(struct resources *resources)
{
	/* Connections first; listeners, with their locks, when all that they stand for is gone. */
	for (uint32_t i = 0; i < resources->sockets; i++)
		resources_drop(resources, i);
	for (uint32_t i = 0; i < resources->doorbells; i++)
		close_one(&resources->doorbell[i]);
	backend_close(&resources->memory);
	parts_close(&resources->parts);
	listeners_close(&resources->listeners);
	state_close(&resources->state);
	close_one(&resources->config);
	close_one(&resources->known);
	free(resources->socket);
	free(resources->doorbell);
	resources->socket = NULL;
	resources->doorbell = NULL;
	resources->sockets = resources->doorbells = 0;
}
