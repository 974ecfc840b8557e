/* SPDX-License-Identifier: MIT */
/*
 * descriptors.c - whether the descriptors suffice.
 */
#include "descriptors.h"
#include "clients.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define DESCRIPTORS_OWN \
	16u /* stdio, memory, timer, signals, epoll sets, spare, pid file; and some */

/* A client with RLIMIT_NOFILE's usual 1024 still has as many for itself. */
#define DESCRIPTORS_CLIENT 512u

int descriptors_check(const struct options *options)
{
	uint64_t bells = (uint64_t)options->slots * options->vectors;
	uint64_t sockets = (uint64_t)options->slots + CLIENTS_SPARE;
	uint64_t listeners = 2 * ((uint64_t)options->bound_count + 1);
	uint64_t sum = bells + sockets + listeners + DESCRIPTORS_OWN;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return log_failure("RLIMIT_NOFILE", "%s", strerror(errno));
	if (limit.rlim_cur < sum) {
		limit.rlim_cur = sum;
		if (sum > limit.rlim_max || setrlimit(RLIMIT_NOFILE, &limit))
			return log_failure("RLIMIT_NOFILE",
			    "%u slots x %u vectors = %llu eventfds, and %llu sockets, %llu for"
			    " listening, %u others: %llu descriptors, but the limit is %llu"
			    " (ulimit -Hn)",
			    options->slots, options->vectors, (unsigned long long)bells,
			    (unsigned long long)sockets, (unsigned long long)listeners,
			    DESCRIPTORS_OWN, (unsigned long long)sum,
			    (unsigned long long)limit.rlim_max);
	}
	/* QEMU 7.2 damages its heap when it cannot take a descriptor that it is sent. */
	if (bells > DESCRIPTORS_CLIENT)
		log_event("event=warning what=client-descriptors each=%llu hint=raise-ulimit-n",
		    (unsigned long long)bells);
	return 0;
}
