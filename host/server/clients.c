/* SPDX-License-Identifier: MIT */
/*
 * clients.c - the connections.
 *
 * Theory of operation
 *
 * Nothing is ever queued for a client: what it has yet to be told follows from what is and what it
 * knows (notices.h). So a client that does not read costs nothing, and none can miss a message.
 *
 * The table is in the state, and a server may die between any two stores. Before notices are sent
 * they are written down (batch.h) and their number goes into (sending); after that what was told is
 * recorded and (sending) becomes 0 again. A server that takes over and finds (sending) set sees in
 * the batch how many went, and records them. If that makes no sense it cannot know what the client
 * has: it leaves it alone, as doubtful.
 *
 * A client is refused by a protocol version that it does not know. QEMU 7.2 spins for ever when the
 * socket ends before the memory has come (hw/misc/ivshmem.c, ivshmem_recv_msg()); so no one who was
 * sent the right version, or perhaps was, is closed before that. The three first messages always
 * fit in a fresh socket's buffer.
 *
 * Who was told its ID has it until its socket closes, however late it reads and whatever it does: it
 * may be a virtual machine that is stopped, and two that have one ID destroy each other's messages.
 * Who is told the end is only shut down; what it has not read still counts as in flight.
 */
#include "server/clients.h"
#include "process/clock.h"
#include "server/batch.h"
#include "server/ids.h"
#include "wire/state.h"
#include "server/admission.h"
#include "wire/link.h"
#include "process/log.h"
#include "server/notices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_WAIT_NS UINT64_C(1000000000)    /* for the old client of a bound slot to go */
#define CLIENTS_READING_NS UINT64_C(5000000000) /* for reading more of what there is to be told */
#define CLIENTS_PACE_NS UINT64_C(5000000)       /* from one announcement to the next */
#define CLIENTS_EVENTS 256
#define CLIENTS_TURNS 4 /* batches that are sent before others have their turn */
#define CLIENTS_FEW 8u  /* who come together and are told a batch each at once */

static const char *const clients_reasons[CLIENTS_REASONS] = {
    [CLIENTS_NO_FREE_SLOT] = "no-free-slot",
    [CLIENTS_SLOT_IN_USE] = "slot-in-use",
    [CLIENTS_NOT_ALLOWED] = "not-allowed",
    [CLIENTS_TOO_MANY_PER_UID] = "too-many-per-uid",
    [CLIENTS_DESCRIPTORS] = "descriptors",
    [CLIENTS_IDS_EXHAUSTED] = "ids-exhausted",
};

const char *clients_reason(enum client_reason reason)
{
	return clients_reasons[reason];
}

/* Who takes over finds the stores in this order, wherever the server died. */
static void clients_record(uint32_t *word, uint32_t value)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static uint32_t clients_place(const struct clients *clients, const struct client *client)
{
	return (uint32_t)(client - clients->client);
}

bool clients_holds_slot(const struct clients *clients, const struct client *client)
{
	return client->slot < clients->slots->count &&
	       clients->slots->slot[client->slot].client == clients_place(clients, client);
}

static void clients_live(struct clients *clients, uint32_t slot, bool is_live)
{
	uint64_t bit = UINT64_C(1) << slot % 64;

	if (!clients->is_classic)
		return;
	if (is_live)
		clients->live[slot / 64] |= bit;
	else
		clients->live[slot / 64] &= ~bit;
	clients->is_changed = true;
}

static void clients_watch(
    struct clients *clients, const struct client *client, uint32_t events, int operation)
{
	uint32_t place = clients_place(clients, client);
	struct epoll_event event = {.events = events, .data.u32 = place};

	if (epoll_ctl(clients->epoll, operation, clients->fd[place], &event))
		log_event("event=warning what=epoll_ctl error=%d", errno);
}

/* Give its slot back; the slot keeps its eventfds. */
static void clients_release(struct clients *clients, struct client *client, const char *reason)
{
	struct slot *slot;

	if (!clients_holds_slot(clients, client))
		return;
	slot = &clients->slots->slot[client->slot];
	log_event(
	    "event=disconnect slot=%u pid=%ld reason=%s", slot->id, (long)client->pid, reason);
	clients->counts->disconnects++;
	page_connection(clients->page, slot->id, false);
	clients_live(clients, client->slot, false);
	slot->client = SLOTS_NONE;
}

