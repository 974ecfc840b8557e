/* SPDX-License-Identifier: MIT */
/*
 * descriptors.c - whether the descriptors suffice, the server's and its clients'.
 *
 * Each client holds every eventfd, slots x vectors of them. QEMU 7.2 takes a message whose
 * descriptor it cannot receive for a disconnect, and damages its heap: so the limit is kept here,
 * before the first client comes.
 */
#include "config/descriptors.h"
#include "config/settings.h"
#include "process/log.h"
#include "wire/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* stdio, memory, state, timers, signals, epoll sets, spares, pid file, status clients; more */
#define DESCRIPTORS_OTHERS 32u

/* The descriptors that a client has open for itself, as QEMU for its disks and networks. */
#define DESCRIPTORS_CLIENT 128u

#define DESCRIPTORS_SLOTS_MAX 1024u /* the default's, nobody else's */

/* Each listening socket has a lock. */
static uint64_t count_listeners(const struct options *options)
{
	return 2 * ((uint64_t)options->bound_count + 1 + (options->control ? 1 : 0));
}

/* Of the memories of a split region: each slot's part, open twice, and its common memory. */
static uint64_t count_memories(const struct options *options)
{
	return options->split ? 3 * (uint64_t)options->slots : 0;
}

/* "8 for memories, "; or nothing, where there is one for all. */
static const char *say(char text[48], uint64_t count, const char *what)
{
	text[0] = '\0';
	if (count > 0)
		snprintf(text, 48, "%llu %s, ", (unsigned long long)count, what);
	return text;
}

static int check_server(const struct options *options, uint64_t eventfds)
{
	uint64_t memories = count_memories(options);
	uint64_t sockets = (uint64_t)options->slots + CLIENTS_SPARE;
	uint64_t listeners = count_listeners(options);
	char of_split[48];
	uint64_t sum = eventfds + memories + sockets + listeners + DESCRIPTORS_OTHERS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return log_failure("RLIMIT_NOFILE", "%s", strerror(errno));
	if (limit.rlim_cur >= sum)
		return 0;
	limit.rlim_cur = sum;
	if (sum <= limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	return log_failure("RLIMIT_NOFILE",
	    "%u slots x %u vectors = %llu eventfds, and %s%llu sockets, %llu for listening, %u"
	    " others: %llu descriptors, but the limit is %llu (ulimit -Hn): raise it, or ask for"
	    " fewer slots or vectors",
	    options->slots, options->vectors, (unsigned long long)eventfds,
	    say(of_split, memories, "for memories"), (unsigned long long)sockets,
	    (unsigned long long)listeners, DESCRIPTORS_OTHERS, (unsigned long long)sum,
	    (unsigned long long)limit.rlim_max);
}

static int check_client(const struct options *options, uint64_t eventfds)
{
	uint64_t parts = options->split ? options->slots : 0;
	uint64_t sum = eventfds + parts + DESCRIPTORS_CLIENT;
	char object[OPTIONS_OBJECT], of_split[48];

	if (sum <= options->client_descriptors)
		return 0;
	settings_origin(options, SETTING_CLIENT_DESCRIPTORS, object);
	return log_failure(object,
	    "%u slots x %u vectors = %llu eventfds, and %s%u of a client's own: %llu descriptors,"
	    " but a client has %u: raise its limit (ulimit -n %llu) and give --client-descriptors"
	    " %llu, or ask for fewer slots or vectors; QEMU does not survive having too few",
	    options->slots, options->vectors, (unsigned long long)eventfds,
	    say(of_split, parts, "parts"), DESCRIPTORS_CLIENT, (unsigned long long)sum,
	    options->client_descriptors, (unsigned long long)sum, (unsigned long long)sum);
}

int descriptors_check(const struct options *options)
{
	uint64_t eventfds = (uint64_t)options->slots * options->vectors;

	if (check_server(options, eventfds))
		return -1;
	return check_client(options, eventfds);
}

uint32_t descriptors_slots(const struct options *options)
{
	uint64_t fixed = CLIENTS_SPARE + count_listeners(options) + DESCRIPTORS_OTHERS;
	uint64_t slots = DESCRIPTORS_SLOTS_MAX;
	uint64_t most = 0;
	struct rlimit limit;

	if (options->vectors > 0 && options->client_descriptors > DESCRIPTORS_CLIENT)
		most = (options->client_descriptors - DESCRIPTORS_CLIENT) / options->vectors;
	if (options->vectors > 0 && most < slots)
		slots = most;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		most = limit.rlim_max > fixed ? limit.rlim_max - fixed : 0;
		if (most / (options->vectors + 1) < slots)
			slots = most / (options->vectors + 1);
	}
	return slots > 0 ? (uint32_t)slots : 1;
}
