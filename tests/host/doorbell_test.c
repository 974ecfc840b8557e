/* SPDX-License-Identifier: MIT */
/*
 * doorbell_test.c - two processes that sleep, and wake each other through the client's doorbells.
 *
 * The test makes the eventfds and the memory, as a server does. All else is what a program uses,
 * from ppoll(2) to the channel. Slot 0 is the parent unless a case says otherwise.
 */
#include <ivsh/client.h>
#include "client/doorbell.h"
#include "client/peers.h"
#include "tests/lib/test.h"

#include <ivsh/channel.h>
#include <ivsh/peers.h>
#include <ivsh/wait.h>

#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define STOPPED_NS (SECOND / 100) /* no call of a channel takes as long, unless it is stopped */
#define SIZE (1u << 20)
#define STREAM 1000000u
#define PORT 9u

struct peer {
	struct ivsh_client client;
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[IVSH_FIT_DESCS];
	struct ivsh_wait wait;
};

static struct peer ends[2];
static void *memory;
static uint64_t *stopped; /* shared: of each slot, calls in which its process was stopped */

/* The client of slot (self), as a handshake leaves it, but without a socket. */
static int client_make(struct ivsh_client *c, uint32_t self, int (*eventfds)[128], uint32_t vectors)
{
	memset(c, 0, sizeof(*c));
	c->socket = c->memory = c->partial_fd = c->doorbells = -1;
	c->is_reported = true;
	c->mem.base = memory;
	c->mem.size = SIZE;
	c->mem.self = self;
	for (uint32_t slot = 0; slot < 2; slot++)
		for (uint32_t i = 0; i < vectors; i++)
			if (ivsh_client_peers_add(c, slot, dup(eventfds[slot][i])))
				return -1;
	return ivsh_client_doorbell_open(c, true);
}

static int world_open(uint32_t vectors)
{
	int eventfds[2][128], error;
	struct ivsh_geometry geometry;

	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stopped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || stopped == MAP_FAILED ||
	    ivsh_geometry_fit(SIZE, 2, &geometry, NULL) ||
	    ivsh_region_format(memory, SIZE, &geometry, 1, false))
		return -1;
	for (uint32_t i = 0; i < 2 * vectors; i++)
		eventfds[i / vectors][i % vectors] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = client_make(&ends[0].client, 0, eventfds, vectors) ||
		client_make(&ends[1].client, 1, eventfds, vectors);
	for (uint32_t i = 0; i < 2 * vectors; i++)
		close(eventfds[i / vectors][i % vectors]);
	return error ? -1 : 0;
}

static void world_close(void)
{
	for (unsigned i = 0; i < 2; i++) {
		ends[i].client.mem.base = NULL;
		ivsh_client_close(&ends[i].client);
	}
	munmap(memory, SIZE);
	munmap(stopped, 4096);
}

/* Attach to (slot) and open the channel to the other one. */
static int peer_open(struct peer *p, uint32_t slot, enum ivsh_wait_mode mode, uint64_t spin_ns)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = slot + 1};
	int error = ivsh_region_attach(&p->region, &p->client.mem, &attach);

	p->wait = (struct ivsh_wait){.mode = mode, .spin_ns = spin_ns};
	return error ? error
		     : ivsh_chan_open(&p->chan, &p->region, 1 - slot, p->records, IVSH_FIT_DESCS);
}

static void peer_close(struct peer *p)
{
	ivsh_chan_close(&p->chan);
	ivsh_region_detach(&p->region);
}

/* Wait until something happens. False: nothing did for a minute. */
static bool peer_wait(struct peer *p)
{
	uint32_t events;

	return ivsh_region_wait(&p->region, &p->wait, MINUTE, &events) == 0 && events != 0;
}

static int try_send(struct peer *p, uint64_t number)
{
	uint64_t start = ivsh_region_now(&p->region);
	int error = ivsh_chan_send(&p->chan, PORT, &number, sizeof(number));

	stopped[1 - p->chan.peer] += ivsh_region_now(&p->region) - start >= STOPPED_NS;
	return error;
}

