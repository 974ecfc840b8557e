/* SPDX-License-Identifier: MIT */
/*
 * server.h - the whole server: what it holds, and its one loop.
 */
#ifndef SERVER_H
#define SERVER_H

#include "clients.h"
#include "listener.h"
#include "memory.h"
#include "options.h"
#include "page.h"
#include "slots.h"

struct server {
	struct options options;
	struct listener *listeners; /* the common one, then the bound ones */
	uint32_t listener_count;
	struct memory memory;
	struct page page;
	struct slots slots;
	struct clients clients;
	int epoll;       /* listeners, clients->epoll, timer, signals */
	int timer;       /* every 250 ms */
	int signals;     /* SIGTERM, SIGINT, SIGHUP */
	int spare;       /* held back, to be able to refuse when descriptors run out */
	bool is_paused;  /* nothing is accepted until the next tick */
	bool is_stopped; /* a signal said so */
};

/*
 * Acquire everything that server->options ask for, listening last. 0; or -1 after one line on
 * stderr, with nothing left behind.
 */
int server_open(struct server *server);

/* Serve until a signal ends it. */
void server_run(struct server *server);

/* Remove and close everything. */
void server_close(struct server *server);

#endif
