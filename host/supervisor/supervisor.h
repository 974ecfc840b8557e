/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - the process that the operator starts: it acquires everything, holds it, accepts
 * connections, and sees that there is a server.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "process/acceptor.h"
#include "backend/backend.h"
#include "supervisor/child.h"
#include "supervisor/resources.h"
#include "wire/link.h"
#include "config/options.h"

#include <stdbool.h>
#include <stdint.h>

#define SUPERVISOR_PASSES 16u /* connections passed on at a time */

struct supervisor {
	struct options options;
	struct program program;
	struct resources resources;
	struct acceptor acceptor;
	struct child server;
	struct child next; /* at a reload: the one that takes over */
	int epoll;
	int timer;       /* every 250 ms */
	int signals;     /* SIGTERM, SIGINT, SIGHUP, SIGCHLD */
	int next_config; /* what (next) read; -1 */
	int next_known;  /* what (next) looked up; -1 */
	/* Connections that the server has yet to get; passed on before we sleep. */
	struct link_message passing[SUPERVISOR_PASSES];
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
int supervisor_main(struct supervisor *supervisor, char **argv);

#endif
