/* SPDX-License-Identifier: MIT */
/*
 * flow.c - put and get: a file of any size, as a stream.
 *
 * The one who gets says that it has finished when all is written; the one who puts waits for that.
 */
#include "peer/commands.h"
#include "peer/output.h"
#include "peer/session.h"
#include "peer/target.h"

#include <ivsh/stream.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLOW_PATIENCE_NS UINT64_C(5000000000) /* for the peer to come, and to go on */
#define FLOW_BUFFER (1u << 20)

struct flow {
	struct session s;
	struct ivsh_stream stream;
	uint32_t peer;
	const char *path;
	int fd;               /* put: what is read */
	struct target target; /* get: what is written */
	uint64_t bytes;
	uint8_t *buffer, *piece; /* what has come; what goes through the file */
};

/* A line about the file; answers the exit status. */
static int flow_file_failed(const struct flow *f)
{
	fprintf(stderr, "ivsh: %s: %s\n", f->path, strerror(errno));
	return STATUS_FAILED;
}

/* Messages for somebody else stand in the way: they go. */
static void flow_clear(struct flow *f)
{
	struct ivsh_message message;

	while (session_peek(&f->s, f->peer, &message) && message.port != f->stream.port &&
	       message.port != f->stream.port + 1) {
		fprintf(stderr, "ivsh: %s: %s, port %u: %" PRIu32 " bytes dropped\n",
		    f->s.options->word[0], session_who(&f->s, f->peer), message.port, message.size);
		if (ivsh_chan_release(&f->s.chan[f->peer]))
			return;
	}
}

/*
 * A call of the stream answered (error): true: go on, after a wait if there was nothing to do. Else
 * *status is the exit status, and a line has said why.
 */
static bool flow_goes_on(struct flow *f, int error, int *status)
{
	*status = STATUS_FAILED;
	if (error == 0) {
		if (session_busy(&f->s))
			return true;
		*status = f->s.status;
		return false;
	}
	if (error != IVSH_EAGAIN) {
		fprintf(stderr, "ivsh: %s: %s after %" PRIu64 " bytes: %s\n", f->s.options->word[0],
		    session_who(&f->s, f->peer), f->bytes, ivsh_error_text(error));
		return false;
	}
	flow_clear(f);
	if (session_idle(&f->s))
		return true;
	*status = f->s.status;
	return false;
}

/* All of the file, then the end, then the other's end. Answers the exit status. */
static int flow_put(struct flow *f)
{
	uint32_t done, got = 0;
	ssize_t size;
	int error, status;

	while ((size = read(f->fd, f->piece, FLOW_BUFFER)) > 0)
		for (ssize_t at = 0; at < size; at += done, f->bytes += done) {
			error = ivsh_stream_write(
			    &f->stream, f->piece + at, (uint32_t)(size - at), &done);
			if (!flow_goes_on(f, error, &status))
				return status;
		}
	if (size < 0)
		return flow_file_failed(f);
	while ((error = ivsh_stream_finish(&f->stream)) != 0)
		if (!flow_goes_on(f, error, &status))
			return status;
	while ((error = ivsh_stream_read(&f->stream, f->piece, 1, &got)) != 0)
		/* It leaves as soon as it has said so. */
		if (!flow_goes_on(f, error, &status) &&
		    ivsh_stream_read(&f->stream, f->piece, 1, &got) != 0)
			return status;
	printf("sent %" PRIu64 " bytes to %s\n", f->bytes, session_who(&f->s, f->peer));
	return 0;
}

static int flow_get(struct flow *f)
{
	uint32_t got = 0;
	int error, status;

	for (;;) {
		error = ivsh_stream_read(&f->stream, f->piece, FLOW_BUFFER, &got);
		if (error == 0 && got == 0)
			break;
		if (error == 0 && target_write(&f->target, f->piece, got))
			return STATUS_FAILED;
		f->bytes += got;
		if (!flow_goes_on(f, error, &status))
			return status;
	}
	/* Before the other hears that all is well. */
	if (target_keep(&f->target))
		return STATUS_FAILED;
	while ((error = ivsh_stream_finish(&f->stream)) != 0)
		if (!flow_goes_on(f, error, &status))
			return status;
	if (f->target.fd != STDOUT_FILENO)
		printf(
		    "received %" PRIu64 " bytes from %s\n", f->bytes, session_who(&f->s, f->peer));
	return 0;
}

static int flow_in(struct flow *f, int (*run)(struct flow *))
{
	int peer = session_find(&f->s, f->s.options->word[1]);
	int error, status;

	if (peer < 0)
		return f->s.status;
	f->peer = (uint32_t)peer;
	error = ivsh_stream_open(&f->stream, &f->s.chan[peer], f->s.port, f->buffer, FLOW_BUFFER);
	if (error) {
		session_failed(&f->s, f->peer, error);
		return STATUS_FAILED;
	}
	session_await(
	    &f->s, f->peer, "bytes from %s, or room for some", session_who(&f->s, f->peer));
	status = run(f);
	if (status)
		ivsh_stream_close(&f->stream);
	return status;
}

/* The file is open: go into the region. Answers the exit status. */
static int flow_run(struct flow *f, const struct options *options, int (*run)(struct flow *))
{
	int status = STATUS_FAILED;

	f->buffer = malloc(FLOW_BUFFER);
	f->piece = malloc(FLOW_BUFFER);
	if (!f->buffer || !f->piece) {
		fprintf(stderr, "ivsh: no memory\n");
	} else if (session_open(&f->s, options, FLOW_PATIENCE_NS)) {
		status = f->s.status;
	} else {
		status = flow_in(f, run);
		session_close(&f->s);
	}
	free(f->buffer);
	free(f->piece);
	return status;
}

static bool flow_port_is_good(const struct options *options)
{
	if (options->port != UINT16_MAX)
		return true;
	fprintf(stderr, "ivsh: --port: %u: a stream takes the next one, too\n", options->port);
	return false;
}

int put_run(const struct options *options)
{
	static struct flow f;
	bool is_standard = !strcmp(options->word[2], "-");
	int status;

	if (!flow_port_is_good(options))
		return STATUS_USAGE;
	f.path = is_standard ? "stdin" : options->word[2];
	f.fd = is_standard ? STDIN_FILENO : open(f.path, O_RDONLY | O_CLOEXEC);
	if (f.fd < 0)
		return flow_file_failed(&f);
	status = flow_run(&f, options, flow_put);
	if (!is_standard)
		close(f.fd);
	return status;
}

int get_run(const struct options *options)
{
	static struct flow f;
	int status;

	if (!flow_port_is_good(options))
		return STATUS_USAGE;
	status = target_open(&f.target, options->word[2]) ? STATUS_FAILED
							  : flow_run(&f, options, flow_get);
	target_close(&f.target);
	return status;
}
