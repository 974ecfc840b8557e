/* SPDX-License-Identifier: MIT */
/*
 * bridge_test.c - what a bridge reads and writes as text and bytes: its configuration, subjects,
 * frames, and JetStream's answers. All but the first come from the bus, where anybody writes. And
 * when it polls.
 */
#include "bridge/busy.h"
#include "bridge/config.h"
#include "bridge/descriptors.h"
#include "bridge/frame.h"
#include "bridge/reply.h"
#include "bridge/say.h"
#include "bridge/subject.h"
#include "bridge/window.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE "region = r\nhost = a\nurl = nats://127.0.0.1:4222\nsocket = /s\nstate = /d\n"
#define PEERS "local 1 = gamma\nslot 5 = b/alpha\n"

static char said[4096];

/* Parse (text) and keep what is said of it. */
static int parse(struct config *config, const char *text)
{
	FILE *file = tmpfile();
	char *copy = strdup(text);
	int kept = dup(STDERR_FILENO), answer;
	ssize_t got;

	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	answer = config_parse(config, "f", copy, strlen(copy));
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	got = pread(fileno(file), said, sizeof(said) - 1, 0);
	said[got > 0 ? got : 0] = '\0';
	fclose(file);
	free(copy);
	return answer;
}

static void config_whole(void)
{
	struct config c;

	CHECK_EQ(
	    parse(&c, "# a bridge\n" BASE "url = tls://other:1\nlocal 1 = gamma\nlocal 2 = d_-9\n"
		      "slot 5 = b/alpha jetstream socket=/s 5,\\a=\"b\" # c\n"
		      "slot 6 = b/beta\tcore \n"
		      "stream-size = 1M\nstream-messages = 10\nbuffer = 128K\n"
		      "busy-poll = 1000\n"
		      "credentials = /c\ntls-ca = /ca\ntls-cert = /x\ntls-key = /k\n"),
	    0);
	CHECK_EQ(*said, 0);
	CHECK_EQ(strcmp(c.region, "r") | strcmp(c.host, "a") | strcmp(c.place, "/s"), 0);
	CHECK_EQ(c.url_count, 2);
	CHECK_EQ(c.local_count, 2);
	CHECK_EQ(c.local[1].slot, 2);
	CHECK_EQ(strcmp(c.local[1].name, "d_-9"), 0);
	CHECK_EQ(c.remote_count, 2);
	CHECK_EQ(c.remote[0].mode, CONFIG_JETSTREAM);
	CHECK_EQ(strcmp(c.remote[0].socket, "/s 5,\\a=\"b\" # c"), 0);
	CHECK_EQ(c.remote[1].mode, CONFIG_CORE);
	CHECK_EQ(strcmp(c.remote[1].host, "b") | strcmp(c.remote[1].peer, "beta"), 0);
	CHECK(!c.remote[1].socket);
	CHECK(!c.password && !c.token && !c.bus_user);
	CHECK_EQ(c.stream_size, 1 << 20);
	CHECK_EQ(c.stream_count, 10);
	CHECK_EQ(c.buffer, 128 << 10);
	CHECK_EQ(c.busy_poll_us, 1000);
	config_free(&c);
}

static void config_secrets(void)
{
	struct config c;

	CHECK_EQ(parse(&c, BASE PEERS "bus-user = me too\npassword = /run/a b\n"), 0);
	CHECK_EQ(c.busy_poll_us, 200);
	CHECK_EQ(strcmp(c.bus_user, "me too") | strcmp(c.password, "/run/a b"), 0);
	config_free(&c);
	CHECK_EQ(parse(&c, BASE PEERS "token = ./t\nbusy-poll = 0\n"), 0);
	CHECK_EQ(strcmp(c.token, "./t"), 0);
	CHECK_EQ(c.busy_poll_us, 0);
	config_free(&c);
}

