/* SPDX-License-Identifier: MIT */
/*
 * connection.c - the connection to NATS: its settings, its socket, and the next one.
 *
 * Theory of operation: libnats' own threads connect, and say which socket is to be polled. libnats
 * connects again by itself, but gives up where a server refuses its credentials twice; then the
 * next connection is begun here.
 *
 * While libnats connects it keeps its connection locked, up to CONNECT_MS for each server that does
 * not answer, and any call for that connection waits. So none is made unless it stands: a bridge
 * whose bus hangs goes on with all the rest. What is subscribed meanwhile waits in our table.
 */
#include "bridge/bus_parts.h"
#include "process/clock.h"
#include "process/log.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 1000       /* for one server to answer */
#define IO_SIZE (1 << 17)     /* bytes of one read */
#define UNSENT_MOST (1 << 17) /* bytes in the socket that are not on their way */
#define PING_MS 2000          /* a connection that answers two of these too late is given up */
#define DELAY_LEAST_MS 100
#define DELAY_MOST_MS 2000
#define ANEW_NS UINT64_C(2000000000) /* before a connection that was given up begins anew */
#define LOOK_NS UINT64_C(1000000000) /* between two looks at the files, while it does not stand */

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

/* The loop takes them one by one, of this thread and no other. */
static void denied_add(struct bus *bus, const char *text)
{
	struct denied *denied = text ? calloc(1, sizeof(*denied)) : NULL;

	if (!denied)
		return;
	snprintf(denied->text, sizeof(denied->text), "%s", text);
	denied->next = atomic_load(&bus->denied);
	while (!atomic_compare_exchange_weak(&bus->denied, &denied->next, denied)) {
	}
}

static void failed(
    natsConnection *connection, natsSubscription *from, natsStatus status, void *closure)
{
	struct bus *bus = closure;

	(void)connection;
	(void)from;
	if (status == NATS_NOT_PERMITTED)
		denied_add(bus, nats_GetLastError(NULL));
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

struct connecting *bus_next_make(struct bus *bus)
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

int bus_next_take(struct bus *bus, struct connecting *next)
{
	bus->connection = next->next;
	bus->next = NULL;
	if (*next->reason)
		log_failure(bus->config->url[0], "%s", next->reason);
	connecting_free(next);
	return bus->connection ? 0 : -1;
}

/* End the connection, and begin the next one. */
static void renew(struct bus *bus)
{
	bus->anew_ns = 0;
	bus->next = bus_next_make(bus);
	if (bus->next)
		connecting_begin(bus->next);
}

/*
 * libnats has given the connection up, or it could not be begun: the next one. While libnats still
 * tries, it does so with the certificates and the password that it was given: if they are others by
 * now, it is too late for them.
 */
void bus_anew(struct bus *bus)
{
	uint64_t now = clock_now_ns();

	if (bus->next) {
		if (opener_is_done(&bus->next->opening))
			(void)bus_next_take(bus, bus->next);
	} else if (!bus->connection || bus_is_closed(bus)) {
		if (bus->anew_ns == 0)
			bus->anew_ns = now + ANEW_NS;
		if (now >= bus->anew_ns)
			renew(bus);
	} else if (!bus_is_connected(bus) && now - bus->looked_ns >= LOOK_NS) {
		bus->looked_ns = now;
		if (trust_is_old(&bus->trust, bus->config))
			renew(bus);
	}
}
