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
	bool begun; /* the peer has said hello, in this incarnation or in an earlier one */
	bool hello_sent, hello_seen;
	bool done_sent, done_seen;
	uint32_t sent, seen;
	uint64_t bytes_sent, bytes_seen;
	uint32_t incarnation; /* the peer's, that our half of the exchange is for */
	uint32_t lost;        /* resets of the channel's rings that cost this exchange nothing */
};

/* What demo and stress show in their slot: each message of an exchange that was begun. */
enum {
	LINK_SENT,
	LINK_SENT_BYTES,
	LINK_RECEIVED,
	LINK_RECEIVED_BYTES
};

extern const struct session_metric link_metrics[];

struct demo {
	struct session s;
	const char *name;
	struct link *link; /* one per slot */
	uint32_t active;   /* links that take part */
	uint32_t entry;    /* the session's, in which they began */
	uint32_t left;     /* the slot of a partner that has left before the end; IVSH_SELF_NONE */
	uint64_t left_ns;  /* since when */
	uint32_t count;
	bool random, quiet;
	uint32_t slots, self; /* of the session, as the links were made for */
	uint32_t max;
	uint8_t *in, *want;
	bool failed;
};

/* The peer in (slot) is a partner from here on, and printed; our half is for its incarnation. */
void link_begin(struct demo *demo, uint32_t slot);

/*
 * We are in another incarnation: the exchange with (slot), which is not over, begins again in both
 * directions.
 */
void link_restart(struct demo *demo, uint32_t slot);

/* Send the next thing due to (slot). True: something was sent. */
bool link_send(struct demo *demo, uint32_t slot);

/* Receive what (slot) has sent. True: there was something. */
bool link_receive(struct demo *demo, uint32_t slot);

/*
 * Check whether the channel to (slot) broke while nothing came. A partner's messages are lost then,
 * whichever side resets the ring. Without a partner the channel begins anew, and the peer can still
 * become one. A ring that was reset because the partner is in another incarnation costs nothing:
 * the exchange begins again.
 */
void link_check(struct demo *demo, uint32_t slot);

/*
 * Check a partner when there is nothing to do, (peer) as just read. With a partner that is in
 * another incarnation the exchange begins again. One that left is waited for, for a while; it may
 * come back in another slot. One that died has failed if it still had something to send.
 */
void link_partner_check(struct demo *demo, uint32_t slot, const struct ivsh_peer *peer);

#endif
