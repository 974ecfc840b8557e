/* SPDX-License-Identifier: MIT */
/*
 * server.h - the process that serves, as its files share it.
 *
 * One thread and one loop. No call in the loop waits for a client or for the supervisor. The
 * clients have an epoll set of their own inside the loop's, so that all hang-ups can be handled
 * before a slot is given away. Everything that must outlive this process is in the state or with
 * the supervisor.
 */
#ifndef SERVER_H
#define SERVER_H

#include "config/options.h"
#include "process/acceptor.h"
#include "process/loop.h"
#include "server/clients.h"
#include "server/control.h"
#include "server/page.h"
#include "server/rebind.h"
#include "server/slots.h"
#include "wire/state.h"

struct server {
	struct options options;
	struct state state;
	struct page page;
	struct slots slots;
	struct clients clients;
	struct control control;
	struct acceptor acceptor; /* without a supervisor */
	struct rebind rebind;
	struct loop loop;
	struct watch link_watch;
	struct watch clients_watch;
	struct watch control_watch;
	struct watch *listener; /* per state.listener, with its descriptor in this process, or -1 */
	int *inherited;         /* per state.socket, when this process was started */
	int link;               /* to the supervisor; -1: it is gone */
	int config;             /* a copy of the configuration that was read anew; -1: none */
	int known;              /* the names that were resolved for it; -1: nothing was read anew */
	uint64_t began_ns;
	bool is_begun;         /* the supervisor sent that */
	bool is_lost_reported; /* that the page is lost */
	bool is_filtered;      /* isolate.h */
	bool is_stopped;       /* by a signal */
	bool is_handed_over;   /* the supervisor sent that */
};

#endif
