/* SPDX-License-Identifier: MIT */
/*
 * bus.c - the connection to NATS.
 *
 * Theory of operation: the bridge's thread is libnats' event loop. It reads the connection's
 * socket, in bus_process(), and takes what came from the subscriptions at once; what it publishes
 * waits in libnats' buffer for bus_flush(). So no message passes from one thread to another, and
 * many share a system call. libnats' own threads connect, and say which socket is to be polled.
 * libnats connects again by itself, but gives up where a server refuses its credentials twice; then
 * bus_step() begins anew.
 *
 * While libnats connects it keeps its connection locked, up to CONNECT_MS for each server that does
 * not answer, and any call for that connection waits. So none is made unless it stands: a bridge
 * whose bus hangs goes on with all the rest. What is subscribed meanwhile waits in our table.
 */
#include "bridge/bus.h"
#include "bridge/connecting.h"
#include "bridge/say.h"
#include "bridge/trust.h"
#include "process/clock.h"
#include "process/log.h"

#include <nats/nats.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 1000   /* for one server to answer */
#define IO_SIZE (1 << 17) /* bytes of one read */
#define DONE_MOST 64u
#define DONE_SIZE (1u << 18)
#define OUT_MOST (1 << 18)    /* bytes that wait for the socket, before messages wait */
#define OUT_LIMIT (1 << 23)   /* before nothing is taken: states, and what JetStream is asked */
#define UNSENT_MOST (1 << 17) /* bytes in the socket that are not on their way */
#define PING_MS 2000          /* a connection that answers two of these too late is given up */
#define PENDING_MOST (1 << 26)
#define DELAY_LEAST_MS 100
#define DELAY_MOST_MS 2000
#define ANEW_NS UINT64_C(2000000000)      /* before a connection that was given up begins anew */
#define SUBSCRIBE_NS UINT64_C(1000000000) /* after a failure */
#define LOOK_NS UINT64_C(1000000000) /* between two looks at the files, while it does not stand */
#define CLOSE_MS 500
#define CLOSE_NS UINT64_C(500000000)
#define DRAIN_MS 20
#define REPORT_NS UINT64_C(2000000000)
#define SUBJECTS (2 * CONFIG_SLOTS + 8u) /* of two mappings, while the last one's are to end */

struct subscription {
	char subject[SUBJECT_SIZE];
	natsSubscription *handle; /* NULL: to begin, when the connection stands */
	bool is_over;             /* to end then */
	uint64_t again_ns;        /* when to try again; 0: now */
};

struct bus {
	const struct config *config;
	natsConnection *connection; /* NULL: (next) is to be it */
	struct connecting *next;
	char inbox[128];
	int fd;
	struct subscription *subscriptions;
	uint32_t subscription_count;
	natsStatistics *statistics;
	struct trust trust;            /* the files that the connection was begun with */
	uint64_t looked_ns;            /* when they were looked at last */
	uint64_t anew_ns;              /* when to connect anew; 0: not */
	uint64_t down_ns;              /* since when it does not stand */
	uint64_t connects, reconnects; /* as bus_step() saw them last; the second are libnats' */
	bool is_counted;               /* this connection is among the first */
	bool is_reported;              /* that it does not stand */
	uint64_t logged_disconnects, logged_connects;
	uint64_t changes_ns; /* when lines of those were written last */
	uint64_t logged_errors;
	struct say error_lines;

	struct bus_item *first, **last;
	struct bus_item *done; /* freed, but for libnats */
	uint32_t done_count;
	size_t done_size;
	pthread_t thread; /* that opened the bus */

	/* Set by libnats' threads. */
	atomic_ullong disconnects, errors;
	atomic_int error;
	atomic_int reason;                /* of the last disconnect; 0: none */
	_Atomic(natsConnection *) closed; /* the one that libnats has given up */
	atomic_int socket;                /* to be polled; -1: none */
	atomic_bool is_asked;             /* something waits to be written */
};

static void poke(struct bus *bus)
{
	uint64_t one = 1;
	ssize_t written = write(bus->fd, &one, sizeof(one));

	(void)written; /* full: it is readable */
}

/*
 * libnats' calls to its event loop, from any thread, with the connection locked. Of a connection
 * that is given up the socket is closed next.
 */
