/* SPDX-License-Identifier: MIT */
/*
 * looper.c - a program over libivsh-client.so.1, as somebody else would write it.
 *
 *	looper PLACE NAME serve         an event loop over poll(2): it returns messages, answers
 *	                                requests, and streams as it is asked to
 *	looper PLACE NAME push PEER N   stream N bytes to PEER, which sends them back
 *	looper PLACE NAME pull PEER N   ask PEER for N bytes
 *	looper PLACE NAME call PEER N   make N calls, one behind the other; a failed one again
 *
 * What it finds is printed, a line each. Its status is 0 only if all went as it should.
 */
#include "tests/host/sums.h"

#include <ivsh/host.h>

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 65536u
#define LIMIT_NS UINT64_C(60000000000)

static struct ivsh_host *host;
static struct ivsh_host_stream *stream;
static struct sums in, out;
static uint64_t to_send; /* bytes that are left to send of those that were asked for */
static bool is_echo;     /* what comes is sent back */
static uint8_t piece[PIECE];
static uint32_t piece_at, piece_size; /* of it, to be sent */
static bool is_finished;

static int failed(const char *what, int error)
{
	printf("%s: %s: %s\n", what, ivsh_error_text(error), ivsh_host_error(host));
	fflush(stdout);
	return 1;
}

/* True: the region was opened again, and slots may be others. */
static bool events_print(void)
{
	uint32_t kind, slot;
	bool is_anew = false;

	while (ivsh_host_next_event(host, &kind, &slot, 0) == 0) {
		printf("event %u slot %u\n", kind, slot);
		is_anew |= kind == IVSH_HOST_EVENT_RESUMED || kind == IVSH_HOST_EVENT_REPLACED;
	}
	fflush(stdout);
	return is_anew;
}

/* --- The event loop ------------------------------------------------------------------------- */

/* Fill the piece, if it was sent. False: there is nothing to send now. */
static bool piece_fill(void)
{
	uint32_t size = to_send < PIECE ? (uint32_t)to_send : PIECE;

	if (piece_at < piece_size)
		return true;
	if (to_send == 0)
		return false;
	sums_make(&out, piece, size);
	to_send -= size;
	piece_at = 0;
	piece_size = size;
	return true;
}

/* Send what there is, until there is no room. 0, or what the stream answered. */
static int stream_send(void)
{
	while (piece_fill()) {
		uint32_t some = 0;
		int error = ivsh_host_stream_write(
		    stream, piece + piece_at, piece_size - piece_at, &some, 0);

		piece_at += some;
		if (error)
			return error;
	}
	return 0;
}

/* Receive what has come, and send it back: never more than one piece. 0: the end. */
static int stream_receive(void)
{
	for (;;) {
		uint32_t got;
		int error;

		if (is_echo && piece_at < piece_size)
			return IVSH_EAGAIN;
		error = ivsh_host_stream_read(stream, piece, PIECE, &got, 0);
		if (error || got == 0)
			return error;
		if (in.bytes == 0) {
			puts("stream begins");
			fflush(stdout);
		}
		sums_add(&in, piece, got);
		piece_at = is_echo ? 0 : piece_at;
		piece_size = is_echo ? got : piece_size;
		if (is_echo && (error = stream_send()) != 0)
			return error;
	}
}

static void stream_end(int error)
{
	printf("stream in %" PRIu64 " %016" PRIx64 " out %" PRIu64 " %016" PRIx64 ": %s\n",
	    in.bytes, in.high, out.bytes, out.high, error ? ivsh_error_text(error) : "done");
	fflush(stdout);
	ivsh_host_stream_close(stream);
	stream = NULL;
}

static void stream_go_on(void)
{
	int error = stream_send(), end;

	if (error && error != IVSH_EAGAIN) {
		stream_end(error);
		return;
	}
	end = stream_receive();
	if (end && end != IVSH_EAGAIN) {
		stream_end(end);
		return;
	}
	if (!is_finished && to_send == 0 && piece_at == piece_size && (!is_echo || end == 0))
		is_finished = ivsh_host_stream_finish(stream, 0) == 0;
	if (end == 0 && is_finished)
		stream_end(0);
}

/* A message on SUMS_ASK: its bytes are a number; 0: what comes is sent back. */
static int stream_begin(uint32_t peer, const void *data)
{
	memcpy(&to_send, data, sizeof(to_send));
	is_echo = to_send == 0;
	is_finished = false;
	piece_at = piece_size = 0;
	in = out = (struct sums){0};
	ivsh_host_stream_close(stream);
	return ivsh_host_stream_open(host, &stream, peer, SUMS_STREAM, 0);
}

static int messages_take(void)
{
	static uint8_t data[PIECE];
	struct ivsh_host_message m;
	int error;

	while ((error = ivsh_host_receive(host, &m, data, sizeof(data), 0)) == 0) {
		if (m.request)
			error = ivsh_host_reply(host, &m, data, m.size, LIMIT_NS);
		else if (m.port == SUMS_ASK)
			error = stream_begin(m.peer, data);
		else
			error = ivsh_host_send(host, m.peer, m.port, data, m.size, LIMIT_NS);
		if (error)
			return error;
	}
	return error == IVSH_EAGAIN ? 0 : error;
}

/* The errors after which a loop goes on. */
static bool is_passing(int error)
{
	return error == IVSH_ELOST || error == IVSH_ENODEV;
}

