/* SPDX-License-Identifier: MIT */
/*
 * flow.c - streams through a node.
 */
#include "node/inside.h"

/*
 * After a call of a stream on (ch), before which tx.blocked was false. A stream looks at the next
 * message of its channel: if that is not the stream's, it stays peeked, where neither a wait nor
 * ivsh_region_next() finds it, so the node holds it. And the stream may have found no room for a
 * control message.
 */
static void chan_keep(struct ivsh_node *node, const struct ivsh_chan *ch)
{
	if (ch->rx.peeked)
		ivsh_node_hold(node, ch->peer, true);
	if (ch->tx.blocked)
		node->links[ch->peer].owed = node->links[ch->peer].once = true;
}

/* Poll the streams on (ch), which stores errors in them. Keeps what a send found before. */
static void chan_poll(
    struct ivsh_node *node, struct ivsh_chan *ch, const struct ivsh_node_stream *only)
{
	bool blocked = ch->tx.blocked;

	ch->tx.blocked = false;
	for (struct ivsh_node_stream *s = node->streams; s; s = s->next)
		if (s->stream.chan == ch && (!only || s == only) && ivsh_stream_poll(&s->stream)) {
			/* The next call on this stream answers the error. */
		}
	chan_keep(node, ch);
	ch->tx.blocked |= blocked;
}

void ivsh_node_streams_flush(struct ivsh_node *node)
{
	for (uint32_t i = 0; i < node->slots; i++) {
		if (!node->links[i].owed)
			continue;
		node->links[i].owed = false;
		/* This flush finds again what is still owed; the caller's sends have none. */
		chan_poll(node, &node->chans[i], NULL);
	}
}

bool ivsh_node_stream_take(
    struct ivsh_node *node, struct ivsh_chan *ch, const struct ivsh_message *message)
{
	for (struct ivsh_node_stream *s = node->streams; s; s = s->next) {
		if (s->stream.chan != ch || !ivsh_stream_take(&s->stream, message))
			continue;
		if (ivsh_chan_release(ch)) {
			/* The slot is lost, which the next call answers; or the machine was moved,
			 * and the stream drops what it has just taken. */
		}
		chan_poll(node, ch, s);
		return true;
	}
	return false;
}

int ivsh_node_stream_open(struct ivsh_node *node, struct ivsh_node_stream *stream, uint32_t peer,
    uint16_t port, void *buffer, uint32_t size)
{
	struct ivsh_chan *ch = ivsh_node_channel(node, peer);
	bool blocked;
	int error;

	if (!ch)
		return IVSH_EINVAL;
	error = ivsh_node_mend(node, peer);
	if (error)
		return error;
	blocked = ch->tx.blocked;
	ch->tx.blocked = false;
	error = ivsh_stream_open(&stream->stream, ch, port, buffer, size);
	chan_keep(node, ch);
	ch->tx.blocked |= blocked;
	if (error)
		return error;
	stream->node = node;
	stream->next = node->streams;
	node->streams = stream;
	/* Connections have one of their own, which calls this one. */
	if (!node->stream_take)
		node->stream_take = ivsh_node_stream_take;
	node->streams_flush = ivsh_node_streams_flush;
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

/*
 * Whether the peer left, or died: it will neither write nor read any more. One whose slot is broken
 * stores its words again if it lives, and only the server knows if it does not.
 */
static bool is_peer_gone(struct ivsh_node_stream *stream)
{
	const struct ivsh_peer *peer = ivsh_node_peer(stream->node, stream->stream.chan->peer);

	return stream->stream.joined &&
	       (peer->presence == IVSH_PEER_ABSENT || peer->presence == IVSH_PEER_GONE ||
		   (peer->presence == IVSH_PEER_BROKEN &&
		       peer->connection == IVSH_CONNECTION_DOWN));
}

/* What one call does with a stream, in one or more tries. */
struct flow {
	struct ivsh_stream *stream;
	const uint8_t *from; /* writing */
	void *to;            /* reading */
	uint32_t size;
	uint32_t done;
};

/* A try: IVSH_EAGAIN: wait, then try again; FLOW_MORE: try again; else the answer. */
typedef int flow_try(struct flow *flow);

#define FLOW_MORE 1

static int write_try(struct flow *flow)
{
	uint32_t some;
	int error = ivsh_stream_write(
	    flow->stream, flow->from + flow->done, flow->size - flow->done, &some);

	flow->done += some;
	return !error && flow->done < flow->size ? FLOW_MORE : error;
}

static int read_try(struct flow *flow)
{
	return ivsh_stream_read(flow->stream, flow->to, flow->size, &flow->done);
}

static int finish_try(struct flow *flow)
{
	return ivsh_stream_finish(flow->stream);
}

/* After a try that did not come to an end: FLOW_MORE: try again. */
static int flow_idle(
    struct ivsh_node_stream *stream, int error, bool is_gone, const struct limit *limit)
{
	struct ivsh_node *node = stream->node;
	const struct ivsh_chan *ch = stream->stream.chan;

	/* It makes no more room: so the next try is the last, and answers that it has gone, which
	 * no later event would. */
	if (error == FLOW_MORE && is_gone)
		return FLOW_MORE;
	/* The next try moves a held message to the inbox: the stream's may stand behind it. */
	if (error == FLOW_MORE || node->links[ch->peer].held)
		return limit_left(node, limit) ? FLOW_MORE : IVSH_EAGAIN;
	if (is_gone)
		return IVSH_EPEER;
	error = ivsh_node_idle(node, NODE_EVENTS, ch, limit, NODE_LOOK_NS);
	return error ? error : FLOW_MORE;
}

static int flow_run(
    struct ivsh_node_stream *stream, flow_try *try, struct flow *flow, uint64_t timeout_ns)
{
	struct ivsh_node *node = stream->node;
	struct ivsh_chan *ch = stream->stream.chan;
	struct limit limit = limit_begin(node, timeout_ns);
	int error;

	flow->stream = &stream->stream;
	room_begin(node, ch);
	do {
		/* Before the messages are taken: if none is there then, none will come. */
		bool is_gone = is_peer_gone(stream);

		ch->tx.blocked = false;
		error = ivsh_node_pump(node, ch);
		if (error)
			break;
		error = try(flow);
		chan_keep(node, ch);
		if (error == FLOW_MORE || error == IVSH_EAGAIN)
			error = flow_idle(stream, error, is_gone, &limit);
	} while (error == FLOW_MORE);
	room_end(node, ch);
	return error;
}

int ivsh_node_stream_write(struct ivsh_node_stream *stream, const void *data, uint32_t size,
    uint32_t *written, uint64_t timeout_ns)
{
	struct flow flow = {.from = data, .size = size};
	int error = flow_run(stream, write_try, &flow, timeout_ns);

	if (written)
		*written = flow.done;
	return error;
}

int ivsh_node_stream_read(struct ivsh_node_stream *stream, void *data, uint32_t capacity,
    uint32_t *got, uint64_t timeout_ns)
{
	struct flow flow = {.to = data, .size = capacity};
	int error = flow_run(stream, read_try, &flow, timeout_ns);

	*got = flow.done;
	return error;
}

int ivsh_node_stream_finish(struct ivsh_node_stream *stream, uint64_t timeout_ns)
{
	struct flow flow = {0};

	return flow_run(stream, finish_try, &flow, timeout_ns);
}
