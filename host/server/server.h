/* SPDX-License-Identifier: MIT */
/*
 * server.h - the process that serves: prepare, isolate, begin, serve.
 */
#ifndef SERVER_H
#define SERVER_H

#include "process/acceptor.h"
#include "server/clients.h"
#include "server/control.h"
#include "wire/state.h"
#include "process/listener.h"
#include "config/options.h"
#include "server/page.h"
#include "server/rebind.h"
#include "server/slots.h"

struct server {
	struct options options;
	struct state state;
	struct page page;
	struct slots slots;
	struct clients clients;
	struct control control;
	struct acceptor acceptor; /* without a supervisor */
	struct rebind rebind;
	int *listener_fd; /* per state.listener, as this process has them; -1 */
	int *inherited;   /* per state.socket, when we were started */
	int link;         /* to the supervisor; -1: it is gone */
	int config;       /* a copy of the configuration that was read anew; -1: none */
	int known;        /* and what was looked up for it; -1: nothing was read anew */
	int epoll;        /* all others below, and clients.epoll */
	int timer;        /* every 250 ms */
	int signals;      /* SIGTERM, SIGINT */
	uint64_t began_ns;
	bool is_begun;       /* the supervisor said so */
	bool is_lost_told;   /* that the page is lost */
	bool is_filtered;    /* isolate.h */
	bool is_stopped;     /* a signal said so */
	bool is_handed_over; /* the supervisor said so */
};

/* We were started by a supervisor, to serve. */
bool server_is_wanted(void);

/* Serve, from the command line to the end; answers the exit status. */
int server_main(int argc, char **argv);

#endif
