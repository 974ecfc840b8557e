/* SPDX-License-Identifier: MIT */
/*
 * loop.c - one loop over the region, sockets, pipes and programs.
 *
 * Descriptors are watched by edges: one that has nothing to do costs nothing until it changes. The
 * region's descriptor is readable when a peer has notified us, and every 100 ms for the heartbeat.
 */
#include "forward/loop.h"

#include "app/json.h"
#include "app/options.h"
#include "app/status.h"
#include "forward/spawn.h"

#include <ivsh/peers.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 64

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void say(const struct loop *l, const char *what)
{
	fprintf(stderr, "ivsh: %s: %s\n", l->command, what);
}

/* --- Flows ---------------------------------------------------------------------------------- */

static void watch_one(struct loop *l, struct flow *f, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLET, .data.ptr = f};

	/* EPERM: a plain file, which is always ready. EEXIST: one descriptor for both. */
	if (fd >= 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) && errno != EPERM &&
	    errno != EEXIST)
		flow_fail(f, strerror(errno));
}

void loop_watch(struct loop *l, struct flow *f)
{
	f->is_in_ready = f->is_out_ready = true;
	watch_one(l, f, f->in, f->in == f->out ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (f->out != f->in)
		watch_one(l, f, f->out, EPOLLOUT);
}

static struct flow *flow_add(struct loop *l)
{
	struct flow *f = flow_new();

	if (!f)
		return NULL;
	f->next = l->flows;
	l->flows = f;
	l->flow_count++;
	return f;
}

struct flow *loop_begin(struct loop *l)
{
	struct flow *f = flow_add(l);

	if (!f) {
		say(l, "out of memory");
		return NULL;
	}
	f->deadline_ns = l->timeout_ns ? now_ns() + l->timeout_ns : 0;
	return f;
}

/* Find the target, and begin to connect. True: something was done. */
static bool seek(struct loop *l, struct flow *f)
{
	const char *colon = strrchr(l->target, ':');
	char peer[64];
	uint64_t number;
	bool is_number;

	f->has_peer = false;
	snprintf(peer, sizeof(peer), "%.*s", (int)(colon - l->target), l->target);
	is_number = options_number(peer, 0, UINT32_MAX, &number);
	for (uint32_t i = 0; i < l->node->slots; i++) {
		const struct ivsh_peer *p = ivsh_node_peer(l->node, i);
		uint16_t port;

		if (i == l->node->self || !p || p->presence != IVSH_PEER_ATTACHED ||
		    (is_number ? number != i : strcmp(p->name, peer) != 0))
			continue;
		f->has_peer = true;
		if (ivsh_region_port(&l->node->region, i, colon + 1, &port))
			continue;
		if (ivsh_conn_open(&l->all, &f->conn, i, port, f->memory, FLOW_STREAM))
			return false;
		f->state = FLOW_JOINING;
		return true;
	}
	return false;
}

static void joined(struct loop *l, struct flow *f)
{
	f->state = FLOW_OPEN;
	l->opened++;
	if (l->established && !l->established(l, f)) {
		flow_fail(f, NULL);
		l->failed++;
	} else if (l->established) {
		loop_watch(l, f);
	}
}

static bool join(struct loop *l, struct flow *f)
{
	int error = ivsh_conn_poll(&f->conn);

	if (error == IVSH_EAGAIN)
		return false;
	if (!error)
		joined(l, f);
	else
		flow_fail(f, error == IVSH_ENODEV  ? "the peer refuses the connection"
			     : error == IVSH_EBUSY ? "the peer has no room for a connection"
			     : error == IVSH_EPEER ? "the peer is gone"
						   : ivsh_error_text(error));
	return true;
}

static bool flow_go_on(struct loop *l, struct flow *f)
{
	bool some = false;

	if (f->state == FLOW_SEEKING)
		some = seek(l, f);
	if (f->state == FLOW_JOINING)
		some |= join(l, f);
	if (f->state == FLOW_OPEN)
		return flow_run(f) || some;
	if (f->state < FLOW_OPEN && f->deadline_ns && now_ns() > f->deadline_ns) {
		bool seeks = f->state == FLOW_SEEKING;

		flow_fail(f, !seeks        ? "the peer did not answer in time"
			     : f->has_peer ? l->without
					   : "no such peer: ivsh ls shows who is there");
		l->status = seeks ? STATUS_NO_PEER : STATUS_TIMEOUT;
	}
	return some;
}

/* The flow is over: say why, if it failed. */
static void flow_end(struct loop *l, struct flow *f, bool alive)
{
	if (f->why) {
		l->failed++;
		fprintf(stderr,
		    "ivsh: %s: %s: after %" PRIu64 " bytes sent, %" PRIu64 " received\n",
		    l->command, f->why, f->up_bytes, f->down_bytes);
		if (l->is_single && l->status == STATUS_DONE)
			l->status = STATUS_FAILED;
	}
	l->up_bytes += f->up_bytes;
	l->down_bytes += f->down_bytes;
	l->flow_count--;
	if (f->child)
		spawn_left(f->child, f->why != NULL);
	flow_free(f, alive);
}

static bool flows_run(struct loop *l)
{
	bool some = false;

	for (struct flow **at = &l->flows; *at;) {
		struct flow *f = *at;

		some |= flow_go_on(l, f);
		if (f->state != FLOW_OVER) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		flow_end(l, f, true);
		some = true;
	}
	for (struct flow *f = l->flows; f && !some; f = f->next)
		some = flow_is_awake(f);
	return some;
}

/* --- The region ----------------------------------------------------------------------------- */

static void request_take(struct loop *l, const struct ivsh_node_message *m)
{
	struct flow *f;

	if (!l->service || m->request == 0 || m->port != l->port)
		return;
	/* A program may go on when its connection has ended. */
	f = l->flow_count < l->limit && spawn_count() < l->limit ? flow_add(l) : NULL;
	if (!f) {
		l->refused++;
		if (ivsh_conn_refuse(l->node, m, IVSH_WIRE_CONNECT_FULL)) {
			/* The connector learns it when its time is over. */
		}
		return;
	}
	f->state = FLOW_JOINING;
	if (ivsh_conn_accept(&l->all, &f->conn, m, f->memory, FLOW_STREAM)) {
		l->flows = f->next;
		l->flow_count--;
		flow_free(f, true);
	}
}

static bool messages_take(struct loop *l)
{
	static uint8_t buffer[64];
	struct ivsh_node_message m;
	bool some = false;
	int error;

	while ((error = ivsh_node_receive(l->node, &m, buffer, sizeof(buffer), 0)) == 0 ||
	       error == IVSH_ENOSPC) {
		some = true;
		if (error)
			ivsh_node_drop(l->node, &m);
		else
			request_take(l, &m);
	}
	return some;
}

/* Whether connections have begun on the node that is there: a new one has no stream yet. */
static bool is_begun(const struct loop *l)
{
	const struct ivsh_node *node = ivsh_host_node(l->host);

	for (const struct ivsh_node_stream *s = node ? node->streams : NULL; s; s = s->next)
		if (s == &l->all.none)
			return true;
	return false;
}

/*
 * The node is another one, or gone: connections went with it. An error and an event say so both,
 * and only the first counts.
 */
static void node_change(struct loop *l)
{
	if (is_begun(l))
		return;
	if (l->flows)
		say(l, "the region was opened again: the connections are lost");
	while (l->flows) {
		struct flow *f = l->flows;

		l->flows = f->next;
		flow_fail(f, "the region was lost");
		flow_end(l, f, false);
	}
	l->node = ivsh_host_node(l->host);
	if (l->node)
		ivsh_conns_begin(&l->all, l->node);
}

/* What the region has to do before a sleep. True: do not sleep. */
static bool region_ready(struct loop *l)
{
	uint32_t events = 0, kind, slot;
	int error = ivsh_host_ready(l->host, 0, &events);

	if (error == IVSH_ELOST || ivsh_host_node(l->host) != l->node)
		node_change(l);
	if (error == IVSH_ELOST)
		return true;
	while (events & IVSH_EVENT_CONTROL && ivsh_host_next_event(l->host, &kind, &slot, 0) == 0)
		if (kind == IVSH_HOST_EVENT_RESUMED || kind == IVSH_HOST_EVENT_REPLACED)
			node_change(l);
	return !error && events != 0;
}

static int region_open(struct loop *l)
{
	struct epoll_event event = {.events = EPOLLIN};
	int error = ivsh_host_open(&l->host, l->place, l->name, 0, l->slot);

	if (error) {
		fprintf(stderr, "ivsh: %s: %s\n", l->host ? ivsh_host_place(l->host) : l->command,
		    ivsh_host_error(l->host));
		return error == IVSH_ENODEV ? STATUS_NO_DEVICE : STATUS_FAILED;
	}
	l->node = ivsh_host_node(l->host);
	l->entered(ivsh_host_place(l->host), &l->node->region.mem);
	ivsh_conns_begin(&l->all, l->node);
	error = l->service ? ivsh_host_offer(l->host, l->service, l->port) : 0;
	if (error) {
		fprintf(stderr, "ivsh: service %s: %s\n", l->service, ivsh_error_text(error));
		return STATUS_FAILED;
	}
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, ivsh_host_fd(l->host), &event)) {
		say(l, strerror(errno));
		return STATUS_FAILED;
	}
	event = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.ptr = l};
	if (l->listener >= 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->listener, &event)) {
		say(l, strerror(errno));
		return STATUS_FAILED;
	}
	l->is_listener_ready = l->listener >= 0;
	return STATUS_DONE;
}

