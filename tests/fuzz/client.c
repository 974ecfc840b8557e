/* SPDX-License-Identifier: MIT */
/*
 * client.c - the host client, with a server that sends anything: messages in pieces, descriptors of
 * every kind, or none; the memories of a split region among them, whose header has damaged words.
 *
 * This file has the client's poll() (-Wl,--wrap=poll): when the client waits, the server sends.
 */
#include <ivsh/client.h>
#include <ivsh/geometry.h>
#include <ivsh/region.h>
#include "core/atomic.h"
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

/* The core's hook: nothing here. */
void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)kind;
	(void)word;
	(void)size;
}

static int listener = -1, connection = -1;
#define KINDS 10u
#define PART 65536

static int kinds[KINDS]; /* the descriptors that the server can send */
static uint32_t *common; /* of a split region: kinds[6], then a part: whole, for reading, short */
static uint32_t sound[IVSH_WIRE_PAGE / sizeof(uint32_t)];
static char path[64];

static void tidy(void)
{
	char *slash = strrchr(path, '/');

	unlink(path);
	*slash = 0;
	rmdir(path);
}

/* The same memory for reading alone. */
static int reader(int fd)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return open(self, O_RDONLY);
}

static void split_open(void)
{
	const struct ivsh_geometry geometry = {2, 16, 1024, 1024, 4096};
	void *part;

	kinds[6] = memfd_create("common", MFD_ALLOW_SEALING);
	kinds[7] = memfd_create("part", 0);
	kinds[8] = reader(kinds[7]);
	kinds[9] = memfd_create("short", 0);
	FUZZ_MUST(ftruncate(kinds[6], IVSH_WIRE_COMMON_SIZE) == 0);
	FUZZ_MUST(ftruncate(kinds[7], PART) == 0 && ftruncate(kinds[9], 5000) == 0);
	common = mmap(NULL, IVSH_WIRE_COMMON_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, kinds[6], 0);
	part = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_SHARED, kinds[7], 0);
	FUZZ_MUST(common != MAP_FAILED && part != MAP_FAILED);
	FUZZ_MUST(!ivsh_split_format(common, IVSH_WIRE_COMMON_SIZE, &geometry, 1, true));
	FUZZ_MUST(!ivsh_part_format(part, PART, &geometry, 1, 0, true));
	munmap(part, PART);
	memcpy(sound, common, sizeof(sound));
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
	split_open();
}

/* One that the server can send, or, in two of 16, the common memory as it is, or damaged. */
static int kind_choose(void)
{
	uint8_t choice = feed_byte(), word;

	if (choice % 16 < KINDS)
		return kinds[choice % 16];
	word = choice % 16 < KINDS + 3 ? feed_byte() % 14 : 14;
	if (word < 14)
		common[word] ^= feed_byte();
	return kinds[6];
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

		if ((how & 2) && (how & 128))
			value -= feed_byte() % 4;

		memcpy(bytes, &value, 8);
		io.iov_len = 8;
	} else {
		io.iov_len = feed_bytes(bytes, 1 + feed_byte() % sizeof(bytes));
	}
	for (int i = 0; i < count; i++)
		fds[i] = how & 4 ? kind_choose() : kinds[2];
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

/* Of a split region the parts are there, each slot's once, and the own one alone can be written. */
static void parts_check(const struct ivsh_mem *mem)
{
	struct ivsh_attach attach = {0};
	struct ivsh_region region;
	int error;

	FUZZ_MUST((mem->split != NULL) == (mem->part_count != 0));
	for (uint32_t i = 0; i < mem->part_count; i++) {
		const struct ivsh_mem_part *part = &mem->parts[i];

		FUZZ_MUST(part->slot == i && part->is_writable == (i == mem->self));
		FUZZ_MUST((part->base != NULL) == (part->size != 0) && part->size <= PART);
		if (part->base && part->is_writable)
			*(volatile uint8_t *)part->base ^= 0;
	}
	if (!mem->split)
		return;
	error = ivsh_region_probe(&region, mem, &attach);
	FUZZ_MUST(error || attach.parts_out <= mem->part_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ivsh_client client;

	if (listener < 0)
		server_open();
	memcpy(common, sound, sizeof(sound));
	feed_set(data, size);
	if (ivsh_client_connect(&client, path, 1000000000) == 0) {
		FUZZ_MUST(client.mem.base != NULL);
		FUZZ_MUST(client.mem.size == 8192 || client.mem.size == PART);
		parts_check(&client.mem);
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
