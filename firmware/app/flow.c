/* SPDX-License-Identifier: MIT */
/*
 * flow.c - put and get: a file of any size, as a stream.
 *
 * The receiver reports that it has finished when all is written; the sender waits for that.
 */
#include "app/commands.h"
#include "app/report.h"
#include "app/session.h"

#include <ivsh/stream.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER (1u << 20)

struct flow {
	struct session s;
	const struct world_files *files;
	struct ivsh_stream stream;
	uint32_t peer;
	uint64_t bytes, total;   /* that have passed; that will, 0: nobody knows */
	bool shows;              /* how far it is */
	uint8_t *buffer, *piece; /* what has come; what goes through the file */
};

/*
 * Drop messages on other ports, which stand in the way. However many come, the timeout and the user
 * can still end the wait: then false, after a line.
 */
static bool flow_clear(struct flow *f)
{
	struct ivsh_message message;

	while (session_peek(&f->s, f->peer, &message) && message.port != f->stream.port &&
	       message.port != f->stream.port + 1) {
		fprintf(stderr, "ivsh: %s: %s, port %u: %" PRIu32 " bytes dropped\n",
		    f->s.options->word[0], session_who(&f->s, f->peer), message.port, message.size);
		if (ivsh_chan_release(session_chan(&f->s, f->peer)))
			break;
		if (!session_check(&f->s))
			return false;
	}
	return true;
}

/*
 * A call of the stream answered (error). True: go on, after a wait if there was nothing to do. Else
 * *status is the exit status, and a line was printed.
 */
static bool flow_goes_on(struct flow *f, int error, int *status)
{
	bool goes_on;

	if (f->shows)
		f->s.world->progress(f->s.options->word[0], f->bytes, f->total);
	*status = STATUS_FAILED;
	if (error != 0 && error != IVSH_EAGAIN) {
		fprintf(stderr, "ivsh: %s: %s after %" PRIu64 " bytes: %s\n", f->s.options->word[0],
		    session_who(&f->s, f->peer), f->bytes, ivsh_error_text(error));
		return false;
	}
	goes_on = error == 0 ? session_busy(&f->s) : flow_clear(f) && session_idle(&f->s);
	if (!goes_on)
		*status = f->s.status;
	return goes_on;
}

/* No more of how far it is: the last line comes. */
static void flow_hide(struct flow *f)
{
	if (f->shows)
		f->s.world->progress_end();
	f->shows = false;
}

/* Say that no more will be written. Answers the exit status. */
static int flow_finish(struct flow *f)
{
	int error, status;

	while ((error = ivsh_stream_finish(&f->stream)) != 0)
		if (!flow_goes_on(f, error, &status))
			return status;
	return STATUS_DONE;
}

/* Print that the peer sent (got) bytes, or none and its end: get does neither while put sends. */
static int flow_crossed(struct flow *f, uint32_t got)
{
	fprintf(stderr, "ivsh: put: %s %s: does it run get?\n", session_who(&f->s, f->peer),
	    got ? "sends, too" : "ended before all was sent");
	return STATUS_FAILED;
}

/* Send the (size) bytes of f->piece. Answers the exit status. */
static int flow_write(struct flow *f, uint32_t size)
{
	uint32_t done, got = 0;
	int error, status;
	uint8_t byte;

	for (uint32_t at = 0; at < size; at += done, f->bytes += done) {
		error = ivsh_stream_write(&f->stream, f->piece + at, size - at, &done);
		/* Two puts never read: both would wait for room. */
		if (ivsh_stream_read(&f->stream, &byte, 1, &got) == 0)
			return flow_crossed(f, got);
		if (!flow_goes_on(f, error, &status))
			return status;
	}
	return STATUS_DONE;
}

/*
 * Read the next piece of the file. Until it comes, the heartbeat and the stream go on: the peer may
 * leave, and the user may stop the command. *size: the bytes, 0 at the end. Answers the exit
 * status.
 */
static int flow_read(struct flow *f, int32_t *size)
{
	uint32_t got = 0;
	uint8_t byte;

	while ((*size = f->files->source_read(f->piece, BUFFER)) == WORLD_NOT_YET) {
		if (ivsh_stream_read(&f->stream, &byte, 1, &got) == 0)
			return flow_crossed(f, got);
		if (f->shows)
			f->s.world->progress("put", f->bytes, f->total);
		/* The user's time is not the peer's: only the peer's silence counts as patience. */
		if (!session_busy(&f->s) || !session_check(&f->s))
			return f->s.status;
	}
	return *size < 0 ? STATUS_FAILED : STATUS_DONE;
}

