/* SPDX-License-Identifier: MIT */
/*
 * library_test.c - the host library over a plain memory file: several hosts in one process.
 */
#include <ivsh/host.h>
#include <ivsh/wire.h>
#include "tests/lib/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define SIZE (4u << 20)

static char folder[] = "/tmp/ivsh-library-XXXXXX";
static char path[96];
static struct ivsh_host *a, *b; /* in slots 0 and 1 */

static void memory_make(void)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
	close(fd);
}

/* Both in a memory that is made anew. */
static void both_open(uint32_t flags)
{
	memory_make();
	CHECK_EQ(ivsh_host_open(&a, path, "a", flags, 0), 0);
	CHECK_EQ(ivsh_host_open(&b, path, "b", flags, 1), 0);
}

static void both_close(void)
{
	ivsh_host_close(a);
	ivsh_host_close(b);
}

/* What is due now, but for the events of peers. */
static uint32_t ready(struct ivsh_host *host, uint32_t wanted)
{
	uint32_t events = 0, kind, slot;

	while (ivsh_host_next_event(host, &kind, &slot, 0) == 0)
		;
	CHECK_EQ(ivsh_host_ready(host, wanted, &events), 0);
	return events;
}

/* --- Opening and closing -------------------------------------------------------------------- */

/* Descriptors from 3 on; with (only_closing): those that execve(2) leaves open. */
static int descriptors(bool only_inherited)
{
	DIR *all = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(all)) != NULL) {
		int fd = atoi(entry->d_name), flags;

		if (entry->d_name[0] == '.' || fd < 3 || fd == dirfd(all))
			continue;
		flags = fcntl(fd, F_GETFD);
		count += !only_inherited || !(flags & FD_CLOEXEC);
	}
	closedir(all);
	return count;
}

static void open_and_close(void)
{
	int before = descriptors(false), inherited = descriptors(true);

	both_open(0);
	CHECK_EQ(ivsh_host_self(a), 0);
	CHECK_EQ(ivsh_host_self(b), 1);
	CHECK_EQ(ivsh_host_slots(b), 8);
	CHECK(ivsh_host_node(a) != NULL && ivsh_host_fd(a) >= 0);
	CHECK_EQ(strcmp(ivsh_host_place(a), path), 0);
	CHECK_EQ(ivsh_host_max(a), ivsh_node_max(ivsh_host_node(a)));
	CHECK(descriptors(false) > before);
	CHECK_EQ(descriptors(true), inherited);
	both_close();
	CHECK_EQ(descriptors(false), before);
	ivsh_host_close(NULL);
}

static void refused(void)
{
	static const struct {
		const char *row, *place, *name, *text;
		uint32_t slot;
		int error;
	} rows[] = {
	    {"nothing there", "/nowhere/at/all", NULL, "No such file or directory", IVSH_SELF_NONE,
		IVSH_ENODEV},
	    {"a folder", "/proc/self", NULL, "no split region in this folder: common: No such file",
		IVSH_SELF_NONE, IVSH_ENODEV},
	    {"a device", "/dev/null", NULL, "neither a server's socket, nor a memory file",
		IVSH_SELF_NONE, IVSH_EINVAL},
	    {"no slot", path, NULL, "the region has only the slots 0 to 7", 8, IVSH_EINVAL},
	    {"a name too long", path, "0123456789012345678901234567890x", "the name is not",
		IVSH_SELF_NONE, IVSH_EINVAL},
	};
	int before;

	both_open(0);
	before = descriptors(false);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_host *host = NULL;

		test_row(rows[i].row);
		CHECK_EQ(ivsh_host_open(&host, rows[i].place, rows[i].name, 0, rows[i].slot),
		    rows[i].error);
		CHECK(strstr(ivsh_host_error(host), rows[i].text) != NULL);
		CHECK_EQ(ivsh_host_fd(host), -1);
		CHECK(ivsh_host_node(host) == NULL);
		CHECK_EQ(ivsh_host_send(host, 0, 1, "x", 1, 0), IVSH_ENODEV);
		ivsh_host_close(host);
		CHECK_EQ(descriptors(false), before);
	}
	test_row(NULL);
	both_close();
}

/* --- Messages and streams ------------------------------------------------------------------- */