/* --- The loop ------------------------------------------------------------------------------- */

/* Accept what waits, as long as there is room: the rest waits in the kernel. */
static bool sockets_accept(struct loop *l)
{
	bool some = false;

	while (l->is_listener_ready && l->flow_count < l->limit) {
		int fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct flow *f;

		if (fd < 0) {
			/* Without a descriptor, it is tried again when the loop wakes up. */
			l->is_listener_ready = errno != EAGAIN;
			return some;
		}
		f = loop_begin(l);
		if (!f) {
			close(fd);
			return some;
		}
		f->in = f->out = fd;
		f->is_socket = true;
		loop_watch(l, f);
		some = true;
	}
	return some;
}

static void sleep_once(struct loop *l)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(l->epoll, events, EVENTS, -1);

	for (int i = 0; i < count; i++) {
		struct flow *f = events[i].data.ptr;

		if (events[i].data.ptr == l)
			l->is_listener_ready = true;
		else if (f)
			f->is_in_ready = f->is_out_ready = true;
	}
}

static bool is_over(const struct loop *l)
{
	return l->stopped() || (l->is_single && !l->flows);
}

static void rounds(struct loop *l)
{
	while (!is_over(l)) {
		bool some = sockets_accept(l);

		spawn_reap();
		if (l->node) {
			some |= messages_take(l);
			some |= flows_run(l);
		}
		if (!some && !is_over(l) && !region_ready(l))
			sleep_once(l);
	}
}

