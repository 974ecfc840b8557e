/* SPDX-License-Identifier: MIT */
/*
 * server.h - the process that serves: prepare, isolate, begin, serve.
 */
#ifndef SERVER_H
#define SERVER_H

#include "server/acceptor.h"
#include "server/clients.h"
#include "server/control.h"
#include "server/ledger.h"
#include "server/listener.h"
#include "server/options.h"
#include "server/page.h"
#include "server/rebind.h"
#include "server/slots.h"

/* Where a new server finds its keeper: "LINK,LEDGER,CONFIG,RELOAD,KNOWN"; all but RELOAD are descriptors. */
#define SERVER_ENVIRONMENT "IVSH_KEEPER"

struct server {
	struct options options;
	struct ledger ledger;
	struct page page;
	struct slots slots;
	struct clients clients;
	struct control control;
	struct acceptor acceptor; /* without a keeper */
	struct rebind rebind;
	int *listener_fd; /* per ledger.listener, as this process has them; -1 */
	int *inherited;   /* per ledger.socket, when we were started */
	int link;         /* to the keeper; -1: it is gone */
	int config;       /* a copy of the configuration that was read anew; -1: none */
	int known;        /* and what was looked up for it; -1: nothing was read anew */
	int epoll;        /* all others below, and clients.epoll */
	int timer;        /* every 250 ms */
	int signals;      /* SIGTERM, SIGINT */
	uint64_t began_ns;
	bool is_begun;       /* the keeper said so */
	bool is_lost_told;   /* that the page is lost */
	bool is_filtered;    /* isolate.h */
	bool is_stopped;     /* a signal said so */
	bool is_handed_over; /* the keeper said so */
};

/* We were started by a keeper, to serve. */
bool server_is_wanted(void);

/* Serve, from the command line to the end; answers the exit status. */
int server_main(int argc, char **argv);

#endif
