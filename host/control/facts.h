/* SPDX-License-Identifier: MIT */
/*
 * facts.h - the facts that a server answers to a status request: of itself, its memory, its slots
 * and its clients. ivsh-server(8), "CONTROL PROTOCOL". Texts are strings of any bytes but NUL.
 */
#ifndef FACTS_H
#define FACTS_H

#include <stddef.h>
#include <stdint.h>

#define ANSWER_VERSION 2            /* of the control protocol */
#define ANSWER_NONE UINT64_MAX      /* of a number: the answer does not have it */
#define ANSWER_UNLIMITED UINT32_MAX /* of limit_per_uid */

struct answer_listener {
	uint64_t slot;    /* ANSWER_NONE: the common socket */
	const char *name; /* NULL: none */
	const char *socket;
};

struct answer_refused {
	const char *reason;
	uint64_t count;
};

/* A slot; or a connection without one, which has neither ID, name, times nor queued. */
struct answer_client {
	uint64_t id;
	const char *name;  /* NULL: none */
	const char *state; /* "free": a slot without a client; pid to queued are ANSWER_NONE */
	uint64_t pid;      /* 0: a process outside of this machine's /proc */
	uint64_t uid;
	uint64_t gid;
	uint64_t since_ms; /* for how long it has been connected */
	uint64_t times;    /* how often the slot was taken */
	uint64_t queued;   /* messages that the client has not been sent yet */
};

/* A metric that the peer of a slot declares in the memory: what it says, checked for its form. */
struct answer_metric {
	uint64_t slot;
	const char *peer;  /* the peer's own name; NULL: none */
	const char *name;  /* of the metric */
	const char *kind;  /* "counter", "gauge" */
	const char *value; /* decimal; of a gauge, signed */
};

struct answer {
	/* server */
	uint64_t version, supervisor, server, uptime_ms, serving_ms, takeovers, reloads, raw,
	    filter, epoch;
	const char *mode;
	/* memory */
	const char *kind, *path;
	uint64_t size, page, lost;
	/* Only with (split): bytes of each slot's part, and of what is before its rings. */
	uint64_t split, part, part_short;
	/* region */
	uint64_t slots, vectors;
	/* limit */
	uint64_t limit_clients, limit_per_uid, limit_unread;
	/* count */
	uint64_t connects, disconnects, slow, indeterminate, notifications_blocked;
	uint64_t count_takeovers; /* the same as takeovers */

	struct answer_listener *listener;
	size_t listener_count;
	struct answer_refused *refused;
	size_t refused_count;
	struct answer_client *slot;
	size_t slot_count;
	struct answer_client *waiting;
	size_t waiting_count;
	struct answer_metric *metric;
	size_t metric_count;
};

#endif
