/* SPDX-License-Identifier: MIT */
/*
 * stream.c - a stream of bytes over a channel.
 *
 * Theory of operation: the bytes travel as they are, in messages on the stream's port; control
 * messages travel on the next port. A ring keeps the order, so one control message says to which
 * stream the bytes behind it belong. Each side has a number of its own, new with each open. HELLO
 * carries it. CREDIT answers with both numbers and with how many bytes may be sent in all. A side
 * takes bytes from the first CREDIT on that has its own number, and drops bytes for, or from, an
 * earlier incarnation. The peer sends no more than was granted, and a side grants no more than its
 * buffer holds: so it can always take all bytes out of the ring.
 */
#include <ivsh/stream.h>

#include "core/copy.h"
#include "core/slot.h"

/* Credit is sent again when this part of the buffer was read since. */
#define CREDIT_SHARE 4

/* The part of a ring that one message takes: the peer reads one while the next is written. */
#define CHUNK_SHARE 4

/* Numbers of streams: the distance between two ring generations, and what 0 becomes. */
#define GENERATION_STEP UINT32_C(0x9e3779b1)
#define NUMBER_FOR_0 (UINT32_C(1) << 31)

/*
 * SPEC R10.6.2: the peer broke a rule. The first error stays. What a moved machine, or a moved
 * memory, leaves is no damage: then loss_check() ends the stream.
 */
static void stream_break(struct ivsh_stream *s)
{
	if (s->error || ivsh_slot_check(s->chan->region))
		return;
	s->error = IVSH_EPROTO;
	s->chan->region->counters.errors++;
}

static void stream_end(struct ivsh_stream *s, int error)
{
	if (!s->error)
		s->error = error;
}

/* --- Messages from the peer ----------------------------------------------------------------- */

/* SPEC R10.2.1: take the number of the peer's stream. False if it ends this stream. */
static bool peer_follow(struct ivsh_stream *s, const struct ivsh_wire_stream *c)
{
	if (c->from == s->peer) {
		/* The peer repeats its HELLO: a reset may have lost our answer. */
		s->rx.owed |= c->kind == IVSH_WIRE_STREAM_HELLO;
		/* The same stream, of a machine that was moved while the channel was quiet. */
		s->peer_incarnation = c->incarnation;
		return true;
	}
	if (s->joined) {
		/* When both have finished, the peer can have missed nothing of ours. */
		if (!s->rx.ended || !s->tx.ended)
			stream_end(s, IVSH_EPEER);
		return false;
	}
	s->peer = c->from;
	s->peer_incarnation = c->incarnation;
	s->rx.owed = true;
	return true;
}

/* SPEC R10.4: credit is never taken back, and is less than 2^31 ahead of what was sent. */
static void credit_take(struct ivsh_stream *s, uint32_t value)
{
	if (value - s->tx.credit > INT32_MAX || value - s->tx.sent > INT32_MAX)
		stream_break(s);
	else
		s->tx.credit = value;
}

static void control_take(struct ivsh_stream *s, const struct ivsh_message *message)
{
	struct ivsh_wire_stream c;

	if (message->size != sizeof(c)) {
		stream_break(s);
		return;
	}
	/* One copy, which is checked and then used. SPEC R9.2. */
	copy_private(&c, message->data, sizeof(c));
	if (c.from == 0 || c.kind < IVSH_WIRE_STREAM_HELLO || c.kind > IVSH_WIRE_STREAM_CLOSE) {
		stream_break(s);
		return;
	}
	if (c.kind == IVSH_WIRE_STREAM_HELLO) {
		peer_follow(s, &c);
		return;
	}
	/* For an earlier stream of ours. SPEC R10.3.1. */
	if (c.to != s->self)
		return;
	if (c.kind == IVSH_WIRE_STREAM_CREDIT) {
		if (!peer_follow(s, &c))
			return;
		s->joined = true;
		credit_take(s, c.value);
		return;
	}
	if (c.from != s->peer || !s->joined)
		return;
	if (c.kind == IVSH_WIRE_STREAM_CLOSE)
		stream_end(s, IVSH_EPEER);
	else if (c.value != s->rx.received || s->rx.ended)
		stream_break(s);
	else
		s->rx.ended = true;
}

/*
 * The machine was moved after the last message was taken. Whether its release said so or not, its
 * bytes do not count, unless the application has read them. SPEC R5.11.1.
 */
