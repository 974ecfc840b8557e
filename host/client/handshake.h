/* SPDX-License-Identifier: MIT */
/*
 * handshake.h - from the path of a server's socket to ID, memory and eventfds.
 */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "client/types.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Connect client->socket to the server at (path). (purpose) goes into the address of our own
 * socket, by which ivsh-server knows what it may send: host/process/caller.h.
 *
 * Each of these functions waits until (deadline_ns) at most, and returns 0, or -1 with
 * client->error.
 */
int ivsh_client_handshake_connect(
    struct ivsh_client *client, const char *path, const char *purpose, uint64_t deadline_ns);

/*
 * Receive the version, mem.self and the descriptor of the memory, in this order. With (is_probe)
 * the server may send no ID: mem.self is then IVSH_SELF_NONE.
 */
int ivsh_client_handshake_receive(struct ivsh_client *client, bool is_probe, uint64_t deadline_ns);

/*
 * Receive the parts of (slots) slots, each in a message of its own: -2 - slot, with a descriptor.
 */
int ivsh_client_handshake_parts(struct ivsh_client *client, uint32_t slots, uint64_t deadline_ns);

/*
 * Receive the eventfds of all peers. The protocol has no end mark: our own eventfds come last and
 * are as many as those of another peer. If there is no other peer, 50 ms without a message are the
 * end; a second, while we have fewer than the server's page says.
 */
int ivsh_client_handshake_collect(struct ivsh_client *client, uint64_t deadline_ns);

#endif