/* All of the file, then the end, then the other's end. Answers the exit status. */
static int flow_put(struct flow *f)
{
	uint32_t got = 0;
	int32_t size = 0;
	int error, status;

	while ((status = flow_read(f, &size)) == STATUS_DONE && size > 0) {
		status = flow_write(f, (uint32_t)size);
		if (status)
			return status;
	}
	if (status == STATUS_DONE)
		status = flow_finish(f);
	if (status)
		return status;
	while ((error = ivsh_stream_read(&f->stream, f->piece, 1, &got)) != 0) {
		if (flow_goes_on(f, error, &status))
			continue;
		/* The receiver leaves as soon as it has reported that. */
		if (ivsh_stream_read(&f->stream, f->piece, 1, &got) != 0)
			return status;
		break;
	}
	if (got)
		return flow_crossed(f, got);
	flow_hide(f);
	report_sent(&f->s, f->peer, f->bytes);
	return STATUS_DONE;
}

static int flow_get(struct flow *f)
{
	uint32_t got = 0;
	int error, status;

	for (;;) {
		error = ivsh_stream_read(&f->stream, f->piece, BUFFER, &got);
		if (error == 0 && got == 0)
			break;
		if (error == 0 && f->files->target_write(f->piece, got))
			return STATUS_FAILED;
		f->bytes += got;
		if (!flow_goes_on(f, error, &status))
			return status;
	}
	/* Before the other hears that all is well. */
	if (f->files->target_keep())
		return STATUS_FAILED;
	status = flow_finish(f);
	flow_hide(f);
	if (status == STATUS_DONE && !f->files->target_is_output())
		report_received(&f->s, f->peer, f->bytes);
	return status;
}

static int flow_with_peer(struct flow *f, int (*run)(struct flow *))
{
	int peer = session_find(&f->s, f->s.options->word[1]);
	int error, status;

	if (peer < 0)
		return f->s.status;
	f->peer = (uint32_t)peer;
	error =
	    ivsh_stream_open(&f->stream, session_chan(&f->s, peer), f->s.port, f->buffer, BUFFER);
	if (error) {
		session_failed(&f->s, f->peer, error);
		return STATUS_FAILED;
	}
	session_await(
	    &f->s, f->peer, "bytes from %s, or room for some", session_who(&f->s, f->peer));
	f->shows = f->s.world->progress && !f->s.options->quiet;
	status = run(f);
	flow_hide(f);
	if (status)
		ivsh_stream_close(&f->stream);
	return status;
}

/* The file is open: go into the region. Answers the exit status. */
static int flow_run(struct flow *f, const struct world *world, const struct options *options,
    int (*run)(struct flow *))
{
	int status = STATUS_FAILED;

	f->buffer = malloc(BUFFER);
	f->piece = malloc(BUFFER);
	if (!f->buffer || !f->piece) {
		fprintf(stderr, "ivsh: no memory\n");
	} else if (session_open(&f->s, world, options, 0, SESSION_PATIENCE_NS)) {
		status = f->s.status;
	} else {
		status = flow_with_peer(f, run);
		session_close(&f->s);
	}
	free(f->buffer);
	free(f->piece);
	return status;
}

/* Check all that can be checked before the file is opened. Answers the exit status. */
static int flow_check(const struct world *world, const struct options *options)
{
	if (!world->files) {
		fprintf(stderr, "ivsh: %s: %s has no files\n", options->word[0], world->name);
		return STATUS_NO_FILES;
	}
	if (options->port == UINT16_MAX) {
		fprintf(
		    stderr, "ivsh: --port=%u: a stream takes the next one, too\n", options->port);
		return STATUS_USAGE;
	}
	return STATUS_DONE;
}

int put_run(const struct world *world, const struct options *options)
{
	static struct flow f;
	int status = flow_check(world, options);

	f.files = world->files;
	if (status)
		return status;
	if (f.files->source_open(options->word[2]))
		return STATUS_FAILED;
	f.total = f.files->source_size();
	status = flow_run(&f, world, options, flow_put);
	f.files->source_close();
	return status;
}

int get_run(const struct world *world, const struct options *options)
{
	static struct flow f;
	int status = flow_check(world, options);

	f.files = world->files;
	if (status)
		return status;
	if (options->json && strcmp(options->word[2], "-") == 0) {
		fprintf(stderr, "ivsh: get: FILE - and --json: both take standard output\n");
		return STATUS_USAGE;
	}
	status = f.files->target_open(options->word[2]) ? STATUS_FAILED
							: flow_run(&f, world, options, flow_get);
	f.files->target_close();
	return status;
}
