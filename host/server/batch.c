/* SPDX-License-Identifier: MIT */
/*
 * batch.c - the messages that are being sent at this moment.
 */
#include "server/batch.h"

#include <string.h>

#define MESSAGE_BYTES 8u

/*
 * The headers point to these. They are needed no longer than the call takes, so they are not in the
 * shared state.
 */
static union {
	struct cmsghdr align;
	unsigned char bytes[CMSG_SPACE(sizeof(int))];
} control[CLIENTS_BATCH];
static unsigned char bytes[CLIENTS_BATCH][MESSAGE_BYTES];
static struct iovec io[CLIENTS_BATCH];

static void prepare(struct mmsghdr *header, const struct message *message, uint32_t i)
{
	struct cmsghdr *c = &control[i].align;

	for (unsigned b = 0; b < MESSAGE_BYTES; b++)
		bytes[i][b] = (unsigned char)((uint64_t)message->value >> (8 * b));
	io[i] = (struct iovec){bytes[i], MESSAGE_BYTES};
	*header = (struct mmsghdr){.msg_hdr = {.msg_iov = &io[i], .msg_iovlen = 1}};
	if (message->fd < 0)
		return;
	header->msg_hdr.msg_control = control[i].bytes;
	header->msg_hdr.msg_controllen = sizeof(control[i].bytes);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &message->fd, sizeof(int));
}

void batch_prepare(struct batch *batch, uint32_t index, const struct client *client, uint32_t count)
{
	batch->client = index;
	batch->count = count;
	batch->sent = client->sent;
	batch->partial = client->partial;
	batch->vectors = client->vectors;
	for (uint32_t i = 0; i < count; i++)
		prepare(&batch->header[i], &batch->message[i], i);
}

int batch_send(int fd, struct batch *batch)
{
	/* A stream socket takes 8 bytes as a whole or not at all: they are one buffer. */
	return sendmmsg(fd, batch->header, batch->count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

uint32_t batch_sent(const struct batch *batch, uint32_t index, uint32_t count)
{
	uint32_t sent = 0;

	if (batch->client != index || batch->count != count || count > CLIENTS_BATCH)
		return BATCH_UNKNOWN;
	while (sent < count && batch->header[sent].msg_len == MESSAGE_BYTES)
		sent++;
	for (uint32_t i = sent; i < count; i++)
		if (batch->header[i].msg_len != 0)
			return BATCH_UNKNOWN;
	return sent;
}
