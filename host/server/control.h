/* SPDX-License-Identifier: MIT */
/*
 * control.h - the control socket: says who is there.
 *
 * A client sends one line, "status", and gets lines of key=value; ivsh-server(8) has the list. One
 * that sends nothing may be a QEMU that was given the wrong path: it is refused as such.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <stdint.h>

#define CONTROL_CLIENTS 16u /* at a time: another takes the place of who has been silent longest */
#define CONTROL_REQUEST 64u /* bytes of a request, at most */

struct control_client {
	int fd; /* -1: free */
	uint32_t got;
	uint64_t deadline_ns;
	char request[CONTROL_REQUEST];
	char *answer; /* NULL: not asked yet */
	size_t size;
	size_t sent;
};

struct control {
	int listener; /* -1: none */
	int epoll;
	struct control_client client[CONTROL_CLIENTS];
};

struct server;

/* Serve the listening socket (listener), or none when it is -1. */
void control_open(struct control *control, int listener);

/* Take notice of everything that control->epoll has. */
void control_service(struct control *control, const struct server *server);

/* Look at the deadlines; call every 250 ms. */
void control_tick(struct control *control);

void control_close(struct control *control);

#endif
