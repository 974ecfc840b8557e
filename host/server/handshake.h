/* SPDX-License-Identifier: MIT */
/*
 * handshake.h - what a client is told when it connects, as a sequence that is computed, not stored.
 *
 * ivshmem-spec, "Server client communication". Message 0 is the protocol version, 1 the client's
 * ID, 2 the memory (-1 and its descriptor). Then come all other slots, in ascending order, and last
 * the client's own: for each as many messages as there are vectors, the slot's number with an
 * eventfd.
 */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "slots.h"

#include <stdint.h>

#define HANDSHAKE_VERSION 0 /* QEMU, include/hw/misc/ivshmem.h: IVSHMEM_PROTOCOL_VERSION */
#define HANDSHAKE_REFUSAL 1 /* no version that QEMU knows: it reports both numbers and gives up */
#define HANDSHAKE_HEAD 3u /* QEMU waits for these, and spins for ever if the socket closes before */

struct handshake_message {
	int64_t value;
	int fd; /* -1: none */
};

/* How many messages there are. At most 3 + 65536 * 2048. */
uint32_t handshake_length(const struct slots *slots);

/* Message (step), below the length, for the client in (slot). */
struct handshake_message handshake_message(
    const struct slots *slots, int memory, uint32_t slot, uint32_t step);

/*
 * Send one message, without waiting: 8 bytes, little-endian, and perhaps a descriptor. 0, or -1
 * with errno of sendmsg(2) and nothing sent.
 */
int handshake_send(int fd, const struct handshake_message *message);

#endif
