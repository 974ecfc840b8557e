/* SPDX-License-Identifier: MIT */
/*
 * keep.c - looking after the server's connection and after the slot: opening the region again.
 *
 * Theory of operation: while no server answers, the old memory and doorbells work as before. So in
 * a memory without a name, which no other server can serve, the old node stays open until the next
 * server has given a memory. Two kinds of nodes are closed first: in a memory with a name, as a
 * server refuses it while a heartbeat in it moves; and one whose slot is lost, as its connection,
 * which holds the identity, is in the way of the next one.
 */
#include "library/inside.h"
#include "process/clock.h"

#define REOPEN_NS UINT64_C(1000000000) /* what one attempt may take */

static bool is_lost(const struct ivsh_host *host)
{
	return host->node && !host->node->region.attached;
}

static bool is_same(const struct host_home *a, const struct host_home *b)
{
	return a->device == b->device && a->inode == b->inode && a->format_id == b->format_id &&
	       a->slot == b->slot && a->slot != IVSH_SELF_NONE;
}

/* Open the region again. 0, or an error with host->error; then the old one may still be open. */
static int reopen(struct ivsh_host *host)
{
	struct ivsh_client *next = &host->clients[!host->turn];
	struct host_home last = host->home;
	int error;

	host->retry_ns = clock_now_ns() + HOST_RETRY_NS;
	if (is_lost(host) || !host->is_severed)
		ivsh_host_leave(host, true);
	error = ivsh_host_place_open(host, next, REOPEN_NS);
	if (error)
		return error;
	ivsh_host_leave(host, true);
	host->turn = !host->turn;
	host->is_open = true;
	host->is_severed = false;
	error = ivsh_host_attach(host, REOPEN_NS);
	if (error) {
		ivsh_host_leave(host, true);
		return error;
	}
	host->has_peer_event = false;
	host->space = 0;
	if (is_same(&last, &host->home))
		host->has_resumed = true;
	else
		host->has_replaced = true;
	return 0;
}

/* Whether opening the region again is due. */
static bool is_due(const struct ivsh_host *host)
{
	if (host->flags & IVSH_HOST_STAY)
		return false;
	return (!host->node || is_lost(host) || host->is_severed) &&
	       clock_now_ns() >= host->retry_ns;
}

static bool is_anew(struct ivsh_host *host)
{
	bool is = host->is_anew;

	host->is_anew = false;
	return is;
}

/*
 * Whether the server's socket is to be looked at: that is a system call. The end of a connection
 * may have been found by another call, whose sleep it has ended.
 */
static bool has_messages(const struct ivsh_host *host)
{
	const struct ivsh_client *client = &host->clients[host->turn];

	return host->is_socket_ready || client->has_more || !client->is_connected;
}

/* The server has closed the connection. */
static void sever(struct ivsh_host *host)
{
	host->is_severed = host->has_disconnected = true;
	host->retry_ns = 0;
	ivsh_host_fail(host, 0, "%s", host->clients[host->turn].error);
	if (host->home.is_named && !(host->flags & IVSH_HOST_STAY))
		ivsh_host_leave(host, true);
}

int ivsh_host_keep(struct ivsh_host *host)
{
	if (!host_is_owned(host))
		return IVSH_EINVAL;
	if (host->fd < 0)
		return IVSH_ENODEV;
	ivsh_host_watch_take(host);
	if (host->is_open && has_messages(host)) {
		host->is_socket_ready = false;
		if (ivsh_client_poll(&host->clients[host->turn]))
			sever(host);
	}
	if (is_due(host) && reopen(host) == 0)
		host->is_anew = true;
	if (is_anew(host))
		return IVSH_ELOST;
	if (!host->node)
		return IVSH_ENODEV;
	return is_lost(host) ? IVSH_ELOST : 0;
}

int ivsh_host_reopen(struct ivsh_host *host)
{
	if (!host_is_owned(host))
		return IVSH_EINVAL;
	if (host->fd < 0)
		return IVSH_ENODEV;
	return reopen(host);
}

struct host_span ivsh_host_span(uint64_t timeout_ns)
{
	return (struct host_span){timeout_ns ? clock_now_ns() : 0, timeout_ns};
}

/* The time that is left; 0: none. */
static uint64_t left(const struct host_span *span)
{
	uint64_t gone;

	if (span->timeout_ns == 0 || span->timeout_ns == IVSH_FOREVER)
		return span->timeout_ns;
	gone = clock_now_ns() - span->start_ns;
	return gone < span->timeout_ns ? span->timeout_ns - gone : 0;
}

uint64_t ivsh_host_span_slice(const struct host_span *span)
{
	uint64_t ns = left(span);

	return ns < HOST_SLICE_NS ? ns : HOST_SLICE_NS;
}

int ivsh_host_enter(struct ivsh_host *host, const struct host_span *span)
{
	for (;;) {
		uint64_t ns = span ? ivsh_host_span_slice(span) : 0;
		int error;

		if (!host_is_owned(host))
			return IVSH_EINVAL;
		if (host->node)
			return 0;
		error = ivsh_host_keep(host);
		if (error != IVSH_ENODEV || ns == 0 || host->fd < 0 ||
		    (host->flags & IVSH_HOST_STAY))
			return error;
		ivsh_host_watch_sleep(host, ns);
	}
}

bool ivsh_host_again(struct ivsh_host *host, const struct host_span *span, int *error)
{
	int kept;

	if (*error != IVSH_EAGAIN && *error != IVSH_ELOST)
		return false;
	kept = ivsh_host_keep(host);
	if (kept == IVSH_ENODEV)
		kept = ivsh_host_enter(host, span);
	if (kept) {
		*error = kept;
		return false;
	}
	return *error == IVSH_EAGAIN && left(span) != 0;
}
