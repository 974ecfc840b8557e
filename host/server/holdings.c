/* SPDX-License-Identifier: MIT */
/*
 * holdings.c - what the keeper holds for its servers.
 */
#include "server/holdings.h"
#include "server/bindings.h"
#include "server/descriptors.h"
#include "server/known.h"
#include "server/log.h"
#include "server/marks.h"
#include "server/memory.h"
#include "server/notify.h"
#include "server/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Servers inherit it. */
static void holdings_keep(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

static int holdings_tables(struct holdings *holdings, const struct options *options)
{
	holdings->listeners = options->slots + 1;
	holdings->sockets = clients_capacity(options);
	holdings->bells_count = options->slots * options->vectors;
	holdings->listener = calloc(holdings->listeners, sizeof *holdings->listener);
	holdings->coming = calloc(holdings->listeners, sizeof *holdings->coming);
	holdings->unwanted = calloc(holdings->listeners, sizeof *holdings->unwanted);
	holdings->moves = calloc(holdings->listeners, sizeof *holdings->moves);
	holdings->socket = calloc(holdings->sockets, sizeof *holdings->socket);
	holdings->bells = calloc(holdings->bells_count + 1u, sizeof *holdings->bells);
	if (!holdings->listener || !holdings->coming || !holdings->unwanted || !holdings->moves ||
	    !holdings->socket || !holdings->bells)
		return log_failure("holdings", "%s", strerror(errno));
	for (uint32_t i = 0; i < holdings->listeners; i++)
		holdings->listener[i] = (struct listener){.lock = -1, .fd = -1};
	for (uint32_t i = 0; i < holdings->sockets; i++)
		holdings->socket[i].fd = -1;
	for (uint32_t i = 0; i < holdings->bells_count; i++)
		holdings->bells[i] = -1;
	return 0;
}

/* Take the lock of a path, unless systemd listens there for us. */
static int holdings_lock(
    struct listener *listener, const char *path, uint32_t slot, const char *name)
{
	int fd = notify_listener(name, slot == LISTENER_COMMON);

	if (fd >= 0) {
		if (listener_adopt(listener, fd, slot))
			return -1;
		snprintf(listener->name, sizeof listener->name, "%s", name);
		return 0;
	}
	return path ? listener_lock(listener, path, slot) : 0;
}

static int holdings_locks(struct holdings *holdings, const struct options *options)
{
	settings_about(options, 'S');
	if (holdings_lock(&holdings->listener[0], options->socket, LISTENER_COMMON, "common"))
		return -1;
	settings_about(options, SETTINGS_CONTROL);
	if (holdings_lock(&holdings->control, options->control, LISTENER_CONTROL, "control"))
		return -1;
	for (uint32_t i = 0; i < options->bound_count; i++) {
		bindings_about(options, &options->bound[i]);
		if (holdings_lock(&holdings->listener[i + 1], options->bound[i].socket,
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
static bool holdings_is_ours(const struct listener *listener)
{
	return listener->path[0] && listener->fd < 0;
}

static int holdings_bind(struct holdings *holdings, const struct options *options)
{
	bool has_group = options->control_group != OPTIONS_NONE;

	for (uint32_t i = 0; i < holdings->listeners; i++) {
		/* holdings_locks() has placed them so. */
		if (i == 0)
			settings_about(options, 'S');
		else if (i <= options->bound_count)
			bindings_about(options, &options->bound[i - 1]);
		if (holdings_is_ours(&holdings->listener[i]) &&
		    listener_listen(
			&holdings->listener[i], options->socket_mode, options->socket_group))
			return -1;
	}
	settings_about(options, SETTINGS_CONTROL);
	if (holdings_is_ours(&holdings->control) &&
	    listener_listen(&holdings->control, has_group ? 0660 : 0600, options->control_group))
		return -1;
	log_about(NULL);
	for (uint32_t i = 0; i < holdings->listeners; i++) {
		holdings_keep(holdings->listener[i].lock);
		holdings_keep(holdings->listener[i].fd);
	}
	holdings_keep(holdings->control.lock);
	holdings_keep(holdings->control.fd);
	return 0;
}

static int holdings_memory(struct holdings *holdings, const struct options *options)
{
	struct ledger_head *head = holdings->ledger.head;
	const struct backend *memory = &holdings->memory;
	bool kept;

	settings_about(options, settings_memory_letter(options->kind));
	if (memory_open(&holdings->memory, options, &kept))
		return -1;
	log_about(NULL);
	holdings_keep(memory->fd);
	holdings_keep(memory->lock);
	head->kept = kept;
	head->page = memory->page;
	head->keeper = getpid();
	head->began_ns = clients_now_ns();
	/* What has no name is found by us. */
	if (memory->kind == BACKEND_SHM || memory->kind == BACKEND_FILE)
		snprintf(head->memory_path, sizeof head->memory_path, "%.*s",
		    (int)sizeof head->memory_path - 1, memory->path);
	else
		snprintf(head->memory_path, sizeof head->memory_path, "/proc/%ld/fd/%d",
		    (long)getpid(), memory->fd);
	return 0;
}

int holdings_open(struct holdings *holdings, const struct options *options)
{
	*holdings = (struct holdings){.ledger = {.fd = -1},
	    .memory = {.fd = -1, .lock = -1},
	    .control = {.lock = -1, .fd = -1},
	    .config = -1,
	    .known = known_keep()};
	if (holdings->known < 0)
		return -1;
	if (options->config) {
		holdings->config = ledger_keep_config(options);
		if (holdings->config < 0)
			return -1;
	}
	/*
	 * Clients that were let into the backlog could not be refused any more: listening is last.
	 */
	if (descriptors_check(options) || holdings_tables(holdings, options) ||
	    holdings_locks(holdings, options) || ledger_create(&holdings->ledger, options) ||
	    holdings_memory(holdings, options) ||
	    slots_make_bells(holdings->bells, holdings->bells_count) ||
	    holdings_bind(holdings, options)) {
		log_about(NULL);
		holdings_close(holdings);
		return -1;
	}
	holdings->ledger.head->marks = marks_are_stored();
	if (!holdings->ledger.head->marks)
		log_event("event=warning what=no-marks");
	holdings->head = *holdings->ledger.head;
	return 0;
}

void holdings_write_down(struct holdings *holdings)
{
	struct ledger *ledger = &holdings->ledger;

	memcpy(ledger->head, &holdings->head, offsetof(struct ledger_head, is_begun));
	ledger->head->memory = holdings->memory.fd;
	ledger->head->control = holdings->control.fd;
	for (uint32_t i = 0; i < holdings->listeners; i++) {
		ledger->listener[i].fd = holdings->listener[i].fd;
		ledger->listener[i].slot = holdings->listener[i].slot;
		ledger->listener[i].is_given = holdings->listener[i].is_given;
		memcpy(ledger->listener[i].path, holdings->listener[i].path, LEDGER_PATH);
		memcpy(ledger->listener[i].name, holdings->listener[i].name, LEDGER_NAME);
	}
	memcpy(ledger->socket, holdings->socket, holdings->sockets * sizeof *holdings->socket);
	memcpy(ledger->bells, holdings->bells, holdings->bells_count * sizeof *holdings->bells);
}

uint32_t holdings_free_place(const struct holdings *holdings)
{
	uint32_t place = 0;

	/* A server writes down that a place is free, and then says so. */
	while (
	    place < holdings->sockets && (holdings->socket[place].fd >= 0 ||
					     holdings->ledger.client[place].state != CLIENT_FREE))
		place++;
	return place;
}

void holdings_add(struct holdings *holdings, uint32_t place, int fd, uint32_t slot)
{
	holdings->socket[place] = (struct ledger_socket){.fd = fd, .slot = slot};
	holdings->used++;
}

void holdings_drop(struct holdings *holdings, uint32_t place)
{
	if (place >= holdings->sockets || holdings->socket[place].fd < 0)
		return;
	close(holdings->socket[place].fd);
	holdings->socket[place].fd = -1;
	holdings->used--;
}

int holdings_listen(struct holdings *holdings, const struct link_message *message, int fd, int lock)
{
	if (holdings->coming_count == holdings->listeners)
		return -1;
	listener_inherit(&holdings->coming[holdings->coming_count++], message, fd, lock);
	holdings_keep(fd);
	holdings_keep(lock);
	return 0;
}

void holdings_unlisten(struct holdings *holdings, uint32_t place)
{
	if (place < holdings->listeners)
		holdings->unwanted[place] = true;
}

void holdings_move(struct holdings *holdings, uint32_t place, uint32_t slot)
{
	if (place < holdings->listeners && slot < holdings->listeners - 1)
		holdings->moves[place] = 1 + slot;
}

static void holdings_place(struct holdings *holdings, const struct listener *listener)
{
	for (uint32_t i = 0; i < holdings->listeners; i++)
		if (holdings->listener[i].fd < 0) {
			holdings->listener[i] = *listener;
			return;
		}
}

void holdings_rebind(struct holdings *holdings, bool begins)
{
	for (uint32_t i = 0; i < holdings->listeners; i++) {
		if (holdings->unwanted[i] && begins)
			listener_close(&holdings->listener[i]);
		if (holdings->moves[i] && begins)
			holdings->listener[i].slot = holdings->moves[i] - 1;
		holdings->moves[i] = 0;
		holdings->unwanted[i] = false;
	}
	while (holdings->coming_count > 0) {
		struct listener *listener = &holdings->coming[--holdings->coming_count];

		if (begins)
			holdings_place(holdings, listener);
		else
			listener_close(listener);
	}
}

void holdings_close(struct holdings *holdings)
{
	/* Sockets first, so that nobody connects to what is going; the locks go with them. */
	for (uint32_t i = 0; holdings->socket && i < holdings->sockets; i++)
		holdings_drop(holdings, i);
	for (uint32_t i = 0; holdings->bells && i < holdings->bells_count; i++)
		if (holdings->bells[i] >= 0)
			close(holdings->bells[i]);
	backend_close(&holdings->memory);
	if (holdings->coming)
		holdings_rebind(holdings, false);
	listener_close(&holdings->control);
	for (uint32_t i = 0; holdings->listener && i < holdings->listeners; i++)
		listener_close(&holdings->listener[i]);
	ledger_close(&holdings->ledger);
	if (holdings->config >= 0)
		close(holdings->config);
	if (holdings->known >= 0)
		close(holdings->known);
	holdings->config = holdings->known = -1;
	free(holdings->listener);
	free(holdings->coming);
	free(holdings->unwanted);
	free(holdings->moves);
	free(holdings->socket);
	free(holdings->bells);
	holdings->listener = NULL;
	holdings->coming = NULL;
	holdings->unwanted = NULL;
	holdings->moves = NULL;
	holdings->socket = NULL;
	holdings->bells = NULL;
}
