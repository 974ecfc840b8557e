/* SPDX-License-Identifier: MIT */
/*
 * bus_parts.h - a bus, for the files that make it up: bus.c, connection.c and bus_lines.c.
 */
#ifndef BRIDGE_BUS_PARTS_H
#define BRIDGE_BUS_PARTS_H

#include "bridge/config.h"
#include "bridge/connecting.h"
#include "bridge/say.h"
#include "bridge/trust.h"

#include <nats/nats.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SUBJECTS (2 * CONFIG_SLOTS + 8u) /* of two mappings, while the last one's are to end */

struct bus_item;

struct subscription {
	char subject[SUBJECT_SIZE];
	natsSubscription *handle; /* NULL: to begin, when the connection stands */
	bool is_over;             /* to end then */
	bool is_denied;           /* the server has it no longer: to begin anew, at again_ns */
	uint64_t again_ns;        /* when to try again; 0: now */
};

/* What the server does not permit, in its words. */
struct denied {
	struct denied *next;
	char text[2 * SUBJECT_SIZE];
};

struct bus {
	const struct config *config;
	natsConnection *connection; /* NULL: (next) is to be it */
	struct connecting *next;
	char inbox[128];
	int fd;
	struct subscription *subscriptions;
	uint32_t subscription_count;
	natsStatistics *statistics;
	struct trust trust;            /* the files that the connection was begun with */
	uint64_t looked_ns;            /* when they were looked at last */
	uint64_t anew_ns;              /* when to connect anew; 0: not */
	uint64_t down_ns;              /* since when it does not stand */
	uint64_t connects, reconnects; /* as bus_step() saw them last; the second are libnats' */
	bool is_counted;               /* this connection is among the first */
	bool is_reported;              /* that it does not stand */
	uint64_t logged_disconnects, logged_connects;
	uint64_t changes_ns; /* when lines of those were written last */
	uint64_t logged_errors;
	struct say error_lines;

	struct bus_item *first, **last;
	struct bus_item *done; /* freed, but for libnats */
	uint32_t done_count;
	size_t done_size;
	pthread_t thread; /* that opened the bus */

	/* Set by libnats' threads. */
	atomic_ullong disconnects, errors;
	atomic_int error;
	_Atomic(struct denied *) denied;
	atomic_int reason;                /* of the last disconnect; 0: none */
	_Atomic(natsConnection *) closed; /* the one that libnats has given up */
	atomic_int socket;                /* to be polled; -1: none */
	atomic_bool is_asked;             /* something waits to be written */
};

/* Whether calls for the connection do not wait: libnats' threads do not connect. */
static inline bool bus_stands(const struct bus *bus)
{
	return bus->connection && atomic_load(&bus->socket) >= 0;
}

static inline bool bus_is_connected(const struct bus *bus)
{
	return bus_stands(bus) &&
	       natsConnection_Status(bus->connection) == NATS_CONN_STATUS_CONNECTED;
}

/* Whether libnats has given the connection up. */
static inline bool bus_is_closed(struct bus *bus)
{
	return bus->connection && atomic_load(&bus->closed) == bus->connection;
}

/* connection.c: what begins the next connection, and ends the last one. NULL after a line. */
struct connecting *bus_next_make(struct bus *bus);

/* The next connection is known. 0, or -1 after a line: there is none. */
int bus_next_take(struct bus *bus, struct connecting *next);

/* Begin the next connection where one is due, and take it when it is known. */
void bus_anew(struct bus *bus);

/* bus_lines.c: write what is due at (now); SAY_ALL: all that is left. */
void bus_errors_log(struct bus *bus, uint64_t now);
void bus_changes_log(struct bus *bus, uint64_t now);

/* Say once that the connection does not stand, if that is not a moment. */
void bus_down_log(struct bus *bus);

#endif