/* Each wrong line is one line of stderr, which names file, line and key. */
static void config_wrong(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {BASE PEERS "x = 1\n", "f:8: x: no such setting"},
	    {BASE PEERS "nonsense\n", "f:8: nonsense: not KEY = VALUE"},
	    {BASE "region = s\n" PEERS, "f:6: region: it is set twice"},
	    {"region = a.b\n", "f:1: region: a.b: not 1 to 31"},
	    {"region = a*\n", "f:1: region: a*: not 1 to 31"},
	    {"host = \n", "f:1: host: : not 1 to 31"},
	    {"host = 12345678901234567890123456789012\n", "not 1 to 31"},
	    {"url = http://x\n", "f:1: url: not nats://HOST:PORT"},
	    {"url = nats://me:secret@x\n", "f:1: url: it has a user in it"},
	    {"url = nats://\n", "f:1: url: nats://: not one server"},
	    {"url = nats://:4222\n", "f:1: url: nats://:4222: not one server"},
	    {"url = nats://x:y\n", "f:1: url: nats://x:y: not one server"},
	    {"url = nats://x:0\n", "f:1: url: nats://x:0: not one server"},
	    {"url = tls://x:65536\n", "f:1: url: tls://x:65536: not one server"},
	    {"url = nats://x:\n", "f:1: url: nats://x:: not one server"},
	    {"url = nats://[::1\n", "f:1: url: nats://[::1: not one server"},
	    {"url = nats://[]:1\n", "f:1: url: nats://[]:1: not one server"},
	    {"url = nats://a b:1\n", "f:1: url: nats://a b:1: not one server"},
	    {"url = nats://x:1/y\n", "f:1: url: nats://x:1/y: not one server"},
	    {"url = nats://x:1,nats://y:1\n", "f:1: url: nats://x:1,nats://y:1: not one server"},
	    {BASE "file = /f\n" PEERS, "f:6: file: there is a socket or a file already"},
	    {BASE "local 1 = gamma\n", "f: no peer of another host has a slot"},
	    {BASE "slot 5 = b/alpha\n", "f: no peer of this host has a name"},
	    {BASE PEERS "local 5 = x\n", "f:8: local 5: the slot is b/alpha already"},
	    {BASE PEERS "slot 1 = b/x\n", "f:8: slot 1: the slot is local, gamma"},
	    {BASE PEERS "local 2 = gamma\n", "f:8: local 2: gamma is the name of slot 1, too"},
	    {BASE PEERS "slot 6 = b/alpha\n", "f:8: slot 6: b/alpha has slot 5, too"},
	    {BASE PEERS "slot 256 = b/x\n", "f:8: slot 256: 256: no slot"},
	    {BASE PEERS "slot x = b/x\n", "f:8: slot x: x: no slot"},
	    {BASE PEERS "slot 6 = b\n", "f:8: slot 6: not HOST/PEER"},
	    {BASE PEERS "slot 6 =\n", "f:8: slot 6: not HOST/PEER"},
	    {BASE PEERS "slot 6 = b/x/y\n", "f:8: slot 6: x/y: not 1 to 31"},
	    {BASE PEERS "slot 6 = b/x twice\n", "f:8: slot 6: twice: not core, jetstream"},
	    {BASE PEERS "slot 6 = b/x socket=\n", "f:8: slot 6: it has no value"},
	    {BASE PEERS "slot 6 = a/x\n", "f: slot 6 = a/x: that is this host"},
	    {BASE PEERS "slot 6 = b/x socket=/s core\n",
		"f:8: slot 6: socket=PATH is the last, behind core"},
	    {BASE PEERS "slots 6 = b/x\n", "f:8: slots: no such setting"},
	    {BASE PEERS "loc 6 = x\n", "f:8: loc: no such setting"},
	    {BASE PEERS "slot = b/x\n", "f:8: slot: no such setting"},
	    {BASE PEERS "tls-key = /k\n", "f: tls-cert and tls-key go together"},
	    {BASE PEERS "password = /p\n", "f: bus-user and password go together"},
	    {BASE PEERS "bus-user = m\"e\n", "f:8: bus-user: a quote or a backslash is in it"},
	    {BASE PEERS "bus-user = me\n", "f: bus-user and password go together"},
	    {BASE PEERS "token = /t\ncredentials = /c\n",
		"f: of credentials, password and token there can be one"},
	    /* What may be a secret is not shown. */
	    {BASE PEERS "password = SECRET\n", "f:8: password: no path: "},
	    {BASE PEERS "token = SECRET\n", "f:8: token: no path: "},
	    {BASE PEERS "password SECRET\n", "f:8: password: not KEY = VALUE"},
	    {BASE PEERS "token SECRET=x\n", "f:8: token: no such setting"},
	    {BASE PEERS "url nats://me:SECRET@x\n", "f:8: url: not KEY = VALUE"},
	    {BASE PEERS "nats://me:SECRET@x\n", "f:8: not KEY = VALUE"},
	    {BASE "url = nats://me:SECRET@x\n", "f:6: url: it has a user in it"},
	    {BASE PEERS "stream-size = 1\n", "f:8: stream-size: 1: less than 65536"},
	    {BASE PEERS "buffer = many\n", "f:8: buffer: many: "},
	    {BASE PEERS "busy-poll = 1001\n", "f:8: busy-poll: 1001: no microseconds: "},
	    {BASE PEERS "busy-poll = 1ms\n", "f:8: busy-poll: 1ms: no microseconds: "},
	    {BASE PEERS "a\x01 = 1\n", "f:8: not a setting and no comment"},
	    {"", "f: the region has no name"},
	    {"region = r\nhost = h\n", "f: there is no bus"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config c;

		test_row(rows[i].want);
		CHECK_EQ(parse(&c, rows[i].text), -1);
		CHECK(strstr(said, rows[i].want));
		CHECK(!strstr(said, "SECRET"));
		CHECK(strchr(said, '\n') && strchr(said, '\n')[1] == '\0');
		config_free(&c);
	}
	test_row(NULL);
}

