/* SPDX-License-Identifier: MIT */
/*
 * request.c - a request to a control socket, and the bytes of the answer.
 */
#include "control/request.h"
#include "control/print.h"
#include "process/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SIZE_STEP 65536u

/* Print what to do about an error of connect(2). Returns -1. */
static int explain_refusal(const char *path, int error)
{
	switch (error) {
	case ENOENT:
		return print_error(-1, path,
		    "no such socket: start ivsh-server, or say with -S PATH, -c FILE or --control"
		    " PATH which one is meant");
	case ECONNREFUSED:
		return print_error(-1, path,
		    "nobody listens there: the server has ended without removing it; start it"
		    " again");
	case EACCES:
		return print_error(-1, path,
		    "%s: ask as the server's user or root, or start it with --control-group",
		    strerror(error));
	case EAGAIN:
		return print_error(-1, path, "the server has no time: too many ask it at once");
	default:
		return print_error(-1, path, "connect: %s", strerror(error));
	}
}

/* Wait for (events) until (end_ns). 0, or -1 after one line. */
static int wait_for(const char *path, int fd, short events, uint64_t end_ns)
{
	struct pollfd wait = {.fd = fd, .events = events};
	int got;

	do
		got = poll(&wait, 1, clock_left_ms(end_ns));
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return 0;
	if (got < 0)
		return print_error(-1, path, "poll: %s", strerror(errno));
	return print_error(-1, path, "no answer within %d seconds: is the server stopped?",
	    REQUEST_LIMIT_MS / 1000);
}

static int connect_to(const char *path, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return print_error(-1, path, "a socket's path has at most %zu bytes",
		    sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return print_error(-1, path, "socket: %s", strerror(errno));
	/* connect(2) on a UNIX socket ends at once; EAGAIN: the backlog is full. */
	if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	close(*fd);
	return explain_refusal(path, errno);
}

static int send_line(const char *path, int fd, uint64_t end_ns, const char *line)
{
	size_t sent = 0, size = strlen(line);

	while (sent < size) {
		ssize_t got = send(fd, line + sent, size - sent, MSG_NOSIGNAL);

		if (got >= 0)
			sent += (size_t)got;
		else if (errno == EPIPE)
			return 0; /* the server sent the reason before it closed */
		else if (errno != EAGAIN && errno != EINTR)
			return print_error(-1, path, "send: %s", strerror(errno));
		else if (wait_for(path, fd, POLLOUT, end_ns))
			return -1;
	}
	return 0;
}

static int receive(const char *path, int fd, uint64_t end_ns, char **text, size_t *size)
{
	size_t room = 0;

	for (;;) {
		ssize_t got;

		if (*size == REQUEST_SIZE_MAX)
			return print_error(-1, path,
			    "an answer of more than %u bytes: this is no ivsh-server",
			    REQUEST_SIZE_MAX - 1);
		if (*size == room) {
			size_t more = room ? room * 2 : SIZE_STEP;
			char *grown = realloc(*text, more + 1);

			if (!grown)
				return print_error(-1, path, "%s", strerror(errno));
			*text = grown;
			room = more < REQUEST_SIZE_MAX ? more : REQUEST_SIZE_MAX;
		}
		if (wait_for(path, fd, POLLIN, end_ns))
			return -1;
		got = recv(fd, *text + *size, room - *size, 0);
		if (got > 0)
			*size += (size_t)got;
		else if (got == 0 || errno == ECONNRESET)
			break; /* perhaps too early: answer_parse() sees that */
		else if (errno != EAGAIN && errno != EINTR)
			return print_error(-1, path, "receive: %s", strerror(errno));
	}
	(*text)[*size] = '\0';
	return 0;
}

int request_send(const char *path, const char *line, char **text, size_t *size, uid_t *user)
{
	uint64_t end_ns = clock_now_ns() + REQUEST_LIMIT_MS * UINT64_C(1000000);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t length = sizeof(peer);
	int error, fd = -1;

	*text = NULL;
	*size = 0;
	if (connect_to(path, &fd))
		return -1;
	/* unix(7): the credentials of the listener. If they are unknown the user is nobody. */
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	*user = peer.uid;
	error = send_line(path, fd, end_ns, line);
	if (!error)
		error = receive(path, fd, end_ns, text, size);
	close(fd);
	if (!error)
		return 0;
	free(*text);
	*text = NULL;
	return -1;
}
