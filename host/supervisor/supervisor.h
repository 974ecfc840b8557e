/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - the process that the operator starts, as its files share it.
 *
 * Theory of operation
 *
 * The supervisor acquires everything, keeps it, accepts connections, and sees that there is a
 * server. Every server is started in the same way: it is forked and executed, and it inherits all
 * descriptors and the state in which the last server worked. The server reads its configuration,
 * isolates itself, and reports that it is ready; when the last server has ended, the supervisor
 * lets it begin. The first server finds an empty state. So what happens after a kill -9 happens at
 * each start and at each reload.
 *
 * The supervisor accepts connections and passes them on, since a connection that only a server held
 * would end with that server, and QEMU spins for ever when its connection ends without a word. The
 * supervisor never sends to a client and never reads from one. From a server it takes numbers, and
 * bounds them: nothing that a server sends makes the supervisor do more than close connections and
 * start another server.
 *
 * Each file calls only those to its right:
 *
 *   start --> children --> reload --> messages --> handover --> passing --> resources
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "config/options.h"
#include "process/acceptor.h"
#include "process/loop.h"
#include "supervisor/child.h"
#include "supervisor/resources.h"
#include "wire/link.h"

#include <stdbool.h>
#include <stdint.h>

#define SUPERVISOR_PASSES 16u /* connections passed on at a time */

/* The time that a server has to end after the request to. */
#define SUPERVISOR_LEAVE_NS UINT64_C(1000000000)

/* Accepted connections on their way to the server; passing.h. */
struct passing {
	struct acceptor acceptor;
	struct watch *listener; /* one for each of resources.listener */
	struct link_message message[SUPERVISOR_PASSES];
	uint32_t count;    /* of messages that the server has yet to get */
	bool is_held_up;   /* the server did not take them */
	bool is_accepting; /* the listeners are watched */
};

struct supervisor {
	struct options options;
	struct program program;
	struct resources resources;
	struct loop loop;
	struct passing passing;
	struct child server;
	struct child next;  /* at a reload: the server that takes over */
	int next_config;    /* what (next) read; -1 */
	int next_known;     /* the names that (next) resolved; -1 */
	bool is_own;        /* the next server runs our own program, not the file by name */
	uint32_t failures;  /* servers that ended before or soon after they began, in a row */
	uint64_t stop_ns;   /* when the server must have ended; 0: no end was requested */
	bool is_ready;      /* a server has begun, once */
	bool is_reload_due; /* SIGHUP came when a reload was not possible */
	bool is_stopping;
	bool is_stopped;
};

#endif
