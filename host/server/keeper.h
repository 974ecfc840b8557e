/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - the process that the operator starts: it acquires everything, holds it, accepts
 * connections, and sees that there is a server.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "server/acceptor.h"
#include "backend/backend.h"
#include "server/child.h"
#include "server/holdings.h"
#include "server/link.h"
#include "server/options.h"

#include <stdbool.h>
#include <stdint.h>

#define KEEPER_PASSES 16u /* connections passed on at a time */

struct keeper {
	struct options options;
	struct program program;
	struct holdings holdings;
	struct acceptor acceptor;
	struct child server;
	struct child next; /* at a reload: the one that takes over */
	int epoll;
	int timer;       /* every 250 ms */
	int signals;     /* SIGTERM, SIGINT, SIGHUP, SIGCHLD */
	int next_config; /* what (next) read; -1 */
	int next_known;  /* what (next) looked up; -1 */
	/* Connections that the server has yet to get; passed on before we sleep. */
	struct link_message passing[KEEPER_PASSES];
	uint32_t passing_count;
	bool is_held_up;    /* it did not take them */
	bool is_own;        /* the next server is executed from what we run, not by our name */
	uint32_t failures;  /* servers that ended before or soon after they began, in a row */
	uint64_t stop_ns;   /* when the server must have ended; 0: nothing ends */
	bool is_accepting;  /* the listeners are watched */
	bool is_ready;      /* a server has begun, once */
	bool is_reload_due; /* SIGHUP came at a time when it could not be obeyed */
	bool is_stopping;
	bool is_stopped;
};

/* Keep, from the parsed options to the end; answers the exit status. */
int keeper_main(struct keeper *keeper, char **argv);

#endif