static void messages(void)
{
	struct ivsh_host_message m;
	uint32_t got, sent = 0, peer, presence, incarnation;
	char text[16], name[IVSH_WIRE_NAME_SIZE];
	uint16_t port = 0;

	both_open(0);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), 0), IVSH_EAGAIN);
	CHECK_EQ(ivsh_host_send(a, 1, 5, "hello", 5, SECOND), 0);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), SECOND), 0);
	CHECK(m.size == 5 && m.port == 5 && m.peer == 0 && m.request == 0);
	CHECK_EQ(ivsh_host_send(a, 0, 5, "hello", 5, SECOND), IVSH_EINVAL);
	CHECK_EQ(ivsh_host_broadcast(a, 6, "all", 3, &sent, SECOND), 0);
	CHECK_EQ(sent, 1);
	/* Too large for the buffer: it stays until it is dropped. */
	CHECK_EQ(ivsh_host_receive(b, &m, text, 2, 0), IVSH_ENOSPC);
	CHECK_EQ(m.size, 3);
	CHECK_EQ(ivsh_host_receive(b, &m, text, 2, 0), IVSH_ENOSPC);
	ivsh_host_drop(b, &m);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), 0), IVSH_EAGAIN);
	/* A loss that the sender reports: nothing more is sent before the receiver knows of it. */
	CHECK_EQ(ivsh_host_report_loss(a, 0), IVSH_EINVAL);
	CHECK_EQ(ivsh_host_report_loss(a, 1), 0);
	CHECK_EQ(ivsh_host_send(a, 1, 5, "later", 5, 0), IVSH_EAGAIN);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), 0), IVSH_EAGAIN);
	CHECK_EQ(ivsh_host_send(a, 1, 5, "later", 5, SECOND), 0);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), SECOND), 0);
	CHECK_EQ(ivsh_host_call(a, 1, 7, "q", 1, text, sizeof(text), &got, 5 * MS), IVSH_EAGAIN);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), SECOND), 0);
	CHECK(m.request != 0 && m.port == 7);
	CHECK_EQ(ivsh_host_reply(b, &m, "r", 1, SECOND), 0);
	CHECK_EQ(ivsh_host_find(a, "b", &peer, SECOND), 0);
	CHECK_EQ(peer, 1);
	CHECK_EQ(ivsh_host_find(a, "c", &peer, 5 * MS), IVSH_ENODEV);
	CHECK_EQ(ivsh_host_peer(a, 1, &presence, &incarnation, name), 0);
	CHECK(presence == IVSH_PEER_ATTACHED && incarnation == 1 && !strcmp(name, "b"));
	CHECK_EQ(ivsh_host_peer(a, 8, NULL, NULL, NULL), IVSH_EINVAL);
	CHECK_EQ(ivsh_host_offer(b, "clock", 77), 0);
	CHECK_EQ(ivsh_host_find_service(a, "clock", &peer, &port, SECOND), 0);
	CHECK(peer == 1 && port == 77);
	CHECK_EQ(ivsh_host_find_service(a, "none", &peer, &port, 0), IVSH_ENODEV);
	CHECK_EQ(ivsh_host_service(a, 1, 0, name, &port), 0);
	CHECK(port == 77 && !strcmp(name, "clock"));
	CHECK_EQ(ivsh_host_service(a, 1, 1, name, &port), 0);
	CHECK_EQ(name[0], 0);
	CHECK_EQ(ivsh_host_service(a, 1, 16, name, &port), IVSH_ENODEV);
	both_close();
}

