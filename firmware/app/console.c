/* SPDX-License-Identifier: MIT */
/*
 * console.c - what a guest prints: kept in its slot's log, and offered as a service.
 */
#include "app/console.h"

#include <ivsh/connection.h>
#include <ivsh/log.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READERS 8u                 /* connections at once */
#define AHEAD 64u                  /* bytes that a reader may send ahead: they are dropped */
#define PIECE 4096u                /* bytes of the log on their way to a reader */
#define REMARK 64u                 /* bytes of a line about lost ones */
#define END_NS UINT64_C(100000000) /* for a reader to take the last bytes */

struct reader {
	struct ivsh_conn conn;
	struct ivsh_log_reader log;
	uint32_t at, end;  /* of pending: what is not written yet */
	bool has_said_all; /* nothing more comes from it */
	uint8_t ahead[AHEAD];
	uint8_t pending[PIECE];
};

struct console {
	struct ivsh_conns all;
	struct reader *reader[READERS];
	uint32_t count;
};

/*
 * The logs that are open, one for each region. The sink may be called between any two instructions,
 * by an exception's report: a pointer is stored when its log is open, and cleared before it closes.
 */
static struct ivsh_log *volatile logs[WORLD_PLACES];

static void sink(void *ctx, const char *bytes, size_t size)
{
	(void)ctx;
	for (uint32_t i = 0; i < WORLD_PLACES; i++) {
		struct ivsh_log *log = logs[i];

		if (log)
			ivsh_log_write(log, bytes, (uint32_t)size);
	}
}

/* --- The log -------------------------------------------------------------------------------- */

/* A region without logs is no failure. */
static void log_begin(struct session *s)
{
	if (!s->world->tee || s->options->no_log)
		return;
	if (ivsh_log_open(&s->log, &s->node->region))
		return;
	logs[s->place] = &s->log;
	s->world->tee(sink, NULL);
}

/* --- The service ---------------------------------------------------------------------------- */

static void reader_end(struct console *c, uint32_t i)
{
	ivsh_conn_close(&c->reader[i]->conn);
	free(c->reader[i]);
	c->reader[i] = c->reader[--c->count];
}

static struct reader *reader_add(struct session *s)
{
	struct console *c = s->console;
	struct reader *r = c->count < READERS ? calloc(1, sizeof(*r)) : NULL;

	if (!r || ivsh_log_reader_open(&r->log, &s->node->region, s->self)) {
		free(r);
		return NULL;
	}
	c->reader[c->count++] = r;
	return r;
}

bool console_take(struct session *s, const struct ivsh_node_message *m)
{
	struct console *c = s->console;
	struct reader *r;

	if (!c || m->request == 0 || m->port != CONSOLE_PORT)
		return false;
	r = reader_add(s);
	if (!r) {
		if (ivsh_conn_refuse(s->node, m, IVSH_WIRE_CONNECT_FULL)) {
			/* The connector learns it when its time is over. */
		}
	} else if (ivsh_conn_accept(&c->all, &r->conn, m, r->ahead, AHEAD)) {
		free(c->reader[--c->count]);
	}
	return true;
}

/* Drop what the reader sends. Answers as the library does; IVSH_EAGAIN: nothing. */
static int drain(struct reader *r)
{
	uint8_t dropped[AHEAD];
	uint32_t got;
	int error;

	if (r->has_said_all)
		return IVSH_EAGAIN;
	error = ivsh_node_stream_read(&r->conn.stream, dropped, sizeof(dropped), &got, 0);
	r->has_said_all = !error && got == 0;
	return error;
}

/*
 * Take the next bytes out of the log. What the log no longer has becomes a line that says how much
 * it was; so does a log that went back.
 */
