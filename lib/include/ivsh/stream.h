/* SPDX-License-Identifier: MIT */
/*
 * stream.h - any number of bytes to and from one peer, over a channel.
 *
 * A stream joins the two peers of a channel on one port. Each side writes bytes, and reports when
 * there are no more; the other side reads them in order, in pieces of its own choice. A writer
 * stops when the reader's buffer is full, so one stream never holds up the channel for another, or
 * for messages. A stream ends when both sides have finished, when an incarnation of either side
 * ends, or when a ring is reset. Missing bytes show as an error, never as an early end.
 *
 * Nothing blocks: after IVSH_EAGAIN, the caller waits (ivsh_region_wait()) and calls again. Only
 * the thread that owns the region makes these calls. Each takes at most as many messages as a ring
 * holds, and sends three more than its bytes need. Each that answers an int can answer, besides the
 * errors in its own comment:
 *
 * IVSH_EPEER   the peer closed the stream, began another one, came back as another incarnation, or
 *              a reset of a ring lost messages: open the stream again.
 * IVSH_EPROTO  the peer broke the stream's rules: this stream is dead, but the channel is not. Or
 *              the channel itself is dead.
 * IVSH_ELOST, IVSH_EREMOVED  as in channel.h.
 * SPEC 10.
 */
#ifndef IVSH_STREAM_H
#define IVSH_STREAM_H

#include <ivsh/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IVSH_STREAM_BUFFER_MIN UINT32_C(64)
#define IVSH_STREAM_BUFFER_MAX (UINT32_C(1) << 30)

/* A stream. The caller's memory, for the library's use. */
struct ivsh_stream {
	struct ivsh_chan *chan;
	uint8_t *buffer;
	uint32_t size;             /* of buffer: a power of two */
	uint32_t self;             /* this stream's number, new with each open */
	uint32_t peer;             /* the other side's; 0: not known yet */
	uint32_t peer_incarnation; /* of the peer: the stream belongs to it */
	uint32_t lost;             /* resets of the channel's rings, as last seen */
	uint32_t moved;            /* the region's, when the last message was taken */
	uint16_t port;
	bool joined; /* the peer knows us: its bytes are for this stream */
	bool hello;  /* HELLO is still to be sent */
	int error;   /* what ended the stream; 0: it goes on */

	/* Counts of bytes since the stream began, modulo 2^32. */
	struct {
		uint32_t sent;
		uint32_t credit; /* bytes that the peer lets us send in all */
		bool finished;   /* no more will be written */
		bool ended;      /* and the peer knows it */
	} tx;
	struct {
		uint32_t received;
		uint32_t before;   /* (received), before the last message was taken */
		bool ended_before; /* the same of (ended) */
		uint32_t read;
		uint32_t granted; /* bytes that we let the peer send in all */
		bool owed;        /* credit has to be sent whatever it is */
		bool ended;       /* the peer has finished */
	} rx;
};

/*
 * Open a stream on (port), and announce it to the peer. The peer opens one, too, on the same port,
 * earlier or later. Until then writing and reading answer IVSH_EAGAIN.
 *
 * (buffer) keeps the bytes that come until the caller reads them. It is the caller's memory, and
 * must stay valid as long as the stream is used. size: its bytes, a power of two from 64 to 2^30.
 * At most as many bytes are under way at a time. The stream takes the messages of the ports (port)
 * and (port) + 1 on this channel.
 *
 * IVSH_EINVAL  size is not such a number, or port is 65535.
 * IVSH_EONEWAY one of the two sides has opened the channel one-way: nothing was sent.
 */
int ivsh_stream_open(struct ivsh_stream *stream, struct ivsh_chan *chan, uint16_t port,
    void *buffer, uint32_t size) IVSH_MUST_CHECK;

/*
 * Write up to (size) bytes at (data): as many as the peer's buffer and the ring have room for.
 * *written is set to their number, also with an error. They are accepted: they will be delivered,
 * even if this side dies now, unless the peer dies.
 *
 * IVSH_EAGAIN  none, for now.
 * IVSH_EINVAL  after ivsh_stream_finish().
 */
int ivsh_stream_write(
    struct ivsh_stream *stream, const void *data, uint32_t size, uint32_t *written) IVSH_MUST_CHECK;

/*
 * Read up to (capacity) bytes, at least 1, into (data). *got is set to their number; 0 without an
 * error means that the peer has finished and the caller has read all. Bytes that arrived before the
 * peer went are read before the call answers IVSH_EPEER.
 *
 * IVSH_EAGAIN  none, for now.
 * IVSH_EINVAL  capacity is 0.
 */
int ivsh_stream_read(
    struct ivsh_stream *stream, void *data, uint32_t capacity, uint32_t *got) IVSH_MUST_CHECK;

/*
 * Report to the peer that no more will be written. Reading goes on. A second call is harmless.
 *
 * IVSH_EAGAIN  the peer does not know yet: call it, or any other call of the stream, again.
 */
int ivsh_stream_finish(struct ivsh_stream *stream) IVSH_MUST_CHECK;

/*
 * Leave the stream, before ivsh_chan_close(). If it was not finished on both sides, this is
 * reported to the peer, unless the ring is full.
 */
void ivsh_stream_close(struct ivsh_stream *stream);

/*
 * Take this stream's messages from the channel, up to the first message that is not for it, and
 * send what is due. read, write and finish do so, too.
 */
int ivsh_stream_poll(struct ivsh_stream *stream) IVSH_MUST_CHECK;

/*
 * The same for one message that the application has peeked, where several users share a channel.
 * True if the message was for this stream. The application then releases it, and calls
 * ivsh_stream_poll() afterwards, whatever the release answered: where the machine was moved, the
 * stream drops what it has taken last.
 */
bool ivsh_stream_take(struct ivsh_stream *stream, const struct ivsh_message *message);

#ifdef __cplusplus
}
#endif
#endif
