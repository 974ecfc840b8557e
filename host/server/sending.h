/* SPDX-License-Identifier: MIT */
/*
 * sending.h - what clients are yet to be sent, and when.
 *
 * Theory of operation
 *
 * What a client was sent is recorded around each call that sends. The stores come in this order:
 *
 *     the batch          the messages, whose they are, and what the client was sent before
 *     client->sending    how many of them
 *     sendmmsg(2)        the kernel stores the length of each one that it has sent: batch.h
 *     what was sent      in the client's row
 *     client->sending    0
 *
 * A server that takes over and finds client->sending set reads in the batch how many messages went,
 * and records them, from what the client was sent before. If the batch makes no sense nobody can
 * know what the client has: it is INDETERMINATE.
 */
#ifndef SENDING_H
#define SENDING_H

#include "server/clients.h"

/* A client that reads nothing for so long, with more to be sent, is lagging: timeouts.h. */
#define SENDING_READING_NS UINT64_C(5000000000)

/*
 * Send (client) what it has yet to be sent, as far as its socket takes it: in (turns) batches, each
 * of at most (room) messages. A client that has more to be sent after them has a turn to come.
 */
void sending_send(struct clients *clients, struct client *client, uint32_t room, uint32_t turns);

/* The same, all of it. */
void sending_send_all(struct clients *clients, struct client *client);

/* Classic: send to all clients at once which peers came and left. */
void sending_announce(struct clients *clients);

/*
 * Give a turn to some of the clients that have something to be sent, each a part of it: so a client
 * that connects meanwhile has its first messages soon. Classic: also for peers that came and left,
 * if the last time was a while ago: so the changes of a storm become few system calls.
 *
 * Call after each round of events. Answers in how many milliseconds to call again; -1: after events
 * only.
 */
int sending_take_turns(struct clients *clients);

#endif
