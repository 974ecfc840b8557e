/* SPDX-License-Identifier: MIT */
/*
 * events.c - peers, services, and the events of both.
 */
#include "library/inside.h"

#include <string.h>

int ivsh_host_find(struct ivsh_host *host, const char *name, uint32_t *peer, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = ivsh_host_enter(host, &span);

	if (error)
		return error;
	for (;;) {
		error = ivsh_node_find(host->node, name, peer, ivsh_host_span_slice(&span));
		/* Its time is over, but perhaps not the caller's. */
		if (error == IVSH_ENODEV)
			error = IVSH_EAGAIN;
		if (!error || !ivsh_host_again(host, &span, &error))
			return error == IVSH_EAGAIN ? IVSH_ENODEV : error;
	}
}

int ivsh_host_find_service(
    struct ivsh_host *host, const char *name, uint32_t *peer, uint16_t *port, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = ivsh_host_enter(host, &span);

	if (error)
		return error;
	for (;;) {
		error = ivsh_node_find_service(
		    host->node, name, peer, port, ivsh_host_span_slice(&span));
		if (error == IVSH_ENODEV)
			error = IVSH_EAGAIN;
		if (!error || !ivsh_host_again(host, &span, &error))
			return error == IVSH_EAGAIN ? IVSH_ENODEV : error;
	}
}

int ivsh_host_peer(
    struct ivsh_host *host, uint32_t peer, uint32_t *presence, uint32_t *incarnation, char *name)
{
	const struct ivsh_peer *p;
	int error = ivsh_host_enter(host, NULL);

	if (error)
		return error;
	p = ivsh_node_peer(host->node, peer);
	if (!p)
		return IVSH_EINVAL;
	if (presence)
		*presence = p->presence;
	if (incarnation)
		*incarnation = p->incarnation;
	if (name)
		memcpy(name, p->name, sizeof(p->name));
	return 0;
}

/* Keep the service, for the next time that the region is opened. */
static void offer_keep(struct ivsh_host *host, const char *name, uint16_t port)
{
	uint32_t i = 0;

	while (i < host->offer_count && strcmp(host->offers[i].name, name) != 0)
		i++;
	if (i == HOST_OFFERS)
		return;
	if (i == host->offer_count)
		host->offer_count++;
	strcpy(host->offers[i].name, name);
	host->offers[i].port = port;
}

int ivsh_host_offer(struct ivsh_host *host, const char *name, uint16_t port)
{
	struct host_span span = ivsh_host_span(0);
	int error = ivsh_host_enter(host, NULL);

	if (error)
		return error;
	error = ivsh_node_offer(host->node, name, port);
	if (!error)
		offer_keep(host, name, port); /* it is a name that fits */
	(void)ivsh_host_again(host, &span, &error);
	return error;
}

int ivsh_host_service(
    struct ivsh_host *host, uint32_t peer, uint32_t index, char *name, uint16_t *port)
{
	struct ivsh_service service;
	int error = ivsh_host_enter(host, NULL);

	if (error)
		return error;
	error = ivsh_region_service(&host->node->region, peer, index, &service);
	if (error)
		return error;
	memcpy(name, service.name, sizeof(service.name));
	*port = service.port;
	return 0;
}

bool ivsh_host_events_any(const struct ivsh_host *host)
{
	return host->has_disconnected || host->has_resumed || host->has_replaced ||
	       host->has_peer_event;
}

int ivsh_host_events_look(struct ivsh_host *host)
{
	int error;

	if (host->has_peer_event)
		return 0;
	error = ivsh_node_next_event(host->node, &host->peer_event, 0);
	if (error)
		return error == IVSH_EAGAIN ? 0 : error;
	host->has_peer_event = true;
	ivsh_host_streams_rouse(host, host->peer_event.slot);
	return 0;
}

/* An event of the host itself: the oldest. False: none. */
static bool own_next(struct ivsh_host *host, uint32_t *kind, uint32_t *slot)
{
	*slot = host->home.slot;
	if (host->has_disconnected) {
		host->has_disconnected = false;
		*kind = IVSH_HOST_EVENT_DISCONNECTED;
		return true;
	}
	/* Both: one in the other memory, then one that kept that. */
	if (host->has_resumed || host->has_replaced) {
		*kind = host->has_replaced ? IVSH_HOST_EVENT_REPLACED : IVSH_HOST_EVENT_RESUMED;
		host->has_resumed = host->has_replaced = host->is_anew = false;
		return true;
	}
	return false;
}

static bool peer_next(struct ivsh_host *host, uint32_t *kind, uint32_t *slot)
{
	if (!host->has_peer_event)
		return false;
	host->has_peer_event = false;
	*kind = host->peer_event.kind;
	*slot = host->peer_event.slot;
	return true;
}

int ivsh_host_next_event(
    struct ivsh_host *host, uint32_t *kind, uint32_t *slot, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error;

	for (;;) {
		if (!host_is_owned(host))
			return IVSH_EINVAL;
		if (own_next(host, kind, slot) || peer_next(host, kind, slot))
			return 0;
		error = ivsh_host_enter(host, &span);
		if (!error) {
			error = ivsh_node_next_event(
			    host->node, &host->peer_event, ivsh_host_span_slice(&span));
			if (!error) {
				host->has_peer_event = true;
				ivsh_host_streams_rouse(host, host->peer_event.slot);
			}
			if (!error || ivsh_host_again(host, &span, &error))
				continue;
		}
		/* What has ended the call is an event itself. */
		if (!ivsh_host_events_any(host))
			return error;
	}
}
