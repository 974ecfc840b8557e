/* SPDX-License-Identifier: MIT */
/*
 * loop.c - a peer in an event loop: what is read from standard input goes to all peers, and what
 * they send is printed. Of the host alone: the shared library, and epoll(7). The argument is the
 * server's socket, or a memory file.
 */
#include <ivsh/host.h>

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Do all that can be done. 0: nothing is left, and the descriptor says when there is more. */
static int handle(struct ivsh_host *host)
{
	struct ivsh_host_message m;
	uint32_t events, kind, slot;
	char text[4096];
	int error;

	while ((error = ivsh_host_ready(host, 0, &events)) == 0 && events != 0) {
		while (ivsh_host_next_event(host, &kind, &slot, 0) == 0)
			printf("event %u of slot %u\n", (unsigned)kind, (unsigned)slot);
		while ((error = ivsh_host_receive(host, &m, text, sizeof(text), 0)) == 0)
			printf("slot %u: %.*s\n", (unsigned)m.peer, (int)m.size, text);
		if (error == IVSH_ENOSPC)
			ivsh_host_drop(host, &m);
	}
	fflush(stdout);
	/* The region was opened again, or will be. */
	return error == IVSH_ELOST || error == IVSH_ENODEV ? 0 : error;
}

/* Send a line of standard input. 0: go on. */
static int type(struct ivsh_host *host)
{
	char line[4096];
	ssize_t size = read(STDIN_FILENO, line, sizeof(line));

	if (size <= 0)
		return 1;
	(void)!ivsh_host_broadcast(
	    host, IVSH_PORT_TEXT, line, (uint32_t)size, NULL, UINT64_C(1000000000));
	return 0;
}

int main(int argc, char **argv)
{
	struct epoll_event watched = {.events = EPOLLIN}, ready;
	int set = epoll_create1(EPOLL_CLOEXEC), status = 0;
	struct ivsh_host *host;

	if (ivsh_host_open(&host, argc > 1 ? argv[1] : NULL, "loop", 0, IVSH_SELF_NONE)) {
		fprintf(stderr, "loop: %s\n", ivsh_host_error(host));
		return 1;
	}
	printf("slot %u of %u\n", (unsigned)ivsh_host_self(host), (unsigned)ivsh_host_slots(host));
	watched.data.fd = ivsh_host_fd(host);
	status |= epoll_ctl(set, EPOLL_CTL_ADD, ivsh_host_fd(host), &watched);
	watched.data.fd = STDIN_FILENO;
	status |= epoll_ctl(set, EPOLL_CTL_ADD, STDIN_FILENO, &watched);
	while (status == 0 && (status = handle(host)) == 0)
		if (epoll_wait(set, &ready, 1, -1) == 1 && ready.data.fd == STDIN_FILENO)
			status = type(host);
	ivsh_host_close(host);
	return status < 0;
}