static const struct subject_pair pair = {"r", "a", "gamma", "b", "alpha"};

static void subject_both(void)
{
	static const enum subject_kind kinds[] = {SUBJECT_MESSAGE, SUBJECT_KEPT, SUBJECT_STATE};
	static const uint16_t ports[] = {0, 1, 9, 10, 4096, 65535};
	char text[SUBJECT_SIZE];

	subject_make(text, &pair, SUBJECT_MESSAGE, 7);
	CHECK_EQ(strcmp(text, "ivsh.r.a.gamma.7.b.alpha"), 0);
	subject_make(text, &pair, SUBJECT_KEPT, 65535);
	CHECK_EQ(strcmp(text, "ivsh.r.a.gamma.65535.b.alpha.kept"), 0);
	subject_make(text, &pair, SUBJECT_STATE, 0);
	CHECK_EQ(strcmp(text, "ivsh.r.a.gamma.state.b.alpha"), 0);
	subject_pattern(text, &pair, SUBJECT_KEPT);
	CHECK_EQ(strcmp(text, "ivsh.r.a.gamma.*.b.alpha.kept"), 0);
	for (size_t k = 0; k < 3; k++)
		for (size_t p = 0; p < sizeof(ports) / sizeof(*ports); p++) {
			struct subject_pair got;
			enum subject_kind kind;
			uint16_t port;

			subject_make(text, &pair, kinds[k], ports[p]);
			NEED_EQ(subject_read(text, &got, &kind, &port), true);
			CHECK(subject_is_same(&got, &pair));
			CHECK_EQ(kind, kinds[k]);
			CHECK_EQ(port, kind == SUBJECT_STATE ? 0 : ports[p]);
		}
}

static void subject_wrong(void)
{
	static const char *const rows[] = {"", ".", "ivsh", "ivsh.r.a.gamma.7.b",
	    "ivsh.r.a.gamma.7.b.", "ivsh.r.a.gamma.7.b.alpha.", "ivsh.r.a.gamma.7.b.alpha.keep",
	    "ivsh.r.a.gamma.7.b.alpha.kept.x", "ivsh.r.a.gamma.state.b.alpha.kept",
	    "ivsh.r.a.gamma.65536.b.alpha", "ivsh.r.a.gamma.07.b.alpha",
	    "ivsh.r.a.gamma.-1.b.alpha", "ivsh.r.a.gamma..b.alpha",
	    "ivsh.r.a.gamma.99999999999999999999.b.alpha", "ivsh.r.a.*.7.b.alpha",
	    "ivsh.r.a.gamma.7.b.>", "ivsh.r..gamma.7.b.alpha", "x.r.a.gamma.7.b.alpha",
	    "ivsh.r.a.ga mma.7.b.alpha", "ivsh.r.a.gamma.7.b.al\xffpha",
	    "ivsh.r.a.12345678901234567890123456789012.7.b.alpha"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct subject_pair got;
		enum subject_kind kind;
		uint16_t port;

		test_row(rows[i]);
		CHECK(!subject_read(rows[i], &got, &kind, &port));
	}
	test_row(NULL);
}