static natsStatus loop_attach(void **data, void *loop, natsConnection *connection, natsSock socket)
{
	struct bus *bus = loop;
	int unsent = UNSENT_MOST;

	(void)connection;
	*data = bus;
	/* A slow link has not megabytes before it, behind which states and pings come too late. */
	(void)setsockopt((int)socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	atomic_store(&bus->socket, (int)socket);
	poke(bus);
	return NATS_OK;
}

static natsStatus loop_read(void *data, bool is_wanted)
{
	struct bus *bus = data;

	if (!is_wanted)
		atomic_store(&bus->socket, -1);
	return NATS_OK;
}

static natsStatus loop_write(void *data, bool is_wanted)
{
	struct bus *bus = data;

	atomic_store(&bus->is_asked, is_wanted);
	/* Our own thread comes to it. */
	if (is_wanted && !pthread_equal(pthread_self(), bus->thread))
		poke(bus);
	return NATS_OK;
}

static natsStatus loop_detach(void *data)
{
	(void)data;
	return NATS_OK;
}

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

/* It stands, or stands again: bus_step() counts it. */
static void connected(natsConnection *connection, void *closure)
{
	struct bus *bus = closure;

	(void)connection;
	poke(bus);
}

static void disconnected(natsConnection *connection, void *closure)
{
	struct bus *bus = closure;
	const char *text;

	atomic_store(&bus->reason, (int)natsConnection_GetLastError(connection, &text));
	atomic_fetch_add(&bus->disconnects, 1);
	poke(bus);
}

static void closed(natsConnection *connection, void *closure)
{
	struct bus *bus = closure;

	/* One that we end calls back as well, perhaps behind the beginning of the next. */
	atomic_store(&bus->closed, connection);
	poke(bus);
}

static void failed(
    natsConnection *connection, natsSubscription *from, natsStatus status, void *closure)
{
	struct bus *bus = closure;

	(void)connection;
	(void)from;
	atomic_store(&bus->error, (int)status);
	atomic_fetch_add(&bus->errors, 1);
}

static int64_t delay(natsConnection *connection, int attempts, void *closure)
{
	int64_t ms = DELAY_LEAST_MS;

	(void)closure;
	for (int i = 1; i < attempts && ms < DELAY_MOST_MS; i++)
		ms *= 2;
	/* A little of it is another's for each, so that not all come back at once. */
	ms += (int64_t)((uintptr_t)connection / 64 % 64) * ms / 256;
	return ms < DELAY_MOST_MS ? ms : DELAY_MOST_MS;
}

static natsStatus options_set(struct bus *bus, natsOptions *options)
{
	const struct config *c = bus->config;
	const char *urls[CONFIG_URLS];
	natsStatus s;

	for (uint32_t i = 0; i < c->url_count; i++)
		urls[i] = c->url[i];
	s = natsOptions_SetServers(options, urls, (int)c->url_count);
	s = s ? s : natsOptions_SetName(options, c->host);
	s = s ? s : natsOptions_SetTimeout(options, CONNECT_MS);
	s = s ? s : natsOptions_SetPingInterval(options, PING_MS);
	s = s ? s : natsOptions_SetMaxPingsOut(options, 2);
	s = s ? s : natsOptions_SetMaxReconnect(options, -1);
	s = s ? s : natsOptions_SetCustomReconnectDelay(options, delay, bus);
	s = s ? s : natsOptions_SetRetryOnFailedConnect(options, true, connected, bus);
	s = s ? s : natsOptions_SetReconnectedCB(options, connected, bus);
	s = s ? s : natsOptions_SetDisconnectedCB(options, disconnected, bus);
	s = s ? s : natsOptions_SetClosedCB(options, closed, bus);
	s = s ? s : natsOptions_SetErrorHandler(options, failed, bus);
	s = s ? s : natsOptions_SetSendAsap(options, true);
	s = s ? s : natsOptions_SetNoEcho(options, false);
	s = s ? s : natsOptions_DisableNoResponders(options, true);
	s = s ? s : natsOptions_SetIOBufSize(options, IO_SIZE);
	return s ? s
		 : natsOptions_SetEventLoop(
		       options, bus, loop_attach, loop_read, loop_write, loop_detach);
}

/* The settings of a connection. NULL after a line. */
static natsOptions *options_make(struct bus *bus)
{
	natsOptions *options = NULL;
	natsStatus status = natsOptions_Create(&options);

	if (status == NATS_OK)
		status = options_set(bus, options);
	if (status == NATS_OK && trust_set(&bus->trust, options, bus->config) == 0)
		return options;
	if (status != NATS_OK)
		log_failure(bus->config->url[0], "%s", natsStatus_GetText(status));
	natsOptions_Destroy(options);
	return NULL;
}

/* What begins the next connection, and ends the last one. NULL after a line. */
static struct connecting *next_make(struct bus *bus)
{
	struct connecting *next = connecting_make(options_make(bus), SUBJECTS);

	if (!next) {
		log_failure(bus->config->url[0], "out of memory");
		return NULL;
	}
	for (uint32_t i = 0; i < bus->subscription_count; i++) {
		struct subscription *s = &bus->subscriptions[i];

		if (s->handle)
			next->subscriptions[next->count++] = s->handle;
		s->handle = NULL;
		s->again_ns = 0;
	}
	next->last = bus->connection;
	bus->connection = NULL;
	atomic_store(&bus->closed, NULL);
	bus->is_counted = false;
	bus->down_ns = bus->looked_ns = clock_now_ns();
	return next;
}

/* The next connection is known. 0, or -1 after a line: there is none. */
static int next_take(struct bus *bus, struct connecting *next)
{
	bus->connection = next->next;
	bus->next = NULL;
	if (*next->reason)
		log_failure(bus->config->url[0], "%s", next->reason);
	connecting_free(next);
	return bus->connection ? 0 : -1;
}

/* Whether calls for the connection do not wait: libnats' threads do not connect. */
static bool stands(const struct bus *bus)
{
	return bus->connection && atomic_load(&bus->socket) >= 0;
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

/* Begin, and end, those that wait for it. */
static int subscriptions_step(struct bus *bus)
{
	int error = 0;

	for (uint32_t i = bus->subscription_count; stands(bus) && i-- > 0;) {
		struct subscription *s = &bus->subscriptions[i];

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
		struct connecting *next = next_make(bus);

		/* Nothing waits for us yet. */
		if (next)
			connecting_wait(next);
		if (next && next_take(bus, next) == 0)
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

/* Lines of what a stranger may cause without end. */
static void errors_log(struct bus *bus, uint64_t now)
{
	uint64_t errors = atomic_load(&bus->errors);
	struct say said;

	if (errors != bus->logged_errors)
		say_add(&bus->error_lines, errors - bus->logged_errors);
	bus->logged_errors = errors;
	if (!say_is_due(&bus->error_lines, now))
		return;
	said = say_take(&bus->error_lines, now);
	log_event("event=bus-error count=%llu reason=\"%s\"%s", (unsigned long long)said.count,
	    natsStatus_GetText((natsStatus)atomic_load(&bus->error)),
	    atomic_load(&bus->error) == NATS_NOT_PERMITTED
		? " hint=\"nats-server's log names the subject; PERMISSIONS in ivsh-bridge(8)\""
		: "");
}

/* That it came, or went, once a second each, however often: the last line says how it is. */
static void changes_log(struct bus *bus, uint64_t now)
{
	uint64_t disconnects = atomic_load(&bus->disconnects);
	bool has_come = bus->connects != bus->logged_connects && bus_is_up(bus);
	bool has_gone = disconnects != bus->logged_disconnects;
	char url[256] = "", times[32];
	struct say gone = {.times = disconnects - bus->logged_disconnects};

	if ((!has_come && !has_gone) ||
	    (bus->changes_ns != 0 && now != SAY_ALL && now - bus->changes_ns < SAY_NS))
		return;
	bus->changes_ns = now;
	bus->logged_disconnects = disconnects;
	if (has_gone)
		log_event("event=bus-down%s", say_times(times, &gone));
	if (!has_come)
		return;
	bus->logged_connects = bus->connects;
	(void)natsConnection_GetConnectedUrl(bus->connection, url, sizeof(url));
	log_event("event=bus-up url=%s connects=%llu", url, (unsigned long long)bus->connects);
}

void bus_close(struct bus *bus)
{
	drain(bus);
	changes_log(bus, SAY_ALL);
	errors_log(bus, SAY_ALL);
	/* Messages are libnats': none can be freed behind its end. */
	items_free(bus);
	/* A thread that connects may do so for long, and calls back: the process' end ends it. */
	if (bus->next || (bus->connection && !stands(bus)))
		return;
	end(bus);
	/* No thread calls back from here on. */
	(void)nats_CloseAndWait(CLOSE_MS);
	if (bus->fd >= 0)
		close(bus->fd);
	natsStatistics_Destroy(bus->statistics);
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
	return stands(bus) ? atomic_load(&bus->socket) : -1;
}

short bus_events(const struct bus *bus)
{
	return atomic_load(&bus->is_asked) ? POLLIN | POLLOUT : POLLIN;
}

void bus_process(struct bus *bus, short events)
{
	/* A socket that was given up since the poll is not this one: it says nothing. */
	if ((events & POLLOUT) && stands(bus))
		natsConnection_ProcessWriteEvent(bus->connection);
	if (!(events & (POLLIN | POLLHUP | POLLERR)) || !stands(bus))
		return;
	natsConnection_ProcessReadEvent(bus->connection);
	for (uint32_t i = 0; i < bus->subscription_count; i++)
		receive(bus, bus->subscriptions[i].handle);
}

void bus_flush(struct bus *bus)
{
	if (atomic_load(&bus->is_asked) && stands(bus))
		natsConnection_ProcessWriteEvent(bus->connection);
	if (bus->done_count >= DONE_MOST || bus->done_size >= DONE_SIZE)
		done_free(bus);
}

static bool is_closed(struct bus *bus)
{
	return bus->connection && atomic_load(&bus->closed) == bus->connection;
}

/* Why the connection does not stand, in libnats' words. */
static const char *reason_of(struct bus *bus)
{
	natsStatus status = (natsStatus)atomic_load(&bus->reason);
	const char *reason = NULL;

	/* Of a first connection libnats does not keep the server's words. */
	if (is_closed(bus) &&
	    natsConnection_GetLastError(bus->connection, &reason) == NATS_NO_SERVER)
		return "no server answers, or it refuses the credentials or the certificates, or "
		       "has none that is trusted";
	if (reason && *reason)
		return reason;
	return status == NATS_OK ? "no answer" : natsStatus_GetText(status);
}

/* Say once that it does not stand, if that is not a moment. */
static void down_log(struct bus *bus)
{
	if (bus->is_reported || clock_now_ns() - bus->down_ns < REPORT_NS)
		return;
	log_event("event=bus-failed url=%s reason=\"%s\"", bus->config->url[0], reason_of(bus));
	bus->is_reported = true;
}

static bool is_connected(const struct bus *bus)
{
	return stands(bus) && natsConnection_Status(bus->connection) == NATS_CONN_STATUS_CONNECTED;
}

/* End the connection, and begin the next one. */
static void renew(struct bus *bus)
{
	bus->anew_ns = 0;
	bus->next = next_make(bus);
	if (bus->next)
		connecting_begin(bus->next);
}

/*
 * libnats has given the connection up, or it could not be begun: the next one. While libnats still
 * tries, it does so with the certificates and the password that it was given: if they are others by
 * now, it is too late for them.
 */
static void anew(struct bus *bus)
{
	uint64_t now = clock_now_ns();

	if (bus->next) {
		if (opener_is_done(&bus->next->opening))
			(void)next_take(bus, bus->next);
	} else if (!bus->connection || is_closed(bus)) {
		if (bus->anew_ns == 0)
			bus->anew_ns = now + ANEW_NS;
		if (now >= bus->anew_ns)
			renew(bus);
	} else if (!is_connected(bus) && now - bus->looked_ns >= LOOK_NS) {
		bus->looked_ns = now;
		if (trust_is_old(&bus->trust, bus->config))
			renew(bus);
	}
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
	bus->reconnects = reconnects_of(bus);
	bus->is_counted = true;
	bus->connects++;
	bus->is_reported = false;
	atomic_store(&bus->reason, NATS_OK);
}

void bus_step(struct bus *bus)
{
	uint64_t now = clock_now_ns();

	if (is_connected(bus) && (!bus->is_counted || reconnects_of(bus) != bus->reconnects))
		up_count(bus);
	if (bus_is_up(bus))
		bus->down_ns = now;
	else
		down_log(bus);
	changes_log(bus, now);
	errors_log(bus, now);
	anew(bus);
	(void)subscriptions_step(bus);
}

/* In this order: a connection that came since has another count. */
bool bus_is_up(struct bus *bus)
{
	return is_connected(bus) && bus->is_counted && reconnects_of(bus) == bus->reconnects;
}

size_t bus_most(struct bus *bus)
{
	int64_t most = stands(bus) ? natsConnection_GetMaxPayload(bus->connection) : 0;

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
