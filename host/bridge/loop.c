/* SPDX-License-Identifier: MIT */
/*
 * loop.c - a running bridge: one thread, and one poll(2) for everything.
 */
#include "bridge/loop.h"
#include "bridge/confine.h"
#include "bridge/control.h"
#include "bridge/events.h"
#include "bridge/far.h"
#include "bridge/kept.h"
#include "bridge/near.h"
#include "bridge/parts.h"
#include "bridge/reload.h"
#include "bridge/remote.h"
#include "bridge/status.h"
#include "bridge/twin.h"
#include "process/clock.h"
#include "process/log.h"
#include "process/notify.h"

#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TURNS 8u                  /* of one pair, before another has one */
#define MOVE_NS UINT64_C(2000000) /* for messages, before the bus and the clock have a turn */
#define TICK_NS UINT64_C(1000000) /* between two looks at all that is no message */
#define FEW 4u                    /* hosts that are all looked at before each sleep */
#define SLEEP_MS 20 /* how soon a local peer's end, which nothing announces here, shows */
#define RECEIVED_NS UINT64_C(20000000) /* between two states that say only what is received */

/* What stays in poll's table, before who asks at the control socket, and the remote peers. */
enum {
	POLL_SIGNALS,
	POLL_BUS,
	POLL_SOCKET,
	POLL_CONTROL,
};

static struct pair *pair_of(struct bridge *b, const struct subject_pair *in)
{
	for (uint32_t i = 0; i < b->remote_count; i++) {
		struct remote *r = b->remotes[i];

		/* Those of one sender are compared only if it is this one. */
		if (strcmp(r->config.peer, in->peer) != 0 || strcmp(r->config.host, in->host) != 0)
			continue;
		for (uint32_t k = 0; k < r->pair_count; k++)
			if (subject_is_same(&r->pairs[k].in, in))
				return &r->pairs[k];
	}
	return NULL;
}

/* Whether (item) is for a pair, and taken. */
static bool item_take(struct bridge *b, struct bus_item *item, uint64_t now)
{
	struct subject_pair in;
	enum subject_kind kind;
	uint16_t port;
	struct pair *p;

	p = subject_read(item->subject, &in, &kind, &port) ? pair_of(b, &in) : NULL;
	if (!p) {
		kept_skip(b, item, now);
		return false;
	}
	if (kind == SUBJECT_STATE)
		return far_take(b, p, item, true, 0, 0, now);
	if (kind == SUBJECT_KEPT)
		return kept_take(b, p, item, port, now);
	return far_take(b, p, item, false, port, 0, now);
}

static void bus_read(struct bridge *b, uint64_t now)
{
	size_t inbox = strlen(bus_inbox(b->bus));
	struct bus_item *item, *next;

	for (item = bus_take(b->bus); item; item = next) {
		next = item->next;
		item->next = NULL;
		if (strncmp(item->subject, bus_inbox(b->bus), inbox) == 0 &&
		    item->subject[inbox] == '.') {
			kept_answer(b, item->subject + inbox + 1, item, now);
			bus_free(item);
		} else if (twin_take(b, item, now)) {
			bus_free(item);
		} else if (!item_take(b, item, now)) {
			event_unknown(b);
			bus_free(item);
		}
	}
	events_bridge(b, now);
}

/*
 * Whether the other bridge is to know what is in the region: after a quarter of the window, so that
 * its sender goes on, or where nothing more waits, and then not too often.
 */
static bool owes_received(const struct bridge *b, const struct pair *p, uint64_t now)
{
	if (p->unsaid == 0)
		return false;
	return p->unsaid >= pair_window(b) / 4 || (!p->first && now - p->said_ns >= RECEIVED_NS);
}

