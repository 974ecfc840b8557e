/* SPDX-License-Identifier: MIT */
/*
 * stream.h - bytes to and from one peer, as many as one likes, over a channel.
 *
 * A stream joins the two peers of a channel on one port. Either side writes bytes and says when
 * there are no more; the other reads them in order, in pieces of its own choice. A writer stops
 * when the reader's buffer is full, so one stream never holds up the channel for another, or for
 * messages. A stream ends when both sides have finished, or when an incarnation of either side
 * ends, or a ring is reset: whatever is missing then shows as an error, never as an early end.
 *
 * Nothing blocks: after IVSH_EAGAIN, the caller waits (ivsh_region_wait()) and calls again. Calls
 * are for the thread that owns the region. Each takes at most one ring's worth of messages, and
 * sends three more than it has bytes for. Each that answers an int can answer, besides what stands
 * beside it:
 *
 * IVSH_EPEER   the peer closed the stream, began another one, came back as another incarnation, or
 *              a reset of a ring lost messages: open the stream again.
 * IVSH_EPROTO  the peer broke the stream's rules: this stream is dead, the channel goes on. Or the
 *              channel itself is dead.
 * IVSH_ELOST   as in channel.h.
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
	uint16_t port;
	bool joined; /* the peer knows us: its bytes are for this stream */
	bool hello;  /* HELLO is still to be sent */
	int error;   /* what ended the stream; 0: it goes on */

	/* Counts of bytes since the stream began, modulo 2^32. */
	struct {
		uint32_t sent;
		uint32_t credit; /* how far the peer lets us go */
		bool finished;   /* no more will be written */
		bool ended;      /* and the peer knows it */
	} tx;
	struct {
		uint32_t received;
		uint32_t read;
		uint32_t granted; /* how far we let the peer go */
		bool owed;        /* credit has to be sent whatever it is */
		bool ended;       /* the peer has finished */
	} rx;
};

/*
 * Open a stream on (port), and say so to the peer. The peer opens one, too, on the same port,
 * earlier or later; until then writing and reading answer IVSH_EAGAIN.
 *
 * Bytes that come are kept in (buffer) until they are read: (size) bytes, a power of two from 64 to
 * 2^30, the caller's, as long as the stream is used. It also is what may be under way at a time.
 * The stream takes messages of the ports (port) and (port) + 1 on this channel.
 *
 * IVSH_EINVAL  size is not such a number, or port is 65535.
 */
int ivsh_stream_open(struct ivsh_stream *stream, struct ivsh_chan *chan, uint16_t port,
    void *buffer, uint32_t size) IVSH_MUST_CHECK;

/*
 * Write up to (size) bytes at (data): as many as the peer's buffer and the ring have room for. How
 * many goes to *written, also with an error. They are accepted as a message is: delivered, even if
 * this side dies now, unless the peer dies.
 *
 * IVSH_EAGAIN  none, for now.
 * IVSH_EINVAL  after ivsh_stream_finish().
 */
int ivsh_stream_write(
    struct ivsh_stream *stream, const void *data, uint32_t size, uint32_t *written) IVSH_MUST_CHECK;

/*
 * Read up to (capacity) bytes, at least 1, into (data). How many goes to *got; 0 and no error mean
 * that the peer has finished and all has been read. What arrived before the peer went is read
 * before IVSH_EPEER is answered.
 *
 * IVSH_EAGAIN  none, for now.
 */
int ivsh_stream_read(
    struct ivsh_stream *stream, void *data, uint32_t capacity, uint32_t *got) IVSH_MUST_CHECK;

/*
 * Say that no more will be written. Reading goes on. Again is harmless.
 *
 * IVSH_EAGAIN  the peer does not know yet: call it, or any other call of the stream, again.
 */
int ivsh_stream_finish(struct ivsh_stream *stream) IVSH_MUST_CHECK;

/*
 * Leave the stream. If it was not finished on both sides the peer learns that it is over, unless
 * the ring is full. Before ivsh_chan_close().
 */
void ivsh_stream_close(struct ivsh_stream *stream);

/*
 * Take from the channel what is there for this stream, up to the first message that is for somebody
 * else, and send what is to be sent. read, write and finish do so, too.
 */
int ivsh_stream_poll(struct ivsh_stream *stream) IVSH_MUST_CHECK;

/*
 * The same for one message that the application has peeked, where several share a channel: true if
 * it was for this stream; the application releases it. Call ivsh_stream_poll() afterwards.
 */
bool ivsh_stream_take(struct ivsh_stream *stream, const struct ivsh_message *message);

#ifdef __cplusplus
}
#endif
#endif
