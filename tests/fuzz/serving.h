/* SPDX-License-Identifier: MIT */
/*
 * serving.h - a server's tables and its supervisor, in one process, with a clock of their own and a
 * way to kill the server between any two stores.
 *
 * A kill is a longjmp() out of the server, after which everything that only it had is taken away:
 * descriptors and memory. The next one begins in what is left, the state and the page. The calls
 * that are wrapped (Makefile) and each store into those two (-fsanitize-coverage=trace-stores) are
 * the pointS where it can die.
 */
#ifndef SERVING_H
#define SERVING_H

#include "server/server.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVING_SLOTS 5u
#define SERVING_VECTORS 3u
#define SERVING_ROWS (SERVING_SLOTS + CLIENTS_SPARE)

struct serving {
	struct server server;
	struct ivsh_wire_server words; /* the page */
	/* Split: the same in the common memory of each slot. */
	struct ivsh_wire_server copies[SERVING_SLOTS];
	uint64_t now_ns;
	uint32_t unread; /* as clients.unread */
	/* The supervisor's: */
	bool has_supervisor;
	bool is_deaf;               /* its socket is full: it can be sent nothing */
	int held[SERVING_ROWS];     /* its copies; -1 */
	bool dropped[SERVING_ROWS]; /* by the server; the link is not read yet */
	bool is_dead;               /* the server was killed */
	int failure;                /* errno of the next sendmmsg(2); 0: none */
};

extern struct serving serving;

/* Callbacks of the target: the server is about to send to the client at (row); it was dropped. */
struct serving_hooks {
	void (*sending)(uint32_t row);
	void (*dropped)(uint32_t row);
};

/* A new state for (options), whose slots and vectors are at most those above, and no server. */
void serving_open(
    const struct options *options, bool has_supervisor, const struct serving_hooks *hooks);

/* As server_begin() in server.c. The server can be killed in it. */
void serving_begin(void);

/* Call into the server, which can be killed there: then serving.is_dead. */
void serving_call(void (*call)(void *), void *argument);

/* Kill it at the (count)th point from now on; 0: not any more. */
void serving_kill_in(uint32_t count);

/* Kill it here. */
void serving_kill(void);

/*
 * The supervisor takes a connection, or without one the server does. Answers its row; SLOTS_NONE:
 * there is none.
 */
uint32_t serving_take(int fd, uint32_t slot);

/* The server gets the connection at (row). */
void serving_deliver(uint32_t row, uint32_t slot);

/* The supervisor reads the server's messages. */
void serving_read_link(void);

/* The descriptor that the (vector) of (slot) is, and the memory; -1: (fd) is nothing of ours. */
bool serving_is_doorbell(int fd, uint32_t slot, uint32_t vector);
bool serving_is_memory(int fd);

/* Split: what (slot) has: its common memory, its part, and that for reading alone; a probe's. */
bool serving_is_common(int fd, uint32_t slot);
bool serving_is_part(int fd, uint32_t slot);
bool serving_is_reader(int fd, uint32_t slot);
bool serving_is_seen(int fd);

/* Check the conditions that must always hold. */
void serving_check(void);

void serving_close(void);

#endif
