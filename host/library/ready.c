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

#define REPORTED (IVSH_EVENT_MESSAGE | IVSH_EVENT_SPACE | IVSH_EVENT_CONTROL)

/* What is there without a look at the rings. */
static uint32_t known(struct ivsh_host *host, uint32_t wanted)
{
	uint32_t found = host->space | ivsh_host_streams_ready(host, wanted);

	return ivsh_host_events_any(host) ? found | IVSH_EVENT_CONTROL : found;
}

/* Whether a doorbell has come since the last were read. */
static bool is_late(struct ivsh_host *host)
{
	struct ivsh_client *client = &host->clients[host->turn];
	uint32_t seen = client->notifications;

	return client->mem.doorbell.count(client->mem.doorbell.ctx) != seen;
}

/*
 * Count what has ended the sleep after the last call, as the library's own sleep does: ls shows it.
 * (found): what the rings have.
 */
static void wakes_count(struct ivsh_host *host, uint32_t found)
{
	struct ivsh_region *region = &host->node->region;
	bool is_counted = host->is_armed && (host->has_notified || host->has_expired);

	host->is_armed = false;
	if (is_counted && host->has_notified)
		region->counters.wakes_doorbell++;
	if (!is_counted || host->has_notified)
		return;
	region->counters.wakes_timer++;
	/* A doorbell that is a moment late is not missed: it comes after the message. */
	if (found && region->mem.doorbell.vectors != 0 && !host->is_cut && !is_late(host))
		region->counters.missed_notifications++;
}

/* The program may sleep now, for (most_ns) at most. */
static void sleep_begin(struct ivsh_host *host, uint64_t most_ns)
{
	host->is_armed = true;
	host->is_cut = most_ns < HOST_SLICE_NS;
	host->has_notified = host->has_expired = false;
	ivsh_host_watch_within(host, host->is_cut ? most_ns : HOST_SLICE_NS);
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
	wakes_count(host, *found & (IVSH_EVENT_MESSAGE | IVSH_EVENT_SPACE));
	host->space |= *found & IVSH_EVENT_SPACE;
	*found = (*found & IVSH_EVENT_MESSAGE) | known(host, wanted);
	if (!(*found & wanted))
		sleep_begin(host, most_ns);
	return 0;
}

/*
 * What is answered was known before, and the rings were not looked at: an event that the program
 * never takes would leave it without a heartbeat. What the rings have is found by a later call.
 */
static int beat(struct ivsh_host *host)
{
	uint32_t found = 0;
	int error = ivsh_node_wait(host->node, 0, &found);

	host->space |= found & IVSH_EVENT_SPACE;
	return error;
}

static int look(struct ivsh_host *host, uint32_t wanted, uint32_t *found)
{
	int error = ivsh_host_events_look(host);

	if (error)
		return error;
	*found = known(host, wanted);
	return *found & wanted ? beat(host) : arm(host, wanted, found);
}

/*
 * Room was answered. Whether the program still needs it, only its next call shows: it may have
 * given up. What a stream owes is found again by the stream.
 */
static void space_answered(struct ivsh_host *host)
{
	struct ivsh_node *node = host->node;

	host->space = 0;
	for (uint32_t i = 0; i < node->slots; i++)
		if (!node->links[i].owed)
			node->chans[i].tx.blocked = false;
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
		space_answered(host);
	return 0;
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
		ivsh_host_watch_sleep(host, ns);
	}
}
