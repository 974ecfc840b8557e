/* SPDX-License-Identifier: MIT */
/*
 * ask.c - a request to the control socket, and the answer as it came.
 */
#include "control/ask.h"
#include "control/say.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ASK_STEP 65536u

static const char ask_request[] = "status\n";

static int64_t ask_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What to do about an error of connect(2). */
static int ask_refused(const char *path, int error)
{
	switch (error) {
	case ENOENT:
		return say(1, path,
		    "no such socket: start ivsh-server, or say with -S PATH, -c FILE or --control PATH"
		    " which one is meant");
	case ECONNREFUSED:
		return say(1, path,
		    "nobody listens there: the server has ended without removing it; start it again");
	case EACCES:
		return say(1, path,
		    "%s: ask as the server's user or root, or start it with --control-group",
		    strerror(error));
	case EAGAIN:
		return say(1, path, "the server has no time: too many ask it at once");
	default:
		return say(1, path, "connect: %s", strerror(error));
	}
}

/* Wait for (events) until (end_ms). 0, or 1 after one line. */
static int ask_wait(const char *path, int fd, short events, int64_t end_ms)
{
	struct pollfd wait = {.fd = fd, .events = events};
	int got;

	do {
		int64_t left = end_ms - ask_now_ms();

		got = poll(&wait, 1, left > 0 ? (int)left : 0);
	} while (got < 0 && errno == EINTR);
	if (got > 0)
		return 0;
	if (got < 0)
		return say(1, path, "poll: %s", strerror(errno));
	return say(
	    1, path, "no answer within %d seconds: is the server stopped?", ASK_LIMIT_MS / 1000);
}

static int ask_connect(const char *path, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path)
		return say(
		    1, path, "a socket's path has at most %zu bytes", sizeof address.sun_path - 1);
	memcpy(address.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return say(1, path, "socket: %s", strerror(errno));
	/* A UNIX socket connects at once, or says EAGAIN when the backlog is full. */
	if (connect(*fd, (struct sockaddr *)&address, sizeof address) == 0)
		return 0;
	close(*fd);
	return ask_refused(path, errno);
}

static int ask_send(const char *path, int fd, int64_t end_ms)
{
	size_t sent = 0;

	while (sent < sizeof ask_request - 1) {
		ssize_t got =
		    send(fd, ask_request + sent, sizeof ask_request - 1 - sent, MSG_NOSIGNAL);

		if (got >= 0)
			sent += (size_t)got;
		else if (errno == EPIPE)
			return 0; /* what it has said before it hung up says why */
		else if (errno != EAGAIN && errno != EINTR)
			return say(1, path, "send: %s", strerror(errno));
		else if (ask_wait(path, fd, POLLOUT, end_ms))
			return 1;
	}
	return 0;
}

static int ask_receive(const char *path, int fd, int64_t end_ms, char **text, size_t *size)
{
	size_t room = 0;

	for (;;) {
		ssize_t got;

		if (*size == ASK_SIZE_MAX)
			return say(1, path,
			    "an answer of more than %u bytes: this is no ivsh-server",
			    ASK_SIZE_MAX - 1);
		if (*size == room) {
			size_t more = room ? room * 2 : ASK_STEP;
			char *grown = realloc(*text, more + 1);

			if (!grown)
				return say(1, path, "%s", strerror(errno));
			*text = grown;
			room = more < ASK_SIZE_MAX ? more : ASK_SIZE_MAX;
		}
		if (ask_wait(path, fd, POLLIN, end_ms))
			return 1;
		got = recv(fd, *text + *size, room - *size, 0);
		if (got > 0)
			*size += (size_t)got;
		else if (got == 0 || errno == ECONNRESET)
			break; /* cut, perhaps: who reads it sees that */
		else if (errno != EAGAIN && errno != EINTR)
			return say(1, path, "receive: %s", strerror(errno));
	}
	(*text)[*size] = '\0';
	return 0;
}

int ask_status(const char *path, char **text, size_t *size, uid_t *user)
{
	int64_t end_ms = ask_now_ms() + ASK_LIMIT_MS;
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t length = sizeof peer;
	int status, fd = -1;

	*text = NULL;
	*size = 0;
	if (ask_connect(path, &fd))
		return 1;
	/* unix(7): of who listens. Unknown is nobody's. */
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	*user = peer.uid;
	status = ask_send(path, fd, end_ms);
	if (status == 0)
		status = ask_receive(path, fd, end_ms, text, size);
	close(fd);
	if (status == 0)
		return 0;
	free(*text);
	*text = NULL;
	return status;
}
