/* SPDX-License-Identifier: MIT */
/*
 * messages.c - the server's messages: 8 bytes and perhaps a descriptor, one at a time.
 */
#include "client/messages.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Keep the first descriptor of (header) in client->partial_fd, and close any others. */
static void keep_descriptor(struct ivsh_client *client, struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (client->partial_fd < 0)
				client->partial_fd = fd;
			else
				close(fd);
		}
	}
}

enum messages_result ivsh_client_messages_next(struct ivsh_client *client, int64_t *value, int *fd)
{
	uint64_t word;

	while (client->partial_size < sizeof(client->partial)) {
		union {
			struct cmsghdr align;
			unsigned char bytes[CMSG_SPACE(4 * sizeof(int))];
		} control;
		struct iovec io = {.iov_base = client->partial + client->partial_size,
		    .iov_len = sizeof(client->partial) - client->partial_size};
		struct msghdr header = {.msg_iov = &io,
		    .msg_iovlen = 1,
		    .msg_control = control.bytes,
		    .msg_controllen = sizeof(control.bytes)};
		ssize_t got = recvmsg(client->socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return MESSAGES_NONE;
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return MESSAGES_HANGUP;
		if (got < 0) {
			ivsh_client_fail(client, "%s", strerror(errno));
			return MESSAGES_BROKEN;
		}
		keep_descriptor(client, &header);
		/* Without its descriptor the message would say that a peer left. */
		if (header.msg_flags & MSG_CTRUNC) {
			ivsh_client_fail(client, "out of file descriptors (RLIMIT_NOFILE)");
			return MESSAGES_BROKEN;
		}
		client->partial_size += (uint32_t)got;
	}

	memcpy(&word, client->partial, sizeof(word));
	*value = (int64_t)le64toh(word);
	*fd = client->partial_fd;
	client->partial_size = 0;
	client->partial_fd = -1;
	return MESSAGES_ONE;
}
