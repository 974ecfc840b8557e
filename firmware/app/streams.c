/* SPDX-License-Identifier: MIT */
/*
 * streams.c - streams: serve connections. One service gives the bytes back, one sends, one takes.
 *
 * A program that serves connections may begin with a copy of this file. It sleeps when no
 * connection can go on, and holds at most MOST of them.
 */
#include "app/commands.h"
#include "app/console.h"
#include "app/output.h"
#include "app/report.h"
#include "app/session.h"

#include <ivsh/connection.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64u           /* connections at once */
#define BUFFER 16384u      /* bytes that one receives ahead of its reader */
#define SOURCE_SIZE 65536u /* bytes of the source, without --size */
#define SLICE_NS UINT64_C(100000000)

enum kind {
	ECHO,
	SOURCE,
	SINK,
	KINDS
};

static const char *const names[KINDS] = {"stream-echo", "stream-source", "stream-sink"};

enum {
	CONNECTIONS,
	OPEN,
	BYTES
};

static const struct session_metric metrics[] = {
    [CONNECTIONS] = {"streams_connections", IVSH_METRIC_COUNTER},
    [OPEN] = {"streams_open", IVSH_METRIC_GAUGE},
    [BYTES] = {"streams_bytes_received", IVSH_METRIC_COUNTER},
    {NULL, IVSH_METRIC_COUNTER},
};

struct served {
	struct ivsh_conn conn;
	enum kind kind;
	uint8_t ahead[BUFFER];   /* the stream's */
	uint8_t pending[BUFFER]; /* read, or made, and not written yet */
	uint32_t at, end;
	uint32_t credit;   /* the peer's, at the last write */
	uint32_t made;     /* bytes of the source */
	bool has_all;      /* no more will be pending */
	uint64_t in, hash; /* of the bytes that came */
};

struct streams {
	struct session s;
	struct ivsh_conns all;
	struct served *served[MOST];
	uint32_t served_count, accepted;
	uint32_t source_size;
};