static void frame_both(void)
{
	static const uint8_t want[FRAME_SIZE] = {'I', 'V', 'B', 2, 6, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2,
	    1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8};
	struct frame in = {FRAME_PRESENT | FRAME_MORE, UINT64_C(0x0102030405060708), UINT64_MAX,
	    UINT32_C(0x04030201), UINT32_C(0x08070605)};
	struct frame out;
	uint8_t bytes[FRAME_SIZE];

	memset(bytes, 0xee, sizeof(bytes));
	frame_write(bytes, &in);
	CHECK_EQ(memcmp(bytes, want, FRAME_SIZE), 0);
	NEED_EQ(frame_read(&out, bytes, FRAME_SIZE), true);
	CHECK_EQ(out.flags, in.flags);
	CHECK_EQ(out.epoch, in.epoch);
	CHECK_EQ(out.number, in.number);
	CHECK_EQ(out.incarnation, in.incarnation);
	CHECK_EQ(out.count, in.count);
	for (size_t size = 0; size < FRAME_SIZE; size++)
		CHECK(!frame_read(&out, bytes, size));
	for (int i = 0; i < 4; i++) {
		bytes[i] ^= 1;
		CHECK(!frame_read(&out, bytes, FRAME_SIZE));
		CHECK_EQ(frame_version(bytes, FRAME_SIZE), i == 3 ? 3 : 0);
		bytes[i] ^= 1;
	}
	memset(bytes + 8, 0, 8);
	CHECK(!frame_read(&out, bytes, FRAME_SIZE)); /* no epoch */
}

/* Whether (size) bytes are (count) messages from (number) on, in memory that ends with them. */
static bool is_whole(
    uint32_t flags, uint64_t number, uint32_t count, const uint8_t *bytes, size_t size)
{
	const struct frame frame = {.flags = flags, .epoch = 1, .number = number, .count = count};
	uint8_t *exact = malloc(size ? size : 1);
	bool answer;

	memcpy(exact, bytes, size);
	answer = frame_is_whole(&frame, exact, size);
	free(exact);
	return answer;
}

static void frame_messages(void)
{
	static const uint8_t two[] = {3, 0, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0};
	static const uint8_t most[FRAME_LENGTH * (FRAME_MESSAGES + 1)];
	uint8_t bytes[sizeof(two)];

	CHECK(is_whole(0, 1, 2, two, sizeof(two)));
	CHECK(is_whole(0, 1, 1, two, 7));
	CHECK(is_whole(0, UINT64_MAX - 1, 2, two, sizeof(two)));
	CHECK(is_whole(0, 1, FRAME_MESSAGES, most, FRAME_LENGTH * FRAME_MESSAGES));
	/* Another count than there are, or numbers that there are not. */
	CHECK(!is_whole(0, 1, 0, two, 0));
	CHECK(!is_whole(0, 1, 1, two, sizeof(two)));
	CHECK(!is_whole(0, 1, 3, two, sizeof(two)));
	CHECK(!is_whole(0, 1, UINT32_MAX, two, sizeof(two)));
	CHECK(!is_whole(0, 1, FRAME_MESSAGES + 1, most, sizeof(most)));
	CHECK(!is_whole(0, 0, 2, two, sizeof(two)));
	CHECK(!is_whole(0, UINT64_MAX, 2, two, sizeof(two)));
	for (size_t cut = 0; cut < sizeof(two); cut++)
		CHECK(!is_whole(0, 1, 2, two, cut));
	for (int i = 0; i < 4; i++) {
		memcpy(bytes, two, sizeof(two));
		bytes[i] ^= 0x80;
		CHECK(!is_whole(0, 1, 2, bytes, sizeof(two)));
		memcpy(bytes, two, sizeof(two));
		bytes[7 + i] = 0xff;
		CHECK(!is_whole(0, 1, 2, bytes, sizeof(two)));
	}
	/* A loss is one, and has nothing. */
	CHECK(is_whole(FRAME_LOST, 9, 1, two, 0));
	CHECK(!is_whole(FRAME_LOST, 9, 2, two, 0));
	CHECK(!is_whole(FRAME_LOST, 9, 1, two, 7));
	frame_length_write(bytes, UINT32_C(0x80000001));
	CHECK_EQ(frame_length_read(bytes), UINT32_C(0x80000001));
}

