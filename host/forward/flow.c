/* SPDX-License-Identifier: MIT */
/*
 * flow.c - bytes between a connection of the region and descriptors, both ways.
 *
 * Each direction holds at most FLOW_BYTES here and FLOW_STREAM in the stream: a side that does not
 * read stops the other. The end of one direction is passed on, and the other one goes on.
 */
#include "forward/flow.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLITE 4096u /* a pipe that poll(2) calls writable takes so many bytes without blocking */

struct flow *flow_new(void)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (f)
		f->memory = malloc(FLOW_STREAM + 2 * FLOW_BYTES);
	if (!f || !f->memory) {
		free(f);
		return NULL;
	}
	f->in = f->out = -1;
	f->up.data = f->memory + FLOW_STREAM;
	f->down.data = f->up.data + FLOW_BYTES;
	return f;
}

static void out_close(struct flow *f)
{
	if (f->out >= 0 && f->out != f->in)
		close(f->out);
	f->out = -1;
}

void flow_free(struct flow *f, bool alive)
{
	if (alive)
		ivsh_conn_close(&f->conn);
	out_close(f);
	if (f->in >= 0)
		close(f->in);
	free(f->memory);
	free(f);
}

void flow_fail(struct flow *f, const char *why)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	/* The other program is not to take this for an end. */
	if (f->is_socket && f->in >= 0)
		(void)setsockopt(f->in, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	f->why = why;
	f->state = FLOW_OVER;
}

/* Whether an access to a descriptor that others use, too, does not block. */
static bool is_free(const struct flow *f, int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return !f->is_blocking || poll(&p, 1, 0) == 1;
}

static bool in_read(struct flow *f)
{
	ssize_t got;

	if (!f->is_in_ready || f->up.has_all || f->up.at != f->up.end)
		return false;
	if (!is_free(f, f->in, POLLIN)) {
		f->is_in_ready = false;
		return false;
	}
	got = read(f->in, f->up.data, FLOW_BYTES);
	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		f->is_in_ready = errno == EINTR;
		return false;
	}
	if (got < 0 && errno != EIO) { /* EIO: a terminal that is gone */
		flow_fail(
		    f, errno == ECONNRESET ? "the program reset its connection" : strerror(errno));
		return true;
	}
	f->up.at = 0;
	f->up.end = got > 0 ? (uint32_t)got : 0;
	f->up.has_all = got <= 0;
	return true;
}

/* The library's answer for the stream ends the flow. */
static bool lost(struct flow *f, int error)
{
	if (error == 0 || error == IVSH_EAGAIN)
		return false;
	flow_fail(f, error == IVSH_EPEER ? "the peer closed the connection, or is gone"
					 : ivsh_error_text(error));
	return true;
}

static bool up_write(struct flow *f)
{
	uint32_t done = 0;
	int error;

	if (f->up.at != f->up.end) {
		f->credit = f->conn.stream.stream.tx.credit;
		error = ivsh_node_stream_write(
		    &f->conn.stream, f->up.data + f->up.at, f->up.end - f->up.at, &done, 0);
		f->up.at += done;
		f->up_bytes += done;
		return lost(f, error) || done != 0;
	}
	if (!f->up.has_all || f->up.is_over)
		return false;
	error = ivsh_node_stream_finish(&f->conn.stream, 0);
	f->up.is_over = error == 0;
	return lost(f, error) || f->up.is_over;
}

static bool down_read(struct flow *f)
{
	uint32_t got;
	int error;

	if (f->down.has_all || f->down.at != f->down.end)
		return false;
	error = ivsh_node_stream_read(&f->conn.stream, f->down.data, FLOW_BYTES, &got, 0);
	if (error)
		return lost(f, error);
	f->down.at = 0;
	f->down.end = got;
	f->down.has_all = got == 0;
	f->down_bytes += got;
	return true;
}

/* write(2) answered an error. True: the flow goes on, or has ended. */
static bool out_failed(struct flow *f)
{
	if (errno == EAGAIN || errno == EINTR) {
		f->is_out_ready = errno == EINTR;
		return false;
	}
	if (errno == EPIPE && f->is_pipe) {
		f->is_drained = true;
		return true;
	}
	flow_fail(f, errno == EPIPE || errno == ECONNRESET ? "the program closed its connection"
							   : strerror(errno));
	return true;
}

static bool out_end(struct flow *f)
{
	if (!f->down.has_all || f->down.is_over)
		return false;
	f->down.is_over = true;
	if (f->is_socket)
		(void)shutdown(f->out, SHUT_WR);
	else
		out_close(f);
	return true;
}

static bool out_write(struct flow *f)
{
	uint32_t size = f->down.end - f->down.at;
	ssize_t done;

	if (f->is_drained)
		f->down.at = f->down.end;
	if (f->down.at == f->down.end)
		return out_end(f);
	if (!f->is_out_ready)
		return false;
	if (!is_free(f, f->out, POLLOUT)) {
		f->is_out_ready = false;
		return false;
	}
	if (f->is_blocking && size > POLITE)
		size = POLITE;
	/* SIGPIPE is ignored. */
	done = write(f->out, f->down.data + f->down.at, size);
	if (done < 0)
		return out_failed(f);
	f->down.at += (uint32_t)done;
	return true;
}

/* Whether connect(2) has ended. */
static bool is_connected(struct flow *f)
{
	struct pollfd p = {.fd = f->in, .events = POLLOUT};
	socklen_t size = sizeof(errno);
	int error = 0;

	if (!f->is_connecting)
		return true;
	if (poll(&p, 1, 0) != 1)
		return false;
	f->is_connecting = false;
	if (getsockopt(f->in, SOL_SOCKET, SO_ERROR, &error, &size) || error)
		flow_fail(
		    f, error == ECONNREFUSED ? "connect: Connection refused" : strerror(error));
	return true;
}

bool flow_run(struct flow *f)
{
	bool some = false;

	if (!is_connected(f))
		return false;
	/* Each direction takes what it has, and then reads on. */
	for (unsigned i = 0; i < 2 && f->state == FLOW_OPEN; i++)
		some |= up_write(f) || (f->state == FLOW_OPEN && in_read(f));
	for (unsigned i = 0; i < 2 && f->state == FLOW_OPEN; i++)
		some |= out_write(f) || (f->state == FLOW_OPEN && down_read(f));
	if (f->state == FLOW_OPEN && f->up.is_over && f->down.is_over) {
		f->state = FLOW_OVER;
		some = true;
	}
	return some;
}

bool flow_is_awake(const struct flow *f)
{
	if (f->state != FLOW_OPEN || f->is_connecting)
		return false;
	if (f->up.at != f->up.end && f->conn.stream.stream.tx.credit != f->credit)
		return true;
	return f->down.at == f->down.end && !f->down.has_all &&
	       (ivsh_conn_events(&f->conn) & IVSH_EVENT_MESSAGE);
}