static int try_receive(struct peer *p, uint64_t *number)
{
	uint64_t start = ivsh_region_now(&p->region);
	struct ivsh_message message;
	int error = ivsh_chan_receive(&p->chan, &message, number, sizeof(*number));

	stopped[1 - p->chan.peer] += ivsh_region_now(&p->region) - start >= STOPPED_NS;
	return error;
}

static bool peer_send(struct peer *p, uint64_t number)
{
	int error;

	while ((error = try_send(p, number)) == IVSH_EAGAIN)
		if (!peer_wait(p))
			return false;
	return error == 0;
}

static bool peer_receive(struct peer *p, uint64_t number)
{
	uint64_t got = 0;
	int error;

	while ((error = try_receive(p, &got)) == IVSH_EAGAIN)
		if (!peer_wait(p))
			return false;
	return error == 0 && got == number;
}

/* Run (body) as slot (slot) in a process of its own, which ends with status 0 if all went well. */
static pid_t child(uint32_t slot, bool (*body)(struct peer *p, uint32_t count), uint32_t count,
    enum ivsh_wait_mode mode, uint64_t spin_ns)
{
	struct peer *p = &ends[slot];
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		bool good = peer_open(p, slot, mode, spin_ns) == 0 && body(p, count);

		peer_close(p);
		_exit(good ? 0 : 1);
	}
	return pid;
}

/* Whether the child ended with status 0. */
static bool child_good(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status == 0;
}

/* The counters that the other peer published. */
static struct ivsh_counters other_counters(struct peer *p)
{
	struct ivsh_counters counters = {0};

	CHECK_EQ(ivsh_region_counters(&p->region, p->chan.peer, &counters), 0);
	return counters;
}

/*
 * No peer missed a notification. A timer that ends a sleep just when the other process is stopped
 * between its store and its notification finds something to do, too: at most once for each stop.
 */
static void check_missed(struct peer *p)
{
	uint32_t other = p->chan.peer;

	CHECK(p->region.counters.missed_notifications <= stopped[other]);
	CHECK(other_counters(p).missed_notifications <= stopped[1 - other]);
}

static bool body_echo(struct peer *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!peer_receive(p, i) || !peer_send(p, i))
			return false;
	return true;
}

static void ping_pong(void)
{
	static const struct {
		const char *row;
		uint32_t vectors;
	} rows[] = {{"1 vector", 1}, {"2 vectors", 2}, {"128 vectors", 128}};
	const uint32_t count = getenv("IVSH_SOAK") ? 100000 : 10000;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_counters other;
		uint32_t done = 0;
		pid_t pid;

		test_row(rows[i].row);
		NEED_EQ(world_open(rows[i].vectors), 0);
		NEED_EQ(peer_open(&ends[0], 0, IVSH_WAIT_SLEEP, 0), 0);
		pid = child(1, body_echo, count, IVSH_WAIT_SLEEP, 0);
		while (done < count && peer_send(&ends[0], done) && peer_receive(&ends[0], done))
			done++;
		CHECK_EQ(done, count);
		CHECK(child_good(pid));
		other = other_counters(&ends[0]);
		check_missed(&ends[0]);
		CHECK(ends[0].region.counters.wakes_doorbell != 0 && other.wakes_doorbell != 0);
		CHECK_EQ(other.notifications_sent + other.notifications_suppressed, count);
		peer_close(&ends[0]);
		world_close();
	}
}

static bool body_take(struct peer *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!peer_receive(p, i))
			return false;
	return true;
}

/* Slot 1 of two sleepers: takes (count) messages of 1 KiB. */
static bool body_sleeper(struct peer *p, uint32_t count)
{
	static uint8_t buffer[1024];
	struct ivsh_message message;

	for (uint32_t i = 0; i < count; i++) {
		int error;

		while ((error = ivsh_chan_receive(&p->chan, &message, buffer, sizeof(buffer))) ==
		       IVSH_EAGAIN)
			if (!peer_wait(p))
				return false;
		if (error || message.port != (uint16_t)i)
			return false;
	}
	return true;
}

/*
 * Let this process, and those that it starts, use the first of the processors in (*before) alone,
 * which it could use until now.
 */
