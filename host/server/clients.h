/* SPDX-License-Identifier: MIT */
/*
 * clients.h - the connections: who waits, who is being told, who is served, who is refused.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "process/caller.h"
#include "config/options.h"
#include "server/page.h"
#include "server/slots.h"
#include "wire/tables.h"

#include <stdbool.h>
#include <stdint.h>

/* A connection that was accepted. */
struct arrival {
	uint32_t place; /* of the table, that is free */
	int fd;
	uint32_t slot; /* that its socket is bound to; SLOTS_NONE: the lowest free one */
	enum caller caller;
};

struct batch;
struct state;
struct state_counts;

struct clients {
	const struct options *options; /* who may connect, and how often */
	struct slots *slots;
	struct page *page;
	struct state_counts *counts;
	struct client *client; /* the table, in the state */
	struct batch *batch;   /* what is being sent, in the state */
	uint64_t *knows;       /* classic, in the state: a bit for each slot, per client */
	uint32_t *next_id;     /* classic, in the state: where the next ID is looked for */
	uint64_t *told;        /* classic, in the state: the IDs that each was told, ids.h */
	uint32_t *told_by;     /* classic: how many were, by ID */
	uint64_t *live;        /* classic: the slots that are held */
	int *fd;               /* of each client; -1 */
	bool *is_blocked;      /* waits for EPOLLOUT */
	uint32_t capacity;
	uint32_t used;
	uint32_t unread; /* notices in flight to one client, at most */
	int memory;      /* the descriptor that clients get */
	int link;        /* to the supervisor; -1: there is none */
	int epoll;       /* of all clients; readable when one of them has something */
	bool is_classic;
	bool is_changed;       /* classic: clients have something to be told */
	uint64_t announced_ns; /* when they were, last */
	bool is_hurried;       /* many have just come, and more may have */
	bool *is_due;  /* of each client: has something to be told, when others had their turn */
	uint32_t due;  /* of them, that many */
	uint32_t turn; /* the place where the next one of them is looked for */
};

/* The reason in words, as it stands in the log. */
const char *clients_reason(enum client_reason reason);

/*
 * Begin with the tables in (state), which a server may have left in the midst of anything: each
 * client's state is made whole, from what it says there and the sockets that the supervisor holds. All
 * else that (clients) refers to is set. 0, or -1 after one line.
 */
int clients_open(struct clients *clients, const struct state *state);

/*
 * (count) new connections, each in a free place of the table, after all who hung up before have been
 * taken notice of. Where many come, or there are more behind them (is_more), each is told no more
 * than its ID and the memory at once.
 */
void clients_add(
    struct clients *clients, const struct arrival *arrivals, uint32_t count, bool is_more);

/* A free place; clients->capacity: there is none. For who accepts without a supervisor. */
uint32_t clients_free_place(const struct clients *clients);

/* It has an ID, and with it a slot. */
bool clients_holds_slot(const struct clients *clients, const struct client *client);

/* Take notice of everything that clients->epoll has. */
void clients_service(struct clients *clients);

/* Classic: tell everybody who came and who went. */
void clients_announce(struct clients *clients);

/*
 * Tell some of those who have something to be told, each a part of it, so that who connects meanwhile
 * has its first words soon. Classic: also the news, if the last ones were a while ago: so the changes
 * of a storm become few system calls. Call after everything that was taken notice of at a time.
 * Answers in how many milliseconds it is to be called again; -1: when there is news.
 */
int clients_announce_due(struct clients *clients);

/* Look at the deadlines; call every 250 ms. */
void clients_tick(struct clients *clients);

void clients_close(struct clients *clients);

#endif
