/* SPDX-License-Identifier: MIT */
/*
 * talk_test.c - the program that every port is tried with: it says "done" only if each byte came
 * back, and goes on past what is lost, late, too large or not printable.
 */
#include "port/talk.h"
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <string.h>

#define SELF 1u
#define PEER 0u
#define SECOND UINT64_C(1000000000)

/* What the peer, in slot PEER, does while the program sleeps. */
static struct {
	bool silent;       /* it answers nothing */
	uint32_t drop;     /* so many messages get no answer */
	bool twice;        /* each answer comes twice */
	uint32_t wrong_at; /* the answer's byte of this number is another one; 0: none */
	uint32_t got;      /* messages of the program */
	uint8_t text[64];  /* the last one that was no longer than this */
	uint32_t text_size;
	uint16_t port;
} peer;

static char printed[8192];
static uint32_t stop_after; /* calls of stop() until it is true; 0: never */

static void print(void *ctx, const char *text)
{
	size_t length = strlen(printed);

	(void)ctx;
	strncat(printed, text, sizeof(printed) - length - 1);
}

static bool stop(void *ctx)
{
	(void)ctx;
	return stop_after != 0 && --stop_after == 0;
}

static const struct ivsh_talk talk = {.name = "self", .print = print, .stop = stop};

static void send_back(const struct ivsh_node_message *m)
{
	if (peer.wrong_at != 0 && peer.wrong_at < m->size)
		town_in[peer.wrong_at] ^= 1;
	CHECK_EQ(ivsh_node_send(town[PEER], SELF, m->port, town_in, m->size, 0), 0);
}

static void act(void)
{
	struct ivsh_node_message m;

	CHECK_EQ(ivsh_node_wait(town[PEER], 0, NULL), 0);
	while (town_receive(PEER, &m) >= 0) {
		peer.got++;
		peer.port = m.port;
		peer.text_size = m.size < sizeof(peer.text) ? m.size : 0;
		memcpy(peer.text, town_in, peer.text_size);
		if (peer.silent || m.port != IVSH_PORT_ECHO)
			continue;
		if (peer.drop != 0) {
			peer.drop--;
			continue;
		}
		send_back(&m);
		if (peer.twice)
			send_back(&m);
	}
}

static void begin(void)
{
	struct ivsh_node_options options = {.name = "peer"};

	town_reset();
	memset(&peer, 0, sizeof(peer));
	stop_after = 0;
	CHECK_EQ(town_open(PEER, &options), 0);
	world.on_sleep = act;
}

/* The program with these words; its status. */
static int run(const char *a, const char *b, const char *c, const char *d)
{
	char words[4][32];
	char *argv[4] = {words[0], words[1], words[2], words[3]};
	const char *given[4] = {a, b, c, d};
	struct ivsh_mem mem = world_mem(SELF);
	int argc = 0;

	printed[0] = '\0';
	for (; argc < 4 && given[argc]; argc++)
		strcpy(words[argc], given[argc]);
	return ivsh_talk(&talk, &mem, argc, argv);
}

static void check_printed(const char *text)
{
	test_row(printed);
	CHECK(strstr(printed, text) != NULL);
	test_row(NULL);
}

static void ping(void)
{
	begin();
	CHECK_EQ(run("ping", "peer", "100", NULL), IVSH_TALK_DONE);
	check_printed("ivsh: slot 1 of 8, vectors 4\n");
	check_printed("ivsh: 100 answers of peer, every byte compared; sent again 0\n");
	CHECK_EQ(peer.got, 100);
	CHECK_EQ(run("ping", "0", "3", NULL), IVSH_TALK_DONE);
	check_printed("ivsh: 3 answers of 0,");
}

static void ping_wrong(void)
{
	/* Bytes behind the tag; sizes grow by 97, so the ninth message has byte 700. */
	static const uint32_t at[] = {8, 9, 100, 700};

	for (uint32_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		begin();
		peer.wrong_at = at[i];
		CHECK_EQ(run("ping", "peer", "100", NULL), IVSH_TALK_FAILED);
		check_printed("ivsh: an answer is not what was sent: ");
		CHECK_EQ(peer.got, at[i] < 9 ? 2 : (at[i] - 8) / 97 + 2);
	}
}

/* What has another tag is no answer, so none comes. */
static void ping_late(void)
{
	begin();
	peer.wrong_at = 3;
	CHECK_EQ(run("ping", "peer", "1", NULL), IVSH_TALK_FAILED);
	check_printed("ivsh: peer: ");
	check_printed("ivsh: 0 answers of peer,");
	begin();
	peer.twice = true;
	CHECK_EQ(run("ping", "peer", "20", NULL), IVSH_TALK_DONE);
	check_printed("ivsh: 20 answers of peer, every byte compared; sent again 0\n");
}

