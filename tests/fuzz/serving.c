/* SPDX-License-Identifier: MIT */
/*
 * serving.c - a server's tables and its supervisor in one process.
 */
#include "tests/fuzz/serving.h"
#include "server/client_state.h"
#include "server/arrivals.h"
#include "server/resume.h"
#include "process/caller.h"
#include "process/clock.h"
#include "tests/fuzz/feed.h"
#include "config/shape.h"
#include "wire/link.h"
#include "tests/fuzz/quiet.h"
#include "server/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SERVING_FDS 1024

struct serving serving;

static const struct serving_hooks *serving_hooks;
static const char *serving_names[SERVING_SLOTS];
static bool serving_owns[SERVING_FDS]; /* descriptors of the server alone */
static bool serving_is_inside;
static uint32_t serving_left; /* pointS until it is killed; 0: it is not */
static jmp_buf serving_out;

/* Files stand in for the eventfds and the memory: each has a number of its own, st_ino. */
static int serving_doorbells[SERVING_SLOTS * SERVING_VECTORS], serving_memory = -1;
static struct state_memory serving_memories[SERVING_SLOTS];
static int serving_seen;
#define SERVING_MEMORY (SERVING_SLOTS * SERVING_VECTORS) /* numbers: three for each slot follow */
#define SERVING_SEEN (SERVING_MEMORY + 1 + 3 * SERVING_SLOTS)
static ino_t serving_inode[SERVING_SEEN + 1];
static struct ivsh_wire_server *serving_copies[SERVING_SLOTS];

static void serving_pass(void)
{
	if (!serving_is_inside || serving_left == 0 || --serving_left > 0)
		return;
	serving_is_inside = false;
	longjmp(serving_out, 1);
}

static bool serving_is_in(const void *base, size_t size, const void *address)
{
	return (uintptr_t)address - (uintptr_t)base < size;
}

void quiet_store(const void *address)
{
	const struct state *state = &serving.server.state;

	/* No kill point: only the kernel reads these bytes, and later. */
	if (state->batch &&
	    serving_is_in(state->batch->header, sizeof(state->batch->header), address))
		return;
	if (serving_is_inside &&
	    (serving_is_in(state->head, state->size, address) ||
		serving_is_in(&serving.words, sizeof(serving.words), address) ||
		serving_is_in(serving.copies, sizeof(serving.copies), address)))
		serving_pass();
}

void quiet_log(void)
{
	serving_pass();
}

static int serving_own(int fd)
{
	FUZZ_MUST(fd >= 0 && fd < SERVING_FDS);
	serving_owns[fd] = true;
	return fd;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	serving_pass();
	if (serving_is_inside) {
		FUZZ_MUST(fd >= 0 && fd < SERVING_FDS && serving_owns[fd]);
		serving_owns[fd] = false;
	}
	return __real_close(fd);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
	int fd = __real_epoll_create1(flags);

	return serving_is_inside ? serving_own(fd) : fd;
}

int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int status;

	serving_pass();
	status = __real_epoll_ctl(epoll, operation, fd, event);
	FUZZ_MUST(status == 0 || operation == EPOLL_CTL_DEL);
	return status;
}

int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how)
{
	serving_pass();
	return __real_shutdown(fd, how);
}

/* The Makefile gives this name to what the server calls: libFuzzer reads the time, too. */
int serving_clock(clockid_t clock, struct timespec *now);
int serving_clock(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = (time_t)(serving.now_ns / 1000000000);
	now->tv_nsec = (long)(serving.now_ns % 1000000000);
	return 0;
}

ssize_t __real_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags)
{
	if (!serving_is_inside)
		return __real_getrandom(buffer, size, flags);
	memset(buffer, 0x5a, size);
	return (ssize_t)size;
}

/* libFuzzer has an alarm of its own. */
int __real_setitimer(int which, const struct itimerval *new, struct itimerval *old);
int __wrap_setitimer(int which, const struct itimerval *new, struct itimerval *old);
int __wrap_setitimer(int which, const struct itimerval *new, struct itimerval *old)
{
	return serving_is_inside ? 0 : __real_setitimer(which, new, old);
}

int __real_sigaction(int number, const struct sigaction *new, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *new, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *new, struct sigaction *old)
{
	return serving_is_inside ? 0 : __real_sigaction(number, new, old);
}

static uint32_t serving_row(int fd)
{
	for (uint32_t i = 0; i < serving.server.clients.capacity; i++)
		if (serving.server.clients.fd[i] == fd)
			return i;
	FUZZ_MUST(false);
}

/* Which of them it is that fails: these two happen only to those with a descriptor. */
static unsigned serving_failing(const struct mmsghdr *messages, unsigned count)
{
	unsigned at = 0;

	if (serving.failure == ETOOMANYREFS || serving.failure == EAGAIN)
		while (at < count && messages[at].msg_hdr.msg_controllen == 0)
			at++;
	return at;
}

