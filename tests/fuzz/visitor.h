/* SPDX-License-Identifier: MIT */
/*
 * visitor.h - a client that acts as QEMU does: it reads its messages and checks them.
 */
#ifndef VISITOR_H
#define VISITOR_H

#include <stdbool.h>
#include <stdint.h>

#define VISITOR_IDS 256u /* in one run, from the first one on */

struct visitor {
	int fd;          /* -1: it has closed */
	uint32_t row;    /* in the supervisor's table; UINT32_MAX: dropped */
	uint32_t slot;   /* of its socket */
	bool is_ours;    /* as our client: of a split region it is sent the parts */
	bool is_probe;   /* as an observer: it is sent what it can read, and the end */
	bool may_end;    /* it hung up, or wrote: the server may close it */
	bool has_closed; /* it hung up: its ID may be another's */
	bool is_ended;   /* it saw the end */
	bool is_refused;
	uint32_t step; /* messages read */
	uint32_t id;
	uint32_t ids;                  /* one more than the highest that it was sent */
	bool has_own;                  /* classic: it was sent its own vectors */
	uint32_t count[VISITOR_IDS];   /* vectors sent, by ID */
	uint32_t slot_of[VISITOR_IDS]; /* whose eventfds they were */
	bool has_left[VISITOR_IDS];
};

/* The ID that is number 0 in count[]. */
extern uint32_t visitor_first_id;

/* Read at most (count) messages; answers how many. A message that must not be is a crash. */
uint32_t visitor_read(struct visitor *visitor, uint32_t count);

/* It has read all messages: it knows each client that holds a slot, and no other. */
void visitor_check(const struct visitor *visitor);

#endif
