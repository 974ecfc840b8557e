/* SPDX-License-Identifier: MIT */
/*
 * load.h - what the parts of the load program have in common: options, a socket, a message, clocks.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOAD_PIDS 8
#define LOAD_HEAD 3u /* version, own ID, memory */
#define LOAD_ALL UINT32_MAX

struct load {
	const char *socket;
	bool classic;         /* growing IDs, and a message for each leave; else slots */
	uint32_t slots;       /* of the server, without (classic) */
	uint32_t vectors;     /* of the server */
	uint32_t clients;     /* of the swarm */
	uint32_t joining;     /* how many of them are in their handshake at a time */
	uint32_t stalled;     /* clients before them that never read */
	uint32_t leaving;     /* how many close at a time, in the end; 0: none */
	uint32_t churn;       /* a random one closes and another comes, so often */
	bool identity;        /* check that all clients have the same eventfds */
	uint32_t cycles;      /* connect and close, so often */
	uint32_t after;       /* messages that a cycle takes; LOAD_ALL: 0 to all, at random */
	uint32_t joins;       /* whole handshakes, so often */
	uint32_t garbage;     /* connections that send random bytes */
	uint64_t seed;        /* never 0 */
	uint32_t timeout_ms;  /* for all of it */
	uint32_t lossy_ms;    /* give up if no message came for so long; 0: never */
	pid_t pid[LOAD_PIDS]; /* whose CPU time is reported */
	uint32_t pids;
	double began_ms;
};

/* One message, its descriptor already closed. */
struct load_message {
	int64_t value;
	bool has_fd;
	uint64_t eventfd; /* the kernel's number of it, only with (identity) */
};

#define LOAD_BATCH 32u

/* A socket that is connected; -1 with errno, EAGAIN when the server has not accepted enough yet. */
int load_connect(const struct load *load, bool wait);

/*
 * Take messages, at most (count), which is at most LOAD_BATCH. Returns how many; 0 at the end of
 * the stream; -1 with errno, EBADMSG for anything that is no message.
 */
int load_take(
    const struct load *load, int fd, struct load_message *messages, unsigned count, bool wait);

/* The value of message (step) of the handshake of slot (id). */
int64_t load_slot_value(const struct load *load, uint32_t id, uint32_t step);

double load_now_ms(void);
bool load_is_late(const struct load *load);

/* CPU time of the watched processes so far. */
double load_cpu_ms(const struct load *load);

/* 0 to (limit) - 1 */
uint32_t load_random(struct load *load, uint32_t limit);

/* The parts. Each prints its lines and returns whether all was right. */
bool swarm_run(struct load *load);
bool visits_cycles(struct load *load);
bool visits_joins(struct load *load);
bool visits_garbage(struct load *load);

#endif
