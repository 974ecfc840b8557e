/* SPDX-License-Identifier: MIT */
/*
 * clients.h - the table of clients: the connections that the server has, and what it knows of them.
 *
 * Theory of operation
 *
 * Nothing is ever queued for a client: what it has yet to be sent follows from what there is and
 * from what it was sent (protocol.h). So a client that does not read costs nothing, and none can
 * miss a message.
 *
 * The rows are in the shared state, and a server may be killed between any two stores. Each file
 * that changes a row documents the order of its stores, and what the next server makes of them:
 * client_state.h (the states), sending.h (messages), closing.h (the end), takeover.h (all of it).
 *
 * An ID belongs to a client until its socket closes, however late the client reads and whatever it
 * does: the client may be a virtual machine that is stopped, and two machines with one ID destroy
 * each other's messages. A client that breaks the protocol is only shut down; what it has not read
 * still counts as in flight.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "config/options.h"
#include "server/page.h"
#include "server/slots.h"
#include "wire/state.h"
#include "wire/tables.h"

#include <stdbool.h>
#include <stdint.h>

struct clients {
	/* The caller of clients_open() sets these. */
	const struct options *options; /* which users may connect, and how often */
	struct slots *slots;
	struct page *page;
	uint32_t unread; /* messages in flight to one client, at most: admission.h */
	int link;        /* to the supervisor; -1: there is none */

	/* In the shared state. */
	struct state_counts *counts;
	struct client *client; /* the table */
	struct batch *batch;   /* what is being sent at this moment: batch.h */
	uint64_t *knows;       /* classic: per client a bit for each slot whose peer it knows */
	uint32_t *next_id;     /* classic: where the search for the next ID begins */
	uint64_t *sent_ids;    /* classic: per client the IDs that it was sent: ids.h */
	const struct state_memory *memories; /* split: one for each slot; else NULL */

	/* This process's own. */
	int *fd;               /* of each client; -1: none */
	bool *is_blocked;      /* of each client: its socket is full, and EPOLLOUT awaited */
	bool *is_due;          /* of each client: it has a turn to come, sending.h */
	uint32_t due;          /* how many have */
	uint32_t turn;         /* the client at which the search for the next of them begins */
	bool is_hurried;       /* many clients have just come, and more may follow */
	uint64_t *live;        /* classic: the slots that are held, a bit each */
	uint32_t *id_uses;     /* classic: how many clients were sent each ID */
	bool is_changed;       /* classic: peers came or left, and clients have yet to be sent it */
	uint64_t announced_ns; /* classic: when clients were last given a turn for that */
	uint32_t capacity;
	uint32_t used; /* rows that are not FREE, and those of clients that have just come */
	int memory;    /* the descriptor that clients are sent; split: that probes are sent */
	int epoll;     /* of all clients; readable when one of them has something */
	bool is_classic;
};

/*
 * Begin with the tables and sockets of (state). 0, or -1 after one line. The clients that are in
 * there go on by resume_clients().
 */
int clients_open(struct clients *clients, const struct state *state);

void clients_close(struct clients *clients);

/* The row of (client), as a number. */
static inline uint32_t clients_index(const struct clients *clients, const struct client *client)
{
	return (uint32_t)(client - clients->client);
}

/* A row that is free; clients->capacity: there is none. For a server without a supervisor. */
uint32_t clients_free_index(const struct clients *clients);

/* (client) has an ID, and with it a slot. */
bool clients_holds_slot(const struct clients *clients, const struct client *client);

/* The ID of (client), which holds a slot. */
static inline uint32_t clients_id(const struct clients *clients, const struct client *client)
{
	return clients->slots->slot[client->slot].id;
}

/* Classic: the peer of (slot) is there, or has left; others have yet to be sent it. */
void clients_set_live(struct clients *clients, uint32_t slot, bool is_live);

/* (client) has a turn to come, or has none. */
void clients_set_due(struct clients *clients, const struct client *client, bool is_due);

/* Wait for (events) of the socket of (client); EPOLL_CTL_ADD or _MOD. */
void clients_watch(
    struct clients *clients, const struct client *client, uint32_t events, int operation);

#endif