static void taken_void(struct ivsh_stream *s)
{
	if (s->moved == s->chan->region->moved)
		return;
	s->moved = s->chan->region->moved;
	if (s->rx.before - s->rx.read <= s->rx.received - s->rx.read)
		s->rx.received = s->rx.before;
	else
		s->rx.received = s->rx.read;
	s->rx.ended = s->rx.ended_before;
}

/* The last message that was taken is released: it counts, whatever is moved from now on. */
static void taken_keep(struct ivsh_stream *s)
{
	s->rx.before = s->rx.received;
	s->rx.ended_before = s->rx.ended;
}

/* SPEC R10.7: messages were lost. A side that is not joined begins anew; a joined stream ends. */
static void loss_check(struct ivsh_stream *s)
{
	taken_void(s);
	if (s->chan->lost == s->lost)
		return;
	s->lost = s->chan->lost;
	if (s->joined) {
		stream_end(s, IVSH_EPEER);
	} else {
		s->peer = 0;
		s->hello = true;
	}
}

static void bytes_put(struct ivsh_stream *s, const uint8_t *data, uint32_t size)
{
	uint32_t at = s->rx.received & (s->size - 1), first = s->size - at;

	if (first > size)
		first = size;
	memcpy(s->buffer + at, data, first);
	memcpy(s->buffer, data + first, size - first);
	s->rx.received += size;
}

bool ivsh_stream_take(struct ivsh_stream *s, const struct ivsh_message *message)
{
	if (message->port != s->port && message->port != s->port + 1)
		return false;
	loss_check(s);
	s->rx.before = s->rx.received;
	s->rx.ended_before = s->rx.ended;
	if (s->error)
		return true;
	if (message->port != s->port)
		control_take(s, message);
	else if (!s->joined)
		return true; /* for, or from, an earlier incarnation. SPEC R10.3 */
	else if (message->size > s->rx.granted - s->rx.received || s->rx.ended)
		stream_break(s);
	else
		bytes_put(s, message->data, message->size);
	return true;
}

/* --- Messages to the peer ------------------------------------------------------------------- */

static int control_send(struct ivsh_stream *s, uint32_t kind, uint32_t value)
{
	struct ivsh_wire_stream c = {
	    .kind = kind,
	    .from = s->self,
	    .to = kind == IVSH_WIRE_STREAM_HELLO ? 0 : s->peer,
	    .value = value,
	    .incarnation = s->chan->region->incarnation,
	};

	return ivsh_chan_send(s->chan, (uint16_t)(s->port + 1), &c, sizeof(c));
}

/*
 * Send the control messages that are due, in this order. IVSH_EAGAIN: not all of them; the next
 * call tries again, and the wait ends when there is room. SPEC R10.5.3.
 */
static int control_flush(struct ivsh_stream *s)
{
	uint32_t grant = s->rx.read + s->size;
	int error = 0;

	if (s->hello) {
		error = control_send(s, IVSH_WIRE_STREAM_HELLO, 0);
		s->hello = error != 0;
	}
	if (!error && s->peer != 0 && !s->rx.ended &&
	    (s->rx.owed || grant - s->rx.granted >= s->size / CREDIT_SHARE)) {
		error = control_send(s, IVSH_WIRE_STREAM_CREDIT, grant);
		if (!error) {
			s->rx.granted = grant;
			s->rx.owed = false;
		}
	}
	if (!error && s->joined && s->tx.finished && !s->tx.ended) {
		error = control_send(s, IVSH_WIRE_STREAM_END, s->tx.sent);
		s->tx.ended = error == 0;
	}
	return error;
}

/*
 * --- The calls ---------------------------------------------------------------------------------
 */

int ivsh_stream_open(
    struct ivsh_stream *s, struct ivsh_chan *chan, uint16_t port, void *buffer, uint32_t size)
{
	int error;

	if (size < IVSH_STREAM_BUFFER_MIN || size > IVSH_STREAM_BUFFER_MAX ||
	    (size & (size - 1)) != 0 || port == UINT16_MAX)
		return IVSH_EINVAL;
	__builtin_memset(s, 0, sizeof(*s));
	s->chan = chan;
	s->buffer = buffer;
	s->size = size;
	s->port = port;
	s->lost = chan->lost;
	s->moved = chan->region->moved;
	/* Neither side can send without the other's answers. SPEC R18.3. */
	if (ivsh_chan_one_way(chan) != 0)
		return s->error = IVSH_EONEWAY;
	/* Each open sends a message, so no two of one generation have the same number unless the
	 * first one was never sent. Generations differ by their number, incarnations by their
	 * nonce. SPEC R10.1.1. */
	s->self = (uint32_t)(chan->region->nonce ^ chan->region->nonce >> 32) + chan->tx.head +
		  chan->tx.generation * GENERATION_STEP;
	if (s->self == 0)
		s->self = NUMBER_FOR_0;
	s->hello = true;
	error = control_flush(s);
	if (error == IVSH_EAGAIN)
		return 0;
	if (error)
		s->error = error;
	return error;
}