/* It can be killed before the first message, or between any two of them. */
int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	uint32_t row = serving_row(fd), at;
	int sent = 0;

	/* A server that takes over must find it. */
	FUZZ_MUST(serving.server.state.client[row].sending == count);
	if (serving_hooks->sending)
		serving_hooks->sending(row);
	if (serving.failure && (at = serving_failing(messages, count)) < count) {
		if (at > 0)
			return __real_sendmmsg(fd, messages, at, flags);
		errno = serving.failure;
		serving.failure = 0;
		return -1;
	}
	if (serving_left == 0)
		return __real_sendmmsg(fd, messages, count, flags);
	for (unsigned i = 0; i < count; i++) {
		serving_pass();
		if (__real_sendmmsg(fd, &messages[i], 1, flags) != 1)
			return sent > 0 ? sent : -1;
		sent++;
	}
	serving_pass();
	return sent;
}

int __wrap_link_send(int link, const struct link_message *message, const int *fds, unsigned count);
int __wrap_link_send(int link, const struct link_message *message, const int *fds, unsigned count)
{
	(void)link;
	(void)fds;
	serving_pass();
	FUZZ_MUST(serving.has_supervisor && count == 0);
	FUZZ_MUST(message->kind == LINK_DROP && message->index < SERVING_ROWS);
	if (serving.is_deaf) {
		errno = EAGAIN;
		return -1;
	}
	FUZZ_MUST(serving.held[message->index] >= 0 && !serving.dropped[message->index]);
	serving.dropped[message->index] = true;
	return 0;
}

static int serving_file(unsigned index)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct stat st;

	FUZZ_MUST(fd >= 0 && fstat(fd, &st) == 0);
	serving_inode[index] = st.st_ino;
	return fd;
}

static bool serving_is_file(int fd, unsigned index)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == serving_inode[index];
}

bool serving_is_doorbell(int fd, uint32_t slot, uint32_t vector)
{
	return serving_is_file(fd, slot * serving.server.slots.vectors + vector);
}

bool serving_is_memory(int fd)
{
	return serving_is_file(fd, SERVING_MEMORY);
}

bool serving_is_common(int fd, uint32_t slot)
{
	return serving_is_file(fd, SERVING_MEMORY + 1 + 3 * slot);
}

bool serving_is_part(int fd, uint32_t slot)
{
	return serving_is_file(fd, SERVING_MEMORY + 2 + 3 * slot);
}

bool serving_is_reader(int fd, uint32_t slot)
{
	return serving_is_file(fd, SERVING_MEMORY + 3 + 3 * slot);
}

bool serving_is_seen(int fd)
{
	return serving_is_file(fd, SERVING_SEEN);
}

/* A file for each memory of a split region: which it is stands for what may be done with it. */
static void serving_make_memories(void)
{
	for (unsigned i = 0; i < SERVING_SLOTS; i++)
		serving_memories[i] =
		    (struct state_memory){.common = serving_file(SERVING_MEMORY + 1 + 3 * i),
			.part = serving_file(SERVING_MEMORY + 2 + 3 * i),
			.reader = serving_file(SERVING_MEMORY + 3 + 3 * i)};
	serving_seen = serving_file(SERVING_SEEN);
}

void serving_open(
    const struct options *options, bool has_supervisor, const struct serving_hooks *hooks)
{
	const struct state_shape shape = shape_of(options);
	struct server *server = &serving.server;

	if (serving_memory < 0) {
		for (unsigned i = 0; i < SERVING_SLOTS * SERVING_VECTORS; i++)
			serving_doorbells[i] = serving_file(i);
		serving_memory = serving_file(SERVING_MEMORY);
		serving_make_memories();
	}
	memset(&serving, 0, sizeof(serving));
	serving_hooks = hooks;
	serving.has_supervisor = has_supervisor;
	serving.unread = 278;
	serving.now_ns = 1000000000;
	serving.is_dead = true;
	server->options = *options;
	server->link = has_supervisor ? 0 : -1;
	server->clients.epoll = -1;
	for (uint32_t i = 0; i < SERVING_ROWS; i++)
		serving.held[i] = -1;
	FUZZ_MUST(state_create(&server->state, &shape) == 0);
	memcpy(server->state.doorbells, serving_doorbells,
	    (size_t)options->slots * options->vectors * sizeof(*serving_doorbells));
	server->state.head->memory = serving_memory;
	server->state.head->reader = serving_seen;
	if (options->split)
		memcpy(server->state.memory, serving_memories,
		    options->slots * sizeof(*serving_memories));
	for (uint32_t i = 0; i < SERVING_SLOTS; i++)
		serving_copies[i] = &serving.copies[i];
	server->state.head->marks = true;
	memset(serving_names, 0, sizeof(serving_names));
	for (uint32_t i = 0; i < options->bound_count; i++)
		serving_names[options->bound[i].slot] = options->bound[i].name;
	server->slots = (struct slots){.count = options->slots,
	    .vectors = options->vectors,
	    .slot = server->state.slot,
	    .doorbells = server->state.doorbells,
	    .names = serving_names};
}