/*
 * The supervisor closes its own copy only when it has heard of it, and then finds the place free. Who
 * takes over in between has a connection that is shut down, and closes it as a new one.
 */
static void clients_report(struct clients *clients, struct client *client)
{
	struct link_message message = {.kind = LINK_DROP, .index = clients_place(clients, client)};

	clients_record(&client->state, CLIENT_FREE);
	if (clients->link >= 0 && link_send(clients->link, &message, NULL, 0) && errno != EPIPE)
		clients_record(&client->state, CLIENT_GONE); /* clients_tick() tries again */
	else
		clients->used--;
}

/* It has closed, or may be closed: forget it. */
static void clients_forget(struct clients *clients, struct client *client, const char *reason)
{
	uint32_t place = clients_place(clients, client);

	if (!clients_holds_slot(clients, client))
		log_detail("event=gone pid=%ld reason=%s", (long)client->pid, reason);
	clients_release(clients, client, reason);
	notices_forget(clients, client);
	if (clients->is_classic)
		ids_forget(clients, place);
	/* Who takes over sees by this that it is over, and not a new one in the same place. */
	shutdown(clients->fd[place], SHUT_RDWR);
	clients_record(&client->state, CLIENT_GONE);
	/* Closing does not do this: the supervisor has a copy, and may be slow to close it. */
	epoll_ctl(clients->epoll, EPOLL_CTL_DEL, clients->fd[place], NULL);
	close(clients->fd[place]);
	clients->fd[place] = -1;
	clients_report(clients, client);
}

/*
 * End it from our side: it sees the end of the stream behind what it has not read. What it was
 * given, it has until it closes.
 */
static void clients_end(struct clients *clients, struct client *client, const char *reason)
{
	uint32_t place = clients_place(clients, client);

	if (clients_holds_slot(clients, client))
		log_event("event=end slot=%u pid=%ld reason=%s",
		    clients->slots->slot[client->slot].id, (long)client->pid, reason);
	/* First: what it knows counts as long as it is told anything. */
	clients_record(&client->state, CLIENT_CLOSING);
	notices_forget(clients, client);
	client->deadline_ns = clock_now_ns();
	client->lags_ns = 0;
	clients->is_blocked[place] = false;
	clients_watch(clients, client, EPOLLRDHUP, EPOLL_CTL_MOD);
	if (shutdown(clients->fd[place], SHUT_WR))
		clients_forget(clients, client, reason);
}

/* It has not read for long; that is all that happens: see the top. */
static void clients_lag(struct clients *clients, struct client *client, uint64_t now_ns)
{
	client->lags_ns = now_ns - CLIENTS_READING_NS;
	clients->counts->slow++;
	log_event("event=lags slot=%u pid=%ld queued=%u", clients->slots->slot[client->slot].id,
	    (long)client->pid, notices_left(clients, client));
}

/* It knows all that there is to be known. */
static void clients_is_told(struct clients *clients, struct client *client)
{
	if (client->lags_ns)
		log_event("event=reads slot=%u pid=%ld after_ms=%llu",
		    clients->slots->slot[client->slot].id, (long)client->pid,
		    (unsigned long long)(clock_now_ns() - client->lags_ns) / 1000000);
	client->lags_ns = 0;
}

/* Whether an error of a send says that the other side has closed; others pass. */
static bool clients_is_over(int error)
{
	return error == EPIPE || error == ECONNRESET;
}

static void clients_due(struct clients *clients, uint32_t place, bool is_due)
{
	clients->due += is_due;
	clients->due -= clients->is_due[place];
	clients->is_due[place] = is_due;
}

/* What was not sent, it was not told; errno is as it was. */
static void clients_settle(
    struct clients *clients, uint32_t place, const struct notice *plan, uint32_t count, int sent)
{
	int error = errno;

	ids_settle(clients, place, plan, count, sent > 0 ? (uint32_t)sent : 0);
	errno = error;
}

