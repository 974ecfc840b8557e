/* SPDX-License-Identifier: MIT */
/*
 * flow.c - streams through a node.
 */
#include "node/inside.h"

static bool stream_take(
    struct ivsh_node *node, struct ivsh_chan *ch, const struct ivsh_message *message)
{
	for (struct ivsh_node_stream *s = node->streams; s; s = s->next) {
		if (s->stream.chan != ch || !ivsh_stream_take(&s->stream, message))
			continue;
		/* An error is the stream's, and stays in it. */
		if (ivsh_chan_release(ch) || ivsh_stream_poll(&s->stream))
			return true;
		return true;
	}
	return false;
}

int ivsh_node_stream_open(struct ivsh_node *node, struct ivsh_node_stream *stream, uint32_t peer,
    uint16_t port, void *buffer, uint32_t size)
{
	int error;

	if (!is_peer(node, peer))
		return IVSH_EINVAL;
	error = ivsh_node_mend(node, peer);
	if (!error)
		error = ivsh_stream_open(&stream->stream, &node->chans[peer], port, buffer, size);
	if (error)
		return error;
	stream->node = node;
	stream->next = node->streams;
	node->streams = stream;
	node->stream_take = stream_take;
	near_stop(node);
	return 0;
}

void ivsh_node_stream_close(struct ivsh_node_stream *stream)
{
	ivsh_stream_close(&stream->stream);
	for (struct ivsh_node_stream **at = &stream->node->streams; *at; at = &(*at)->next)
		if (*at == stream) {
			*at = stream->next;
			break;
		}
}

/* Whether the peer left, or died: it will neither write nor read any more. */
static bool is_peer_gone(struct ivsh_node_stream *stream)
{
	const struct ivsh_peer *peer = ivsh_node_peer(stream->node, stream->stream.chan->peer);

	return stream->stream.joined &&
	       (peer->presence == IVSH_PEER_ABSENT || peer->presence == IVSH_PEER_GONE);
}

/*
 * Before each try: take the messages that have come. *is_gone: if none is there now, none will
 * come.
 */
static int flow_look(struct ivsh_node_stream *stream, bool *is_gone)
{
	room_begin(stream->node, stream->stream.chan);
	*is_gone = is_peer_gone(stream);
	return ivsh_node_pump(stream->node, stream->stream.chan);
}

/* After a try that answered IVSH_EAGAIN: 0: try again. */
static int flow_idle(struct ivsh_node_stream *stream, bool is_gone, const struct limit *limit)
{
	return is_gone ? IVSH_EPEER
		       : ivsh_node_idle(
			     stream->node, NODE_EVENTS, stream->stream.chan, limit, NODE_LOOK_NS);
}

int ivsh_node_stream_write(struct ivsh_node_stream *stream, const void *data, uint32_t size,
    uint32_t *written, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(stream->node, timeout_ns);
	uint32_t done = 0, some;
	bool is_gone;
	int error;

	do {
		error = flow_look(stream, &is_gone);
		if (error)
			break;
		error = ivsh_stream_write(
		    &stream->stream, (const uint8_t *)data + done, size - done, &some);
		done += some;
		if (error == IVSH_EAGAIN)
			error = flow_idle(stream, is_gone, &limit);
	} while (!error && done < size);
	room_end(stream->node, stream->stream.chan);
	if (written)
		*written = done;
	return error;
}

int ivsh_node_stream_read(struct ivsh_node_stream *stream, void *data, uint32_t capacity,
    uint32_t *got, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(stream->node, timeout_ns);
	bool is_gone;
	int error;

	*got = 0;
	do {
		error = flow_look(stream, &is_gone);
		if (error)
			break;
		error = ivsh_stream_read(&stream->stream, data, capacity, got);
		if (error != IVSH_EAGAIN)
			break;
		error = flow_idle(stream, is_gone, &limit);
	} while (!error);
	room_end(stream->node, stream->stream.chan);
	return error;
}

int ivsh_node_stream_finish(struct ivsh_node_stream *stream, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(stream->node, timeout_ns);
	bool is_gone;
	int error;

	do {
		error = flow_look(stream, &is_gone);
		if (error)
			break;
		error = ivsh_stream_finish(&stream->stream);
		if (error != IVSH_EAGAIN)
			break;
		error = flow_idle(stream, is_gone, &limit);
	} while (!error);
	room_end(stream->node, stream->stream.chan);
	return error;
}