static void frame_received(void)
{
	static const struct frame_received in = {UINT64_MAX - 1, UINT64_C(0x0102030405060708), 77};
	static const uint8_t want[FRAME_STATE - FRAME_SIZE] = {
	    0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 8, 7, 6, 5, 4, 3, 2, 1, 77};
	struct frame_received out;
	uint8_t bytes[FRAME_STATE - FRAME_SIZE];

	memset(bytes, 0xee, sizeof(bytes));
	frame_received_write(bytes, &in);
	CHECK_EQ(memcmp(bytes, want, sizeof(bytes)), 0);
	frame_received_read(&out, bytes);
	CHECK_EQ(out.epoch, in.epoch);
	CHECK_EQ(out.number, in.number);
	CHECK_EQ(out.window, in.window);
}

static void frame_services(void)
{
	struct ivsh_service in[FRAME_SERVICES + 1] = {{"console", 4096}, {"", 3}, {"x", 65535}};
	struct ivsh_service out[FRAME_SERVICES];
	uint8_t bytes[FRAME_STATE_SIZE];
	size_t size = frame_services_write(bytes, in, 3);

	CHECK_EQ(size, 10 + 4);
	CHECK_EQ(frame_services_read(out, bytes, size), 2);
	CHECK_EQ(strcmp(out[0].name, "console") | strcmp(out[1].name, "x"), 0);
	CHECK_EQ(out[0].port, 4096);
	CHECK_EQ(out[1].port, 65535);
	/* Cut anywhere, the whole ones before that are there. */
	for (size_t cut = 0; cut < size; cut++)
		CHECK_EQ(frame_services_read(out, bytes, cut), cut >= 10);
	bytes[2] = 28;
	CHECK_EQ(frame_services_read(out, bytes, size), 0);
	bytes[2] = 7;
	bytes[5] = 0x1b;
	CHECK_EQ(frame_services_read(out, bytes, size), 0);
	/* More than a slot has. */
	for (uint32_t i = 0; i <= FRAME_SERVICES; i++)
		memset(in[i].name, 'a', sizeof(in[i].name) - 1);
	CHECK(
	    frame_services_write(bytes, in, FRAME_SERVICES + 1) <= FRAME_STATE_SIZE - FRAME_STATE);
	CHECK_EQ(frame_services_read(out, bytes, sizeof(bytes)), FRAME_SERVICES);
}

static void frame_numbers(void)
{
	CHECK_EQ(frame_order(0, 0), FRAME_REPEATED);
	CHECK_EQ(frame_order(0, 1), FRAME_NEXT);
	CHECK_EQ(frame_order(0, 2), FRAME_GAP);
	CHECK_EQ(frame_order(5, 5), FRAME_REPEATED);
	CHECK_EQ(frame_order(5, 1), FRAME_REPEATED);
	CHECK_EQ(frame_order(5, 7), FRAME_GAP);
	CHECK_EQ(frame_order(UINT64_MAX - 1, UINT64_MAX), FRAME_NEXT);
	CHECK_EQ(frame_order(UINT64_MAX, UINT64_MAX), FRAME_REPEATED);
	CHECK_EQ(frame_order(UINT64_MAX, 0), FRAME_REPEATED);
	CHECK_EQ(frame_order(0, UINT64_MAX), FRAME_GAP);
}

/* What may be under way, in bytes, with a receiver that takes 1,600. */
static void windows(void)
{
	struct window w = {0};

	CHECK(!window_is_open(&w, 1, 0));
	CHECK(window_is_open(&w, 1600, 1600));
	CHECK(window_is_open(&w, 1 << 20, 1600)); /* if it is the only one */
	window_sent(&w, 1, 1000, 1600);
	CHECK(window_is_open(&w, 600, 1600));
	CHECK(!window_is_open(&w, 601, 1600));
	CHECK(!window_is_open(&w, 1, 900)); /* the receiver takes less now */
	window_sent(&w, 5, 600, 1600);
	CHECK(!window_is_open(&w, 1, 1600));
	window_received(&w, 0);
	CHECK_EQ(w.bytes, 1600);
	window_received(&w, 4); /* of the second one only a part */
	CHECK_EQ(w.bytes, 600);
	window_received(&w, 4);
	CHECK_EQ(w.bytes, 600);
	window_received(&w, UINT64_MAX); /* more than was sent */
	CHECK_EQ(w.bytes | w.count, 0);
	/* Small ones share an entry of a sixteenth; and there is an end of entries, but not of
	 * frames. */
	for (uint64_t i = 1; i <= 1000; i++)
		window_sent(&w, i, 1, 1600);
	CHECK_EQ(w.count, 10);
	CHECK_EQ(w.bytes, 1000);
	window_received(&w, 100);
	CHECK_EQ(w.bytes, 900);
	for (uint64_t i = 1001; i <= 2000; i++)
		window_sent(&w, i, 200, 1600);
	CHECK_EQ(w.count, WINDOW_ENTRIES);
	CHECK_EQ(w.bytes, 900 + 1000 * 200);
	window_received(&w, 2000);
	CHECK_EQ(w.bytes | w.count, 0);
}

