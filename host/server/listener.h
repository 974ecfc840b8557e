/* SPDX-License-Identifier: MIT */
/*
 * listener.h - one listening socket, and the lock that makes it ours.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdint.h>
#include <sys/types.h>

#define LISTENER_COMMON UINT32_MAX

struct listener {
	const char *path; /* the caller's, for as long as the listener is open */
	uint32_t slot;    /* the slot that it is bound to; LISTENER_COMMON: any free one */
	int lock;         /* PATH.lock, locked with flock(2); -1: not ours */
	int fd;           /* -1: not listening */
	dev_t device;     /* of the socket's name, so that close removes no other's */
	ino_t inode;
};

/*
 * Make (path) ours: take its lock, and see that no living server listens there, ours or QEMU's.
 * Before this, nothing of another server may be touched; this itself disturbs none.
 *
 * Answers 0; or -1 after one line on stderr, with nothing taken.
 */
int listener_lock(struct listener *listener, const char *path, uint32_t slot);

/* Bind and listen; a dead server's socket is removed. 0; or -1 after one line, still locked. */
int listener_listen(struct listener *listener);

/* Stop, remove the socket and the lock, in this order. Harmless when not open. */
void listener_close(struct listener *listener);

#endif
