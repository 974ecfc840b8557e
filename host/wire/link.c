/* SPDX-License-Identifier: MIT */
/*
 * link.c - messages between supervisor and server: a packet for each.
 */
#include "wire/link.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINK_WAIT_MS 1000

union link_control {
	struct cmsghdr align;
	unsigned char bytes[CMSG_SPACE(LINK_FDS * sizeof(int))];
};

/* The parts of one message: the header points to them. */
struct link_parts {
	struct iovec io;
	union link_control control; /* last: it ends in an array without a size */
};

static void compose(struct msghdr *header, struct link_parts *parts,
    const struct link_message *message, const int *fds, unsigned count)
{
	struct cmsghdr *c = &parts->control.align;

	parts->io = (struct iovec){(void *)(uintptr_t)message, sizeof(*message)};
	*header = (struct msghdr){.msg_iov = &parts->io, .msg_iovlen = 1};
	if (count == 0)
		return;
	parts->control = (union link_control){.bytes = {0}};
	header->msg_control = parts->control.bytes;
	header->msg_controllen = CMSG_SPACE(count * sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
}

int link_send(int link, const struct link_message *message, const int *fds, unsigned count)
{
	struct link_parts parts;
	struct msghdr header;

	compose(&header, &parts, message, fds, count);
	return sendmsg(link, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*message) ? 0 : -1;
}

int link_send_many(int link, const struct link_message *message, const int *fds, unsigned count)
{
	struct link_parts parts[LINK_MANY];
	struct mmsghdr header[LINK_MANY];

	for (unsigned i = 0; i < count; i++)
		compose(&header[i].msg_hdr, &parts[i], &message[i], &fds[i], 1);
	return sendmmsg(link, header, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int link_send_in_time(int link, const struct link_message *message, const int *fds, unsigned count)
{
	struct pollfd room = {.fd = link, .events = POLLOUT};

	while (link_send(link, message, fds, count))
		if (errno != EAGAIN || poll(&room, 1, LINK_WAIT_MS) != 1)
			return -1;
	return 0;
}

static void prepare_message(
    struct msghdr *header, struct link_parts *parts, struct link_message *message, int *fds)
{
	parts->io = (struct iovec){message, sizeof(*message)};
	*header = (struct msghdr){.msg_iov = &parts->io,
	    .msg_iovlen = 1,
	    .msg_control = parts->control.bytes,
	    .msg_controllen = sizeof(parts->control.bytes)};
	for (unsigned i = 0; i < LINK_FDS; i++)
		fds[i] = -1;
}

/* What came, (got) bytes: 0, or -1 and nothing of it is left. */
static int take_message(struct msghdr *header, size_t got, struct link_message *message, int *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	message->path[LINK_PATH - 1] = '\0';
	if (got == sizeof(*message))
		return 0;
	for (unsigned i = 0; i < LINK_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	return -1;
}

int link_receive_many(int link, struct link_message *message, int (*fds)[LINK_FDS], unsigned count)
{
	struct link_parts parts[LINK_MANY];
	struct mmsghdr header[LINK_MANY];
	int got, good = 0;

	for (unsigned i = 0; i < count; i++)
		prepare_message(&header[i].msg_hdr, &parts[i], &message[i], fds[i]);
	/*
	 * If the other side ended with messages unread, the error comes once, before its messages.
	 */
	do
		got = recvmmsg(link, header, count, MSG_DONTWAIT, NULL);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EMFILE ? 0 : -1;
	/* The end of the stream is a message of no bytes, and stays: the next call answers -1. */
	while (good < got && take_message(&header[good].msg_hdr, header[good].msg_len,
				 &message[good], fds[good]) == 0)
		good++;
	return good > 0 ? good : -1;
}

int link_receive(int link, struct link_message *message, int *fds)
{
	return link_receive_many(link, message, (int(*)[LINK_FDS])fds, 1);
}