int ivsh_stream_poll(struct ivsh_stream *s)
{
	/* Before the messages: the last one of an earlier incarnation came before this word
	 * changed. */
	uint32_t incarnation = ivsh_slot_named(s->chan->region, s->chan->peer);
	struct ivsh_message message;
	int error = 0;

	/* The application has released what it took: that release found no move. */
	if (s->moved == s->chan->region->moved && !s->chan->dead)
		taken_keep(s);
	for (uint32_t i = 0; i <= s->chan->mask && !error && !s->error; i++) {
		error = ivsh_chan_peek(s->chan, &message);
		if (error)
			break;
		if (!ivsh_stream_take(s, &message))
			break;
		error = ivsh_chan_release(s->chan);
		if (!error)
			taken_keep(s);
	}
	loss_check(s);
	if (error == IVSH_EAGAIN) {
		error = 0;
		if (s->joined && incarnation != s->peer_incarnation &&
		    !(s->rx.ended && s->tx.ended))
			stream_end(s, IVSH_EPEER);
	}
	if (!error && !s->error)
		error = control_flush(s);
	if (error && error != IVSH_EAGAIN)
		stream_end(s, error);
	return s->error;
}

int ivsh_stream_write(struct ivsh_stream *s, const void *data, uint32_t size, uint32_t *written)
{
	uint32_t most = ivsh_chan_max(s->chan) / CHUNK_SHARE, done = 0;
	int error = ivsh_stream_poll(s);

	*written = 0;
	if (error)
		return error;
	if (s->tx.finished)
		return IVSH_EINVAL;
	while (done < size && s->joined) {
		uint32_t chunk = size - done, credit = s->tx.credit - s->tx.sent;

		if (chunk > credit)
			chunk = credit;
		if (chunk > most)
			chunk = most;
		error = chunk == 0
			    ? IVSH_EAGAIN
			    : ivsh_chan_send(s->chan, s->port, (const uint8_t *)data + done, chunk);
		if (error)
			break;
		s->tx.sent += chunk;
		done += chunk;
	}
	*written = done;
	if (error && error != IVSH_EAGAIN) {
		stream_end(s, error);
		return s->error;
	}
	return done != 0 || size == 0 ? 0 : IVSH_EAGAIN;
}

int ivsh_stream_read(struct ivsh_stream *s, void *data, uint32_t capacity, uint32_t *got)
{
	int error = ivsh_stream_poll(s);
	uint32_t at = s->rx.read & (s->size - 1), first = s->size - at;
	uint32_t size = s->rx.received - s->rx.read;

	*got = 0;
	if (capacity == 0)
		return IVSH_EINVAL;
	if (size == 0 && s->rx.ended)
		return 0;
	if (error && (error != IVSH_EPEER || size == 0))
		return error;
	if (size == 0)
		return IVSH_EAGAIN;
	if (size > capacity)
		size = capacity;
	if (first > size)
		first = size;
	memcpy(data, s->buffer + at, first);
	memcpy((uint8_t *)data + first, s->buffer, size - first);
	s->rx.read += size;
	*got = size;
	if (!s->error) {
		error = control_flush(s);
		if (error && error != IVSH_EAGAIN)
			stream_end(s, error);
	}
	return 0;
}

int ivsh_stream_finish(struct ivsh_stream *s)
{
	int error;

	s->tx.finished = true;
	if (s->tx.ended)
		return 0;
	error = ivsh_stream_poll(s);
	if (error)
		return error;
	return s->tx.ended ? 0 : IVSH_EAGAIN;
}

void ivsh_stream_close(struct ivsh_stream *s)
{
	if (!s->error && s->peer != 0 && !(s->tx.ended && s->rx.ended) &&
	    control_send(s, IVSH_WIRE_STREAM_CLOSE, 0) != 0) {
		/* The ring is full: the peer learns it from our next HELLO, or our next
		 * incarnation. */
	}
	s->error = IVSH_EPEER;
}
