/* SPDX-License-Identifier: MIT */
/*
 * rebind.c - at a reload: sockets of slots that came or went.
 */
#include "rebind.h"
#include "bindings.h"
#include "link.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The configuration has this socket for this slot. One that was given to us is at the path that who
 * gave it chose. The common socket stays where it is.
 */
static bool rebind_is_wanted(const struct options *options, const struct ledger_listener *listener)
{
	if (listener->slot == SLOTS_NONE)
		return true;
	for (uint32_t i = 0; i < options->bound_count; i++)
		if (options->bound[i].slot == listener->slot)
			return listener->is_given ||
			       !strcmp(options->bound[i].socket, listener->path);
	return false;
}

static bool rebind_is_there(
    const struct ledger *ledger, const struct options *options, const struct options_slot *bound)
{
	for (uint32_t i = 0; i <= options->slots; i++) {
		const struct ledger_listener *listener = &ledger->listener[i];

		if (listener->fd >= 0 && listener->slot == bound->slot &&
		    (listener->is_given || !strcmp(listener->path, bound->socket)))
			return true;
	}
	return false;
}

int rebind_open(struct rebind *rebind, const struct ledger *ledger, const struct options *options)
{
	*rebind = (struct rebind){.added = calloc(options->bound_count + 1, sizeof *rebind->added),
	    .removed = calloc(options->slots + 1, sizeof *rebind->removed)};
	if (!rebind->added || !rebind->removed)
		return log_failure("listeners", "%s", strerror(errno));
	for (uint32_t i = 0; i <= options->slots; i++)
		if (ledger->listener[i].fd >= 0 && !rebind_is_wanted(options, &ledger->listener[i]))
			rebind->removed[rebind->removed_count++] = i;
	for (uint32_t i = 0; i < options->bound_count; i++) {
		const struct options_slot *bound = &options->bound[i];
		struct listener *listener = &rebind->added[rebind->added_count];

		if (rebind_is_there(ledger, options, bound))
			continue;
		bindings_about(options, bound);
		if (listener_lock(listener, bound->socket, bound->slot)) {
			rebind_undo(rebind);
			return -1;
		}
		rebind->added_count++;
		if (listener_listen(listener, options->socket_mode, options->socket_group)) {
			rebind_undo(rebind);
			return -1;
		}
	}
	log_about(NULL);
	return 0;
}

int rebind_tell(const struct rebind *rebind, int link)
{
	struct link_message message = {.kind = LINK_UNLISTEN};

	for (uint32_t i = 0; i < rebind->removed_count; i++) {
		message.index = rebind->removed[i];
		if (link_send_in_time(link, &message, NULL, 0))
			return log_failure("keeper", "%s", strerror(errno));
	}
	message.kind = LINK_LISTEN;
	for (uint32_t i = 0; i < rebind->added_count; i++) {
		const struct listener *listener = &rebind->added[i];
		int fds[LINK_FDS] = {listener->fd, listener->lock};

		message.slot = listener->slot;
		message.device = listener->device;
		message.inode = listener->inode;
		memcpy(message.path, listener->path, sizeof message.path);
		if (link_send_in_time(link, &message, fds, listener->lock >= 0 ? LINK_FDS : 1))
			return log_failure("keeper", "%s", strerror(errno));
	}
	return 0;
}

void rebind_undo(struct rebind *rebind)
{
	while (rebind->added_count > 0)
		listener_close(&rebind->added[--rebind->added_count]);
}