/* What ends a sleep is what the program waits for, and nothing is answered twice. */
static void readiness(void)
{
	struct ivsh_host_message m;
	static char data[32768];
	uint32_t events = 0;

	both_open(0);
	CHECK_EQ(ready(b, 0), 0);
	CHECK_EQ(ivsh_host_send(a, 1, 5, data, 8, 0), 0);
	CHECK_EQ(ready(b, IVSH_EVENT_SPACE), 0);
	CHECK_EQ(ready(b, 0), IVSH_EVENT_MESSAGE);
	CHECK_EQ(ready(b, 0), IVSH_EVENT_MESSAGE); /* it is still there */
	CHECK_EQ(ivsh_host_receive(b, &m, data, sizeof(data), 0), 0);
	CHECK_EQ(ready(b, 0), 0);
	while (ivsh_host_send(a, 1, 5, data, sizeof(data), 0) == 0)
		;
	CHECK_EQ(ready(a, 0), 0);
	while (ivsh_host_receive(b, &m, data, sizeof(data), 0) == 0)
		;
	CHECK_EQ(ready(a, IVSH_EVENT_MESSAGE), 0);
	CHECK_EQ(ready(a, 0), IVSH_EVENT_SPACE);
	CHECK_EQ(ready(a, 0), 0);
	CHECK_EQ(ivsh_host_wait(a, 0, 5 * MS, &events), IVSH_EAGAIN);
	CHECK_EQ(ivsh_host_send(b, 0, 5, data, 8, 0), 0);
	CHECK_EQ(ivsh_host_wait(a, 0, SECOND, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	both_close();
}

/* The descriptor becomes readable without a doorbell, too, and is not readable without end. */
static void descriptor(void)
{
	struct pollfd readable;
	bool is_readable = true;

	both_open(0);
	readable = (struct pollfd){.fd = ivsh_host_fd(b), .events = POLLIN};
	CHECK_EQ(ready(b, 0), 0);
	CHECK_EQ(poll(&readable, 1, 60000), 1);
	/* Where the machine takes its time, it is readable by its timer again. */
	for (unsigned i = 0; i < 100 && is_readable; i++) {
		CHECK_EQ(ready(b, 0), 0);
		is_readable = poll(&readable, 1, 0) != 0;
	}
	CHECK(!is_readable);
	CHECK_EQ(ivsh_host_send(a, 1, 5, "x", 1, 0), 0);
	CHECK_EQ(poll(&readable, 1, 60000), 1);
	CHECK_EQ(ready(b, 0), IVSH_EVENT_MESSAGE);
	both_close();
}

/* The others see that a program lives that leaves what it could take, whatever that is. */
static void heartbeat(void)
{
	struct ivsh_host_stream *from, *to;
	uint32_t events = 0, last, kind, slot, got;
	const uint32_t *beat;
	char data[8];

	both_open(0);
	beat = &ivsh_host_node(a)->region.slot->heartbeat;
	/* That b is there. */
	CHECK_EQ(ivsh_host_wait(a, IVSH_EVENT_CONTROL, SECOND, &events), 0);
	for (uint32_t i = 0; i < 3; i++) {
		last = __atomic_load_n(beat, __ATOMIC_RELAXED);
		CHECK_EQ(ivsh_host_ready(a, 0, &events), 0);
		CHECK(events & IVSH_EVENT_CONTROL);
		CHECK(__atomic_load_n(beat, __ATOMIC_RELAXED) != last);
		last = __atomic_load_n(beat, __ATOMIC_RELAXED);
		CHECK_EQ(ivsh_host_wait(a, IVSH_EVENT_CONTROL, SECOND, &events), 0);
		CHECK(__atomic_load_n(beat, __ATOMIC_RELAXED) != last);
	}
	/* It is still the same event. */
	CHECK_EQ(ivsh_host_next_event(a, &kind, &slot, 0), 0);
	CHECK(kind == IVSH_PEER_EVENT_UP && slot == 1);
	/* Messages, and the bytes of a stream. */
	CHECK_EQ(ivsh_host_send(b, 0, 5, "x", 1, SECOND), 0);
	last = __atomic_load_n(beat, __ATOMIC_RELAXED);
	CHECK(ready(a, 0) & IVSH_EVENT_MESSAGE);
	CHECK(__atomic_load_n(beat, __ATOMIC_RELAXED) != last);
	CHECK_EQ(ivsh_host_stream_open(a, &to, 1, 40, 64), 0);
	CHECK_EQ(ivsh_host_stream_open(b, &from, 0, 40, 0), 0);
	CHECK_EQ(ivsh_host_stream_read(to, data, 1, &got, 0), IVSH_EAGAIN);
	CHECK_EQ(ivsh_host_stream_write(from, "stream", 6, NULL, SECOND), 0);
	last = __atomic_load_n(beat, __ATOMIC_RELAXED);
	CHECK(ready(a, IVSH_EVENT_MESSAGE) & IVSH_EVENT_MESSAGE);
	CHECK(__atomic_load_n(beat, __ATOMIC_RELAXED) != last);
	both_close();
}

/* A read of one stream takes the bytes of the other out of the ring: it is answered, once. */
static void streams(void)
{
	struct ivsh_host_stream *from[2], *to[2];
	uint32_t got = 0, done = 0;
	char data[64];

	both_open(0);
	CHECK_EQ(ready(a, 0) | ready(b, 0), 0);
	for (uint32_t i = 0; i < 2; i++) {
		uint16_t port = (uint16_t)(40 + 2 * i);

		CHECK_EQ(ivsh_host_stream_open(a, &from[i], 1, port, 0), 0);
		CHECK_EQ(ivsh_host_stream_open(b, &to[i], 0, port, 64), 0);
		CHECK_EQ(ivsh_host_stream_read(to[i], data, 1, &got, 0), IVSH_EAGAIN);
	}
	CHECK_EQ(ivsh_host_stream_write(from[1], "second", 6, NULL, 0), 0);
	CHECK_EQ(ivsh_host_stream_read(to[0], data, 1, &got, 0), IVSH_EAGAIN);
	CHECK_EQ(ready(b, 0), IVSH_EVENT_MESSAGE);
	CHECK_EQ(ready(b, 0), 0);
	CHECK_EQ(ivsh_host_stream_read(to[1], data, 4, &got, 0), 0);
	CHECK_EQ(got, 4);
	CHECK_EQ(ready(b, 0), IVSH_EVENT_MESSAGE); /* two bytes are left */
	CHECK_EQ(ivsh_host_stream_read(to[1], data, 4, &got, 0), 0);
	CHECK_EQ(got, 2);
	/* The receiver's buffer is full: its room is answered when it has read. */
	memset(data, 'x', sizeof(data));
	CHECK_EQ(ivsh_host_stream_write(from[0], data, 64, &done, 0), 0);
	CHECK_EQ(ivsh_host_stream_write(from[0], data, 64, &done, 0), IVSH_EAGAIN);
	CHECK_EQ(ready(a, IVSH_EVENT_SPACE), 0);
	CHECK_EQ(ivsh_host_stream_read(to[0], data, 64, &got, 0), 0);
	CHECK_EQ(ivsh_host_stream_read(from[1], data, 1, &got, 0), IVSH_EAGAIN);
	CHECK(ready(a, 0) & IVSH_EVENT_SPACE);
	CHECK_EQ(ivsh_host_stream_finish(from[1], SECOND), 0);
	CHECK_EQ(ivsh_host_stream_read(to[1], data, 4, &got, SECOND), 0);
	CHECK_EQ(got, 0);
	CHECK_EQ(ivsh_host_stream_open(b, &to[1], 0, 50, 100), IVSH_EINVAL);
	CHECK(to[1] == NULL);
	ivsh_host_stream_close(from[1]);
	ivsh_host_stream_close(NULL);
	both_close(); /* and the streams that are left */
}

/* A peer that sends three bytes of a stream, and leaves without a word in the stream. */
static void stream_and_leave(void)
{
	struct ivsh_host_stream *from;
	struct ivsh_host *host;
	int error = ivsh_host_open(&host, path, "b", 0, 1);

	if (!error)
		error = ivsh_host_stream_open(host, &from, 0, 40, 0);
	if (!error)
		error = ivsh_host_stream_write(from, "abc", 3, NULL, 60 * SECOND);
	if (!error)
		ivsh_node_close(ivsh_host_node(host));
	_exit(error != 0);
}

/* Its peer is gone: each read that brings bytes is followed by another, up to the error. */
static void stream_of_gone_peer(void)
{
	struct ivsh_host_stream *to;
	uint32_t got, events;
	char data[4];
	int status;
	pid_t child;

	memory_make();
	NEED_EQ(ivsh_host_open(&a, path, "a", 0, 0), 0);
	CHECK_EQ(ivsh_host_stream_open(a, &to, 1, 40, 0), 0);
	fflush(stdout);
	child = fork();
	if (child == 0)
		stream_and_leave();
	CHECK_EQ(ivsh_host_stream_read(to, data, 1, &got, 60 * SECOND), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(ready(a, 0) & IVSH_EVENT_MESSAGE, IVSH_EVENT_MESSAGE);
	CHECK_EQ(ivsh_host_stream_read(to, data, sizeof(data), &got, 0), 0);
	CHECK_EQ(got, 2);
	CHECK_EQ(ivsh_host_wait(a, IVSH_EVENT_MESSAGE, 60 * SECOND, &events), 0);
	CHECK(events & IVSH_EVENT_MESSAGE);
	CHECK_EQ(ivsh_host_stream_read(to, data, sizeof(data), &got, 0), IVSH_EPEER);
	CHECK_EQ(ready(a, 0), 0);
	ivsh_host_close(a);
}

/* A stream that finds the ring full waits for the ring, and not for its peer's buffer. */
static void stream_in_full_ring(void)
{
	static char data[1u << 18];
	struct ivsh_host_stream *from, *to;
	uint32_t got, done = 0;

	both_open(0);
	CHECK_EQ(ready(a, 0) | ready(b, 0), 0);
	CHECK_EQ(ivsh_host_stream_open(a, &from, 1, 40, 0), 0);
	CHECK_EQ(ivsh_host_stream_open(b, &to, 0, 40, sizeof(data)), 0);
	CHECK_EQ(ivsh_host_stream_read(to, data, 1, &got, 0), IVSH_EAGAIN);
	CHECK_EQ(ivsh_host_stream_write(from, data, sizeof(data), &done, 0), IVSH_EAGAIN);
	CHECK(done > 0 && done < sizeof(data));
	CHECK_EQ(ready(a, IVSH_EVENT_SPACE), 0);
	CHECK_EQ(ivsh_host_stream_read(to, data, sizeof(data), &got, SECOND), 0);
	CHECK_EQ(ready(b, 0) & IVSH_EVENT_SPACE, 0);
	CHECK_EQ(ready(a, IVSH_EVENT_SPACE), IVSH_EVENT_SPACE);
	CHECK_EQ(ready(a, IVSH_EVENT_SPACE), 0);
	both_close();
}

/* --- Losing the slot ------------------------------------------------------------------------ */

/* Another peer claims the slot of (host). */
static void slot_take(struct ivsh_host *host)
{
	__atomic_store_n(&ivsh_host_node(host)->region.slot->nonce, 1, __ATOMIC_SEQ_CST);
}

/* The next event of the host itself; 0: there is none. */
static uint32_t own_event(struct ivsh_host *host)
{
	uint32_t kind = 0, slot;

	while (ivsh_host_next_event(host, &kind, &slot, 0) == 0)
		if (kind >= IVSH_HOST_EVENT_DISCONNECTED)
			return kind;
	return 0;
}

static void slot_lost(void)
{
	struct ivsh_host_stream *stream;
	struct ivsh_host_message m;
	uint32_t peer, got;
	uint16_t port;
	char text[8];

	both_open(0);
	CHECK_EQ(ivsh_host_offer(b, "clock", 77), 0);
	CHECK_EQ(ivsh_host_stream_open(b, &stream, 0, 40, 0), 0);
	CHECK_EQ(ivsh_host_send(a, 1, 5, "kept", 4, 0), 0);
	slot_take(b);
	/* The call waits until the slot is claimed: 2 s of silence, as if it were held. */
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), 60 * SECOND), IVSH_ELOST);
	CHECK_EQ(own_event(b), IVSH_HOST_EVENT_RESUMED);
	CHECK_EQ(own_event(b), 0);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), SECOND), 0);
	CHECK_EQ(m.size, 4);
	CHECK_EQ(ivsh_host_stream_read(stream, text, 1, &got, 0), IVSH_EPEER);
	ivsh_host_stream_close(stream);
	CHECK_EQ(ivsh_host_find_service(a, "clock", &peer, &port, SECOND), 0);
	CHECK(peer == 1 && port == 77);
	both_close();
}

