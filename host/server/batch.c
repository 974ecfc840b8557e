/* SPDX-License-Identifier: MIT */
/*
 * batch.c - the notices that are being sent at this moment.
 */
#include "server/batch.h"

#include <string.h>

#define BATCH_BYTES 8u /* of a notice */

/* What the messages point to is needed no longer than the call takes: it is our own memory. */
static union {
	struct cmsghdr align;
	unsigned char bytes[CMSG_SPACE(sizeof(int))];
} batch_control[CLIENTS_BATCH];
static unsigned char batch_bytes[CLIENTS_BATCH][BATCH_BYTES];
static struct iovec batch_io[CLIENTS_BATCH];

static void batch_message(struct mmsghdr *message, const struct notice *notice, uint32_t i)
{
	struct cmsghdr *c = &batch_control[i].align;

	for (unsigned b = 0; b < BATCH_BYTES; b++)
		batch_bytes[i][b] = (unsigned char)((uint64_t)notice->value >> (8 * b));
	batch_io[i] = (struct iovec){batch_bytes[i], BATCH_BYTES};
	*message = (struct mmsghdr){.msg_hdr = {.msg_iov = &batch_io[i], .msg_iovlen = 1}};
	if (notice->fd < 0)
		return;
	message->msg_hdr.msg_control = batch_control[i].bytes;
	message->msg_hdr.msg_controllen = sizeof batch_control[i].bytes;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &notice->fd, sizeof(int));
}

void batch_prepare(struct batch *batch, uint32_t place, const struct client *client, uint32_t count)
{
	batch->place = place;
	batch->count = count;
	batch->step = client->step;
	batch->about = client->about;
	batch->vector = client->vector;
	for (uint32_t i = 0; i < count; i++)
		batch_message(&batch->message[i], &batch->notice[i], i);
}

int batch_send(int fd, struct batch *batch)
{
	/* A stream socket takes 8 bytes as a whole or not at all: they are one buffer. */
	return sendmmsg(fd, batch->message, batch->count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

uint32_t batch_sent(const struct batch *batch, uint32_t place, uint32_t count)
{
	uint32_t sent = 0;

	if (batch->place != place || batch->count != count || count > CLIENTS_BATCH)
		return BATCH_UNKNOWN;
	while (sent < count && batch->message[sent].msg_len == BATCH_BYTES)
		sent++;
	for (uint32_t i = sent; i < count; i++)
		if (batch->message[i].msg_len != 0)
			return BATCH_UNKNOWN;
	return sent;
}
