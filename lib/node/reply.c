/* SPDX-License-Identifier: MIT */
/*
 * reply.c - the messages of calls, as they are sent. SPEC 14.
 */
#include "node/inside.h"

int ivsh_node_call_send(struct ivsh_node *node, uint32_t peer, const struct ivsh_wire_call *call,
    const void *data, uint32_t size)
{
	struct ivsh_chan *ch = &node->chans[peer];
	void *payload;
	int error;

	if (size > ivsh_node_max(node) - sizeof(*call))
		return IVSH_EINVAL;
	error = ivsh_chan_reserve(ch, size + (uint32_t)sizeof(*call), &payload);
	if (error)
		return error;
	__builtin_memcpy(payload, call, sizeof(*call));
	if (size)
		__builtin_memcpy((uint8_t *)payload + sizeof(*call), data, size);
	return ivsh_chan_publish(ch, IVSH_PORT_CALL);
}

int ivsh_node_reply(struct ivsh_node *node, const struct ivsh_node_message *request,
    const void *data, uint32_t size, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(node, timeout_ns);
	const struct ivsh_wire_call header = {
	    .kind = IVSH_WIRE_CALL_REPLY,
	    .port = request->port,
	    .id = request->request,
	};

	if (request->request == 0 || !is_peer(node, request->peer))
		return IVSH_EINVAL;
	for (;;) {
		int error = ivsh_node_call_send(node, request->peer, &header, data, size);

		if (!error)
			return 0;
		error = ivsh_node_make_room(node, request->peer, error, &limit);
		if (error)
			return error;
	}
}
