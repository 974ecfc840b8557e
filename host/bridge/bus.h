/* SPDX-License-Identifier: MIT */
/*
 * bus.h - the connection to NATS, for a program of one thread.
 *
 * The program polls bus_fd(), which libnats' threads make readable, and bus_socket(); when that
 * has something, it calls bus_process(). What came waits in one list, for bus_take(); what was
 * published waits for bus_flush(). All calls are made by the thread that opened the bus. Nothing
 * that comes was checked: any client of the bus may have sent it.
 */
#ifndef BRIDGE_BUS_H
#define BRIDGE_BUS_H

#include "bridge/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus;

/* A message that came. The strings and bytes stay until bus_free(). */
struct bus_item {
	struct bus_item *next;
	struct bus *bus;
	const char *subject;
	const char *reply; /* "": none */
	const uint8_t *data;
	size_t size;
	void *message; /* libnats' */
};

/*
 * Begin to connect to the servers of (config), again and again until one answers. NULL after one
 * line on stderr: a file of (config) is wrong, or there is no memory.
 */
struct bus *bus_open(const struct config *config);

/* From now on (config) is in place of the last one, which says the same of the bus. */
void bus_config(struct bus *bus, const struct config *config);

/* End the connection; wait up to 500 ms for what was published to reach the server. */
void bus_close(struct bus *bus);

/* Readable: something has happened to the connection, or is to be written: bus_step(),
 * bus_flush(). bus_woken() makes it silent again. */
int bus_fd(const struct bus *bus);
void bus_woken(struct bus *bus);

/* The connection's socket now, -1: none, and the events to poll it for; then what poll(2) said. */
int bus_socket(const struct bus *bus);
short bus_events(const struct bus *bus);
void bus_process(struct bus *bus, short events);

/* Write what was published, as far as the socket takes it: the rest by bus_process(). */
void bus_flush(struct bus *bus);

/*
 * Log what happened to the connection, and begin it anew if libnats has given it up. The caller
 * calls it some times a second.
 */
void bus_step(struct bus *bus);

/* Whether the connection stands, as far as anyone knows: the one that bus_step() has seen. */
bool bus_is_up(struct bus *bus);

/* Bytes of the largest message that the server takes; 0: not known yet. */
size_t bus_most(struct bus *bus);

/* Connections since the bus was opened, the first one, too. */
uint64_t bus_connects(const struct bus *bus);

/* The words before those that a reply to this bus alone has. */
const char *bus_inbox(const struct bus *bus);

/*
 * Subscribe to a subject or a pattern of them, for as long as the bus is open, also over
 * connections. 0, or -1 after a line.
 */
int bus_subscribe(struct bus *bus, const char *subject);
void bus_unsubscribe(struct bus *bus, const char *subject);

/*
 * Whether messages are to be published now: not too much waits for the socket already. What comes
 * at a rate of its own, and keeps others from waiting for us, is published in any case.
 */
bool bus_has_room(struct bus *bus);

/*
 * Publish (size) bytes. reply: where an answer goes; NULL: nowhere. id: of the message, for
 * JetStream; NULL: none. 0 does not say that it has arrived. -1: the connection does not take it.
 */
int bus_publish(struct bus *bus, const char *subject, const char *reply, const char *id,
    const void *data, size_t size);

/* All that came, the oldest first; NULL: nothing. The caller frees each. */
struct bus_item *bus_take(struct bus *bus);
void bus_free(struct bus_item *item);

#endif
