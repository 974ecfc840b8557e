/* SPDX-License-Identifier: MIT */
/*
 * client.c - the host client, with a server that sends anything: messages in pieces, descriptors of
 * every kind, or none.
 *
 * This file has the client's poll() (-Wl,--wrap=poll): when the client waits, the server sends.
 */
#include <ivsh/client.h>
#include "tests/fuzz/feed.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

static int listener = -1, connection = -1;
static int kinds[6]; /* the descriptors that the server can send */
static char path[64];

static void tidy(void)
{
	char *slash = strrchr(path, '/');

	unlink(path);
	*slash = 0;
	rmdir(path);
}

static void server_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(path, "/tmp/ivsh-fuzz-XXXXXX");
	FUZZ_MUST(mkdtemp(path) != NULL);
	strcat(path, "/socket");
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	FUZZ_MUST(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	FUZZ_MUST(listen(listener, 4) == 0);
	atexit(tidy);
	kinds[0] = memfd_create("region", MFD_ALLOW_SEALING);
	kinds[1] = memfd_create("small", 0);
	kinds[2] = eventfd(0, EFD_NONBLOCK);
	kinds[3] = open("/dev/null", O_RDWR);
	kinds[4] = socket(AF_UNIX, SOCK_STREAM, 0);
	kinds[5] = eventfd(0, EFD_NONBLOCK);
	FUZZ_MUST(ftruncate(kinds[0], 8192) == 0 && ftruncate(kinds[1], 100) == 0);
}

/* Send one piece: bytes, and descriptors with them. False: there are no more. */
static bool server_send(void)
{
	union {
		struct cmsghdr align;
		unsigned char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	uint8_t bytes[64], how = feed_byte();
	struct iovec io = {.iov_base = bytes};
	struct msghdr header = {.msg_iov = &io, .msg_iovlen = 1};
	int fds[8], count = how & 8 ? how >> 4 & 7 : how >> 4 & 1;

	if (!feed_left() || connection < 0)
		return false;
	if (how & 1) { /* a whole message, with a small number */
		uint64_t value = how & 2 ? UINT64_MAX : feed_byte();

		memcpy(bytes, &value, 8);
		io.iov_len = 8;
	} else {
		io.iov_len = feed_bytes(bytes, 1 + feed_byte() % sizeof(bytes));
	}
	for (int i = 0; i < count; i++)
		fds[i] = kinds[how & 4 ? feed_byte() % 6 : 2];
	if (count > 0 && io.iov_len > 0) {
		memset(&control, 0, sizeof(control));
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
		CMSG_FIRSTHDR(&header)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&header)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&header)->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), fds, (size_t)count * sizeof(int));
	}
	return io.iov_len > 0 &&
	       sendmsg(connection, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)io.iov_len;
}

static void server_leave(void)
{
	if (connection >= 0)
		close(connection);
	connection = -1;
}

/* The client waits: it gets another piece, or the end of the stream, or at last nothing. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	(void)timeout;
	if (connection < 0)
		connection = accept(listener, NULL, NULL);
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = fds[i].events;
	if (server_send())
		return 1;
	if (feed_byte() == 0 && feed_left())
		return 0;
	server_leave();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ivsh_client client;

	if (listener < 0)
		server_open();
	feed_set(data, size);
	if (ivsh_client_connect(&client, path, 1000000000) == 0) {
		FUZZ_MUST(client.mem.base != NULL && client.mem.size == 8192);
		for (unsigned i = 0; i < 16 && server_send(); i++) {
			if (ivsh_client_poll(&client))
				break;
			client.mem.doorbell.notify(
			    client.mem.doorbell.ctx, feed_byte(), feed_byte());
			(void)client.mem.doorbell.count(client.mem.doorbell.ctx);
		}
		ivsh_client_close(&client);
	} else {
		FUZZ_MUST(memchr(client.error, 0, sizeof(client.error)) && client.error[0]);
	}
	server_leave();
	/* A connection that was never accepted. */
	for (int left; (left = accept(listener, NULL, NULL)) >= 0;)
		close(left);
	return 0;
}
