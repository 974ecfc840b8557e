/* SPDX-License-Identifier: MIT */
/*
 * flow.h - one connection of the region, and the descriptors that its bytes come from and go to.
 */
#ifndef FORWARD_FLOW_H
#define FORWARD_FLOW_H

#include <ivsh/connection.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FLOW_STREAM 65536u /* bytes that a peer may send ahead */
#define FLOW_BYTES 32768u  /* bytes of each direction on their way */

/* Bytes on their way. */
struct flow_bytes {
	uint8_t *data;
	uint32_t at, end;
	bool has_all; /* the source has ended */
	bool is_over; /* and the destination knows it */
};

enum flow_state {
	FLOW_SEEKING, /* no peer offers the service yet */
	FLOW_JOINING, /* the connection is being established */
	FLOW_OPEN,
	FLOW_OVER, /* for (why), or as it should: NULL */
};

struct flow {
	struct flow *next;
	enum flow_state state;
	const char *why;
	struct ivsh_conn conn;
	bool has_peer;                  /* seeking: the peer is there, without the service */
	uint64_t deadline_ns;           /* to be open; 0: none */
	int in, out;                    /* -1: not open; both may be one socket */
	bool is_in_ready, is_out_ready; /* as far as epoll has said */
	bool is_connecting;             /* connect(2) goes on */
	bool is_blocking; /* a descriptor that others use, too: poll(2) before each access */
	bool is_socket;   /* half-closed by shutdown(2) */
	bool is_pipe;     /* of a program: one that reads no more may go on writing */
	bool is_drained;  /* nobody reads (out) any more: bytes for it are dropped */
	struct flow_bytes up, down; /* from (in) to the region, and from there to (out) */
	uint32_t credit;            /* the peer's, when bytes were last offered */
	uint64_t up_bytes, down_bytes;
	pid_t child; /* 0: none */
	uint8_t *memory;
};

/* A flow without descriptors; NULL: out of memory. */
struct flow *flow_new(void);

/* Close what is open, and free it. (alive): the node is; else its connection is gone with it. */
void flow_free(struct flow *flow, bool alive);

/* Do what can be done without waiting, of an open flow. True: something was. */
bool flow_run(struct flow *flow);

/* Whether a round over other flows has left something to do for this one. */
bool flow_is_awake(const struct flow *flow);

/* End the flow, for (why). Its socket is reset. */
void flow_fail(struct flow *flow, const char *why);

#endif