/* A child closes what it has inherited: that takes nothing away from this process. */
static int fork_once(void)
{
	int status = 1;
	pid_t child = fork();

	if (child == 0) {
		ivsh_host_close(host);
		_exit(0);
	}
	return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

static int serve(void)
{
	struct pollfd ready = {.fd = ivsh_host_fd(host), .events = POLLIN};

	if (fork_once())
		return failed("fork", IVSH_EPLATFORM);
	for (;;) {
		uint32_t events;
		int error = ivsh_host_ready(host, 0, &events);

		if (error)
			(void)events_print();
		if (!error && events) {
			(void)events_print();
			error = messages_take();
			if (stream)
				stream_go_on();
		}
		if (error && !is_passing(error))
			return failed("serve", error);
		if (error == IVSH_ELOST || events)
			continue;
		(void)poll(&ready, 1, -1);
	}
}

/* --- What waits in each call ---------------------------------------------------------------- */

/* Both directions at once: neither end has room for all. */
static int push(uint32_t peer, uint64_t bytes)
{
	const uint64_t echo = 0;
	static uint8_t back[PIECE];
	uint32_t at = 0, size = 0, got = 1, some, events;
	int error = ivsh_host_send(host, peer, SUMS_ASK, &echo, sizeof(echo), LIMIT_NS);

	if (!error)
		error = ivsh_host_stream_open(host, &stream, peer, SUMS_STREAM, 0);
	while (!error && got != 0) {
		if (at == size && bytes) {
			size = bytes < PIECE ? (uint32_t)bytes : PIECE;
			sums_make(&out, piece, size);
			bytes -= size;
			at = 0;
		}
		some = 0;
		if (at < size)
			error = ivsh_host_stream_write(stream, piece + at, size - at, &some, 0);
		at += some;
		if (at == size && bytes == 0 && !is_finished) {
			error = ivsh_host_stream_finish(stream, LIMIT_NS);
			is_finished = !error;
		}
		if (error && error != IVSH_EAGAIN)
			break;
		error = ivsh_host_stream_read(stream, back, PIECE, &got, 0);
		sums_add(&in, back, error ? 0 : got);
		if (error == IVSH_EAGAIN) {
			got = 1;
			error = ivsh_host_wait(
			    host, IVSH_EVENT_MESSAGE | IVSH_EVENT_SPACE, LIMIT_NS, &events);
		}
	}
	if (error)
		return failed("push", error);
	stream_end(0);
	return in.bytes != out.bytes || in.high != out.high;
}

/* Only the other end sends: the same bytes that are made here. */
static int pull(uint32_t peer, uint64_t bytes)
{
	uint32_t got = 1;
	int error = ivsh_host_send(host, peer, SUMS_ASK, &bytes, sizeof(bytes), LIMIT_NS);

	if (!error)
		error = ivsh_host_stream_open(host, &stream, peer, SUMS_STREAM, 1u << 20);
	if (!error)
		error = ivsh_host_stream_finish(stream, LIMIT_NS);
	while (!error && got != 0) {
		error = ivsh_host_stream_read(stream, piece, PIECE, &got, LIMIT_NS);
		sums_add(&in, piece, error ? 0 : got);
	}
	if (error)
		return failed("pull", error);
	for (uint64_t left = bytes; left; left -= left < PIECE ? left : PIECE)
		sums_make(&out, piece, left < PIECE ? (uint32_t)left : PIECE);
	stream_end(0);
	return in.bytes != bytes || in.high != out.high;
}

static int call(uint32_t peer, uint64_t count)
{
	uint64_t answered = 0, reply = 0;
	uint32_t got;

	while (answered < count) {
		int error = ivsh_host_call(host, peer, 9, &answered, sizeof(answered), &reply,
		    sizeof(reply), &got, UINT64_C(1000000000));

		if (!error && (got != sizeof(reply) || reply != answered))
			return failed("call", IVSH_EPROTO);
		if (!error && ++answered % 1000 == 0)
			printf("answered %" PRIu64 "\n", answered);
		if (events_print())
			error = IVSH_ELOST;
		if (error && error != IVSH_EAGAIN && error != IVSH_EPEER && !is_passing(error))
			return failed("call", error);
		/* The peer may be in another slot of another memory, or may not be there yet. */
		while (error)
			error = ivsh_host_find(host, "server", &peer, UINT64_C(100000000));
		fflush(stdout);
	}
	return 0;
}

static int run(const char *command, const char *name, uint64_t number)
{
	uint32_t peer;
	int error;

	if (!strcmp(command, "serve"))
		return serve();
	error = ivsh_host_find(host, name, &peer, LIMIT_NS);
	if (error)
		return failed("find", error);
	if (!strcmp(command, "push"))
		return push(peer, number);
	if (!strcmp(command, "pull"))
		return pull(peer, number);
	return !strcmp(command, "call") ? call(peer, number) : 2;
}

int main(int argc, char **argv)
{
	int error, status;

	if (argc < 4)
		return 2;
	error = ivsh_host_open(&host, argv[1], argv[2], 0, IVSH_SELF_NONE);
	if (error) {
		(void)failed("open", error);
		ivsh_host_close(host);
		return 3;
	}
	printf("slot %u of %u\n", ivsh_host_self(host), ivsh_host_slots(host));
	fflush(stdout);
	status = run(argv[3], argc > 4 ? argv[4] : NULL,
	    argc > 5 ? (uint64_t)strtoull(argv[5], NULL, 10) : 0);
	ivsh_host_close(host);
	return status;
}
