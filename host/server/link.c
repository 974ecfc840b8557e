/* SPDX-License-Identifier: MIT */
/*
 * link.c - messages between keeper and server: one packet each.
 */
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINK_WAIT_MS 1000

union link_control {
	struct cmsghdr align;
	unsigned char bytes[CMSG_SPACE(LINK_FDS * sizeof(int))];
};

int link_send(int link, const struct link_message *message, const int *fds, unsigned count)
{
	struct link_message copy = *message;
	union link_control control = {.bytes = {0}};
	struct iovec io = {.iov_base = &copy, .iov_len = sizeof copy};
	struct msghdr header = {.msg_iov = &io, .msg_iovlen = 1};

	if (count > 0) {
		struct cmsghdr *c = &control.align;

		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(link, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof copy ? 0 : -1;
}

int link_send_in_time(int link, const struct link_message *message, const int *fds, unsigned count)
{
	struct pollfd room = {.fd = link, .events = POLLOUT};

	while (link_send(link, message, fds, count))
		if (errno != EAGAIN || poll(&room, 1, LINK_WAIT_MS) != 1)
			return -1;
	return 0;
}

int link_receive(int link, struct link_message *message, int *fds)
{
	union link_control control;
	struct iovec io = {.iov_base = message, .iov_len = sizeof *message};
	struct msghdr header = {.msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof control.bytes};
	ssize_t got;

	for (unsigned i = 0; i < LINK_FDS; i++)
		fds[i] = -1;
	/* Whose other side ended with messages unread has its error once, before what was sent. */
	do
		got = recvmsg(link, &header, MSG_DONTWAIT);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EMFILE))
		return 0;
	if (got <= 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	message->path[LINK_PATH - 1] = '\0';
	if (got == sizeof *message)
		return 1;
	for (unsigned i = 0; i < LINK_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return -1;
}