static void slot_lost_and_stays(void)
{
	uint32_t events;
	int error;

	both_open(IVSH_HOST_STAY);
	slot_take(b);
	CHECK_EQ(ivsh_host_send(b, 0, 5, "x", 1, 0), IVSH_ELOST);
	CHECK_EQ(ivsh_host_ready(b, 0, &events), IVSH_ELOST);
	CHECK_EQ(own_event(b), 0);
	while ((error = ivsh_host_reopen(b)) == IVSH_EBUSY)
		;
	CHECK_EQ(error, 0);
	CHECK_EQ(own_event(b), IVSH_HOST_EVENT_RESUMED);
	(void)ready(a, 0); /* it follows the new incarnation */
	CHECK_EQ(ivsh_host_send(b, 0, 5, "x", 1, 0), 0);
	both_close();
}

/* --- Processes, signals, threads ------------------------------------------------------------ */

/* The child may not use what it has inherited, and closing it there takes nothing away. */
static void forked(void)
{
	struct ivsh_host_stream *stream, *other;
	struct ivsh_host_message m;
	char text[8];
	int status;
	pid_t child;

	both_open(0);
	CHECK_EQ(ivsh_host_stream_open(a, &stream, 1, 40, 0), 0);
	CHECK_EQ(ivsh_host_stream_open(b, &other, 0, 40, 0), 0);
	child = fork();
	if (child == 0) {
		uint32_t events;
		bool is_right = ivsh_host_send(a, 1, 5, "child", 5, 0) == IVSH_EINVAL &&
				ivsh_host_ready(a, 0, &events) == IVSH_EINVAL &&
				ivsh_host_stream_finish(stream, 0) == IVSH_EINVAL &&
				ivsh_host_reopen(a) == IVSH_EINVAL && ivsh_host_node(a) == NULL;

		both_close();
		_exit(is_right ? 0 : 1);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(ivsh_host_send(a, 1, 5, "mine", 4, SECOND), 0);
	CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), SECOND), 0);
	CHECK_EQ(memcmp(text, "mine", 4), 0);
	both_close();
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void interrupted(void)
{
	const struct itimerval each = {{0, 1000}, {0, 1000}}, none = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = count_signal};
	struct ivsh_host_message m;
	uint32_t events;
	uint64_t before;
	char text[8];

	both_open(0);
	CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_REAL, &each, NULL), 0);
	/* A machine that is busy makes one signal of several. */
	for (unsigned i = 0; i < 100 && signals <= 10; i++) {
		before = ivsh_node_now(ivsh_host_node(b));
		CHECK_EQ(ivsh_host_receive(b, &m, text, sizeof(text), 60 * MS), IVSH_EAGAIN);
		CHECK_EQ(ivsh_host_wait(b, IVSH_EVENT_MESSAGE, 60 * MS, &events), IVSH_EAGAIN);
		CHECK(ivsh_node_now(ivsh_host_node(b)) - before >= 120 * MS);
	}
	CHECK_EQ(setitimer(ITIMER_REAL, &none, NULL), 0);
	CHECK(signals > 10);
	both_close();
}