/*
 * Tell it what it has yet to be told, as far as its socket takes it, in (turns) batches of at most
 * (room) notices. Who has more to be told is due for it.
 */
static void clients_tell_some(
    struct clients *clients, struct client *client, uint32_t room, uint32_t turns)
{
	uint32_t place = clients_place(clients, client), count = 0;
	struct batch *batch = clients->batch;
	bool blocked = false;

	clients_due(clients, place, false);
	while (!blocked && (count = notices_plan(clients, client, batch->notice, room)) > 0) {
		int sent;

		if (turns-- == 0) {
			clients_due(clients, place, true);
			break;
		}
		batch_prepare(batch, place, client, count);
		clients_record(&client->sending, count);
		if (clients->is_classic)
			ids_expect(clients, place, batch->notice, count);
		sent = batch_send(clients->fd[place], batch);
		if (clients->is_classic)
			clients_settle(clients, place, batch->notice, count, sent);
		if (sent > 0)
			notices_told(clients, client, batch->notice, (uint32_t)sent);
		clients_record(&client->sending, 0);
		if (sent > 0) {
			client->deadline_ns = clock_now_ns() + CLIENTS_READING_NS;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			blocked = true;
		} else if (clients_is_over(errno)) {
			clients_forget(clients, client, "send-failed");
			return;
		} else if (errno != EINTR) { /* ETOOMANYREFS, ENOMEM, ENOBUFS */
			log_detail(
			    "event=warning what=send pid=%ld error=%d", (long)client->pid, errno);
			return; /* no event says when this is over: clients_tick() tries again */
		}
	}
	if (count == 0)
		clients_is_told(clients, client);
	if (client->state == CLIENT_GREETING && notices_is_greeted(clients, client)) {
		clients_record(&client->state, CLIENT_READY);
		log_detail("event=greeted slot=%u", clients->slots->slot[client->slot].id);
	}
	if (clients->is_blocked[place] != blocked) {
		clients->is_blocked[place] = blocked;
		clients_watch(clients, client, EPOLLIN | EPOLLRDHUP | (blocked ? EPOLLOUT : 0u),
		    EPOLL_CTL_MOD);
	}
}

/* The same, all of it. */
static void clients_tell(struct clients *clients, struct client *client)
{
	clients_tell_some(clients, client, CLIENTS_BATCH, UINT32_MAX);
}

static const struct notice clients_refusal = {NOTICES_REFUSAL, -1, SLOTS_NONE, 0};

/* Send the refusal that client->reason says, and close. */
static void clients_turn_down(struct clients *clients, struct client *client)
{
	uint32_t place = clients_place(clients, client);
	int sent;

	clients->batch->notice[0] = clients_refusal;
	batch_prepare(clients->batch, place, client, 1);
	clients_record(&client->sending, 1);
	sent = batch_send(clients->fd[place], clients->batch);
	clients_record(&client->sending, 0);
	if (sent < 0 && (errno == ENOMEM || errno == ENOBUFS || errno == EINTR))
		return; /* clients_tick() tries again */
	/* It has the version, which stays readable after the end. */
	caller_tell(clients->fd[place], clients_reason(client->reason));
	clients_forget(clients, client, "refused");
}

/* The caller then turns it down. */
static void clients_refuse(
    struct clients *clients, struct client *client, enum client_reason reason)
{
	log_event("event=refuse pid=%ld uid=%ld reason=%s", (long)client->pid, (long)client->uid,
	    clients_reason(reason));
	clients->counts->refused[reason]++;
	client->reason = reason;
	clients_record(&client->state, CLIENT_REFUSED);
}

