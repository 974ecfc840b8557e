/* SPDX-License-Identifier: MIT */
/*
 * streams.c - streams in memory of the library's own, and which of them can go on.
 *
 * A call for one stream takes the messages of all: so a ring can be empty while a stream has bytes.
 * ivsh_host_ready() answers such a stream once for each read. A program that does not read, as it
 * has no room, is not woken for it again.
 */
#include "library/inside.h"

#include <stdlib.h>

#define BUFFER 65536u

int ivsh_host_stream_open(struct ivsh_host *host, struct ivsh_host_stream **stream, uint32_t peer,
    uint16_t port, uint32_t size)
{
	struct ivsh_host_stream *s;
	int error = ivsh_host_enter(host, NULL);

	*stream = NULL;
	if (error)
		return error;
	size = size ? size : BUFFER;
	if (size > IVSH_STREAM_BUFFER_MAX)
		return IVSH_EINVAL;
	s = calloc(1, sizeof(*s));
	if (s)
		s->buffer = malloc(size);
	if (!s || !s->buffer) {
		free(s);
		return IVSH_ENOSPC;
	}
	error = ivsh_node_stream_open(host->node, &s->stream, peer, port, s->buffer, size);
	if (error) {
		free(s->buffer);
		free(s);
		return error;
	}
	s->host = host;
	s->is_open = s->reads = true;
	s->next = host->streams;
	host->streams = s;
	*stream = s;
	return 0;
}

/* The begin of a call: 0, or what it answers. */
static int enter(const struct ivsh_host_stream *stream)
{
	int error = ivsh_host_enter(stream->host, NULL);

	if (error)
		return error;
	return stream->is_open ? 0 : IVSH_EPEER;
}

/* As ivsh_host_again(), where the stream may have ended meanwhile. */
static bool again(struct ivsh_host_stream *stream, const struct host_span *span, int *error)
{
	return ivsh_host_again(stream->host, span, error) && stream->is_open;
}

int ivsh_host_stream_write(struct ivsh_host_stream *stream, const void *data, uint32_t size,
    uint32_t *written, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = enter(stream);
	uint32_t done = 0, some;

	if (written)
		*written = 0;
	if (error)
		return error;
	do {
		error = ivsh_node_stream_write(&stream->stream, (const uint8_t *)data + done,
		    size - done, &some, ivsh_host_span_slice(&span));
		done += some;
		if (written)
			*written = done;
	} while (error && again(stream, &span, &error));
	stream->is_waiting = error == IVSH_EAGAIN;
	/* Else the ring is full, which the node's own event says. */
	stream->writes = error == IVSH_EAGAIN &&
			 stream->stream.stream.tx.credit == stream->stream.stream.tx.sent;
	return error;
}

int ivsh_host_stream_read(struct ivsh_host_stream *stream, void *data, uint32_t capacity,
    uint32_t *got, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = enter(stream);

	*got = 0;
	if (error)
		return error;
	do
		error = ivsh_node_stream_read(
		    &stream->stream, data, capacity, got, ivsh_host_span_slice(&span));
	while (error && again(stream, &span, &error));
	/* After the end there is nothing more to wait for. */
	stream->reads = error == IVSH_EAGAIN || (!error && *got != 0);
	/* Of a peer that is gone only the next read says that these bytes were the last. */
	if (!error && *got != 0)
		stream->is_end_answered = false;
	return error;
}

int ivsh_host_stream_finish(struct ivsh_host_stream *stream, uint64_t timeout_ns)
{
	struct host_span span = ivsh_host_span(timeout_ns);
	int error = enter(stream);

	if (error)
		return error;
	do
		error = ivsh_node_stream_finish(&stream->stream, ivsh_host_span_slice(&span));
	while (error && again(stream, &span, &error));
	return error;
}

/* Report the end to the peer, in the process that owns the host. */
static void leave(struct ivsh_host_stream *stream)
{
	if (stream->is_open && host_is_owned(stream->host))
		ivsh_node_stream_close(&stream->stream);
	stream->is_open = false;
}

void ivsh_host_stream_close(struct ivsh_host_stream *stream)
{
	struct ivsh_host_stream **at;

	if (!stream)
		return;
	leave(stream);
	for (at = &stream->host->streams; *at != stream; at = &(*at)->next)
		;
	*at = stream->next;
	free(stream->buffer);
	free(stream);
}

void ivsh_host_streams_close(struct ivsh_host *host)
{
	while (host->streams)
		ivsh_host_stream_close(host->streams);
}

void ivsh_host_streams_end(struct ivsh_host *host)
{
	for (struct ivsh_host_stream *s = host->streams; s; s = s->next)
		s->is_open = false;
}

void ivsh_host_streams_rouse(struct ivsh_host *host, uint32_t peer)
{
	for (struct ivsh_host_stream *s = host->streams; s; s = s->next)
		if (s->is_open && s->stream.stream.chan->peer == peer)
			s->is_roused = true;
}

/* Of a peer that came and went between two looks at its slot no event says so. */
static void end_look(struct ivsh_host_stream *s)
{
	const struct ivsh_stream *stream = &s->stream.stream;
	const struct ivsh_peer *peer =
	    s->is_open && stream->joined ? ivsh_node_peer(s->host->node, stream->chan->peer) : NULL;

	if (!peer || (peer->presence != IVSH_PEER_ABSENT && peer->presence != IVSH_PEER_GONE)) {
		s->is_end_answered = false;
	} else if (!s->is_end_answered) {
		s->is_roused = s->is_end_answered = true;
	}
}

/* What the stream can do, of what the caller waits for. */
static uint32_t ready(const struct ivsh_host_stream *s)
{
	const struct ivsh_stream *stream = &s->stream.stream;
	bool is_over = !s->is_open || s->is_roused || stream->error != 0;
	uint32_t found = 0;

	if (s->reads && (is_over || stream->rx.received != stream->rx.read || stream->rx.ended))
		found |= IVSH_EVENT_MESSAGE;
	if ((s->writes && stream->tx.credit != stream->tx.sent) ||
	    ((s->writes || s->is_waiting) && is_over))
		found |= IVSH_EVENT_SPACE;
	return found;
}

uint32_t ivsh_host_streams_ready(struct ivsh_host *host, uint32_t wanted)
{
	uint32_t found = 0;

	for (struct ivsh_host_stream *s = host->streams; s; s = s->next) {
		uint32_t some;

		end_look(s);
		some = ready(s) & wanted;
		if (some & IVSH_EVENT_MESSAGE)
			s->reads = false;
		if (some & IVSH_EVENT_SPACE)
			s->writes = s->is_waiting = false;
		if (some)
			s->is_roused = false;
		found |= some;
	}
	return found;
}
