/* SPDX-License-Identifier: MIT */
/*
 * traffic.h - a peer that sends numbered messages to all others and checks theirs, and goes on
 * after whatever an application can go on after: one source for guests and host processes.
 *
 * Words of the command line: name=N, slot=N (where the device does not say it), peers=N (slots 0 to
 * N - 1), size=8|64|1024|mix, burst=N messages to each peer every pace=N microseconds, send=0 to
 * wait for the key g, inplace=1 to count a message before its release. It reads keys: g send, s
 * stop sending, l leave, c leave and close the device, a attach, r report, z begin a new longest
 * stall, q quit.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <ivsh/mem.h>

#include <stdbool.h>
#include <stdint.h>

/* What differs between a guest and a host process. */
struct traffic_world {
	/* Open the device, if it is not open yet. 0, or a negative error: it is not there. */
	int (*open)(struct ivsh_mem *mem);
	void (*close)(void);
	/* A key of the one who commands, or -1. */
	int (*key)(void);
	/* Whether the device asks to leave. Called often while it is open, and while it is not. */
	bool (*leaving)(void);
	/* The device is closed: it may go. NULL: nothing is to be done. */
	void (*left)(void);
	uint64_t (*now_ns)(void);
	void (*nap)(uint64_t ns);
	uint64_t (*seed)(void);
	/* Memory that a reset of the machine leaves: (size) bytes, zeroed at the first start. */
	void *(*kept)(uint32_t size);
};

/* Take the words of the command line. False: one of them is unknown. */
bool traffic_options(int argc, char **argv);

/* The value of (key) in the command line, or NULL. */
const char *traffic_option(const char *key);

/* Run until the key q; the exit status. */
int traffic_run(const struct traffic_world *world);

#endif