static void ping_lost(void)
{
	begin();
	peer.drop = 2;
	CHECK_EQ(run("ping", "peer", "5", NULL), IVSH_TALK_DONE);
	check_printed("ivsh: 5 answers of peer, every byte compared; sent again 2\n");
	begin();
	peer.silent = true;
	CHECK_EQ(run("ping", "peer", "5", NULL), IVSH_TALK_FAILED);
	check_printed("ivsh: peer: ");
	CHECK(world.slept_ns > 25 * SECOND && world.slept_ns < 40 * SECOND);
}

static void ping_nobody(void)
{
	begin();
	CHECK_EQ(run("ping", "nobody", "5", NULL), IVSH_TALK_FAILED);
	check_printed("ivsh: nobody: ");
	CHECK_EQ(peer.got, 0);
}

static void echo(void)
{
	static const char text[] = "a\033[2Jb\377";
	static uint8_t large[6000];

	begin();
	peer.silent = true;
	CHECK_EQ(ivsh_node_send(town[PEER], SELF, IVSH_PORT_TEXT, text, sizeof(text) - 1, 0), 0);
	CHECK_EQ(ivsh_node_send(town[PEER], SELF, IVSH_PORT_ECHO, large, sizeof(large), 0), 0);
	CHECK_EQ(ivsh_node_send(town[PEER], SELF, 99, "other", 5, 0), 0);
	CHECK_EQ(ivsh_node_send(town[PEER], SELF, IVSH_PORT_ECHO, "one", 3, 0), 0);
	CHECK_EQ(ivsh_node_send(town[PEER], SELF, IVSH_PORT_ECHO, NULL, 0, 0), 0);
	CHECK_EQ(ivsh_node_send(town[PEER], SELF, IVSH_PORT_ECHO, "three", 5, 0), 0);
	CHECK_EQ(run("echo", "3", NULL, NULL), IVSH_TALK_DONE);
	check_printed("ivsh: text from slot 0: a.[2Jb.\n");
	check_printed("ivsh: a message that is too large is dropped\n");
	check_printed("ivsh: answered 3 messages\n");
	act();
	CHECK_EQ(peer.got, 3);
	CHECK_EQ(peer.text_size, 5);
	CHECK_EQ(memcmp(peer.text, "three", 5), 0);
}

static void text(void)
{
	begin();
	CHECK_EQ(run("send", "peer", "a", "word"), IVSH_TALK_DONE);
	act();
	CHECK_EQ(peer.port, IVSH_PORT_TEXT);
	CHECK_EQ(peer.text_size, 6);
	CHECK_EQ(memcmp(peer.text, "a word", 6), 0);
}

static void stopped(void)
{
	begin();
	stop_after = 5;
	CHECK_EQ(run("echo", "0", NULL, NULL), IVSH_TALK_STOPPED);
	CHECK(world.slept_ns < SECOND);
	stop_after = 5;
	CHECK_EQ(run("ping", "nobody", "5", NULL), IVSH_TALK_STOPPED);
	peer.silent = true;
	stop_after = 5;
	CHECK_EQ(run("ping", "peer", "5", NULL), IVSH_TALK_STOPPED);
}

/* The words are looked at first: the slot stays free. */
static void usage(void)
{
	static const char *const rows[][3] = {{NULL}, {"ping"}, {"ping", "peer"}, {"echo"},
	    {"ping", "peer", "5x"}, {"echo", "-1"}, {"echo", "1", "2"}, {"send", "peer"}, {"pong"},
	    {"pong", "peer", "1"}, {"ping", "peer", "99999999999"}};

	begin();
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_EQ(run(rows[i][0], rows[i][1], rows[i][2], NULL), IVSH_TALK_USAGE);
		CHECK_EQ(strncmp(printed, "usage: ", 7), 0);
	}
	CHECK_EQ(world_slot(SELF)->state, IVSH_WIRE_STATE_EMPTY);
}

int main(void)
{
	static const struct test tests[] = {
	    {"ping", ping},
	    {"ping: a wrong byte", ping_wrong},
	    {"ping: another tag, a second answer", ping_late},
	    {"ping: lost, and never answered", ping_lost},
	    {"ping: nobody there", ping_nobody},
	    {"echo", echo},
	    {"send", text},
	    {"stopped by the user", stopped},
	    {"usage", usage},
	};

	return test_main("talk", tests, sizeof(tests) / sizeof(tests[0]));
}