/* The caller then tells it. */
static void clients_grant(struct clients *clients, struct client *client)
{
	struct slot *slot = &clients->slots->slot[client->slot];
	const char *name = clients->slots->names[client->slot];

	if (clients->is_classic) {
		uint32_t id;

		if (!ids_take(clients, clients_place(clients, client), &id)) {
			clients_refuse(clients, client, CLIENTS_IDS_EXHAUSTED);
			return;
		}
		slots_drain(clients->slots, client->slot);
		slot->id = id;
	}
	client->step = 0;
	client->about = SLOTS_NONE;
	slot->times++;
	clients_record(&slot->client, clients_place(clients, client));
	clients_record(&client->state, CLIENT_GREETING);
	clients->counts->connects++;
	log_event("event=connect slot=%u pid=%ld uid=%ld%s%s", slot->id, (long)client->pid,
	    (long)client->uid, name ? " name=" : "", name ? name : "");
	/* Before the first message: a client that knows its ID finds itself connected. */
	page_connection(clients->page, slot->id, true);
	clients_live(clients, client->slot, true);
}

/* Its first words, in (turns) batches of at most (room) notices. */
static void clients_greet(
    struct clients *clients, struct client *client, uint32_t room, uint32_t turns)
{
	if (client->state == CLIENT_REFUSED)
		clients_turn_down(clients, client);
	else if (client->state == CLIENT_GREETING)
		clients_tell_some(clients, client, room, turns);
}

/* The slot that a waiting client can have now: its bound one, or any; SLOTS_NONE. */
static uint32_t clients_slot_for(const struct clients *clients, const struct client *client)
{
	if (client->slot == SLOTS_NONE)
		return slots_lowest_free(clients->slots);
	return clients->slots->slot[client->slot].client == SLOTS_NONE ? client->slot : SLOTS_NONE;
}

/* Give slots that became free to those who wait for them, the longest waiting first. */
static void clients_promote(struct clients *clients)
{
	for (;;) {
		struct client *next = NULL;

		for (uint32_t i = 0; i < clients->capacity; i++) {
			struct client *c = &clients->client[i];

			if (c->state == CLIENT_WAITING &&
			    (!next || c->deadline_ns < next->deadline_ns) &&
			    clients_slot_for(clients, c) != SLOTS_NONE)
				next = c;
		}
		if (!next)
			return;
		next->slot = clients_slot_for(clients, next);
		clients_grant(clients, next); /* it holds the slot now, or is refused: fewer wait */
		clients_greet(clients, next, CLIENTS_BATCH, UINT32_MAX);
	}
}

/* There is a slot that nobody holds: others have yet to be told of the last one's end. */
static bool clients_is_slot_coming(const struct clients *clients)
{
	for (uint32_t i = 0; clients->is_classic && i < clients->slots->count; i++)
		if (clients->slots->slot[i].client == SLOTS_NONE)
			return true;
	return false;
}

/*
 * One that only looks gets the memory, and no ID. Whoever takes over in between has a new connection,
 * and tells it the same again.
 */
static void clients_show(struct clients *clients, struct client *client)
{
	const struct notice plan[NOTICES_HEAD] = {{NOTICES_VERSION, -1, SLOTS_NONE, 0},
	    {NOTICES_NO_ID, -1, SLOTS_NONE, 0}, {-1, clients->memory, SLOTS_NONE, 0}};
	uint32_t place = clients_place(clients, client);
	int sent;

	memcpy(clients->batch->notice, plan, sizeof plan);
	batch_prepare(clients->batch, place, client, NOTICES_HEAD);
	clients_record(&client->sending, NOTICES_HEAD);
	sent = batch_send(clients->fd[place], clients->batch);
	clients_record(&client->sending, 0);
	log_detail("event=look pid=%ld uid=%ld", (long)client->pid, (long)client->uid);
	if (sent == (int)NOTICES_HEAD)
		clients_end(clients, client, "looked");
	else
		clients_forget(clients, client, "send-failed");
}

static void clients_admit(
    struct clients *clients, struct client *client, uint32_t slot, enum caller caller)
{
	enum client_reason reason = admission_check(clients, clients_place(clients, client));

	if (reason == CLIENTS_REASONS && caller == CALLER_LOOK) {
		clients_show(clients, client);
		return;
	}
	client->slot = slot;
	if (reason == CLIENTS_REASONS && clients_slot_for(clients, client) == SLOTS_NONE &&
	    slot == SLOTS_NONE) {
		clients_announce(clients);
		if (clients_slot_for(clients, client) == SLOTS_NONE &&
		    !clients_is_slot_coming(clients))
			reason = CLIENTS_NO_FREE_SLOT;
	}
	if (reason != CLIENTS_REASONS) {
		clients_refuse(clients, client, reason);
		return;
	}
	client->deadline_ns = clock_now_ns() + CLIENTS_WAIT_NS;
	clients_record(&client->state, CLIENT_WAITING);
	slot = clients_slot_for(clients, client);
	if (slot != SLOTS_NONE) {
		client->slot = slot;
		clients_grant(clients, client);
	}
}