static void replies(void)
{
	static const char stored[] = "{\"stream\":\"ivsh_error\",\"seq\":18446744073709551615}";
	static const char full[] = "{\"error\":{\"code\":503,\"err_code\":10077},\"seq\":0}";
	static const char odd[] = "{\"seq\": \"x\",\"name\":\"a b\",\"seq2\":99999999999999999999}";
	static const char made[] = "{\"created\": \"2026-11-28T08:17:52.6Z\",\"x\":\"created\"}";
	static const char other[] = "{\"created\":\"2026-11-28T08:17:52.7Z\"}";
	char word[16];
	uint64_t value, identity;

	CHECK(!reply_has(stored, strlen(stored), "error"));
	NEED_EQ(reply_number(stored, strlen(stored), "seq", &value), true);
	CHECK_EQ(value, UINT64_MAX);
	NEED_EQ(reply_word(stored, strlen(stored), "stream", word, sizeof(word)), true);
	CHECK_EQ(strcmp(word, "ivsh_error"), 0);
	CHECK(!reply_word(stored, strlen(stored), "stream", word, 10));
	CHECK(reply_has(full, strlen(full), "error"));
	NEED_EQ(reply_number(full, strlen(full), "err_code", &value), true);
	CHECK_EQ(value, 10077);
	CHECK(!reply_number(odd, strlen(odd), "seq", &value));
	CHECK(!reply_number(odd, strlen(odd), "seq2", &value));
	CHECK(!reply_word(odd, strlen(odd), "name", word, sizeof(word)));
	for (size_t cut = 0; cut < strlen(stored); cut++)
		CHECK_EQ(reply_number(stored, cut, "seq", &value), cut > 29);
	NEED_EQ(reply_identity(made, strlen(made), "created", &identity), true);
	NEED_EQ(reply_identity(other, strlen(other), "created", &value), true);
	CHECK(identity != value && identity != 0);
	for (size_t cut = 0; cut < strlen(other); cut++)
		CHECK_EQ(reply_identity(other, cut, "created", &value), cut > 34);
	CHECK(!reply_identity(stored, strlen(stored), "seq", &value));
	CHECK(!reply_identity("{\"created\":\"\"}", 14, "created", &value));
}

static void deliveries(void)
{
	char name[16];
	uint64_t sequence, place;

	NEED_EQ(reply_delivery(
		    "$JS.ACK.s.con.1.77.3.1700000000.0", &sequence, &place, name, sizeof(name)),
	    true);
	CHECK_EQ(sequence, 77);
	CHECK_EQ(place, 3);
	CHECK_EQ(strcmp(name, "con"), 0);
	NEED_EQ(reply_delivery("$JS.ACK._.acc.s.con.1.78.4.1700000000.0.x", &sequence, &place, name,
		    sizeof(name)),
	    true);
	CHECK_EQ(sequence, 78);
	CHECK_EQ(place, 4);
	NEED_EQ(reply_delivery("$JS.ACK._.acc.s.con.1.79.3.1700000000.0", &sequence, &place, name,
		    sizeof(name)),
	    true);
	CHECK_EQ(sequence, 79);
	CHECK(!reply_delivery("$JS.ACK.s.con.1.77.3.17", &sequence, &place, name, sizeof(name)));
	CHECK(!reply_delivery("$JS.ACK.s.con.1.x.3.17.0", &sequence, &place, name, sizeof(name)));
	CHECK(!reply_delivery("$JS.ACK.s.con.1.0.3.17.0", &sequence, &place, name, sizeof(name)));
	CHECK(!reply_delivery("$JS.ACK.s.con.1.77.0.17.0", &sequence, &place, name, sizeof(name)));
	CHECK(!reply_delivery("$JS.ACK.s.con.1.77.-.17.0", &sequence, &place, name, sizeof(name)));
	CHECK(!reply_delivery("$JS.ACK.s..1.7.3.17.0", &sequence, &place, name, sizeof(name)));
	CHECK(
	    !reply_delivery("$JS.ACK.s.muchtoolongaword.1.7.3.17.0", &sequence, &place, name, 16));
	CHECK(!reply_delivery("", &sequence, &place, name, sizeof(name)));
	CHECK(!reply_delivery(
	    "$JS.ACK.................................", &sequence, &place, name, 16));
}

