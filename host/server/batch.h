/* SPDX-License-Identifier: MIT */
/*
 * batch.h - the notices that are being sent at this moment, in the state: who takes over finds how
 * many of them went.
 *
 * sendmmsg(2) stores each message's length as soon as that message is sent, and a process that is
 * killed in the midst of it ends between two messages. The array that it stores them in is here.
 */
#ifndef BATCH_H
#define BATCH_H

#include "wire/tables.h"

#include <stdint.h>

#define BATCH_UNKNOWN UINT32_MAX

/* The first (count) of batch->notice are to be sent to (client): make them ready. */
void batch_prepare(
    struct batch *batch, uint32_t place, const struct client *client, uint32_t count);

/*
 * Send them, without waiting: 8 bytes each, little-endian, and perhaps a descriptor. Answers how many
 * were sent, from the first on; or -1 with errno of sendmmsg(2), and nothing sent.
 */
int batch_send(int fd, struct batch *batch);

/*
 * How many of the (count) notices that a server was sending to the client at (place), when it died,
 * that client has. BATCH_UNKNOWN: what is there is not what this kernel leaves.
 */
uint32_t batch_sent(const struct batch *batch, uint32_t place, uint32_t count);

#endif
