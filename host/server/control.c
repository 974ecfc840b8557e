/* SPDX-License-Identifier: MIT */
/*
 * control.c - the control socket.
 *
 * Nobody here can hold up the server: a client has two seconds, one line, and one answer. Nor can
 * they hold up each other: who comes when all places are taken gets the oldest silent one's, and is
 * listened to before the next one comes.
 */
#include "server/control.h"
#include "process/clock.h"
#include "server/clients.h"
#include "process/log.h"
#include "server/notices.h"
#include "server/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_LISTENER CONTROL_CLIENTS
#define CONTROL_TAKES 64u /* connections taken at once before others have their turn */
#define CONTROL_DEADLINE_NS UINT64_C(2000000000)

static void control_watch(
    const struct control *control, int fd, uint32_t who, uint32_t events, int op)
{
	struct epoll_event event = {.events = events, .data.u32 = who};

	if (epoll_ctl(control->epoll, op, fd, &event))
		log_event("event=warning what=control error=%d", errno);
}

/* The listener is watched unless nobody can be taken. */
static void control_listen(const struct control *control, bool on)
{
	if (control->listener >= 0)
		control_watch(
		    control, control->listener, CONTROL_LISTENER, on ? EPOLLIN : 0u, EPOLL_CTL_MOD);
}

void control_open(struct control *control, int listener)
{
	*control = (struct control){.listener = listener, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++)
		control->client[i].fd = -1;
	if (listener >= 0)
		control_watch(control, listener, CONTROL_LISTENER, EPOLLIN, EPOLL_CTL_ADD);
}

static void control_end(struct control *control, struct control_client *client)
{
	close(client->fd);
	free(client->answer);
	*client = (struct control_client){.fd = -1};
	control_listen(control, true);
}

/*
 * End one that said nothing, or not all. QEMU, which waits for a version as the first word and spins
 * for ever if there is none, reads that it is in the wrong place.
 */
static void control_dismiss(struct control *control, struct control_client *client)
{
	static const unsigned char refusal[8] = {NOTICES_REFUSAL};

	if (client->got == 0 && send(client->fd, refusal, sizeof refusal,
				    MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof refusal)
		log_event("event=warning what=silent-at-control");
	control_end(control, client);
}

/* A free place; else the one that has been there for longest, rather without an answer than with. */
static struct control_client *control_place(struct control *control)
{
	struct control_client *oldest = NULL;

	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->client[i];

		if (client->fd < 0)
			return client;
		if (!oldest || (!client->answer && oldest->answer) ||
		    (!client->answer == !oldest->answer &&
			client->deadline_ns < oldest->deadline_ns))
			oldest = client;
	}
	control_dismiss(control, oldest);
	return oldest;
}

static void control_send(struct control *control, struct control_client *client)
{
	while (client->sent < client->size) {
		ssize_t sent = send(client->fd, client->answer + client->sent,
		    client->size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0)
			break;
		client->sent += (size_t)sent;
	}
	control_end(control, client);
}

static void control_ask(
    struct control *control, struct control_client *client, const struct server *server)
{
	uint32_t who = (uint32_t)(client - control->client);
	char *end;
	ssize_t got;

	got = recv(
	    client->fd, client->request + client->got, CONTROL_REQUEST - client->got, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		control_end(control, client);
		return;
	}
	client->got += (uint32_t)got;
	end = memchr(client->request, '\n', client->got);
	if (!end && client->got < CONTROL_REQUEST)
		return;
	if (end && end - client->request == 6 && !memcmp(client->request, "status", 6))
		client->answer = report_make(server, &client->size);
	else
		client->answer = report_unknown(&client->size);
	if (!client->answer) {
		control_end(control, client);
		return;
	}
	control_watch(control, client->fd, who, EPOLLOUT, EPOLL_CTL_MOD);
	control_send(control, client);
}

static void control_accept(struct control *control, const struct server *server)
{
	for (uint32_t i = 0; i < CONTROL_TAKES; i++) {
		int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct control_client *client;

		if (fd < 0) {
			/* Out of descriptors, say: control_tick() listens again. */
			if (errno != EAGAIN)
				control_listen(control, false);
			return;
		}
		client = control_place(control);
		*client = (struct control_client){
		    .fd = fd, .deadline_ns = clock_now_ns() + CONTROL_DEADLINE_NS};
		control_watch(
		    control, fd, (uint32_t)(client - control->client), EPOLLIN, EPOLL_CTL_ADD);
		control_ask(control, client, server); /* most have said all already */
	}
}

void control_service(struct control *control, const struct server *server)
{
	struct epoll_event events[CONTROL_CLIENTS + 1];
	int count = epoll_wait(control->epoll, events, CONTROL_CLIENTS + 1, 0);

	for (int i = 0; i < count; i++) {
		struct control_client *client;

		if (events[i].data.u32 == CONTROL_LISTENER) {
			control_accept(control, server);
			continue;
		}
		client = &control->client[events[i].data.u32];
		if (client->fd >= 0 && client->answer)
			control_send(control, client);
		else if (client->fd >= 0)
			control_ask(control, client, server);
	}
}

void control_tick(struct control *control)
{
	uint64_t now = clock_now_ns();

	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->client[i].fd >= 0 && now >= control->client[i].deadline_ns)
			control_dismiss(control, &control->client[i]);
	control_listen(control, true);
}

void control_close(struct control *control)
{
	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->client[i].fd >= 0)
			control_end(control, &control->client[i]);
	if (control->epoll >= 0)
		close(control->epoll);
	control->epoll = -1;
}