/* Say what is of the local peer of (p), each second, and when it changes. */
static void state_say(struct bridge *b, struct pair *p, uint64_t now)
{
	struct frame frame = {.epoch = p->state.near.epoch,
	    .number = p->state.near.number,
	    .incarnation = look_incarnation(&b->look, p->slot)};
	struct ivsh_service services[FRAME_SERVICES];
	uint8_t bytes[FRAME_STATE_SIZE];
	char subject[SUBJECT_SIZE];
	const struct frame_received received = {
	    .epoch = p->state.far.epoch, .number = p->state.far.number, .window = pair_window(b)};
	size_t size = FRAME_STATE;

	if (b->twin.is_there)
		return;
	if (look_is_present(&b->look, p->slot))
		frame.flags |= FRAME_PRESENT;
	if (near_has_more(p))
		frame.flags |= FRAME_MORE;
	if (pair_is_kept(p))
		frame.flags |= FRAME_KEPT;
	if (p->state.near.was_core)
		frame.flags |= FRAME_CORE;
	if (p->said_ns && now - p->said_ns < STATE_NS &&
	    (p->said_flags & FRAME_PRESENT) == (frame.flags & FRAME_PRESENT) &&
	    p->said_incarnation == frame.incarnation && !owes_received(b, p, now))
		return;
	frame_write(bytes, &frame);
	frame_received_write(bytes + FRAME_SIZE, &received);
	size += frame_services_write(bytes + FRAME_STATE, services,
	    look_services(&b->look, p->slot, services, FRAME_SERVICES));
	subject_make(subject, &p->out, SUBJECT_STATE, 0);
	if (bus_publish(b->bus, subject, NULL, NULL, bytes, size))
		return;
	p->said_ns = now;
	p->said_flags = frame.flags;
	p->said_incarnation = frame.incarnation;
	p->unsaid = 0;
}

/* Say all anew: the others wait for it, before they send. */
static void states_renew(struct bridge *b)
{
	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++)
			b->remotes[i]->pairs[k].said_ns = 0;
}

/* Move messages of (p), both ways. Answers whether any moved. */
static bool pair_move(struct bridge *b, struct pair *p, uint64_t now)
{
	const struct counters *c = &p->counters;
	uint64_t messages = c->sent + c->received, bytes = c->sent_bytes + c->received_bytes;
	bool moved = false;

	for (uint32_t turn = 0; turn < TURNS; turn++) {
		bool one = far_step(p);

		one |= near_step(b, p, now);
		if (p->unsaid >= pair_window(b) / 4)
			state_say(b, p, now);
		if (!one)
			break;
		moved = true;
	}
	busy_moved(
	    &b->busy, c->sent + c->received - messages, c->sent_bytes + c->received_bytes - bytes);
	return moved;
}

/*
 * Move messages, both ways, until nothing moves, or others are due: then the next call begins with
 * the pair whose turn would have been next; or, if the bus has no more room, with the first one
 * that found none. Answers whether more would move.
 */
static bool pairs_move(struct bridge *b, uint64_t now)
{
	uint32_t locals = b->config->local_count, all = b->remote_count * locals;
	uint64_t end_ns = clock_now_ns() + MOVE_NS;
	bool moved = true, was_full = false;

	b->is_full = false;
	while (moved) {
		uint32_t first = b->turn;

		moved = false;
		for (uint32_t i = 0; i < all; i++) {
			uint32_t at = (first + i) % all;
			struct remote *r = b->remotes[at / locals];
			struct pair *p = &r->pairs[at % locals];
			bool one = r->host && !pair_is_renewed(p, now) && pair_move(b, p, now);

			if (b->is_full && !was_full)
				b->turn = one ? at + 1 : at;
			was_full = b->is_full;
			moved |= one;
			if (!one || clock_now_ns() < end_ns)
				continue;
			if (!was_full)
				b->turn = at + 1;
			return true;
		}
	}
	return false;
}

/*
 * Whether the notifications that were requested for (r) still stand: none has come. What waits for
 * room may need another one.
 */
static bool is_asleep(const struct remote *r)
{
	bool has_waiting = false;

	for (uint32_t k = 0; k < r->pair_count; k++)
		has_waiting |= r->pairs[k].first != NULL;
	return r->is_armed && !has_waiting;
}

/*
 * Answers whether there is something to do at once; else the descriptors may be slept on. A look at
 * a host takes several system calls. Where there are many, between two ticks only those have one
 * that were notified. Where there are few, all have one: measured, the next message is there sooner
 * than where the bridge sleeps at once (DESIGN.md).
 */
