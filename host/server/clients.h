/* SPDX-License-Identifier: MIT */
/*
 * clients.h - the connected sockets: who waits, who is being told, who is served, who is refused.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "page.h"
#include "slots.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Connections beyond the slots that can be waited for or refused at one time. */
#define CLIENTS_SPARE 32u

enum client_state {
	CLIENT_FREE = 0,
	CLIENT_WAITING,  /* for its bound slot; nothing was sent to it */
	CLIENT_GREETING, /* holds its slot, the handshake is under way */
	CLIENT_READY,    /* holds its slot, knows everything */
	CLIENT_REFUSED,  /* was told so; we wait for it to close */
};

struct client {
	enum client_state state;
	int fd;
	uint32_t slot;        /* wanted or held; SLOTS_NONE */
	uint32_t step;        /* next message of the handshake: all that a queue would hold */
	bool is_blocked;      /* waits for EPOLLOUT */
	uint64_t deadline_ns; /* of the state, unless free or ready */
	pid_t pid;            /* SO_PEERCRED, for the log */
	uid_t uid;
};

struct clients {
	struct slots *slots;
	struct page *page;
	int memory; /* the descriptor that clients get */
	int epoll;  /* of all clients; readable when one of them has something */
	uint32_t capacity;
	uint32_t used;
	struct client *client;
};

/* The table is sized here, once. 0, or -1 after one line. What is referred to must outlive it. */
int clients_open(struct clients *clients, struct slots *slots, struct page *page, int memory);

/* No room for one more connection: accept none until one goes. */
bool clients_is_full(const struct clients *clients);

/*
 * A new connection, non-blocking, now the table's, which is not full. (slot) is what its socket is
 * bound to, or SLOTS_NONE: the lowest free one, after all who hung up before have been taken notice
 * of.
 */
void clients_add(struct clients *clients, int fd, uint32_t slot);

/* Tell a connection, for which there is no room at all, that it is refused, and close it. */
void clients_turn_away(int fd);

/* Take notice of everything that clients->epoll has. */
void clients_service(struct clients *clients);

/* Look at the deadlines; call every 250 ms. */
void clients_tick(struct clients *clients);

void clients_close(struct clients *clients);

#endif
