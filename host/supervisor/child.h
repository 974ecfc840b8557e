/* SPDX-License-Identifier: MIT */
/*
 * child.h - a server process, as its supervisor has it.
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
	int process;        /* by pidfd_open(2), whoever has its number by then; -1: none */
	int link;           /* -1: none */
	struct watch watch; /* of (link) */
	bool is_ready;      /* it can begin */
	bool is_going;      /* it was told to begin */
	bool is_alive;      /* it has begun */
	bool is_leaving;    /* it was told to end */
	uint64_t began_ns;  /* when it was started */
	uint64_t heard_ns;  /* when it last said that it is alive */
};

/* What is executed: the program's file by its name, so that a new one is found; or this very one. */
struct program {
	char path[4096];
	int self;
	char **argv;
};

/* Find out what we are. 0, or -1 after one line. */
int program_open(struct program *program, char **argv);

/*
 * Fork, and execute the program as a server, which inherits every descriptor that is not
 * close-on-exec. (config) is what it reads, (known) what was looked up for that; with (is_reload) it
 * shall read its configuration's file again, and look up anew.
 * (is_self): not the file by the program's name, but the one that we run. 0, or -1 after one line.
 */
int child_start(struct child *child, const struct program *program,
    const struct resources *resources, bool is_reload, bool is_self);

/* Send it a signal, if it is still there; no other process gets it. */
void child_signal(const struct child *child, int signal);

/*
 * It has ended, and (*status) is that of wait(2); or somebody took it from us, and it counts as
 * killed. False, too, if there is none.
 */
bool child_has_ended(const struct child *child, int *status);

/* It has ended, and was waited for: close its link. */
void child_close(struct child *child);

#endif
