/* SPDX-License-Identifier: MIT */
/*
 * child.h - a server process, as the supervisor sees it.
 */
#ifndef CHILD_H
#define CHILD_H

#include "process/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct resources;

struct child {
	pid_t pid;          /* 0: none */
	int process;        /* of pidfd_open(2), which no other process takes over; -1: none */
	int link;           /* -1: none */
	struct watch watch; /* of (link) */
	bool is_ready;      /* it can begin */
	bool may_begin;     /* the supervisor let it begin */
	bool is_alive;      /* it has begun */
	bool is_leaving;    /* the supervisor requested its end */
	uint64_t began_ns;  /* when it was started */
	uint64_t alive_ns;  /* when it last sent a message */
};

/*
 * The program to execute: its file by name, so that a new one is found; or the running one.
 */
struct program {
	char path[4096];
	int self;
	char **argv;
};

/* Find out which file this process runs. 0, or -1 after one line. */
int program_open(struct program *program, char **argv);

/*
 * Fork, and execute the program as a server, which inherits every descriptor that is not
 * close-on-exec. With (is_reload) the server reads the configuration's file again, and resolves all
 * names again. With (is_self) the running program is executed, not the file by its name.
 * 0, or -1 after one line.
 */
int child_start(struct child *child, const struct program *program,
    const struct resources *resources, bool is_reload, bool is_self);

/* Send it a signal, if it is still there. No other process gets the signal. */
void child_signal(const struct child *child, int signal);

/*
 * Whether it has ended: (*status) is that of wait(2). If another part of the process has waited for
 * it already, it counts as killed. False, too, if there is none.
 */
bool child_has_ended(const struct child *child, int *status);

/* It has ended, and was waited for: close what belongs to it. */
void child_close(struct child *child);

#endif