static int fill(struct reader *r)
{
	uint8_t *bytes = r->pending + REMARK;
	uint64_t lost;
	uint32_t got;
	int error = ivsh_log_read(&r->log, bytes, PIECE - REMARK, &got, &lost), size = 0;
	char remark[REMARK] = "";

	if (error && error != IVSH_EPEER)
		return error;
	if (error)
		size = snprintf(remark, sizeof(remark), "\n[console: the log was set back]\n");
	else if (lost)
		size =
		    snprintf(remark, sizeof(remark), "\n[console: %" PRIu64 " bytes lost]\n", lost);
	r->at = REMARK - (uint32_t)size;
	r->end = REMARK + got;
	memcpy(r->pending + r->at, remark, (size_t)size);
	return 0;
}

static int empty(struct reader *r)
{
	uint32_t done;
	int error =
	    ivsh_node_stream_write(&r->conn.stream, r->pending + r->at, r->end - r->at, &done, 0);

	r->at += done;
	return error == IVSH_EAGAIN && done ? 0 : error;
}

/* 0: something was done; IVSH_EAGAIN: nothing can be done; else it is over. */
static int go_on(struct reader *r)
{
	int error, drained;

	if (r->conn.state == IVSH_CONN_ACCEPTING)
		return ivsh_conn_poll(&r->conn);
	drained = drain(r);
	if (drained && drained != IVSH_EAGAIN)
		return drained;
	error = r->at != r->end ? 0 : fill(r);
	if (!error)
		error = empty(r);
	return error == IVSH_EAGAIN ? drained : error;
}

bool console_round(struct session *s)
{
	struct console *c = s->console;
	bool some = false;

	for (uint32_t i = c ? c->count : 0; i-- > 0;) {
		int error = go_on(c->reader[i]);

		some |= error != IVSH_EAGAIN;
		if (error && error != IVSH_EAGAIN)
			reader_end(c, i);
	}
	return some;
}

bool console_receive(
    struct session *s, struct ivsh_node_message *m, void *buffer, uint32_t capacity)
{
	int error;

	while ((error = ivsh_node_receive(s->node, m, buffer, capacity, 0)) == 0 ||
	       error == IVSH_ENOSPC) {
		if (!error && console_take(s, m))
			continue;
		if (!error)
			return true;
		fprintf(stderr, "ivsh: %s: %" PRIu32 " bytes dropped\n", session_who(s, m->peer),
		    m->size);
		ivsh_node_drop(s->node, m);
	}
	return false;
}

static int service_begin(struct session *s)
{
	int error;

	if (!logs[s->place]) {
		fprintf(stderr, "ivsh: --console: %s\n",
		    s->options->no_log ? "not with --no-log: it is read out of the log"
				       : "the region has no logs: format it with --log-size");
		return -1;
	}
	s->console = calloc(1, sizeof(*s->console));
	if (!s->console) {
		fprintf(stderr, "ivsh: --console: no memory\n");
		return -1;
	}
	ivsh_conns_begin(&s->console->all, s->node);
	error = ivsh_node_offer(s->node, CONSOLE_NAME, CONSOLE_PORT);
	if (error)
		fprintf(stderr, "ivsh: service %s: %s\n", CONSOLE_NAME, ivsh_error_text(error));
	return error ? -1 : 0;
}

static bool has_all(const struct console *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->reader[i]->at != c->reader[i]->end)
			return false;
	return true;
}

/* Give each reader the last bytes, as far as it takes them soon. */
static void service_end(struct session *s)
{
	struct console *c = s->console;
	uint64_t end = session_now(s) + END_NS;

	while ((console_round(s) || !has_all(c)) && session_now(s) < end)
		if (ivsh_node_wait(s->node, 0, NULL))
			break;
	while (c->count != 0) {
		if (ivsh_node_stream_finish(&c->reader[c->count - 1]->conn.stream, 0)) {
			/* It learns that the connection broke. */
		}
		reader_end(c, c->count - 1);
	}
	ivsh_conns_end(&c->all);
	free(c);
	s->console = NULL;
}

/* --- Both ----------------------------------------------------------------------------------- */

int console_enter(struct session *s)
{
	log_begin(s);
	return s->options->console ? service_begin(s) : 0;
}

void console_leave(struct session *s)
{
	fflush(stdout);
	if (s->console)
		service_end(s);
	logs[s->place] = NULL;
}
