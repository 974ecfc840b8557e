/* SPDX-License-Identifier: MIT */
/*
 * listener.h - a listening socket, and the lock that keeps other servers from its path.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENER_COMMON UINT32_MAX
#define LISTENER_CONTROL (UINT32_MAX - 1)
#define LISTENER_PATH 108u /* sun_path of unix(7) */

struct listener {
	char path[LISTENER_PATH];
	uint32_t slot; /* the slot that it is bound to; LISTENER_COMMON: any free one */
	bool is_given; /* by our parent: neither made nor removed by us */
	char name[64]; /* then: what it was given as, the name of a bound slot */
	int lock;      /* PATH.lock, locked with flock(2); -1: we hold no lock */
	int fd;        /* non-blocking; -1: not listening */
	dev_t device;  /* of the socket's name, so that close removes no other's */
	ino_t inode;   /* 0: the name is not ours to remove */
};

/*
 * Make (path) ours: take its lock, and see that no living server listens there, ours or QEMU's.
 * Before this, nothing of another server may be touched; this itself disturbs none.
 *
 * Answers 0; or -1 after one line on stderr, with nothing taken.
 */
int listener_lock(struct listener *listener, const char *path, uint32_t slot);

/*
 * Bind and listen; a dead server's socket is replaced. It has (mode) and (group), each unless it is
 * UINT32_MAX, before it has its name. 0; or -1 after one line, still locked.
 */
int listener_listen(struct listener *listener, uint32_t mode, uint32_t group);

/* A socket that listens already, passed by our parent: its name is not ours. 0 or -1. */
int listener_adopt(struct listener *listener, int fd, uint32_t slot);

/* Stop, remove the socket and the lock, in this order. Harmless when not open. */
void listener_close(struct listener *listener);

#endif