/* A flood, over 10 s: a line at once, then one a second, and their counts are what there was. */
static void say_flood(void)
{
	uint64_t lines = 0, count = 0, times = 0, last = 0;
	struct say say = {0}, line;
	char text[32];

	CHECK(!say_is_due(&say, 5));
	CHECK(!say_is_due(&say, SAY_ALL));
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t now = 7 + i * (SAY_NS / 1000);

		say_add(&say, i);
		if (!say_is_due(&say, now))
			continue;
		CHECK(last == 0 || now - last >= SAY_NS);
		last = now;
		line = say_take(&say, now);
		lines++;
		count += line.count;
		times += line.times;
	}
	CHECK_EQ(lines, 10);
	/* What is left at the end. */
	CHECK(!say_is_due(&say, last - 1));
	CHECK(!say_is_due(&say, last + SAY_NS - 1));
	CHECK(say_is_due(&say, last + SAY_NS));
	CHECK(say_is_due(&say, SAY_ALL));
	line = say_take(&say, SAY_ALL);
	CHECK_EQ(times + line.times, 10000);
	CHECK_EQ(count + line.count, 10000 * 9999 / 2);
	CHECK_EQ(strcmp(say_times(text, &line), " times=999"), 0);
	CHECK(!say_is_due(&say, SAY_ALL));
	/* Numbers of strangers add up to no small one. */
	say_add(&say, UINT64_MAX - 1);
	say_add(&say, 2);
	line = say_take(&say, SAY_ALL);
	CHECK_EQ(line.count, UINT64_MAX);
	say_add(&say, 3);
	line = say_take(&say, SAY_ALL);
	CHECK_EQ(strcmp(say_times(text, &line), ""), 0);
	CHECK_EQ(line.count, 3);
}

/* Whichever are open: the lowest that is free says nothing of those above. */
static void descriptors(void)
{
	uint32_t before = descriptors_used(1000);
	int fds[500];

	for (int i = 0; i < 500; i++) {
		fds[i] = dup(STDERR_FILENO);
		NEED_EQ(fds[i] >= 0 && fds[i] < 1000, 1);
	}
	CHECK_EQ(descriptors_used(1000), before + 500);
	for (int i = 0; i < 500; i += 2)
		close(fds[i]);
	CHECK_EQ(descriptors_used(1000), before + 250);
	CHECK_EQ(descriptors_used(UINT64_MAX), before + 250);
	for (int i = 1; i < 500; i += 2)
		close(fds[i]);
	CHECK_EQ(descriptors_used(1000), before);
	CHECK_EQ(descriptors_used(0), 0);
}

#define MOST_NS 200000u
#define MS UINT64_C(1000000)

/* A message behind which nothing comes for longer than the bridge polls. */
static bool polls_in_vain(struct busy *busy, uint64_t now)
{
	bool polls;

	busy_moved(busy, 1, 64);
	busy_turn(busy, MOST_NS, now);
	polls = busy_goes_on(busy, now + MOST_NS - 1);
	CHECK(!busy_goes_on(busy, now + MOST_NS));
	return polls;
}

