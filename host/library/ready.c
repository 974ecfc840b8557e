/* SPDX-License-Identifier: MIT */
/*
 * ready.c - what can be done now, and requesting notifications where there is nothing.
 *
 * Theory of operation: a program that sleeps in poll(2) must not miss what came just before. The
 * steps are those of the library's own sleep (core/wait.c), in the same order: the doorbells that
 * have come are read, so that the descriptor is not readable any more; notifications are requested;
 * and everything is polled once more. A peer that stores something later finds the request, and its
 * doorbell makes the descriptor readable.
 */
#include "library/inside.h"

#include <poll.h>

#define REPORTED (IVSH_EVENT_MESSAGE | IVSH_EVENT_SPACE | IVSH_EVENT_CONTROL)

/* What is there without a look at the rings. */
static uint32_t known(struct ivsh_host *host, uint32_t wanted)
{
	uint32_t found = host->space | ivsh_host_streams_ready(host, wanted);

	return ivsh_host_events_any(host) ? found | IVSH_EVENT_CONTROL : found;
}

/* Request notifications, and set the timer. *found: what there is after all. */
static int arm(struct ivsh_host *host, uint32_t wanted, uint32_t *found)
{
	uint64_t most_ns;
	int error = ivsh_node_arm(
	    host->node, wanted & (IVSH_EVENT_MESSAGE | IVSH_EVENT_SPACE), &most_ns, found);

	/* The server may have announced a change that the poll has found. */
	if (!error)
		error = ivsh_host_events_look(host);
	if (error)
		return error;
	host->space |= *found & IVSH_EVENT_SPACE;
	*found = (*found & IVSH_EVENT_MESSAGE) | known(host, wanted);
	if (!(*found & wanted))
		ivsh_host_watch_within(host, most_ns < HOST_SLICE_NS ? most_ns : HOST_SLICE_NS);
	return 0;
}

static int look(struct ivsh_host *host, uint32_t wanted, uint32_t *found)
{
	int error = ivsh_host_events_look(host);

	if (error)
		return error;
	*found = known(host, wanted);
	return *found & wanted ? 0 : arm(host, wanted, found);
}

int ivsh_host_ready(struct ivsh_host *host, uint32_t wanted, uint32_t *events)
{
	uint32_t found = 0;
	int error;

	wanted = wanted ? wanted & REPORTED : REPORTED;
	*events = 0;
	error = ivsh_host_keep(host);
	if (!error)
		error = look(host, wanted, &found);
	if (error == IVSH_ELOST && host->node && !host->node->region.attached)
		error = ivsh_host_keep(host);
	if (error) {
		/* The next attempt is due then. */
		if (host_is_owned(host) && host->fd >= 0)
			ivsh_host_watch_within(host, HOST_SLICE_NS);
		return error;
	}
	*events = found & wanted;
	if (*events & IVSH_EVENT_SPACE)
		host->space = 0;
	return 0;
}

/* Sleep until the descriptor is readable, up to (ns). A signal ends it. */
static void sleep_once(const struct ivsh_host *host, uint64_t ns)
{
	struct pollfd ready = {.fd = host->fd, .events = POLLIN};
	struct timespec limit = {
	    (time_t)(ns / UINT64_C(1000000000)), (long)(ns % UINT64_C(1000000000))};

	(void)ppoll(&ready, 1, &limit, NULL);
}

int ivsh_host_wait(struct ivsh_host *host, uint32_t wanted, uint64_t timeout_ns, uint32_t *events)
{
	struct host_span span = ivsh_host_span(timeout_ns);

	for (;;) {
		int error = ivsh_host_ready(host, wanted, events);
		uint64_t ns;

		if ((error && error != IVSH_ENODEV) || *events)
			return error;
		ns = ivsh_host_span_slice(&span);
		if (ns == 0 || error == IVSH_EINVAL || host->fd < 0)
			return error ? error : IVSH_EAGAIN;
		sleep_once(host, ns);
	}
}