static bool remotes_ready(struct bridge *b, bool is_due)
{
	bool is_busy = false;

	for (uint32_t i = 0; i < b->remote_count; i++) {
		struct remote *r = b->remotes[i];
		uint32_t events;
		int error;

		if (!r->host || (!is_due && b->remote_count > FEW && is_asleep(r)))
			continue;
		remote_strangers(b, r);
		error = ivsh_host_ready(r->host, 0, &events);
		r->is_armed = !error && !events;
		is_busy |= !error && events;
	}
	return is_busy;
}

/* Those whose descriptors, at (fds), are readable. */
static void remotes_woken(struct bridge *b, const struct pollfd *fds)
{
	for (uint32_t i = 0; i < b->remote_count; i++)
		if (b->remotes[i]->host && fds++->revents)
			b->remotes[i]->is_armed = false;
}

/* Poll for a while, if that is worth it, then sleep. What poll(2) answers. */
static int sleep_begin(struct bridge *b, struct pollfd *fds, nfds_t count)
{
	uint64_t now = clock_now_ns(), from;

	while (busy_goes_on(&b->busy, now)) {
		int found = poll(fds, count, 0);

		if (found) {
			busy_found(&b->busy);
			return found;
		}
		from = clock_now_ns();
		sched_yield();
		now = clock_now_ns();
		busy_yielded(&b->busy, from, now);
	}
	return poll(fds, count, SLEEP_MS);
}

/* Sleep. Answers whether a signal has come. */
static bool wait(struct bridge *b, int signals, struct control *control, bool is_busy)
{
	struct pollfd fds[POLL_CONTROL + CONTROL_FDS + CONFIG_SLOTS] = {
	    [POLL_SIGNALS] = {.fd = signals, .events = POLLIN},
	    [POLL_BUS] = {.fd = bus_fd(b->bus), .events = POLLIN},
	    [POLL_SOCKET] = {.fd = bus_socket(b->bus), .events = bus_events(b->bus)},
	};
	nfds_t asking = control_poll(control, &fds[POLL_CONTROL]), count = POLL_CONTROL + asking;

	for (uint32_t i = 0; i < b->remote_count; i++)
		if (b->remotes[i]->host)
			fds[count++] = (struct pollfd){
			    .fd = ivsh_host_fd(b->remotes[i]->host), .events = POLLIN};
	if ((is_busy ? poll(fds, count, 0) : sleep_begin(b, fds, count)) <= 0)
		return false;
	remotes_woken(b, &fds[POLL_CONTROL + asking]);
	if (fds[POLL_BUS].revents)
		bus_woken(b->bus);
	bus_process(b->bus, fds[POLL_SOCKET].revents);
	control_process(control, b, &fds[POLL_CONTROL], asking);
	return fds[POLL_SIGNALS].revents != 0;
}

/* How large a message the bus takes: with each connection, and when that changes. */
static void payload_look(struct bridge *b)
{
	size_t most = bus_is_up(b->bus) ? bus_most(b->bus) : 0;

	if (most == 0 || most == b->payload)
		return;
	b->payload = most;
	if (most < FRAME_STATE_SIZE)
		event_payload(b);
}

/* The connection, and who is there. */
static void tick(struct bridge *b, uint64_t now)
{
	notify_watchdog(now);
	bus_step(b->bus);
	if (bus_connects(b->bus) != b->connects) {
		b->connects = bus_connects(b->bus);
		b->up_ns = now;
		b->payload = 0;
		kept_reset(b);
		states_renew(b);
	}
	payload_look(b);
	bus_read(b, now);
	twin_step(b, now);
	look_step(&b->look, b->config);
	for (uint32_t i = 0; i < b->remote_count; i++)
		remote_step(b, b->remotes[i], now);
}

static void states_say(struct bridge *b, uint64_t now)
{
	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++) {
			struct pair *p = &b->remotes[i]->pairs[k];

			state_say(b, p, now);
			if (p->lines.is_left)
				events_pair(p, now);
		}
}

