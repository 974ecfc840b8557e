/* SPDX-License-Identifier: MIT */
/*
 * answer.h - what the server said, checked, and as numbers.
 *
 * ivsh-server(8), "CONTROL PROTOCOL". The text is from a server, or from whoever sits on its socket:
 * it is checked as a whole before anything is shown. Texts are strings of any bytes but NUL.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stddef.h>
#include <stdint.h>

#define ANSWER_NONE UINT64_MAX      /* a number that was not given */
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

/* A slot, or a connection that waits for one. */
struct answer_client {
	uint64_t id;
	const char *name; /* NULL: none */
	const char
	    *state;   /* "free": nobody is there, and what follows up to since_ms is not given */
	uint64_t pid; /* 0: a process that this machine's /proc does not know */
	uint64_t uid;
	uint64_t gid;
	uint64_t since_ms; /* connected for so long */
	uint64_t times;    /* how often it was taken */
	uint64_t queued;   /* messages */
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
	uint64_t connects, disconnects, slow, doubtful, bells_blocked;

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
 * Read (size) bytes of (text), with a NUL behind them; they are changed, and the answer points into
 * them. NULL, or what is wrong; the caller frees the answer in either case.
 */
const char *answer_parse(struct answer *answer, char *text, size_t size);

/* Give back what answer_parse() allocated. Harmless on zeroes. */
void answer_free(struct answer *answer);

#endif
