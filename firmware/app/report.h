/* SPDX-License-Identifier: MIT */
/*
 * report.h - the lines that several commands print alike: where they are, and the figures that they
 * end with. With --json each is an object.
 */
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include "app/json.h"
#include "app/session.h"

/* Begin an object of (type) of the session's command. */
void report_begin(struct json *json, const struct session *session, const char *type);

/* Members of an object: the slot of a peer, and its name, null without one. */
void report_peer(struct json *json, struct session *session, uint32_t slot);

/* Print that the command has begun: its slot, and that it (serves). */
void report_start(const struct session *session, const char *serves);

/* Print that (bytes) went to (peer), or came from there. */
void report_sent(struct session *session, uint32_t peer, uint64_t bytes);
void report_received(struct session *session, uint32_t peer, uint64_t bytes);

/* What a measurement was. */
struct report_times {
	const char *what; /* "round trips" */
	const char *type; /* "round_trips" */
	uint32_t peer;    /* with whom */
	uint32_t size;    /* bytes of a message; UINT32_MAX: it had none */
	uint32_t lost;    /* messages that were sent again */
	uint32_t count;   /* times, at least one */
	uint64_t *times_ns;
};

/* Sort the times, and print min, p50, p99 and max: in microseconds, in JSON in nanoseconds. */
void report_times(struct session *session, const struct report_times *times);

/* Print how the command waited since it attached, and the doorbells that it took and saved. */
void report_wait(const struct session *session);

#endif
