/* SPDX-License-Identifier: MIT */
/*
 * bus.c - what is published on NATS, and what comes from it.
 *
 * Theory of operation: the bridge's thread is libnats' event loop. It reads the connection's
 * socket, in bus_process(), and takes what came from the subscriptions at once; what it publishes
 * waits in libnats' buffer for bus_flush(). So no message passes from one thread to another, and
 * many share a system call.
 */
#include "bridge/bus.h"
#include "bridge/bus_parts.h"
#include "process/clock.h"
#include "process/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DONE_MOST 64u
#define DONE_SIZE (1u << 18)
#define OUT_MOST (1 << 18)  /* bytes that wait for the socket, before messages wait */
#define OUT_LIMIT (1 << 23) /* before nothing is taken: states, and what JetStream is asked */
#define PENDING_MOST (1 << 26)
#define SUBSCRIBE_NS UINT64_C(1000000000) /* after a failure */
#define DENIED_NS UINT64_C(2000000000)    /* after the server does not permit it */
#define CLOSE_MS 500
#define CLOSE_NS UINT64_C(500000000)
#define DRAIN_MS 20

/* Append a message to the list. False: there is no memory. */
static bool append(struct bus *bus, natsMsg *msg)
{
	struct bus_item *item = malloc(sizeof(*item));
	size_t size = (size_t)natsMsg_GetDataLength(msg);

	if (!item)
		return false;
	*item = (struct bus_item){.bus = bus,
	    .subject = natsMsg_GetSubject(msg),
	    .reply = natsMsg_GetReply(msg),
	    .data = (const uint8_t *)(size ? natsMsg_GetData(msg) : ""),
	    .size = size,
	    .message = msg};
	if (!item->reply)
		item->reply = "";
	*bus->last = item;
	bus->last = &item->next;
	return true;
}

/* What a subscription has, in the order in which it came. */
static void receive(struct bus *bus, natsSubscription *from)
{
	natsMsg *msg;
	int count, size;

	while (from && natsSubscription_GetPending(from, &count, &size) == NATS_OK && count > 0) {
		natsStatus status = natsSubscription_NextMsg(&msg, from, 0);

		if (status == NATS_SLOW_CONSUMER)
			continue; /* that it had too many is said once: their numbers show it */
		if (status != NATS_OK)
			return;
		if (!append(bus, msg))
			natsMsg_Destroy(msg);
	}
}

/* 0, or -1 after a line. On a connection that was given up meanwhile, the next one begins it. */
static int subscription_begin(struct bus *bus, struct subscription *s)
{
	natsStatus status = natsConnection_SubscribeSync(&s->handle, bus->connection, s->subject);

	/* More than one read can bring. */
	if (status == NATS_OK)
		status = natsSubscription_SetPendingLimits(s->handle, 65536, PENDING_MOST);
	if (status == NATS_OK || natsConnection_IsClosed(bus->connection))
		return 0;
	return log_failure(s->subject, "%s", natsStatus_GetText(status));
}

/* The server lets us not hear (s), says (text): it forgets what was subscribed, also when it is
 * permitted again. */
static void denied_note(struct subscription *s, const char *text, uint64_t now)
{
	char quoted[SUBJECT_SIZE + 2];

	snprintf(quoted, sizeof(quoted), "\"%s\"", s->subject);
	if (!s->handle || !strstr(text, "Subscription") || !strstr(text, quoted))
		return;
	s->is_denied = true;
	s->again_ns = now + DENIED_NS;
}

static void denied_take(struct bus *bus)
{
	struct denied *denied = atomic_exchange(&bus->denied, NULL), *next;
	uint64_t now = clock_now_ns();

	for (; denied; denied = next) {
		next = denied->next;
		for (uint32_t i = 0; i < bus->subscription_count; i++)
			denied_note(&bus->subscriptions[i], denied->text, now);
		free(denied);
	}
}

/* Begin, and end, those that wait for it. */
static int subscriptions_step(struct bus *bus)
{
	int error = 0;

	for (uint32_t i = bus->subscription_count; bus_stands(bus) && i-- > 0;) {
		struct subscription *s = &bus->subscriptions[i];

		if (s->is_denied && clock_now_ns() >= s->again_ns) {
			natsSubscription_Destroy(s->handle);
			s->handle = NULL;
			s->is_denied = false;
		}
		if (s->is_over) {
			natsSubscription_Destroy(s->handle);
			*s = bus->subscriptions[--bus->subscription_count];
		} else if (!s->handle && clock_now_ns() >= s->again_ns) {
			s->again_ns = clock_now_ns() + SUBSCRIBE_NS;
			error |= subscription_begin(bus, s);
		}
	}
	return error;
}

