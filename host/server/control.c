/* SPDX-License-Identifier: MIT */
/*
 * control.c - the control socket.
 *
 * No client of it can hold up the server: each has two seconds, one line, and one answer. Nor can
 * they hold up each other: one that comes when all entries are taken gets that of the oldest silent
 * one, and its request is read before the next one comes.
 */
#include "server/control.h"
#include "control/render.h"
#include "process/caller.h"
#include "process/clock.h"
#include "process/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENER CONTROL_CLIENTS
#define ACCEPTS 64u /* connections that are accepted before the next events */
#define DEADLINE_NS UINT64_C(2000000000)

static void watch(const struct control *control, int fd, uint32_t what, uint32_t events, int op)
{
	struct epoll_event event = {.events = events, .data.u32 = what};

	if (epoll_ctl(control->epoll, op, fd, &event))
		log_event("event=warning what=control error=%d", errno);
}

/* The listener is watched unless nothing can be accepted. */
static void set_listening(const struct control *control, bool is_on)
{
	if (control->listener >= 0)
		watch(control, control->listener, LISTENER, is_on ? EPOLLIN : 0u, EPOLL_CTL_MOD);
}

void control_open(struct control *control, int listener)
{
	control->listener = listener;
	control->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++)
		control->client[i] = (struct control_client){.fd = -1};
	if (listener >= 0)
		watch(control, listener, LISTENER, EPOLLIN, EPOLL_CTL_ADD);
}

static void close_client(struct control *control, struct control_client *client)
{
	close(client->fd);
	free(client->answer);
	*client = (struct control_client){.fd = -1};
	set_listening(control, true);
}

/*
 * Close a client that has sent nothing, or not all. A QEMU, which waits for a version first and
 * spins for ever if there is none, reads that it is at the wrong socket.
 */
static void refuse(struct control *control, struct control_client *client)
{
	static const unsigned char refusal[8] = {CALLER_REFUSAL};

	if (client->got == 0 && send(client->fd, refusal, sizeof(refusal),
				    MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(refusal))
		log_event("event=warning what=silent-at-control");
	close_client(control, client);
}

/* Whether (a) goes before (b): one without an answer first, then the one that came first. */
static bool is_before(const struct control_client *a, const struct control_client *b)
{
	if (!a->answer != !b->answer)
		return !a->answer;
	return a->deadline_ns < b->deadline_ns;
}

/* A free entry; else that of the client that goes first. */
static struct control_client *take_entry(struct control *control)
{
	struct control_client *first = NULL;

	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->client[i];

		if (client->fd < 0)
			return client;
		if (!first || is_before(client, first))
			first = client;
	}
	refuse(control, first);
	return first;
}

static void send_answer(struct control *control, struct control_client *client)
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
	close_client(control, client);
}

/* The user who asks, as the kernel knows it; nobody, if it does not. */
static uint32_t user_of(int fd)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	return peer.uid;
}

/* The answer to the request of (client), which is whole: a line, or all that fits. */
static char *answer_make(struct control *control, struct control_client *client)
{
	static const char status[] = "status\n", release[] = "release ";

	client->request[client->got] = '\0';
	if (!strncmp(client->request, status, sizeof(status) - 1))
		return control->report(control->context, &client->size);
	if (!strncmp(client->request, release, sizeof(release) - 1))
		return control->release(control->context, client->request + sizeof(release) - 1,
		    user_of(client->fd), &client->size);
	return render_unknown(&client->size);
}

static void answer_request(struct control *control, struct control_client *client)
{
	client->answer = answer_make(control, client);
	if (!client->answer) {
		close_client(control, client);
		return;
	}
	watch(control, client->fd, (uint32_t)(client - control->client), EPOLLOUT, EPOLL_CTL_MOD);
	send_answer(control, client);
}

static void read_request(struct control *control, struct control_client *client)
{
	ssize_t got = recv(
	    client->fd, client->request + client->got, CONTROL_REQUEST - client->got, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close_client(control, client);
		return;
	}
	client->got += (uint32_t)got;
	if (client->got == CONTROL_REQUEST || memchr(client->request, '\n', client->got))
		answer_request(control, client);
}

static void accept_clients(struct control *control)
{
	for (uint32_t i = 0; i < ACCEPTS; i++) {
		int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct control_client *client;

		if (fd < 0) {
			/* Perhaps out of descriptors: control_check_timeouts() listens again. */
			if (errno != EAGAIN)
				set_listening(control, false);
			return;
		}
		client = take_entry(control);
		*client =
		    (struct control_client){.fd = fd, .deadline_ns = clock_now_ns() + DEADLINE_NS};
		watch(control, fd, (uint32_t)(client - control->client), EPOLLIN, EPOLL_CTL_ADD);
		read_request(control, client); /* most have sent all already */
	}
}

void control_service(struct control *control)
{
	struct epoll_event events[CONTROL_CLIENTS + 1];
	int count = epoll_wait(control->epoll, events, CONTROL_CLIENTS + 1, 0);

	for (int i = 0; i < count; i++) {
		struct control_client *client;

		if (events[i].data.u32 == LISTENER) {
			accept_clients(control);
			continue;
		}
		client = &control->client[events[i].data.u32];
		if (client->fd >= 0 && client->answer)
			send_answer(control, client);
		else if (client->fd >= 0)
			read_request(control, client);
	}
}

void control_check_timeouts(struct control *control)
{
	uint64_t now_ns = clock_now_ns();

	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->client[i].fd >= 0 && now_ns >= control->client[i].deadline_ns)
			refuse(control, &control->client[i]);
	set_listening(control, true);
}

void control_close(struct control *control)
{
	for (uint32_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->client[i].fd >= 0)
			close_client(control, &control->client[i]);
	if (control->epoll >= 0)
		close(control->epoll);
	control->epoll = -1;
}