#define ROUNDS 500u

static void *answer(void *unused)
{
	struct ivsh_host_message m;
	char text[8];

	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (ivsh_host_receive(b, &m, text, sizeof(text), 60 * SECOND) ||
		    ivsh_host_send(b, m.peer, m.port, text, m.size, 60 * SECOND))
			return (void *)1;
	}
	return unused;
}

/* Each host has a thread of its own. */
static void threads(void)
{
	struct ivsh_host_message m;
	void *result = (void *)1;
	pthread_t thread;

	both_open(0);
	CHECK_EQ(pthread_create(&thread, NULL, answer, NULL), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t got = ROUNDS;

		CHECK_EQ(ivsh_host_send(a, 1, 5, &i, sizeof(i), 60 * SECOND), 0);
		CHECK_EQ(ivsh_host_receive(a, &m, &got, sizeof(got), 60 * SECOND), 0);
		CHECK_EQ(got, i);
	}
	CHECK_EQ(pthread_join(thread, &result), 0);
	CHECK(result == NULL);
	both_close();
}

static const struct test tests[] = {
    {"open and close", open_and_close},
    {"open: refused", refused},
    {"messages, calls, services", messages},
    {"ready: what is wanted", readiness},
    {"the descriptor", descriptor},
    {"ready: the heartbeat", heartbeat},
    {"streams", streams},
    {"streams: of a peer that is gone", stream_of_gone_peer},
    {"streams: a full ring", stream_in_full_ring},
    {"the slot is lost", slot_lost},
    {"the slot is lost: by hand", slot_lost_and_stays},
    {"fork", forked},
    {"signals", interrupted},
    {"threads", threads},
};

int main(void)
{
	int status;

	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/memory", folder);
	status = test_main("library", tests, sizeof(tests) / sizeof(tests[0]));
	unlink(path);
	rmdir(folder);
	return status;
}
