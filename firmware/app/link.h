/* SPDX-License-Identifier: MIT */
/*
 * link.h - what demo and stress have with one peer: half an exchange each way.
 */
#ifndef APP_LINK_H
#define APP_LINK_H

#include "app/session.h"

/* One peer, and how far we are with it. */
struct link {
	bool active;
	bool hello_sent, hello_seen;
	bool done_sent, done_seen;
	uint32_t sent, seen;
	uint64_t bytes_sent, bytes_seen;
	uint32_t incarnation; /* the peer's, that our half of the exchange is for */
	uint32_t lost;        /* resets of the channel's rings that cost this exchange nothing */
};

struct demo {
	struct session s;
	const char *name;
	struct link *link; /* one per slot */
	uint32_t active;   /* links that take part */
	uint32_t count;
	bool random, quiet;
	uint32_t max;
	uint8_t *in, *want;
	bool failed;
};

/* The peer in (slot) is a partner from here on; our half is for its incarnation. */
void link_begin(struct demo *demo, uint32_t slot);

/* Send the next thing due to (slot). True: something was sent. */
bool link_send(struct demo *demo, uint32_t slot);

/* Receive what (slot) has sent. True: there was something. */
bool link_receive(struct demo *demo, uint32_t slot);

/*
 * Check whether the channel to (slot) broke while nothing came. A partner's messages are lost then,
 * whichever side resets the ring. Without a partner the channel begins anew, and the peer can still
 * become one.
 */
void link_check(struct demo *demo, uint32_t slot);

/*
 * Check a partner when there is nothing to do, (peer) as just read. A partner that is gone, or is
 * in another incarnation, has failed if it still had something to send. If it has sent nothing yet,
 * we begin again with it, or find another.
 */
void link_partner_check(struct demo *demo, uint32_t slot, const struct ivsh_peer *peer);

#endif
