/* SPDX-License-Identifier: MIT */
/*
 * answer.h - a server's answer to a status request: the facts, which the server writes as text
 * (render.h), and the text, parsed and checked.
 *
 * ivsh-server(8), "CONTROL PROTOCOL". The text comes from a server, or from any process that
 * listens on its socket, so all of it is checked before a command shows anything. Texts are strings
 * of any bytes but NUL.
 */
#ifndef ANSWER_H
#define ANSWER_H

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

struct answer {
	/* server */
	uint64_t version, supervisor, server, uptime_ms, serving_ms, takeovers, reloads, raw,
	    filter, epoch;
	const char *mode;
	/* memory */
	const char *kind, *path;
	uint64_t size, page, lost;
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
};

/*
 * Parse (size) bytes of (text), with a NUL behind them. They are changed, and the answer points
 * into them.
 *
 * Returns NULL, or what is wrong. The caller frees the answer in either case.
 */
const char *answer_parse(struct answer *answer, char *text, size_t size);

/*
 * One more record, without a value in any member, for who makes an answer. The answer is freed by
 * answer_free() in the end; its texts stay the caller's.
 *
 * NULL: out of memory, or too many.
 */
struct answer_listener *answer_add_listener(struct answer *answer);
struct answer_refused *answer_add_refused(struct answer *answer);
struct answer_client *answer_add_slot(struct answer *answer);
struct answer_client *answer_add_waiting(struct answer *answer);

/* Free what was allocated. Harmless on zeroes. */
void answer_free(struct answer *answer);

#endif
