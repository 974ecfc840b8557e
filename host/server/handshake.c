/* SPDX-License-Identifier: MIT */
/*
 * handshake.c - what a client is told when it connects.
 */
#include "handshake.h"

#include <string.h>
#include <sys/socket.h>

uint32_t handshake_length(const struct slots *slots)
{
	return HANDSHAKE_HEAD + slots->count * slots->vectors;
}

struct handshake_message handshake_message(
    const struct slots *slots, int memory, uint32_t slot, uint32_t step)
{
	uint32_t place, peer, vector;

	if (step == 0)
		return (struct handshake_message){HANDSHAKE_VERSION, -1};
	if (step == 1)
		return (struct handshake_message){slot, -1};
	if (step == 2)
		return (struct handshake_message){-1, memory};
	place = (step - HANDSHAKE_HEAD) / slots->vectors;
	vector = (step - HANDSHAKE_HEAD) % slots->vectors;
	/* Slot numbers without our own, which takes the last place. */
	peer = place < slot ? place : place + 1;
	if (place == slots->count - 1)
		peer = slot;
	return (struct handshake_message){peer, slots_bell(slots, peer, vector)};
}

int handshake_send(int fd, const struct handshake_message *message)
{
	union {
		struct cmsghdr align;
		unsigned char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	unsigned char bytes[8];
	struct iovec io = {.iov_base = bytes, .iov_len = sizeof bytes};
	struct msghdr header = {.msg_iov = &io, .msg_iovlen = 1};

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)message->value >> (8 * i));
	if (message->fd >= 0) {
		struct cmsghdr *c = &control.align;

		header.msg_control = control.bytes;
		header.msg_controllen = sizeof control.bytes;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &message->fd, sizeof(int));
	}
	/* A stream socket takes 8 bytes as a whole or not at all: they are one buffer. */
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof bytes ? 0 : -1;
}
