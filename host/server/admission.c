/* SPDX-License-Identifier: MIT */
/*
 * admission.c - who may connect, how often, and with how much in flight.
 */
#include "server/admission.h"
#include "process/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define OWN 256u /* descriptors in flight that are no client's: the supervisor's, for one */

/*
 * The part of SO_SNDBUF that one message takes, in bytes: a socket buffer of the kernel with 8
 * bytes. 212992 bytes, the usual default, hold 278 (measured, Linux 5.10 to 6.18, x86_64).
 */
#define MESSAGE 766u
#define UNREAD 278u
#define UNREAD_LEAST 6u /* the kernel's least SO_SNDBUF, 4608 bytes */

static bool in_groups(int fd, uint32_t wanted)
{
	gid_t groups[256];
	socklen_t size = sizeof(groups);

	/* More groups than that, or a kernel before 4.13: only the first group counts. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

static bool is_allowed(const struct options *options, const struct client *client, int fd)
{
	if (options->allow_count == 0)
		return true;
	for (uint32_t i = 0; i < options->allow_count; i++) {
		const struct options_allow *allow = &options->allow[i];

		if (!allow->is_group && allow->id == client->uid)
			return true;
		if (allow->is_group && (allow->id == client->gid || in_groups(fd, allow->id)))
			return true;
	}
	return false;
}

/* The part of a slot is the user's that --slot names, who alone gets it for writing; or root. */
static bool is_owner(const struct options *options, const struct client *client, uint32_t slot)
{
	for (uint32_t i = 0; i < options->bound_count; i++)
		if (options->bound[i].slot == slot && options->bound[i].user != OPTIONS_NONE)
			return client->uid == options->bound[i].user || client->uid == 0;
	return true;
}

enum client_reason admission_check_slot(
    const struct clients *clients, const struct client *client, uint32_t slot)
{
	if (clients->memories && !is_owner(clients->options, client, slot))
		return CLIENTS_NOT_ALLOWED;
	return CLIENTS_REASONS;
}

enum client_reason admission_check(const struct clients *clients, const struct client *client)
{
	uint32_t count = 0;

	if (!is_allowed(clients->options, client, clients->fd[clients_index(clients, client)]))
		return CLIENTS_NOT_ALLOWED;
	for (uint32_t i = 0; i < clients->capacity; i++)
		if (clients->client[i].state != CLIENT_FREE &&
		    clients->client[i].state != CLIENT_GONE &&
		    clients->client[i].uid == client->uid)
			count++;
	return count >= clients->options->per_uid ? CLIENTS_TOO_MANY_PER_UID : CLIENTS_REASONS;
}

uint32_t admission_unread(uint32_t capacity)
{
	struct rlimit limit;
	uint64_t each;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= OWN)
		return UNREAD_LEAST;
	each = (limit.rlim_cur - OWN) / capacity;
	if (each < UNREAD_LEAST)
		return UNREAD_LEAST;
	return each < UNREAD ? (uint32_t)each : UNREAD;
}

void admission_set_buffer(int fd, uint32_t unread)
{
	int size = (int)(unread * MESSAGE / 2); /* the kernel doubles it: socket(7) */

	if (unread < UNREAD && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)))
		log_event("event=warning what=SO_SNDBUF error=%d", errno);
}
