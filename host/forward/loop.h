/* SPDX-License-Identifier: MIT */
/*
 * loop.h - cat, serve and forward: one loop over the region, sockets, pipes and programs.
 */
#ifndef FORWARD_LOOP_H
#define FORWARD_LOOP_H

#include "forward/flow.h"

#include <ivsh/host.h>

/* What a command does. */
struct loop {
	/* Set by the command. */
	const char *command; /* for lines: "serve" */
	const char *place;   /* the region's; NULL: by default */
	const char *name;    /* our peer's; NULL: none */
	uint32_t slot;
	const char *service; /* offered on (port); NULL: none */
	uint16_t port;
	const char *target;  /* PEER:SERVICE of flows that begin here */
	const char *without; /* why a flow failed whose peer is there, and does not offer it */
	int listener;        /* accept(2) begins a flow; -1: none */
	uint32_t limit;      /* flows at once */
	uint64_t timeout_ns;
	bool is_single; /* ends with its first flow */
	bool is_json;   /* the last line is an object of JSON, on standard output */
	bool (*stopped)(void);
	/* The region is there: say what of it this process does without. */
	void (*entered)(const char *place, const struct ivsh_mem *mem);
	/* A peer's connection is established: open the flow's descriptors. False: after a line. */
	bool (*established)(struct loop *loop, struct flow *flow);
	const void *own;

	/* The loop's. */
	struct ivsh_host *host;
	struct ivsh_node *node;
	struct ivsh_conns all;
	struct flow *flows;
	uint32_t flow_count;
	int epoll;
	bool is_listener_ready;
	int status;

	/* For the line at the end. */
	uint64_t opened, failed, refused, up_bytes, down_bytes;
};

/* Serve until stopped, or until the only flow is over. Answers the exit status. */
int loop_run(struct loop *loop);

/* Begin a flow here, to loop->target. False: after a line. */
struct flow *loop_begin(struct loop *loop);

/* Let the loop watch the flow's descriptors. */
void loop_watch(struct loop *loop, struct flow *flow);

#endif