/* The client closed, or wrote, which no client has reason to. */
static void clients_input(struct clients *clients, struct client *client)
{
	unsigned char bytes[64];
	ssize_t got;

	if (client->state == CLIENT_CLOSING) {
		clients_forget(clients, client, "closed");
		return;
	}
	got = recv(clients->fd[clients_place(clients, client)], bytes, sizeof bytes, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0 && client->state != CLIENT_DOUBTFUL)
		clients_end(clients, client, "sent-bytes");
	else if (got <= 0)
		clients_forget(clients, client, got == 0 ? "hang-up" : "error");
}

void clients_announce(struct clients *clients)
{
	while (clients->is_changed) {
		clients->is_changed = false;
		for (uint32_t i = 0; i < clients->capacity; i++) {
			struct client *client = &clients->client[i];

			if ((client->state == CLIENT_READY || client->state == CLIENT_GREETING) &&
			    !clients->is_blocked[i]) {
				/* Only who has something to read has a deadline for it. */
				if (notices_left(clients, client) > 0)
					clients_tell(clients, client);
			}
		}
	}
}

static bool clients_is_listening(const struct client *client)
{
	return client->state == CLIENT_GREETING || client->state == CLIENT_READY;
}

/* The next ones who are due, each a batch; fewer while others wait for their first words. */
static void clients_take_turns(struct clients *clients)
{
	unsigned limit = clients->is_hurried ? 1 : CLIENTS_TURNS;

	clients->is_hurried = false;
	for (unsigned turns = 0; turns < limit && clients->due > 0; turns++) {
		uint32_t place;

		do
			place = clients->turn++ % clients->capacity;
		while (!clients->is_due[place]);
		if (clients_is_listening(&clients->client[place]) && !clients->is_blocked[place])
			clients_tell_some(clients, &clients->client[place], CLIENTS_BATCH, 1);
		else
			clients_due(clients, place, false);
	}
}

/* Everybody who has not read it is due for the news. Answers whether there is anybody. */
static bool clients_spread(struct clients *clients)
{
	clients->is_changed = false;
	for (uint32_t i = 0; i < clients->capacity; i++)
		if (clients_is_listening(&clients->client[i]) && !clients->is_blocked[i] &&
		    notices_left(clients, &clients->client[i]) > 0)
			clients_due(clients, i, true);
	return clients->due > 0;
}

int clients_announce_due(struct clients *clients)
{
	uint64_t now_ns, since_ns;
	int wait_ms = -1;

	if (clients->is_changed) {
		now_ns = clock_now_ns();
		since_ns = now_ns - clients->announced_ns;
		if (since_ns < CLIENTS_PACE_NS)
			wait_ms = (int)((CLIENTS_PACE_NS - since_ns + 999999) / 1000000);
		else if (clients_spread(clients))
			clients->announced_ns = now_ns;
	}
	clients_take_turns(clients);
	return clients->due > 0 ? 0 : wait_ms;
}

/* One that clients_add() has yet to look at, which are few: if it closed, nobody need be rung. */
static void clients_look(struct clients *clients, struct client *client, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		clients_forget(clients, client, "hang-up");
}

void clients_service(struct clients *clients)
{
	struct epoll_event events[CLIENTS_EVENTS];
	int count;

	do {
		count = epoll_wait(clients->epoll, events, CLIENTS_EVENTS, 0);
		for (int i = 0; i < count; i++) {
			struct client *client = &clients->client[events[i].data.u32];

			if (clients->fd[events[i].data.u32] < 0)
				continue;
			if (client->state == CLIENT_FREE)
				clients_look(clients, client, events[i].events);
			else if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
				clients_input(clients, client);
			else if (client->state == CLIENT_GREETING || client->state == CLIENT_READY)
				clients_tell(clients, client);
		}
	} while (count == CLIENTS_EVENTS);
	clients_promote(clients);
}