static void busy_trips(void)
{
	struct busy busy = {0};
	uint64_t now = MS;

	CHECK(!busy_goes_on(&busy, now));
	busy_turn(&busy, MOST_NS, now);
	CHECK(!busy_goes_on(&busy, now)); /* nothing has moved */
	for (uint32_t i = 0; i < 1000; i++, now += MOST_NS) {
		busy_moved(&busy, 1, 64);
		busy_turn(&busy, MOST_NS, now);
		CHECK(busy_goes_on(&busy, now + MOST_NS - 1));
		busy_found(&busy);
		/* What came was no message: the same poll goes on, no longer. */
		busy_moved(&busy, 0, 0);
		busy_turn(&busy, MOST_NS, now + MOST_NS - 1);
		CHECK(busy_goes_on(&busy, now + MOST_NS - 1));
		if (i % 2 == 0)
			CHECK(!busy_goes_on(&busy, now + MOST_NS));
	}
	busy_moved(&busy, 1, 64);
	busy_turn(&busy, 0, now);
	CHECK(!busy_goes_on(&busy, now)); /* it is switched off */
}

/* Two messages of a pair in one turn, or a large one: it sleeps at once, also behind the next. */
static void busy_streams(void)
{
	static const struct {
		const char *what;
		uint64_t messages, bytes;
	} rows[] = {{"two", 2, 16}, {"a large one", 1, 1025}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct busy busy = {0};

		test_row(rows[i].what);
		busy_moved(&busy, rows[i].messages, rows[i].bytes);
		busy_moved(&busy, 1, 64); /* of another pair */
		busy_turn(&busy, MOST_NS, MS);
		CHECK(!busy_goes_on(&busy, MS));
		CHECK(!polls_in_vain(&busy, 11 * MS - 1));
		CHECK(polls_in_vain(&busy, 11 * MS));
	}
	test_row(NULL);
}

/* Behind 8 polls in vain, one message in 16; and behind one that was not, each. */
static void busy_vain(void)
{
	struct busy busy = {0};
	uint32_t polls = 0;
	uint64_t now = MS;

	for (uint32_t i = 0; i < 8; i++, now += MS)
		CHECK(polls_in_vain(&busy, now));
	for (uint32_t i = 0; i < 1600; i++, now += MS)
		polls += polls_in_vain(&busy, now);
	CHECK_EQ(polls, 100);
	for (uint32_t i = 0; i < 16; i++, now += MS) {
		busy_moved(&busy, 1, 64);
		busy_turn(&busy, MOST_NS, now);
		if (!busy_goes_on(&busy, now))
			continue;
		busy_found(&busy);
		break;
	}
	CHECK(polls_in_vain(&busy, now + MS));
}

/* Another program had the processor for long: no yield for 20 ms, and longer each time. */
static void busy_crowds(void)
{
	struct busy busy = {0};
	uint64_t now = MS, pause = 20 * MS;

	for (uint32_t i = 0; i < 10; i++) {
		busy_moved(&busy, 1, 64);
		busy_turn(&busy, MOST_NS, now);
		CHECK(busy_goes_on(&busy, now));
		busy_yielded(&busy, now, now + 499999);
		CHECK(busy_goes_on(&busy, now));
		busy_yielded(&busy, now, now + 500000);
		now += 500000;
		CHECK(!busy_goes_on(&busy, now));
		CHECK(!polls_in_vain(&busy, now + pause - 1));
		now += pause;
		pause = 2 * pause < 500 * MS ? 2 * pause : 500 * MS;
	}
	CHECK_EQ(pause, 500 * MS);
	/* It is long ago. */
	now += 500 * MS;
	CHECK(polls_in_vain(&busy, now));
	busy_yielded(&busy, now, now + 500000);
	CHECK(polls_in_vain(&busy, now + 500000 + 20 * MS));
}

static const struct test tests[] = {
    {"configuration: all settings", config_whole},
    {"configuration: secrets are files", config_secrets},
    {"configuration: what is wrong", config_wrong},
    {"subject: made and read", subject_both},
    {"subject: what is none", subject_wrong},
    {"frame: made and read", frame_both},
    {"frame: messages", frame_messages},
    {"frame: what is received", frame_received},
    {"frame: services", frame_services},
    {"frame: numbers", frame_numbers},
    {"window", windows},
    {"JetStream: answers", replies},
    {"JetStream: deliveries", deliveries},
    {"log: a flood", say_flood},
    {"descriptors", descriptors},
    {"polling: round trips", busy_trips},
    {"polling: streams", busy_streams},
    {"polling: in vain", busy_vain},
    {"polling: others compute", busy_crowds},
};

int main(void)
{
	return test_main("bridge", tests, sizeof(tests) / sizeof(*tests));
}