struct bus *bus_open(const struct config *config)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	natsInbox *inbox = NULL;

	if (!bus)
		return NULL;
	bus->config = config;
	bus->last = &bus->first;
	bus->thread = pthread_self();
	atomic_store(&bus->socket, -1);
	bus->subscriptions = calloc(SUBJECTS, sizeof(*bus->subscriptions));
	bus->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)nats_Open(-1);
	if (natsStatistics_Create(&bus->statistics) == NATS_OK && bus->fd >= 0 &&
	    bus->subscriptions && natsInbox_Create(&inbox) == NATS_OK) {
		/* Below what this host alone may publish: no other reads answers, or makes some. */
		snprintf(bus->inbox, sizeof(bus->inbox), "ivsh.%s.%s.$inbox.%s", config->region,
		    config->host, strrchr(inbox, '.') + 1);
		natsInbox_Destroy(inbox);
		struct connecting *next = bus_next_make(bus);

		/* Nothing waits for us yet. */
		if (next)
			connecting_wait(next);
		if (next && bus_next_take(bus, next) == 0)
			return bus;
	} else {
		log_failure("nats", "%s", strerror(errno ? errno : ENOMEM));
	}
	bus_close(bus);
	return NULL;
}

void bus_config(struct bus *bus, const struct config *config)
{
	bus->config = config;
}

static void end(struct bus *bus)
{
	for (uint32_t i = 0; i < bus->subscription_count; i++) {
		natsSubscription_Destroy(bus->subscriptions[i].handle);
		bus->subscriptions[i].handle = NULL;
	}
	natsConnection_Destroy(bus->connection);
	bus->connection = NULL;
}

/* Each wakes a thread of libnats that frees it, if that sleeps: so many at a time. */
static void done_free(struct bus *bus)
{
	struct bus_item *item, *next;

	for (item = bus->done; item; item = next) {
		next = item->next;
		natsMsg_Destroy(item->message);
		free(item);
	}
	bus->done = NULL;
	bus->done_count = 0;
	bus->done_size = 0;
}

static void items_free(struct bus *bus)
{
	struct bus_item *item, *next;

	for (item = bus_take(bus); item; item = next) {
		next = item->next;
		bus_free(item);
	}
	done_free(bus);
}

/* Wait until all that was published is with the server: what comes back to us was behind it. */
static void drain(struct bus *bus)
{
	uint64_t end_ns = clock_now_ns() + CLOSE_NS;
	char subject[SUBJECT_SIZE];
	bool is_back = false;

	snprintf(subject, sizeof(subject), "%s.end", bus->inbox);
	if (bus_publish(bus, subject, NULL, NULL, "", 0))
		return;
	while (!is_back && bus_is_up(bus) && clock_now_ns() < end_ns) {
		struct pollfd fd = {.fd = bus_socket(bus), .events = bus_events(bus)};

		if (poll(&fd, 1, DRAIN_MS) > 0)
			bus_process(bus, fd.revents);
		for (struct bus_item *item = bus->first; item; item = item->next)
			is_back |= strcmp(item->subject, subject) == 0;
		items_free(bus);
	}
}

void bus_close(struct bus *bus)
{
	drain(bus);
	bus_changes_log(bus, SAY_ALL);
	bus_errors_log(bus, SAY_ALL);
	/* Messages are libnats': none can be freed behind its end. */
	items_free(bus);
	/* A thread that connects may do so for long, and calls back: the process' end ends it. */
	if (bus->next || (bus->connection && !bus_stands(bus)))
		return;
	end(bus);
	/* No thread calls back from here on. */
	(void)nats_CloseAndWait(CLOSE_MS);
	if (bus->fd >= 0)
		close(bus->fd);
	natsStatistics_Destroy(bus->statistics);
	denied_take(bus);
	free(bus->subscriptions);
	free(bus);
}

int bus_fd(const struct bus *bus)
{
	return bus->fd;
}

void bus_woken(struct bus *bus)
{
	uint64_t count;
	ssize_t got = read(bus->fd, &count, sizeof(count));

	(void)got; /* another has come since: the next poll says so */
}

int bus_socket(const struct bus *bus)
{
	return bus_stands(bus) ? atomic_load(&bus->socket) : -1;
}

short bus_events(const struct bus *bus)
{
	return atomic_load(&bus->is_asked) ? POLLIN | POLLOUT : POLLIN;
}

void bus_process(struct bus *bus, short events)
{
	/* A socket that was given up since the poll is not this one: it says nothing. */
	if ((events & POLLOUT) && bus_stands(bus))
		natsConnection_ProcessWriteEvent(bus->connection);
	if (!(events & (POLLIN | POLLHUP | POLLERR)) || !bus_stands(bus))
		return;
	natsConnection_ProcessReadEvent(bus->connection);
	for (uint32_t i = 0; i < bus->subscription_count; i++)
		receive(bus, bus->subscriptions[i].handle);
}

