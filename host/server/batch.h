/* SPDX-License-Identifier: MIT */
/*
 * batch.h - the messages that are being sent at this moment. They are in the shared state, where a
 * server that takes over finds how many of them went.
 *
 * sendmmsg(2) stores each message's length as soon as it has sent that message, and a process that
 * is killed in this call ends between two messages. The array that the lengths are stored in is
 * batch->header.
 */
#ifndef BATCH_H
#define BATCH_H

#include "wire/tables.h"

#include <stdint.h>

#define BATCH_UNKNOWN UINT32_MAX

/*
 * Make the first (count) of batch->message ready for (client), which is row (index): write down
 * whose they are, and what it was sent before them.
 */
void batch_prepare(
    struct batch *batch, uint32_t index, const struct client *client, uint32_t count);

/*
 * Send the batch, without waiting: 8 bytes a message, little-endian, and perhaps a descriptor.
 * Answers how many messages were sent, from the first on; or -1 with the errno of sendmmsg(2), and
 * nothing sent.
 */
int batch_send(int fd, struct batch *batch);

/*
 * How many of the (count) messages, which a server was sending to row (index) when it was killed,
 * that client has. BATCH_UNKNOWN: the batch is another's, or holds what this kernel does not leave.
 */
uint32_t batch_sent(const struct batch *batch, uint32_t index, uint32_t count);

#endif
