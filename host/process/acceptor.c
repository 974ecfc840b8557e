/* SPDX-License-Identifier: MIT */
/*
 * acceptor.c - takes connections from the listening sockets.
 */
#include "process/acceptor.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void hold_spare(struct acceptor *acceptor)
{
	/* A copy, since an isolated server opens no files any more. */
	if (acceptor->spare < 0)
		acceptor->spare = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

static void release_spare(struct acceptor *acceptor)
{
	if (acceptor->spare >= 0)
		close(acceptor->spare);
	acceptor->spare = -1;
}

int acceptor_open(struct acceptor *acceptor)
{
	*acceptor = (struct acceptor){.spare = -1};
	hold_spare(acceptor);
	if (acceptor->spare < 0)
		return log_failure("acceptor", "%s", strerror(errno));
	return 0;
}

/* The connection is not close-on-exec: the next server inherits it. */
static int accept_one(int listener, enum caller *caller)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	int fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK);

	if (fd >= 0)
		*caller = caller_at(&address, size);
	return fd;
}

/*
 * accept4(2) reports that descriptors ran out, also when no client waits. With the spare descriptor
 * the process can refuse a client, which would wait for ever without a refusal.
 */
static int accept_last(struct acceptor *acceptor, int listener, enum caller *caller)
{
	int fd;

	release_spare(acceptor);
	fd = accept_one(listener, caller);
	if (fd < 0) {
		acceptor->is_paused = errno != EAGAIN && errno != EWOULDBLOCK;
		hold_spare(acceptor);
		return -1;
	}
	hold_spare(acceptor);
	if (acceptor->spare >= 0)
		return fd; /* meanwhile there is one more */
	log_event("event=refuse reason=descriptors");
	acceptor->refused++;
	caller_refuse(fd, "descriptors");
	close(fd);
	hold_spare(acceptor);
	return -1;
}

int acceptor_take(struct acceptor *acceptor, int listener, enum caller *caller)
{
	while (!acceptor->is_paused) {
		int fd = accept_one(listener, caller);

		if (fd >= 0)
			return fd;
		if (errno == EMFILE || errno == ENFILE)
			return accept_last(acceptor, listener, caller);
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return -1;
		if (errno != ECONNABORTED && errno != EINTR)
			acceptor->is_paused = true;
	}
	return -1;
}

void acceptor_tick(struct acceptor *acceptor)
{
	acceptor->is_paused = false;
	hold_spare(acceptor);
}

void acceptor_close(struct acceptor *acceptor)
{
	release_spare(acceptor);
}
