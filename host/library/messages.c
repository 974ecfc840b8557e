/* SPDX-License-Identifier: MIT */
/*
 * messages.c - messages, requests and replies, in the form that needs one structure.
 */
#include "library/inside.h"

_Static_assert(sizeof(struct ivsh_host_message) == 32, "the layout that other languages have");

uint32_t ivsh_host_slots(const struct ivsh_host *host)
{
	return host_is_owned(host) && host->node ? host->node->slots : 0;
}

uint32_t ivsh_host_self(const struct ivsh_host *host)
{
	return host_is_owned(host) && host->node ? host->node->self : 0;
}

uint32_t ivsh_host_max(const struct ivsh_host *host)
{
	return host_is_owned(host) && host->node ? ivsh_node_max(host->node) : 0;
}

int ivsh_host_send(struct ivsh_host *host, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = ivsh_host_enter(host, &span);

	if (error)
		return error;
	do
		error =
		    ivsh_node_send(host->node, peer, port, data, size, ivsh_host_span_slice(&span));
	while (error && ivsh_host_again(host, &span, &error));
	return error;
}

int ivsh_host_broadcast(struct ivsh_host *host, uint16_t port, const void *data, uint32_t size,
    uint32_t *sent, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = ivsh_host_enter(host, &span);

	if (sent)
		*sent = 0;
	if (error)
		return error;
	/* In one try: another one would send twice to some. */
	error = ivsh_node_broadcast(host->node, port, data, size, sent, timeout_ns);
	(void)ivsh_host_again(host, &span, &error);
	return error;
}

int ivsh_host_report_loss(struct ivsh_host *host, uint32_t peer)
{
	struct host_span span = ivsh_host_span(0);
	int error = ivsh_host_enter(host, &span);

	if (error)
		return error;
	error = ivsh_node_report_loss(host->node, peer);
	(void)ivsh_host_again(host, &span, &error);
	return error;
}

int ivsh_host_receive(struct ivsh_host *host, struct ivsh_host_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	struct ivsh_node_message m = {0};
	int error = ivsh_host_enter(host, &span);

	*message = (struct ivsh_host_message){0};
	if (error)
		return error;
	do
		error = ivsh_node_receive(
		    host->node, &m, buffer, capacity, ivsh_host_span_slice(&span));
	while (error && ivsh_host_again(host, &span, &error));
	if (error && error != IVSH_ENOSPC)
		return error;
	message->request = m.request;
	message->peer = m.peer;
	message->size = m.size;
	message->port = m.port;
	message->flags = m.flags;
	return error;
}

/* The message in the node's form, without its bytes. */
static struct ivsh_node_message convert(const struct ivsh_host_message *message)
{
	struct ivsh_node_message m = {0};

	m.size = message->size;
	m.port = message->port;
	m.flags = message->flags;
	m.peer = message->peer;
	m.request = message->request;
	return m;
}

void ivsh_host_drop(struct ivsh_host *host, const struct ivsh_host_message *message)
{
	struct ivsh_node_message m = convert(message);

	if (ivsh_host_enter(host, NULL) == 0)
		ivsh_node_drop(host->node, &m);
}

int ivsh_host_call(struct ivsh_host *host, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, void *buffer, uint32_t capacity, uint32_t *got, uint64_t timeout_ns)
{
	struct ivsh_call call = {.peer = peer,
	    .port = port,
	    .data = data,
	    .size = size,
	    .buffer = buffer,
	    .capacity = capacity};
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = ivsh_host_enter(host, &span);

	*got = 0;
	if (error)
		return error;
	/* In one try: the request is sent once. */
	error = ivsh_node_call(host->node, &call, timeout_ns);
	*got = call.got;
	(void)ivsh_host_again(host, &span, &error);
	return error;
}

int ivsh_host_reply(struct ivsh_host *host, const struct ivsh_host_message *request,
    const void *data, uint32_t size, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	struct ivsh_node_message m = convert(request);
	int error = ivsh_host_enter(host, &span);

	if (error)
		return error;
	do
		error = ivsh_node_reply(host->node, &m, data, size, ivsh_host_span_slice(&span));
	while (error && ivsh_host_again(host, &span, &error));
	return error;
}
