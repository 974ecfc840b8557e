/* SPDX-License-Identifier: MIT */
/*
 * exchange.h - the messages of demo and stress, and what both ends know of them.
 *
 * Both ends compute from (sender, receiver, number) how long a message is and what is in it, so the
 * receiver checks every byte against what it must be, besides the checksum that travels along.
 */
#ifndef APP_EXCHANGE_H
#define APP_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#define EXCHANGE_PORT 2u

enum exchange_kind {
	EXCHANGE_HELLO = 1,
	EXCHANGE_DATA = 2,
	EXCHANGE_DONE = 3
};

/* In front of every message of this port. */
struct exchange_head {
	uint32_t kind;
	uint32_t
	    number;   /* DATA: from 0; DONE: how many there were; HELLO: how many there will be */
	uint64_t sum; /* exchange_sum() of what follows */
};

/*
 * HELLO goes on with this, and then a text. A half of an exchange is from one incarnation to
 * another: what stands in the ring behind another HELLO, or behind none, was left by an earlier
 * incarnation.
 */
struct exchange_hello {
	uint32_t from, to; /* incarnations */
};

/* Which message: all that its length and content depend on. */
struct exchange_id {
	uint32_t sender, receiver, number, count;
	bool random; /* random lengths; else growing ones, the last as long as a message can be */
};

/* Bytes of message (id), the head included; at most (max). */
uint32_t exchange_size(const struct exchange_id *id, uint32_t max);

/* Write the (size) bytes that follow the head of message (id). */
void exchange_fill(const struct exchange_id *id, uint8_t *bytes, uint32_t size);

/* A checksum that sees every bit, every move and the length. */
uint64_t exchange_sum(const uint8_t *bytes, uint32_t size);

#endif