static bool one_processor(cpu_set_t *before)
{
	cpu_set_t one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(*before), before) != 0)
		return false;
	while (!CPU_ISSET(cpu, before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

/*
 * Two peers that sleep ring at most 50 times for 1,000 messages of 1 KiB, both together: each goes
 * on until the queue is full, or empty. On one processor: on two, a receiver that is quicker than
 * its sender finds the queue empty, however long it may be. SPEC R7.2.2.
 */
static void two_sleepers(void)
{
	static const struct {
		const char *row;
		struct ivsh_geometry geometry;
	} rows[] = {{"of the library", {0}}, {"small area of 4 KiB", {2, 256, 4096, 1u << 18, 0}}};
	const uint32_t count = 10000;
	cpu_set_t before;

	NEED_EQ(one_processor(&before), true);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static uint8_t bytes[1024];
		struct peer *p = &ends[0];
		uint32_t done = 0;
		pid_t pid;

		test_row(rows[i].row);
		NEED_EQ(world_open(2), 0);
		if (rows[i].geometry.slots != 0)
			NEED_EQ(ivsh_region_format(memory, SIZE, &rows[i].geometry, 1, true), 0);
		NEED_EQ(peer_open(p, 0, IVSH_WAIT_SLEEP, 0), 0);
		pid = child(1, body_sleeper, count, IVSH_WAIT_SLEEP, 0);
		while (done < count) {
			int error = ivsh_chan_send(&p->chan, (uint16_t)done, bytes, sizeof(bytes));

			done += error == 0;
			if (error && (error != IVSH_EAGAIN || !peer_wait(p)))
				break;
		}
		CHECK_EQ(done, count);
		CHECK(child_good(pid));
		CHECK(
		    (p->region.counters.notifications_sent + other_counters(p).notifications_sent) *
			1000 <=
		    50 * (uint64_t)count);
		peer_close(p);
		world_close();
	}
	CHECK_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

/* Both poll for 10 ms before they sleep. */
static void stream(void)
{
	struct ivsh_counters other;
	uint32_t done = 0;
	pid_t pid;

	NEED_EQ(world_open(2), 0);
	NEED_EQ(peer_open(&ends[0], 0, IVSH_WAIT_SPIN, SECOND / 100), 0);
	pid = child(1, body_take, STREAM, IVSH_WAIT_SPIN, SECOND / 100);
	while (done < STREAM && peer_send(&ends[0], done))
		done++;
	CHECK_EQ(done, STREAM);
	CHECK(child_good(pid));
	other = other_counters(&ends[0]);
	CHECK(ends[0].region.counters.notifications_sent <= STREAM / 1000);
	CHECK(other.notifications_sent <= STREAM / 1000);
	check_missed(&ends[0]);
	peer_close(&ends[0]);
	world_close();
}

/*
 * Wait until the other process has written its notification request to (word), and then for as long
 * as it takes to fall asleep.
 */
static uint32_t await_request(const uint32_t *word)
{
	uint32_t request = 0;

	for (unsigned i = 0; i < 60000 && (request & IVSH_WIRE_REQUEST_VECTOR) == 0; i++) {
		poll(NULL, 0, 1);
		request = __atomic_load_n(word, __ATOMIC_RELAXED);
	}
	poll(NULL, 0, 20);
	return request;
}

/* SPEC R8.4.2: the receiver is slot 0, so that the sender's number shows in the vector. */
static void vectors(void)
{
	static const struct {
		const char *row;
		uint32_t vectors;
		uint32_t want;
	} rows[] = {
	    {"1 vector", 1, 0}, {"2 vectors", 2, 1}, {"3 vectors", 3, 2}, {"128 vectors", 128, 2}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer *p = &ends[1];
		uint32_t request;
		pid_t pid;

		test_row(rows[i].row);
		NEED_EQ(world_open(rows[i].vectors), 0);
		NEED_EQ(peer_open(p, 1, IVSH_WAIT_SLEEP, 0), 0);
		pid = child(0, body_take, 1, IVSH_WAIT_SLEEP, 0);
		request = await_request(&p->chan.tx.other->notify_request);
		CHECK_EQ(request & IVSH_WIRE_REQUEST_VECTOR, rows[i].want + 1);
		CHECK(peer_send(p, 0));
		CHECK(child_good(pid));
		CHECK_EQ(p->region.counters.notifications_sent, 1);
		check_missed(p);
		peer_close(p);
		world_close();
	}
}

/* Fill the ring, then send one more. */
static bool body_fill(struct peer *p, uint32_t count)
{
	for (uint32_t i = 0; i <= count; i++)
		if (!peer_send(p, i))
			return false;
	return p->region.counters.full != 0;
}

static void space(void)
{
	struct peer *p = &ends[0];
	uint32_t request, done = 0;
	pid_t pid;

	NEED_EQ(world_open(2), 0);
	NEED_EQ(peer_open(p, 0, IVSH_WAIT_SLEEP, 0), 0);
	pid = child(1, body_fill, p->region.geometry.descs, IVSH_WAIT_SLEEP, 0);
	request = await_request(&p->chan.rx.other->notify_request);
	CHECK(request & IVSH_WIRE_REQUEST_VECTOR);
	CHECK(peer_receive(p, done++));
	CHECK_EQ(p->region.counters.notifications_sent, 1);
	while (done <= p->region.geometry.descs && peer_receive(p, done))
		done++;
	CHECK_EQ(done, p->region.geometry.descs + 1);
	CHECK(child_good(pid));
	CHECK_EQ(p->region.counters.notifications_sent, 1);
	check_missed(p);
	peer_close(p);
	world_close();
}

/* A process that holds the eventfds can add any number: the count changes all the same. */
static void counters_filled(void)
{
	const uint64_t amounts[] = {UINT64_C(1) << 32, UINT64_MAX - 1, 1};
	struct ivsh_doorbell *doorbell;

	NEED_EQ(world_open(128), 0);
	doorbell = &ends[0].client.mem.doorbell;
	for (unsigned i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		uint32_t seen = doorbell->count(doorbell->ctx);

		for (unsigned k = 0; k < 128; k++)
			CHECK_EQ(
			    write(ends[1].client.peers[0].fd[k], &amounts[i], sizeof(amounts[i])),
			    8);
		CHECK(doorbell->count(doorbell->ctx) != seen);
		seen = doorbell->count(doorbell->ctx);
		CHECK_EQ(doorbell->count(doorbell->ctx), seen);
	}
	world_close();
}

/* Two clients of one process sleep and count as one, until one of them closes. */
static void group(void)
{
	const struct ivsh_doorbell *doorbell = &ends[0].client.mem.doorbell;
	const uint64_t one = 1;
	uint64_t start;
	uint32_t seen;

	NEED_EQ(world_open(2), 0);
	CHECK_EQ(ivsh_client_group(&ends[0].client, &ends[1].client), 0);
	seen = doorbell->count(doorbell->ctx);
	CHECK_EQ(write(ends[0].client.peers[1].fd[0], &one, sizeof(one)), 8);
	start = doorbell->now_ns(doorbell->ctx);
	doorbell->sleep(doorbell->ctx, seen, start + 20 * SECOND);
	CHECK(doorbell->now_ns(doorbell->ctx) - start < 10 * SECOND);
	CHECK_EQ(doorbell->count(doorbell->ctx), seen + 1);
	CHECK_EQ(ends[1].client.mem.doorbell.count(&ends[1].client), seen + 1);
	/* Each sees what was counted since, whoever counted it. */
	doorbell->sleep(doorbell->ctx, seen, start + 20 * SECOND);
	CHECK(doorbell->now_ns(doorbell->ctx) - start < 10 * SECOND);
	ends[1].client.mem.base = NULL;
	ivsh_client_close(&ends[1].client);
	seen = doorbell->count(doorbell->ctx);
	doorbell->sleep(doorbell->ctx, seen, doorbell->now_ns(doorbell->ctx) + 1000000);
	CHECK_EQ(doorbell->count(doorbell->ctx), seen);
	world_close();
}

static const struct test tests[] = {
    {"clients of one group", group},
    {"two sleepers", two_sleepers},
    {"ping-pong of two sleepers", ping_pong},
    {"stream to a receiver that is awake", stream},
    {"vectors of a sleeper", vectors},
    {"a sender that waits for room", space},
    {"counters that somebody fills", counters_filled},
};

int main(void)
{
	return test_main("doorbell", tests, sizeof(tests) / sizeof(tests[0]));
}