static void end(struct loop *l)
{
	while (l->flows) {
		struct flow *f = l->flows;

		l->flows = f->next;
		flow_fail(f, NULL);
		flow_end(l, f, l->node != NULL);
	}
	spawn_end();
	if (l->node)
		ivsh_conns_end(&l->all);
	ivsh_host_close(l->host);
	if (l->epoll >= 0)
		close(l->epoll);
}

static void summary_print(const struct loop *l)
{
	struct json json;

	if (!l->is_json) {
		fprintf(stderr,
		    "ivsh: %s: %" PRIu64 " connections, %" PRIu64 " failed, %" PRIu64
		    " refused; %" PRIu64 " bytes sent, %" PRIu64 " received\n",
		    l->command, l->opened, l->failed, l->refused, l->up_bytes, l->down_bytes);
		return;
	}
	json_begin(&json, "served");
	json_text(&json, "command", l->command);
	json_u64(&json, "connections", l->opened);
	json_u64(&json, "failed", l->failed);
	json_u64(&json, "refused", l->refused);
	json_u64(&json, "sent_bytes", l->up_bytes);
	json_u64(&json, "received_bytes", l->down_bytes);
	json_end(&json);
}

int loop_run(struct loop *l)
{
	int status;

	l->epoll = -1;
	status = region_open(l);
	if (status == STATUS_DONE) {
		l->status = STATUS_DONE;
		rounds(l);
		status = l->status == STATUS_DONE && l->is_single && l->stopped() ? STATUS_STOPPED
										  : l->status;
		if (!l->is_single)
			status = STATUS_DONE;
	}
	end(l);
	if (!l->is_single && l->node)
		summary_print(l);
	return status;
}
