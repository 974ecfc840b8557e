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

static int check_server(const struct options *options, uint64_t eventfds)
{
	uint64_t sockets = (uint64_t)options->slots + CLIENTS_SPARE;
	uint64_t listeners = count_listeners(options);
	uint64_t sum = eventfds + sockets + listeners + DESCRIPTORS_OTHERS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return log_failure("RLIMIT_NOFILE", "%s", strerror(errno));
	if (limit.rlim_cur >= sum)
		return 0;
	limit.rlim_cur = sum;
	if (sum <= limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	return log_failure("RLIMIT_NOFILE",
	    "%u slots x %u vectors = %llu eventfds, and %llu sockets, %llu for listening, %u"
	    " others: %llu descriptors, but the limit is %llu (ulimit -Hn): raise it, or ask for"
	    " fewer slots or vectors",
	    options->slots, options->vectors, (unsigned long long)eventfds,
	    (unsigned long long)sockets, (unsigned long long)listeners, DESCRIPTORS_OTHERS,
	    (unsigned long long)sum, (unsigned long long)limit.rlim_max);
}

static int check_client(const struct options *options, uint64_t eventfds)
{
	uint64_t sum = eventfds + DESCRIPTORS_CLIENT;
	char object[OPTIONS_OBJECT];

	if (sum <= options->client_descriptors)
		return 0;
	settings_origin(options, SETTING_CLIENT_DESCRIPTORS, object);
	return log_failure(object,
	    "%u slots x %u vectors = %llu eventfds, and %u of a client's own: %llu descriptors,"
	    " but a client has %u: raise its limit (ulimit -n %llu) and give --client-descriptors"
	    " %llu, or ask for fewer slots or vectors; QEMU does not survive having too few",
	    options->slots, options->vectors, (unsigned long long)eventfds, DESCRIPTORS_CLIENT,
	    (unsigned long long)sum, options->client_descriptors, (unsigned long long)sum,
	    (unsigned long long)sum);
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