uint32_t clients_free_place(const struct clients *clients)
{
	uint32_t place = 0;

	while (place < clients->capacity && clients->client[place].state != CLIENT_FREE)
		place++;
	return place;
}

/* Before the table is full: the one without an ID that has been closing for longest had its time. */
static void clients_evict(struct clients *clients)
{
	struct client *oldest = NULL;

	if (clients->used + CLIENTS_SPARE / 4 < clients->capacity)
		return;
	clients_service(clients);
	if (clients->used + CLIENTS_SPARE / 4 < clients->capacity)
		return;
	for (uint32_t i = 0; i < clients->capacity; i++) {
		struct client *client = &clients->client[i];

		if (client->state == CLIENT_CLOSING && !clients_holds_slot(clients, client) &&
		    (!oldest || client->deadline_ns < oldest->deadline_ns))
			oldest = client;
	}
	if (oldest)
		clients_forget(clients, oldest, "evicted");
}

/* Watch it; it is looked at later. Whoever takes over before that finds a new one. */
static void clients_place_in(struct clients *clients, const struct arrival *arrival)
{
	struct client *client = &clients->client[arrival->place];
	struct ucred peer = {0};
	socklen_t size = sizeof peer;

	clients_evict(clients);
	getsockopt(arrival->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	*client = (struct client){.state = CLIENT_FREE,
	    .slot = SLOTS_NONE,
	    .about = SLOTS_NONE,
	    .pid = peer.pid,
	    .uid = peer.uid,
	    .gid = peer.gid,
	    .since_ns = clock_now_ns()};
	clients->fd[arrival->place] = arrival->fd;
	clients->is_blocked[arrival->place] = false;
	clients->used++;
	admission_buffer(arrival->fd, clients->unread);
	clients_watch(clients, client, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
}

void clients_add(
    struct clients *clients, const struct arrival *arrivals, uint32_t count, bool is_more)
{
	uint32_t room = is_more || count > CLIENTS_FEW ? NOTICES_HEAD : CLIENTS_BATCH;
	uint32_t turns = is_more || count > 1 ? 1 : UINT32_MAX;

	clients->is_hurried = room == NOTICES_HEAD;
	for (uint32_t i = 0; i < count; i++)
		clients_place_in(clients, &arrivals[i]);
	clients_service(clients);
	/* What is said of them goes out together, and before what is told to them. */
	if (count > 1)
		log_hold();
	for (uint32_t i = 0; i < count; i++) {
		struct client *client = &clients->client[arrivals[i].place];

		if (clients->fd[arrivals[i].place] == arrivals[i].fd &&
		    client->state == CLIENT_FREE)
			clients_admit(clients, client, arrivals[i].slot, arrivals[i].caller);
	}
	log_release();
	for (uint32_t i = 0; i < count; i++)
		if (clients->fd[arrivals[i].place] == arrivals[i].fd)
			clients_greet(clients, &clients->client[arrivals[i].place], room, turns);
}

static void clients_refuse_late(struct clients *clients, struct client *client)
{
	clients_refuse(clients, client,
	    client->slot == SLOTS_NONE ? CLIENTS_NO_FREE_SLOT : CLIENTS_SLOT_IN_USE);
	clients_turn_down(clients, client);
}

void clients_tick(struct clients *clients)
{
	uint64_t now = clock_now_ns();

	for (uint32_t i = 0; i < clients->capacity; i++) {
		struct client *client = &clients->client[i];
		bool late = now >= client->deadline_ns;

		if (client->state == CLIENT_GONE)
			clients_report(clients, client);
		else if (client->state == CLIENT_REFUSED)
			clients_turn_down(clients, client);
		else if (client->state == CLIENT_WAITING && late)
			clients_refuse_late(clients, client);
		else if (client->state != CLIENT_GREETING && client->state != CLIENT_READY)
			continue;
		else if (!clients->is_blocked[i] && notices_left(clients, client) > 0)
			clients_tell(clients, client);
		else if (clients->is_blocked[i] && late && !client->lags_ns)
			clients_lag(clients, client, now);
	}
	clients_promote(clients);
}

/* Classic: who is there, and how many know it. */
static void clients_count_known(struct clients *clients)
{
	uint32_t words = state_words(clients->slots->count);

	for (uint32_t i = 0; i < clients->capacity; i++)
		for (uint32_t slot = 0; slot < clients->slots->count; slot++)
			if (clients->knows[i * words + slot / 64] >> slot % 64 & 1)
				clients->slots->known[slot]++;
	for (uint32_t i = 0; i < clients->slots->count; i++)
		if (clients->slots->slot[i].client != SLOTS_NONE)
			clients_live(clients, i, true);
}

/* The words of the page say who holds a slot, by its ID, whatever was on its way when a server died. */
static void clients_publish(struct clients *clients)
{
	const struct slots *slots = clients->slots;

	for (uint32_t id = 0; id < IVSH_WIRE_SLOTS_MAX; id++) {
		bool held = false;

		for (uint32_t i = 0; i < slots->count && !held; i++)
			held = slots->slot[i].id == id && slots->slot[i].client != SLOTS_NONE;
		page_connection(clients->page, id, held);
	}
}

/* One that the supervisor holds a socket of, in the state that takeover_repair() left it in. */
static void clients_resume(struct clients *clients, struct client *client)
{
	uint32_t events = client->state == CLIENT_CLOSING ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP;

	clients->used++;
	clients_watch(clients, client, events, EPOLL_CTL_ADD);
	if (client->state == CLIENT_CLOSING)
		clients_end(clients, client, "ended");
	else if (client->state == CLIENT_GREETING || client->state == CLIENT_READY)
		clients_tell(clients, client);
}

/* One that the last server had yet to look at. */
static void clients_add_again(struct clients *clients, uint32_t place, uint32_t slot)
{
	int fd = clients->fd[place];
	const struct arrival arrival = {place, fd, slot, caller_of(fd)};

	clients_add(clients, &arrival, 1, true);
}

int clients_open(struct clients *clients, const struct state *state)
{
	clients->fd = calloc(clients->capacity, sizeof *clients->fd);
	clients->is_blocked = calloc(clients->capacity, sizeof *clients->is_blocked);
	clients->is_due = calloc(clients->capacity, sizeof *clients->is_due);
	clients->live = calloc(state_words(clients->slots->count), sizeof *clients->live);
	clients->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (clients->epoll < 0 || !clients->fd || !clients->is_blocked || !clients->is_due ||
	    !clients->live) {
		log_failure("clients", "%s", strerror(errno));
		clients_close(clients);
		return -1;
	}
	for (uint32_t i = 0; i < clients->capacity; i++)
		clients->fd[i] = state->socket[i].fd;
	if (clients->is_classic && ids_open(clients)) {
		log_failure("clients", "%s", strerror(errno));
		clients_close(clients);
		return -1;
	}
	if (clients->is_classic)
		clients_count_known(clients);
	clients_publish(clients);
	for (uint32_t i = 0; i < clients->capacity; i++)
		if (clients->fd[i] >= 0 && clients->client[i].state != CLIENT_FREE)
			clients_resume(clients, &clients->client[i]);
	clients_service(clients);
	for (uint32_t i = 0; i < clients->capacity; i++)
		if (clients->fd[i] >= 0 && clients->client[i].state == CLIENT_FREE)
			clients_add_again(clients, i, state->socket[i].slot);
	return 0;
}

void clients_close(struct clients *clients)
{
	for (uint32_t i = 0; clients->fd && i < clients->capacity; i++)
		if (clients->fd[i] >= 0)
			close(clients->fd[i]);
	free(clients->fd);
	free(clients->is_blocked);
	free(clients->is_due);
	free(clients->told_by);
	free(clients->live);
	if (clients->epoll >= 0)
		close(clients->epoll);
	clients->fd = NULL;
	clients->is_blocked = NULL;
	clients->is_due = NULL;
	clients->told_by = NULL;
	clients->live = NULL;
	clients->epoll = -1;
}
