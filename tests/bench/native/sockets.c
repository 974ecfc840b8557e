/* SPDX-License-Identifier: MIT */
/*
 * sockets.c - what a user would take instead: sockets between two processes, which sleep.
 *
 * unix_stream   a pair of UNIX sockets, bytes without frames: each message has a known length
 * unix_packet   the same that keeps messages apart (SOCK_SEQPACKET)
 * vsock         a stream of AF_VSOCK, by the kernel's loopback: what two guests' kernels and a
 *               relay on the host would add is not in it
 *
 * A receiver that waits sleeps in the kernel, and so does a sender without room: no side polls.
 */
#include "tests/bench/native/loops.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The largest that a message socket takes with the buffer that it has at first. */
#define MESSAGE_MOST 65536u

/* Of each side: the data's, and one to wait for the other side's end. */
static int data_fds[2] = {-1, -1}, end_fds[2] = {-1, -1};

static _Noreturn void stop(const char *what)
{
	perror(what);
	_Exit(1);
}

static void close_pair(int fds[2])
{
	for (int side = 0; side < 2; side++) {
		if (fds[side] >= 0)
			close(fds[side]);
		fds[side] = -1;
	}
}

static void make_unix(int type)
{
	close_pair(data_fds);
	close_pair(end_fds);
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, data_fds) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end_fds) != 0)
		stop("bench: a pair of UNIX sockets");
}

/* Two ends of one connection inside this machine; false, and errno, where the kernel has none. */
static bool connect_vsock(int fds[2])
{
	struct sockaddr_vm at = {
	    .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = VMADDR_PORT_ANY};
	socklen_t length = sizeof(at);
	int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), error;
	bool good = listener >= 0 && bind(listener, (void *)&at, sizeof(at)) == 0 &&
		    listen(listener, 1) == 0 && getsockname(listener, (void *)&at, &length) == 0;

	if (good)
		fds[0] = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	good = good && fds[0] >= 0 && connect(fds[0], (void *)&at, sizeof(at)) == 0;
	if (good)
		fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	error = errno;
	if (listener >= 0)
		close(listener);
	errno = error;
	return good && fds[1] >= 0;
}

static bool has_vsock(void)
{
	static int has = -1;

	if (has < 0) {
		has = connect_vsock(data_fds);
		if (!has)
			fprintf(stderr,
			    "bench: left out: vsock: no loopback in this kernel: %s (modprobe "
			    "vsock_loopback)\n",
			    strerror(errno));
		close_pair(data_fds);
	}
	return has;
}

static bool can(enum mode mode, uint32_t size)
{
	return (mode == MODE_STREAM || mode == MODE_ROUNDTRIP) && size <= MESSAGE_MOST;
}

static bool can_vsock(enum mode mode, uint32_t size)
{
	return can(mode, size) && has_vsock();
}

static uint64_t bytes(uint32_t size)
{
	(void)size;
	return 4096; /* no shared memory, in truth */
}

static void make_stream(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)memory;
	(void)size;
	(void)message;
	make_unix(SOCK_STREAM);
}

static void make_packet(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)memory;
	(void)size;
	(void)message;
	make_unix(SOCK_SEQPACKET);
}

static void make_vsock(uint8_t *memory, uint64_t size, uint32_t message)
{
	make_stream(memory, size, message);
	close_pair(data_fds);
	if (!connect_vsock(data_fds))
		stop("bench: a pair of vsocks");
}

/* A stream may take less than all of it. */
INLINE bool put(void *end, const uint8_t *data, uint32_t size)
{
	for (uint32_t done = 0; done < size;) {
		ssize_t n = send(*(int *)end, data + done, size - done, MSG_NOSIGNAL);

		if (n < 0)
			stop("bench: send to a socket");
		done += (uint32_t)n;
	}
	return true;
}

INLINE bool take(void *end, uint8_t *data, uint32_t size)
{
	for (uint32_t done = 0; done < size;) {
		ssize_t n = recv(*(int *)end, data + done, size - done, 0);

		if (n <= 0)
			stop("bench: receive from a socket");
		done += (uint32_t)n;
	}
	return true;
}

/*
 * Sleep until the other side is done, too. A side that polls for that with a real-time priority
 * would keep the kernel's own thread, which carries a vsock's data, from this processor.
 */
static void wait_for_end(uint32_t side)
{
	uint8_t byte = 0;

	(void)put(&end_fds[side], &byte, 1);
	(void)take(&end_fds[side], &byte, 1);
}

static void run(struct job *job, enum mode mode)
{
	int fd = data_fds[job->side];

	if (mode == MODE_STREAM)
		stream(job, &fd, put, take);
	else
		roundtrip(job, &fd, put, take);
	wait_for_end(job->side);
}

const struct contender bench_unix_stream = {"unix_stream", false, can, bytes, make_stream, run};
const struct contender bench_unix_packet = {"unix_packet", false, can, bytes, make_packet, run};
const struct contender bench_vsock = {"vsock", false, can_vsock, bytes, make_vsock, run};