/* Everything that only the server had is gone with it. */
static void serving_end(void)
{
	struct clients *clients = &serving.server.clients;

	for (int fd = 0; fd < SERVING_FDS; fd++)
		if (serving_owns[fd])
			__real_close(fd);
	memset(serving_owns, 0, sizeof(serving_owns));
	free(clients->fd);
	free(clients->is_blocked);
	free(clients->is_due);
	free(clients->id_uses);
	free(clients->live);
	free(serving.server.slots.known);
	serving.server.slots.known = NULL;
	*clients = (struct clients){.epoll = -1};
	serving_left = 0;
	serving.failure = 0;
	serving.is_dead = true;
}

void serving_kill(void)
{
	serving_end();
	serving_read_link();
}

void serving_call(void (*call)(void *), void *argument)
{
	if (setjmp(serving_out)) {
		serving_kill();
		return;
	}
	serving_is_inside = true;
	call(argument);
	serving_is_inside = false;
}

void serving_kill_in(uint32_t count)
{
	serving_left = count;
}

static void serving_begin_call(void *unused)
{
	struct server *server = &serving.server;
	const struct state_head *head = server->state.head;

	(void)unused;
	takeover_repair(&server->state);
	FUZZ_MUST(page_open(&server->page, &server->state.head->page_words,
		      head->raw ? NULL : &serving.words, head->vectors) == 0);
	if (head->split)
		page_copy(&server->page, serving_copies, head->slots);
	server->clients = (struct clients){.options = &server->options,
	    .slots = &server->slots,
	    .page = &server->page,
	    .unread = serving.unread,
	    .link = server->link};
	server->began_ns = clock_now_ns();
	FUZZ_MUST(clients_open(&server->clients, &server->state) == 0);
	resume_clients(&server->clients, &server->state);
	server->state.head->is_begun = 1;
	server->is_begun = true;
}

void serving_begin(void)
{
	struct server *server = &serving.server;

	/* It inherits copies of what the supervisor holds. */
	for (uint32_t i = 0; i < server->state.head->clients; i++)
		server->state.socket[i].fd =
		    serving.held[i] < 0 ? -1 : serving_own(fcntl(serving.held[i], F_DUPFD, 0));
	if (server->state.head->classic)
		server->slots.known = calloc(server->slots.count, sizeof(*server->slots.known));
	serving.is_dead = false;
	serving_call(serving_begin_call, NULL);
}

uint32_t serving_take(int fd, uint32_t slot)
{
	uint32_t row = 0, capacity = serving.server.state.head->clients;

	if (serving.has_supervisor) {
		while (row < capacity && serving.held[row] >= 0)
			row++;
		if (row == capacity)
			return SLOTS_NONE;
		serving.held[row] = fd;
		serving.server.state.socket[row].slot = slot;
		return row;
	}
	row = clients_free_index(&serving.server.clients);
	if (row == capacity)
		return SLOTS_NONE;
	serving_own(fd);
	serving.held[row] = fd;
	return row;
}

struct serving_delivery {
	uint32_t row;
	int fd;
	uint32_t slot;
};

static void serving_deliver_call(void *argument)
{
	const struct serving_delivery *delivery = argument;

	const struct arrival arrival = {
	    delivery->row, delivery->fd, delivery->slot, caller_of(delivery->fd)};

	arrivals_add(&serving.server.clients, &arrival, 1, delivery->row % 2);
}

void serving_deliver(uint32_t row, uint32_t slot)
{
	struct serving_delivery delivery = {row, serving.held[row], slot};

	if (serving.has_supervisor)
		delivery.fd = serving_own(fcntl(delivery.fd, F_DUPFD, 0));
	serving_call(serving_deliver_call, &delivery);
}

void serving_read_link(void)
{
	for (uint32_t i = 0; i < SERVING_ROWS; i++) {
		bool is_over = serving.dropped[i];

		/* Without a supervisor the server's own descriptor is the only one. */
		if (!serving.has_supervisor && serving.held[i] >= 0 &&
		    !serving_owns[serving.held[i]])
			is_over = true;
		if (!is_over)
			continue;
		if (serving_hooks->dropped)
			serving_hooks->dropped(i);
		if (serving.has_supervisor)
			__real_close(serving.held[i]);
		serving.held[i] = -1;
		serving.dropped[i] = false;
	}
}