/* One turn of the loop. Answers whether a signal has come. */
static bool turn(struct bridge *b, int signals, struct control *control)
{
	uint64_t now = clock_now_ns();
	bool is_busy, is_due = now - b->tick_ns >= TICK_NS;

	/* Messages first: somebody waits for them. */
	b->is_unsaid = false;
	bus_read(b, now);
	kept_step(b, now);
	is_busy = pairs_move(b, now);
	bus_flush(b->bus);
	is_due |= b->is_unsaid;
	if (is_due) {
		b->tick_ns = now;
		tick(b, now);
		kept_step(b, now);
		is_busy = pairs_move(b, now);
		/* Nothing is said of peers who may be there: the last bridge has said that they
		 * are. */
		if (b->look.is_known)
			states_say(b, now);
		bus_flush(b->bus);
	}
	is_busy |= remotes_ready(b, is_due) || (b->is_unsaid && b->look.is_known);
	is_busy |= reload_step(b);
	busy_turn(&b->busy, b->config->busy_poll_us * UINT64_C(1000), clock_now_ns());
	return wait(b, signals, control, is_busy);
}

/* The other bridges need not wait until we are silent. */
static void leave(struct bridge *b)
{
	events_bridge(b, SAY_ALL);
	look_close(&b->look);
	states_renew(b);
	states_say(b, clock_now_ns());
	bus_flush(b->bus);
	while (b->remote_count)
		remote_free(b, b->remotes[--b->remote_count]);
	opener_end();
	free(b->remotes);
	free(b->scratch);
}

/* The configuration of the last reload is ours. */
static void config_end(struct bridge *b)
{
	if (!b->reloaded)
		return;
	config_free(b->config);
	free(b->config);
}

static int begin(struct bridge *b, struct control *control)
{
	char answers[SUBJECT_SIZE];
	struct rlimit limit = {0};

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		b->descriptors = limit.rlim_cur;
	if (confine_user(b->config))
		return -1;
	b->folder = state_folder(b->config->state);
	if (b->folder < 0 || control_open(control, b->folder, status_write))
		return -1;
	b->bus = bus_open(b->config);
	b->remotes = calloc(CONFIG_SLOTS, sizeof(*b->remotes));
	if (!b->bus || !b->remotes || confine_calls())
		return -1;
	snprintf(answers, sizeof(answers), "%s.>", bus_inbox(b->bus));
	if (bus_subscribe(b->bus, answers) || twin_begin(b))
		return -1;
	for (uint32_t i = 0; i < b->config->remote_count; i++) {
		b->remotes[i] = remote_make(b, &b->config->remote[i]);
		if (!b->remotes[i])
			return -1;
		b->remote_count++;
	}
	return 0;
}

/* The signal that came; 0: none. */
static int signal_take(int signals)
{
	struct signalfd_siginfo info;

	return read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo
									   : 0;
}

int loop_run(struct config *config, const char *path)
{
	struct bridge b = {.config = config, .folder = -1};
	struct control control = {.listener = -1};
	int signals, signal = 0, status = 1;
	sigset_t set;

	notify_open();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals >= 0 && begin(&b, &control) == 0) {
		if (confine_is_root(config))
			log_event(
			    "event=warning what=root hint=\"the bridge stays root: user = NAME in "
			    "%s makes it another user\"",
			    path);
		log_event("event=ready region=%s host=%s locals=%u remotes=%u", config->region,
		    config->host, config->local_count, config->remote_count);
		notify("READY=1");
		status = 0;
		while (signal != SIGTERM && signal != SIGINT) {
			signal = turn(&b, signals, &control) ? signal_take(signals) : 0;
			if (signal == SIGHUP) {
				notify("RELOADING=1");
				reload(&b, path);
				notify("READY=1");
			}
		}
		notify("STOPPING=1");
		log_event("event=stop signal=%d", signal);
	}
	if (b.bus)
		leave(&b);
	if (b.bus)
		bus_close(b.bus);
	config_end(&b);
	if (b.folder >= 0)
		close(b.folder);
	control_close(&control);
	if (signals >= 0)
		close(signals);
	return status;
}
