/* SPDX-License-Identifier: MIT */
/*
 * loop.h - waits for many descriptors at once, and calls their watchers.
 *
 * The supervisor and the server have one loop each. Nothing is allocated: a watch is in the memory
 * of its watcher, and stays there until loop_close().
 */
#ifndef LOOP_H
#define LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct watch {
	int fd;          /* loop_add() sets it */
	bool is_watched; /* likewise */
	/* (events) as epoll_wait(2) has them. The reason for the event may be gone by now. */
	void (*on_event)(struct watch *watch, uint32_t events);
	void *context;  /* the watcher's own */
	uint32_t index; /* likewise */
};

struct loop {
	int epoll;
	void *context; /* what the two calls below get */
	void (*on_tick)(void *context);
	void (*on_signal)(void *context, int signal);
	struct watch timer;
	struct watch signals;
};

/*
 * Begin. With (signals) loop->on_signal is called for each of these, which the caller has blocked.
 * With (tick_ns) loop->on_tick is called that often. 0, or -1 after one line on stderr.
 */
int loop_open(struct loop *loop, const sigset_t *signals, uint32_t tick_ns);

/* Watch (fd) until loop_remove(). 0, or -1 after one line on stderr. */
int loop_add(struct loop *loop, struct watch *watch, int fd);

/* Watch it no more; before the descriptor is closed. Harmless on a watch that watches nothing. */
void loop_remove(struct loop *loop, struct watch *watch);

/* Whether the event is also that there is room to write. Harmless on a watch of nothing. */
void loop_await_room(struct loop *loop, const struct watch *watch, bool on);

/* Wait until something happens, at most (timeout_ms) or with -1 for ever, and call its watchers. */
void loop_wait(struct loop *loop, int timeout_ms);

#endif