void bus_flush(struct bus *bus)
{
	if (atomic_load(&bus->is_asked) && bus_stands(bus))
		natsConnection_ProcessWriteEvent(bus->connection);
	if (bus->done_count >= DONE_MOST || bus->done_size >= DONE_SIZE)
		done_free(bus);
}

/* How often libnats has connected again: counted when it does, not when it calls back. */
static uint64_t reconnects_of(struct bus *bus)
{
	uint64_t in, in_bytes, out, out_bytes, reconnects = 0;

	if (natsConnection_GetStats(bus->connection, bus->statistics) == NATS_OK)
		(void)natsStatistics_GetCounts(
		    bus->statistics, &in, &in_bytes, &out, &out_bytes, &reconnects);
	return reconnects;
}

static void up_count(struct bus *bus)
{
	/* libnats has subscribed anew. */
	for (uint32_t i = 0; i < bus->subscription_count; i++)
		bus->subscriptions[i].is_denied = false;
	bus->reconnects = reconnects_of(bus);
	bus->is_counted = true;
	bus->connects++;
	bus->is_reported = false;
	atomic_store(&bus->reason, NATS_OK);
}

void bus_step(struct bus *bus)
{
	uint64_t now = clock_now_ns();

	if (bus_is_connected(bus) && (!bus->is_counted || reconnects_of(bus) != bus->reconnects))
		up_count(bus);
	if (bus_is_up(bus))
		bus->down_ns = now;
	else
		bus_down_log(bus);
	bus_changes_log(bus, now);
	bus_errors_log(bus, now);
	bus_anew(bus);
	denied_take(bus);
	(void)subscriptions_step(bus);
}

/* In this order: a connection that came since has another count. */
bool bus_is_up(struct bus *bus)
{
	return bus_is_connected(bus) && bus->is_counted && reconnects_of(bus) == bus->reconnects;
}

size_t bus_most(struct bus *bus)
{
	int64_t most = bus_stands(bus) ? natsConnection_GetMaxPayload(bus->connection) : 0;

	return most > 0 ? (size_t)most : 0;
}

uint64_t bus_connects(const struct bus *bus)
{
	return bus->connects;
}

const char *bus_inbox(const struct bus *bus)
{
	return bus->inbox;
}

static struct subscription *subscription_find(struct bus *bus, const char *subject)
{
	for (uint32_t i = 0; i < bus->subscription_count; i++)
		if (strcmp(bus->subscriptions[i].subject, subject) == 0)
			return &bus->subscriptions[i];
	return NULL;
}

int bus_subscribe(struct bus *bus, const char *subject)
{
	struct subscription *s = subscription_find(bus, subject);

	if (!s && bus->subscription_count == SUBJECTS)
		return log_failure(subject, "too many subscriptions");
	if (!s) {
		s = &bus->subscriptions[bus->subscription_count++];
		*s = (struct subscription){.handle = NULL};
		snprintf(s->subject, sizeof(s->subject), "%s", subject);
	}
	s->is_over = false;
	return subscriptions_step(bus);
}

void bus_unsubscribe(struct bus *bus, const char *subject)
{
	struct subscription *s = subscription_find(bus, subject);

	if (s && s->handle)
		s->is_over = true;
	else if (s)
		*s = bus->subscriptions[--bus->subscription_count];
	(void)subscriptions_step(bus);
}

bool bus_has_room(struct bus *bus)
{
	if (!bus_is_up(bus))
		return false;
	if (natsConnection_Buffered(bus->connection) <= OUT_MOST)
		return true;
	bus_flush(bus);
	return natsConnection_Buffered(bus->connection) <= OUT_MOST;
}

int bus_publish(struct bus *bus, const char *subject, const char *reply, const char *id,
    const void *data, size_t size)
{
	natsMsg *msg = NULL;
	natsStatus status;

	if (!bus_is_up(bus) || natsConnection_Buffered(bus->connection) > OUT_LIMIT)
		return -1;
	if (!reply)
		return natsConnection_Publish(bus->connection, subject, data, (int)size) ? -1 : 0;
	status = natsMsg_Create(&msg, subject, reply, data, (int)size);
	if (status == NATS_OK && id)
		status = natsMsgHeader_Set(msg, "Nats-Msg-Id", id);
	if (status == NATS_OK)
		status = natsConnection_PublishMsg(bus->connection, msg);
	natsMsg_Destroy(msg);
	return status == NATS_OK ? 0 : -1;
}

struct bus_item *bus_take(struct bus *bus)
{
	struct bus_item *first = bus->first;

	bus->first = NULL;
	bus->last = &bus->first;
	return first;
}

void bus_free(struct bus_item *item)
{
	struct bus *bus = item->bus;

	item->next = bus->done;
	bus->done = item;
	bus->done_count++;
	bus->done_size += item->size;
}