/* FNV-1a, 64 bits. */
static uint64_t hash_add(uint64_t hash, const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static void taken_print(const struct session *s, const struct served *v)
{
	struct json json;

	if (s->options->json) {
		report_begin(&json, s, "taken");
		json_u64(&json, "bytes", v->in);
		json_hex(&json, "fnv1a", v->hash);
		json_end(&json);
	} else {
		printf("streams: took %" PRIu64 " bytes, fnv1a %016" PRIx64 "\n", v->in, v->hash);
	}
}

static void leave(struct streams *st, uint32_t i)
{
	struct served *v = st->served[i];

	if (v->kind == SINK && v->has_all)
		taken_print(&st->s, v);
	ivsh_conn_close(&v->conn);
	free(v);
	st->served[i] = st->served[--st->served_count];
	ivsh_metric_set(&st->s.metric[OPEN], st->served_count);
}

static void request_take(struct streams *st, const struct ivsh_node_message *m)
{
	uint32_t kind = (uint32_t)(m->port - st->s.port);
	struct served *v;

	if (console_take(&st->s, m) || m->request == 0 || kind >= KINDS)
		return;
	v = st->served_count < MOST ? calloc(1, sizeof(*v)) : NULL;
	if (!v) {
		if (ivsh_conn_refuse(st->s.node, m, IVSH_WIRE_CONNECT_FULL)) {
			/* The connector learns it when its time is over. */
		}
		return;
	}
	v->kind = (enum kind)kind;
	v->hash = UINT64_C(0xcbf29ce484222325);
	if (ivsh_conn_accept(&st->all, &v->conn, m, v->ahead, BUFFER)) {
		free(v);
		return;
	}
	st->served[st->served_count++] = v;
	st->accepted++;
	ivsh_metric_add(&st->s.metric[CONNECTIONS], 1);
	ivsh_metric_set(&st->s.metric[OPEN], st->served_count);
}

/* The next bytes of the source: a count, in words of four bytes. */
static void source_make(struct streams *st, struct served *v)
{
	while (v->end < BUFFER && v->made < st->source_size) {
		uint32_t word = v->made / 4;

		v->pending[v->end++] = (uint8_t)(word >> v->made % 4 * 8);
		v->made++;
	}
	v->has_all = v->made == st->source_size;
}

/* Get bytes to write, or see to those that come. Answers as the library does. */
static int fill(struct streams *st, struct served *v)
{
	uint32_t got;
	int error;

	v->at = v->end = 0;
	if (v->kind == SOURCE) {
		source_make(st, v);
		return 0;
	}
	error = ivsh_node_stream_read(&v->conn.stream, v->pending, BUFFER, &got, 0);
	if (error)
		return error;
	v->in += got;
	ivsh_metric_add(&st->s.metric[BYTES], got);
	v->has_all = got == 0;
	if (v->kind == SINK)
		v->hash = hash_add(v->hash, v->pending, got);
	else
		v->end = got;
	return 0;
}

static int empty(struct served *v)
{
	uint32_t done;
	int error;

	v->credit = v->conn.stream.stream.tx.credit;
	error =
	    ivsh_node_stream_write(&v->conn.stream, v->pending + v->at, v->end - v->at, &done, 0);
	v->at += done;
	return error == IVSH_EAGAIN && done ? 0 : error;
}

/* The source has said everything: wait until the peer ends, too. */
static int end_await(struct served *v)
{
	uint8_t byte;
	uint32_t got;
	int error = ivsh_node_stream_finish(&v->conn.stream, 0);

	if (error || v->kind != SOURCE)
		return error ? error : IVSH_EPEER;
	error = ivsh_node_stream_read(&v->conn.stream, &byte, 1, &got, 0);
	return error || got ? error : IVSH_EPEER;
}

/* 0: something was done; IVSH_EAGAIN: nothing can be done; else it is over. */
static int go_on(struct streams *st, struct served *v)
{
	if (v->conn.state == IVSH_CONN_ACCEPTING)
		return ivsh_conn_poll(&v->conn);
	if (v->at != v->end)
		return empty(v);
	return v->has_all ? end_await(v) : fill(st, v);
}

/* Whether the last round has left something to do, which another connection's call took in. */
static bool is_awake(const struct streams *st)
{
	for (uint32_t i = 0; i < st->served_count; i++) {
		const struct served *v = st->served[i];
		bool writes = v->at != v->end;

		if (writes ? v->conn.stream.stream.tx.credit != v->credit
			   : v->kind != SOURCE && !v->has_all &&
				 (ivsh_conn_events(&v->conn) & IVSH_EVENT_MESSAGE))
			return true;
	}
	return false;
}

/* One round over everything. True: something was done. */
static bool round_make(struct streams *st)
{
	static uint8_t buffer[64];
	struct ivsh_node_message m;
	bool some = false;
	int error;

	while ((error = ivsh_node_receive(st->s.node, &m, buffer, sizeof(buffer), 0)) == 0 ||
	       error == IVSH_ENOSPC) {
		some = true;
		if (error)
			ivsh_node_drop(st->s.node, &m);
		else
			request_take(st, &m);
	}
	for (uint32_t i = st->served_count; i-- > 0;) {
		error = go_on(st, st->served[i]);
		some |= error != IVSH_EAGAIN;
		if (error && error != IVSH_EAGAIN)
			leave(st, i);
	}
	some |= console_round(&st->s);
	return some || is_awake(st);
}

static int serve(struct streams *st, uint32_t count)
{
	struct session *s = &st->s;

	session_await(s, IVSH_SELF_NONE, "a connection");
	while (count == 0 || st->accepted < count || st->served_count != 0) {
		if (round_make(st)) {
			if (!session_busy(s))
				return s->status;
			continue;
		}
		if (ivsh_node_wait(s->node, SLICE_NS, NULL)) {
			/* session_check() says what is lost. */
		}
		if (!session_check(s))
			return s->status;
	}
	return STATUS_DONE;
}

static int offer_all(struct session *s)
{
	for (uint32_t i = 0; i < KINDS; i++) {
		int error = ivsh_node_offer(s->node, names[i], (uint16_t)(s->port + i));

		if (!error)
			continue;
		fprintf(stderr, "ivsh: service %s: %s\n", names[i], ivsh_error_text(error));
		return STATUS_FAILED;
	}
	return STATUS_DONE;
}

static void served_print(const struct streams *st)
{
	struct json json;

	if (st->s.options->json) {
		report_begin(&json, &st->s, "served");
		json_u64(&json, "connections", st->accepted);
		json_end(&json);
	} else {
		printf("streams: served %" PRIu32 " connections\n", st->accepted);
	}
}

int streams_run(const struct world *world, const struct options *o)
{
	static struct streams st;
	struct session *s = &st.s;
	int status;

	memset(&st, 0, sizeof(st));
	st.source_size = o->given & OPTION_SIZE ? o->size : SOURCE_SIZE;
	if (session_open(s, world, o, 0, 0))
		return s->status;
	s->endless = o->count == 0;
	session_metrics(s, metrics);
	ivsh_conns_begin(&st.all, s->node);
	status = offer_all(s);
	report_start(s, "serves");
	if (status == STATUS_DONE)
		status = output_flush();
	if (status == STATUS_DONE)
		status = serve(&st, o->count);
	while (s->node && st.served_count)
		leave(&st, st.served_count - 1);
	served_print(&st);
	session_close(s);
	return status;
}
