/* SPDX-License-Identifier: MIT */
/*
 * control.c - clients of the control socket: any bytes, in any pieces, read late or not at all.
 *
 * A client that requests the status and reads all of it has one that our own reader accepts.
 */
#include "server/control.h"
#include "server/release.h"
#include "server/report.h"
#include "control/answer.h"
#include "tests/fuzz/feed.h"
#include "tests/fuzz/serving.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASKERS 12u
#define STEPS 128u
#define SOCKETS 3u /* clients of the server itself */

static struct asker {
	int fd;
	char sent[2 * CONTROL_REQUEST];
	size_t sent_size;
	char *got;
	size_t got_size;
	bool is_over;
} askers[ASKERS];
static uint32_t count;

static int listener = -1;
static struct sockaddr_un address;
static socklen_t address_size;

static void listen_once(void)
{
	address_size = sizeof(address);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	address.sun_family = AF_UNIX;
	/* An abstract name that the kernel chooses: unix(7). */
	FUZZ_MUST(bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)) == 0);
	FUZZ_MUST(getsockname(listener, (struct sockaddr *)&address, &address_size) == 0);
	FUZZ_MUST(listen(listener, 2 * ASKERS) == 0);
}

static void ask(void)
{
	struct asker *asker = &askers[count];
	int size = 4608;

	if (count == ASKERS)
		return;
	count++;
	*asker = (struct asker){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	FUZZ_MUST(connect(asker->fd, (struct sockaddr *)&address, address_size) == 0);
	(void)setsockopt(asker->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void asker_send(struct asker *asker, const char *bytes, size_t size)
{
	if (size > sizeof(asker->sent) - asker->sent_size)
		size = sizeof(asker->sent) - asker->sent_size;
	if (send(asker->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
		return;
	memcpy(asker->sent + asker->sent_size, bytes, size);
	asker->sent_size += size;
}

static void asker_read(struct asker *asker, size_t most)
{
	char bytes[4096];
	ssize_t got;

	if (asker->fd < 0)
		return;
	if (most > sizeof(bytes))
		most = sizeof(bytes);
	got = recv(asker->fd, bytes, most, MSG_DONTWAIT);
	asker->is_over |= got == 0 || (got < 0 && errno != EAGAIN);
	if (got <= 0)
		return;
	asker->got = realloc(asker->got, asker->got_size + (size_t)got + 1);
	memcpy(asker->got + asker->got_size, bytes, (size_t)got);
	asker->got_size += (size_t)got;
	asker->got[asker->got_size] = '\0';
}

static void act(struct asker *asker, unsigned action, uint8_t argument)
{
	char bytes[32];

	if (asker->fd < 0)
		return;
	switch (action) {
	case 0:
		asker_send(asker, "status\n", argument % 8);
		break;
	case 1:
		asker_send(asker, "status\n", 7);
		break;
	case 2:
		asker_send(asker, bytes, feed_bytes(bytes, argument % sizeof(bytes)));
		break;
	case 3:
		asker_read(asker, (size_t)argument * 8 + 1);
		break;
	case 4:
		shutdown(asker->fd, argument % 3);
		break;
	default:
		close(asker->fd);
		asker->fd = -1;
		break;
	}
}

static void step(void)
{
	struct server *server = &serving.server;
	uint8_t what = feed_byte(), argument = feed_byte();

	switch (what % 4) {
	case 0:
		ask();
		break;
	case 1:
		serving.now_ns += (uint64_t)argument * 20000000;
		control_check_timeouts(&server->control);
		break;
	case 2:
		control_service(&server->control);
		break;
	default:
		if (count > 0)
			act(&askers[argument % count], what / 4 % 6, argument);
		break;
	}
}

/* The content of the answer: names and paths of any bytes, and some clients. */
static void begin(int clients[SOCKETS])
{
	static char names[SERVING_SLOTS][16];
	static struct options_slot bound[SERVING_SLOTS];
	uint8_t shape = feed_byte();
	struct options options = {.slots = shape % SERVING_SLOTS + 1,
	    .vectors = shape >> 6,
	    .classic = shape >> 5 & 1,
	    .per_uid = UINT32_MAX,
	    .bound = bound};
	struct state *state = &serving.server.state;

	for (uint32_t i = 0; i < options.slots && !options.classic && shape & 16; i += 2) {
		size_t size = feed_bytes(names[i], sizeof(names[i]) - 1);

		names[i][size] = '\0';
		bound[options.bound_count++] =
		    (struct options_slot){.slot = i, .name = names[i], .socket = "path"};
	}
	serving_open(&options, true, &(const struct serving_hooks){NULL, NULL});
	for (uint32_t i = 0; i <= options.bound_count; i++) {
		state->listener[i].fd = 0;
		state->listener[i].slot = i == 0 ? SLOTS_NONE : bound[i - 1].slot;
		feed_bytes(state->listener[i].path, STATE_PATH - 1);
	}
	feed_bytes(state->head->memory_path, 64);
	serving_begin();
	for (uint32_t i = 0; i < SOCKETS; i++) {
		int pair[2];

		FUZZ_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		clients[i] = pair[0];
		serving_deliver(serving_take(pair[1], SLOTS_NONE), SLOTS_NONE);
	}
	serving_check();
}

static bool is_beginning(const struct asker *asker, const char *text)
{
	size_t size = strlen(text);

	return memcmp(asker->got, text, size < asker->got_size ? size : asker->got_size) == 0;
}

static void check(struct asker *asker)
{
	bool is_status = asker->sent_size >= 7 && !memcmp(asker->sent, "status\n", 7);
	struct answer answer;

	if (!asker->got)
		return;
	/* The server refuses a client that sends nothing, as it may be a QEMU; we may read less of
	 * it. */
	if (asker->got_size <= 8 && !memcmp(asker->got, "\1\0\0\0\0\0\0", asker->got_size)) {
		free(asker->got);
		asker->got = NULL;
		return;
	}
	if (is_status)
		FUZZ_MUST(is_beginning(asker, "server version=2 "));
	else if (asker->sent_size >= 8 && !memcmp(asker->sent, "release ", 8))
		FUZZ_MUST(
		    is_beginning(asker, "error what=") || is_beginning(asker, "released pid="));
	else
		FUZZ_MUST(is_beginning(asker, "error what=unknown"));
	/* Cut off by the deadline, or all of it. */
	if (is_status && asker->got_size > 4 &&
	    !strcmp(asker->got + asker->got_size - 5, "\nend\n")) {
		FUZZ_MUST(answer_parse(&answer, asker->got, asker->got_size) == NULL);
		FUZZ_MUST(answer.slots == serving.server.slots.count);
		answer_free(&answer);
	}
	free(asker->got);
	asker->got = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server *server = &serving.server;
	int clients[SOCKETS];

	if (listener < 0)
		listen_once();
	feed_set(data, size);
	begin(clients);
	server->control.report = report_make;
	server->control.release = release_make;
	server->control.context = server;
	control_open(&server->control, listener);
	count = 0;
	for (unsigned i = 0; i < STEPS && feed_left(); i++)
		step();
	/* However the clients behave, in the end each one's time is over. */
	for (unsigned i = 0; i < 2 * ASKERS; i++) {
		control_service(&server->control);
		for (uint32_t j = 0; j < count; j++)
			asker_read(&askers[j], 4096);
		serving.now_ns += 1500000000;
		control_check_timeouts(&server->control);
	}
	for (uint32_t i = 0; i < count; i++) {
		FUZZ_MUST(askers[i].fd < 0 || askers[i].is_over);
		check(&askers[i]);
		if (askers[i].fd >= 0)
			close(askers[i].fd);
	}
	control_close(&server->control);
	for (uint32_t i = 0; i < SOCKETS; i++)
		close(clients[i]);
	serving_close();
	return 0;
}
