/* SPDX-License-Identifier: MIT */
/*
 * listeners.h - the listening sockets that the supervisor holds, and how a reload changes them.
 *
 * A server that is started for a reload opens listeners, and gives up others, before it is known
 * whether it will begin. Its requests are kept here until listeners_settle() does or forgets them.
 */
#ifndef LISTENERS_H
#define LISTENERS_H

#include "config/options.h"
#include "process/listener.h"
#include "wire/link.h"
#include "wire/state.h"

#include <stdbool.h>
#include <stdint.h>

struct listeners {
	struct listener control;
	struct listener *listener; /* (count) of them; fd is -1 where there is none */
	uint32_t count;            /* slots + 1: the common one, and one for each slot */
	/* The requests of a server that has not begun: */
	struct listener *added; /* (count) of them at the most */
	uint32_t added_count;
	bool *is_unwanted; /* per listener */
	uint32_t *moves;   /* per listener: 1 + the slot that it is for then; 0: it stays */
};

/* Allocate the tables. 0, or -1 after one line on stderr, and listeners_close() is to be called. */
int listeners_open(struct listeners *listeners, const struct options *options);

/*
 * Take the locks of all paths that (options) name, or the sockets that systemd passed in their
 * place. 0, or -1 after one line on stderr.
 */
int listeners_lock(struct listeners *listeners, const struct options *options);

/* Bind and listen; last, since a client that connects cannot be undone. 0, or -1 after one line. */
int listeners_listen(struct listeners *listeners, const struct options *options);

/* Write them to (state), for a server that begins. */
void listeners_write_down(const struct listeners *listeners, const struct state *state);

/*
 * A server wants a listener more: (fd), and (lock_fd) of its lock or -1. 0, or -1: there is no
 * room.
 */
int listeners_want(
    struct listeners *listeners, const struct link_message *message, int fd, int lock_fd);

/* A server no longer wants listener (index). Harmless where there is none. */
void listeners_unwant(struct listeners *listeners, uint32_t index);

/* A server wants listener (index) to be for (slot). Harmless where there is none. */
void listeners_move(struct listeners *listeners, uint32_t index, uint32_t slot);

/* The server begins: do what it wanted. Or it does not, and nothing has changed. */
void listeners_settle(struct listeners *listeners, bool begins);

/* Remove and close all. */
void listeners_close(struct listeners *listeners);

#endif