/* A CLOSING client holds its slot still, unless its end had begun before a takeover. */
static bool serving_holds(uint32_t row)
{
	const struct server *server = &serving.server;
	const struct client *client = &server->state.client[row];

	return client->state == CLIENT_HANDSHAKING || client->state == CLIENT_READY ||
	       (client->state == CLIENT_INDETERMINATE && client->slot != SLOTS_NONE) ||
	       (client->state == CLIENT_CLOSING && client->slot < server->slots.count &&
		   server->slots.slot[client->slot].client == row);
}

static void serving_check_clients(void)
{
	const struct server *server = &serving.server;
	uint32_t used = 0, words = state_words(server->slots.count);

	for (uint32_t i = 0; i < server->clients.capacity; i++) {
		const struct client *client = &server->state.client[i];
		bool is_here = client->state != CLIENT_FREE && client->state != CLIENT_GONE;

		FUZZ_MUST(client->state <= CLIENT_INDETERMINATE);
		used += client->state != CLIENT_FREE;
		FUZZ_MUST(client->sending == 0 ||
			  (client->state != CLIENT_HANDSHAKING && client->state != CLIENT_READY &&
			      client->state != CLIENT_REFUSED));
		FUZZ_MUST((server->clients.fd[i] >= 0) == is_here);
		FUZZ_MUST(client->state == CLIENT_FREE || !serving.has_supervisor ||
			  serving.held[i] >= 0);
		if (serving_holds(i)) {
			FUZZ_MUST(client->slot < server->slots.count);
			FUZZ_MUST(server->slots.slot[client->slot].client == i);
		} else if (client->state == CLIENT_WAITING) {
			FUZZ_MUST(client->slot < server->slots.count ||
				  (client->slot == SLOTS_NONE && server->clients.is_classic));
		}
		for (uint32_t w = 0; server->clients.is_classic && w < words; w++)
			FUZZ_MUST(client->state == CLIENT_HANDSHAKING ||
				  client->state == CLIENT_READY ||
				  server->clients.knows[i * words + w] == 0);
	}
	FUZZ_MUST(server->clients.used == used);
}

static void serving_check_slots(void)
{
	const struct server *server = &serving.server;
	const struct clients *clients = &server->clients;
	uint32_t words = state_words(server->slots.count);

	for (uint32_t s = 0; s < server->slots.count; s++) {
		const struct slot *slot = &server->slots.slot[s];
		bool is_held = slot->client != SLOTS_NONE;
		uint32_t known = 0;

		if (is_held) {
			FUZZ_MUST(slot->client < clients->capacity);
			FUZZ_MUST(serving_holds(slot->client));
			FUZZ_MUST(clients->client[slot->client].slot == s);
		}
		if (!clients->is_classic) {
			FUZZ_MUST(slot->id == s);
			continue;
		}
		for (uint32_t i = 0; i < clients->capacity; i++)
			known += clients->knows[i * words + s / 64] >> s % 64 & 1;
		FUZZ_MUST(server->slots.known[s] == known);
		FUZZ_MUST((clients->live[s / 64] >> s % 64 & 1) == is_held);
	}
}

static void serving_check_page(void)
{
	const struct server *server = &serving.server;
	const struct page_words *is = &server->state.head->page_words;
	bool is_held[IVSH_WIRE_SLOTS_MAX] = {false};

	if (server->state.head->raw)
		return;
	FUZZ_MUST(serving.words.epoch == is->epoch && is->epoch != 0);
	FUZZ_MUST(serving.words.change == is->change);
	for (uint32_t s = 0; s < server->slots.count; s++)
		if (server->slots.slot[s].client != SLOTS_NONE &&
		    server->slots.slot[s].id < IVSH_WIRE_SLOTS_MAX)
			is_held[server->slots.slot[s].id] = true;
	for (uint32_t id = 0; id < IVSH_WIRE_SLOTS_MAX; id++)
		FUZZ_MUST(is->connection[id] % 2 == is_held[id]);
	FUZZ_MUST(!memcmp(serving.words.connection, is->connection, sizeof(is->connection)));
	for (uint32_t s = 0; server->state.head->split && s < server->slots.count; s++)
		FUZZ_MUST(!memcmp(&serving.copies[s], &serving.words, sizeof(serving.words)));
}

void serving_check(void)
{
	if (serving.is_dead)
		return;
	serving_check_clients();
	serving_check_slots();
	serving_check_page();
}

void serving_close(void)
{
	serving_end();
	for (uint32_t i = 0; serving.has_supervisor && i < SERVING_ROWS; i++)
		if (serving.held[i] >= 0)
			__real_close(serving.held[i]);
	state_close(&serving.server.state);
}
