/* SPDX-License-Identifier: MIT */
/*
 * control.h - the control socket: its clients query which peers are there.
 *
 * A client sends one line, "status" or "release ID", and is sent lines of key=value; ivsh-server(8)
 * has the list. A
 * client that sends nothing may be a QEMU that was given the wrong path: it is refused as such.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <stdint.h>

#define CONTROL_CLIENTS 16u /* at a time: another takes the place of the longest silent one */
#define CONTROL_REQUEST 64u /* bytes of a request, at most */

struct control_client {
	int fd; /* -1: free */
	uint32_t got;
	uint64_t deadline_ns;
	char request[CONTROL_REQUEST + 1]; /* and a NUL */
	char *answer;                      /* NULL: there was no request yet */
	size_t size;
	size_t sent;
};

struct control {
	/* Makes the answer to "status", allocated; NULL: out of memory. */
	char *(*report)(void *context, size_t *size);
	/* Makes the answer to "release", likewise: (id) is the text of an ID, and a newline. */
	char *(*release)(void *context, const char *id, uint32_t user, size_t *size);
	void *context;
	int listener; /* -1: none */
	int epoll;
	struct control_client client[CONTROL_CLIENTS];
};

/*
 * Serve the listening socket (listener), or none when it is -1. The caller has set control->report,
 * control->release and their context.
 */
void control_open(struct control *control, int listener);

/* Take everything that control->epoll has. */
void control_service(struct control *control);

/* Check the deadlines; call every 250 ms. */
void control_check_timeouts(struct control *control);

void control_close(struct control *control);

#endif
