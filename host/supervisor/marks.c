/* SPDX-License-Identifier: MIT */
/*
 * marks.c - whether this kernel stores what sendmmsg(2) has sent while it sends.
 *
 * Linux does: net/socket.c, __sys_sendmmsg(), has put_user() behind each message. No document
 * promises that.
 */
#include "supervisor/marks.h"

#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARKS_FIRST 8u
#define MARKS_SECOND 65536u /* far more than the least buffer of a socket: it blocks */

static void __attribute__((noreturn)) marks_send(int fd, struct mmsghdr *message)
{
	static char bytes[MARKS_SECOND];
	struct iovec io[2] = {{bytes, MARKS_FIRST}, {bytes, MARKS_SECOND}};

	for (unsigned i = 0; i < 2; i++)
		message[i].msg_hdr = (struct msghdr){.msg_iov = &io[i], .msg_iovlen = 1};
	sendmmsg(fd, message, 2, MSG_NOSIGNAL);
	_exit(1);
}

/* The first message is there, and the first byte of the second. */
static bool marks_heard(int fd)
{
	const struct timeval second = {.tv_sec = 1};
	char bytes[MARKS_FIRST + 1];

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) == 0 &&
	       recv(fd, bytes, sizeof(bytes), MSG_WAITALL) == (ssize_t)sizeof(bytes);
}

static bool marks_try(const int *ends, struct mmsghdr *message)
{
	const int least = 1; /* the kernel makes it its own least */
	bool stored;
	pid_t child;

	if (setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)))
		return false;
	child = fork();
	if (child == 0)
		marks_send(ends[0], message);
	if (child < 0)
		return false;
	stored = marks_heard(ends[1]) &&
		 __atomic_load_n(&message[0].msg_len, __ATOMIC_ACQUIRE) == MARKS_FIRST &&
		 __atomic_load_n(&message[1].msg_len, __ATOMIC_ACQUIRE) == 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return stored;
}

bool marks_are_stored(void)
{
	struct mmsghdr *message = mmap(
	    NULL, 2 * sizeof(*message), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool stored = false;
	int ends[2];

	if (message == MAP_FAILED)
		return false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
		stored = marks_try(ends, message);
		close(ends[0]);
		close(ends[1]);
	}
	munmap(message, 2 * sizeof(*message));
	return stored;
}
