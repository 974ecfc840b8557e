/* SPDX-License-Identifier: MIT */
/*
 * control_test.c - answers of a server, right, wrong and damaged, and the escaping of text.
 */
#include "control/answer.h"
#include "control/render.h"
#include "tests/lib/test.h"
#include "text/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 30000

static const char server[] =
    "server version=2 supervisor=10 server=11 uptime_ms=3600000 serving_ms=5000"
    " takeovers=1 reloads=0 mode=slots raw=0 epoch=0x0000beef\n";
static const char memory[] = "memory kind=memfd size=4194304 page=4096 path=/proc/10/fd/5 lost=0\n";
static const char region[] = "region slots=3 vectors=2\n";
static const char others[] =
    "listener socket=/run/a%20b\n"
    "listener slot=0 name=alpha socket=/run/alpha\n"
    "limit clients=24 per_uid=4294967295 unread=278\n"
    "count connects=7 disconnects=6 takeovers=1 slow=2 indeterminate=1 notifications_blocked=9\n"
    "refused reason=no-free-slot count=3\n"
    "refused reason=slot-in-use count=1\n"
    "slot id=0 name=alpha state=ready pid=1 uid=0 gid=0 since_ms=1500 times=2 queued=4\n"
    "slot id=1 state=free times=0\n"
    "slot id=2 name=%C3%A9%0A state=indeterminate pid=2 uid=1000 gid=1000 since_ms=9 times=1"
    " queued=0\n"
    "waiting pid=3 uid=1 gid=1 since_ms=20 state=refused\n"
    "metric slot=0 name=a%20b metric=frames kind=counter value=5\n"
    "metric slot=2 metric=depth kind=gauge value=18446744073709551615\n"
    "future a=1 b=%25\n";

/* A copy on the heap: answer_parse() changes it, and a sanitizer sees where it ends. */
static char *copy(const char *text, size_t *size)
{
	char *own;

	*size = strlen(text);
	own = malloc(*size + 1);
	if (!own)
		abort();
	memcpy(own, text, *size + 1);
	return own;
}

static char *whole(size_t *size)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s%s%s%send\n", server, memory, region, others);
	return copy(text, size);
}

static void understood(void)
{
	struct answer answer;
	size_t size;
	char *text = whole(&size);

	CHECK(answer_parse(&answer, text, size) == NULL);
	CHECK_EQ(answer.supervisor, 10);
	CHECK_EQ(answer.uptime_ms, 3600000);
	CHECK_EQ(answer.epoch, 0xbeef);
	CHECK_EQ(answer.size, 4194304);
	CHECK(!strcmp(answer.mode, "slots"));
	CHECK_EQ(answer.listener_count, 2);
	CHECK(answer.listener[0].slot == ANSWER_NONE && !answer.listener[0].name);
	CHECK(!strcmp(answer.listener[0].socket, "/run/a b"));
	CHECK_EQ(answer.listener[1].slot, 0);
	CHECK_EQ(answer.limit_per_uid, ANSWER_UNLIMITED);
	CHECK_EQ(answer.notifications_blocked, 9);
	CHECK_EQ(answer.refused_count, 2);
	CHECK_EQ(answer.refused[0].count, 3);
	CHECK_EQ(answer.slot_count, 3);
	CHECK_EQ(answer.slot[0].queued, 4);
	CHECK(answer.slot[1].pid == ANSWER_NONE && !answer.slot[1].name);
	CHECK(!strcmp(answer.slot[2].name, "\xc3\xa9\n"));
	CHECK_EQ(answer.waiting_count, 1);
	NEED_EQ(answer.metric_count, 2);
	CHECK(!strcmp(answer.metric[0].peer, "a b") && !answer.metric[1].peer);
	CHECK(!strcmp(answer.metric[1].value, "18446744073709551615"));
	CHECK(answer.waiting[0].id == ANSWER_NONE && answer.waiting[0].times == ANSWER_NONE);
	answer_free(&answer);
	free(text);
}

/* The server writes each line that its clients parse, in its order, and nothing else. */
static void rendered(void)
{
	static const char rest[] =
	    "listener socket=/run/a%20b\n"
	    "listener slot=0 name=alpha socket=/run/alpha\n"
	    "limit clients=24 per_uid=4294967295 unread=278\n"
	    "count connects=7 disconnects=6 takeovers=1 slow=2 indeterminate=1"
	    " notifications_blocked=9\n"
	    "refused reason=no-free-slot count=3\n"
	    "refused reason=slot-in-use count=1\n"
	    "slot id=0 name=alpha state=ready pid=1 uid=0 gid=0 since_ms=1500 queued=4 times=2\n"
	    "slot id=1 state=free times=0\n"
	    "slot id=2 name=%C3%A9%0A state=indeterminate pid=2 uid=1000 gid=1000 since_ms=9"
	    " queued=0 times=1\n"
	    "waiting state=refused pid=3 uid=1 gid=1 since_ms=20\n"
	    "metric slot=0 name=a%20b metric=frames kind=counter value=5\n"
	    "metric slot=2 metric=depth kind=gauge value=18446744073709551615\n"
	    "end\n";
	struct answer answer;
	char want[4096], *got;
	size_t size;
	char *text = whole(&size);

	snprintf(want, sizeof(want), "%s%s%s%s", server, memory, region, rest);
	NEED_EQ(answer_parse(&answer, text, size) == NULL, 1);
	got = render_answer(&answer, &size);
	NEED_EQ(got != NULL, 1);
	CHECK_EQ(size, strlen(want));
	CHECK(!strcmp(got, want));
	answer_free(&answer);
	free(got);
	free(text);
}

/* An answer that is made, not parsed. */
static void made(void)
{
	struct answer answer = {.mode = "slots", .kind = "shm", .path = "/p", .epoch = 0xbeef};
	struct answer_client *client;
	size_t size = 0;
	char *text;

	client = answer_add_slot(&answer);
	NEED_EQ(client != NULL, 1);
	client->id = 5;
	client->state = "free";
	NEED_EQ(answer_add_waiting(&answer) != NULL, 1);
	answer.waiting[0].state = "%";
	text = render_answer(&answer, &size);
	NEED_EQ(text != NULL, 1);
	CHECK(strstr(text, " raw=0 filter=0 epoch=0x0000beef\n"));
	CHECK(strstr(text, "\nslot id=5 state=free\nwaiting state=%25\nend\n"));
	answer_free(&answer);
	free(text);
}

/* Lines that are not needed may be missing: their numbers are ANSWER_NONE, not 0. */
static void short_answer(void)
{
	struct answer answer;
	char text[1024];

	snprintf(text, sizeof(text), "%s%s%send\n", server, memory, region);
	CHECK(answer_parse(&answer, text, strlen(text)) == NULL);
	CHECK(answer.connects == ANSWER_NONE);
	CHECK(answer.limit_clients == ANSWER_NONE);
	answer_free(&answer);
}

static void refused(void)
{
	/* The lines behind the three that are needed. */
	static const char *const rows[] = {
	    "",
	    "end",
	    "end\nmore\n",
	    "end\nend\n",
	    "slot id=0 state=free\n",
	    "slot id=0 state=free",
	    "slot state=free\nend\n",
	    "slot id=0\nend\n",
	    "slot id=65536 state=free\nend\n",
	    "slot id=-1 state=free\nend\n",
	    "slot id=+1 state=free\nend\n",
	    "slot id= state=free\nend\n",
	    "slot id=0x1 state=free\nend\n",
	    "slot id=1 id=2 state=free\nend\n",
	    "slot id=0 state=free times=18446744073709551616\nend\n",
	    "slot id=0 state=free times=18446744073709551615\nend\n",
	    "slot id=0 state=free name=%\nend\n",
	    "slot id=0 state=free name=%4\nend\n",
	    "slot id=0 state=free name=%00\nend\n",
	    "slot id=0 state=free name=%zz\nend\n",
	    "slot id=0 state=free name=\"\nend\n",
	    "slot id=0 state=free name=\x1b[2J\nend\n",
	    "slot id=0 state=free name=\xc3\xa9\nend\n",
	    "slot id=0 state=free name\nend\n",
	    "slot id=0 state=free =x\nend\n",
	    "slot id=0  state=free\nend\n",
	    "slot\nend\n",
	    "region slots=3 vectors=2\nend\n",
	    "refused reason=x\nend\n",
	    "listener slot=0\nend\n",
	    "error what=unknown-request\n",
	    "error what=unknown-request\nend\n",
	    "future thing\nend\n",
	    "\nend\n\n",
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		char text[2048], *own;
		size_t size;

		test_row(rows[i]);
		snprintf(text, sizeof(text), "%s%s%s%s", server, memory, region, rows[i]);
		own = copy(text, &size);
		CHECK(answer_parse(&answer, own, size) != NULL);
		answer_free(&answer);
		free(own);
	}
	test_row(NULL);
}

static void incomplete(void)
{
	const char *const lines[] = {server, memory, region};

	for (unsigned i = 0; i < 3; i++) {
		struct answer answer;
		char text[1024] = "";

		for (unsigned j = 0; j < 3; j++)
			if (j != i)
				strcat(text, lines[j]);
		strcat(text, "end\n");
		CHECK(answer_parse(&answer, text, strlen(text)) != NULL);
		answer_free(&answer);
	}
}

static void other_version(void)
{
	struct answer answer;
	size_t size;
	char *text = whole(&size);
	const char *wrong;

	*strchr(text, '2') = '3';
	wrong = answer_parse(&answer, text, size);
	CHECK(wrong && strstr(wrong, "version"));
	answer_free(&answer);
	free(text);
}

/* Each prefix of an answer is refused as cut off, and damage anywhere is harmless. */
static void damaged(void)
{
	uint32_t seed = 12345;
	size_t size;

	free(whole(&size));
	for (size_t cut = 0; cut < size; cut++) {
		struct answer answer;
		char *text = whole(&size);

		text[cut] = '\0';
		CHECK(answer_parse(&answer, text, cut) != NULL);
		answer_free(&answer);
		free(text);
	}
	for (unsigned i = 0; i < MUTATIONS; i++) {
		struct answer answer;
		char *text = whole(&size);

		for (unsigned changes = 1 + i % 4; changes > 0; changes--) {
			seed = seed * 1664525u + 1013904223u;
			text[(seed >> 8) % size] = "\0\n %=09a\"\xff"[seed % 10];
		}
		if (!answer_parse(&answer, text, size))
			for (size_t j = 0; j < answer.slot_count; j++)
				CHECK(strlen(answer.slot[j].state) < size);
		answer_free(&answer);
		free(text);
	}
}

static void too_many(void)
{
	static const char line[] = "slot id=0 state=free\n";
	const size_t count = 140000;
	size_t size = 0;
	char *text = malloc(1024 + count * (sizeof(line) - 1));
	struct answer answer;

	NEED_EQ(text != NULL, 1);
	size += (size_t)sprintf(text, "%s%s%s", server, memory, region);
	for (size_t i = 0; i < count; i++) {
		memcpy(text + size, line, sizeof(line) - 1);
		size += sizeof(line) - 1;
	}
	size += (size_t)sprintf(text + size, "end\n");
	CHECK(answer_parse(&answer, text, size) != NULL);
	answer_free(&answer);
	free(text);
}

static size_t plain_width;

static void plain_writer(FILE *out, const char *text)
{
	plain_width = escape_plain(out, text);
}

static void written(void)
{
	static const struct {
		void (*write)(FILE *out, const char *text);
		const char *text, *want;
	} rows[] = {
	    {plain_writer, "a b~", "a b~"},
	    {plain_writer, "\x1b[2J\\\n\xc3", "\\x1b[2J\\x5c\\x0a\\xc3"},
	    {escape_json, "a\"b\\c\n\x7f/", "\"a\\\"b\\\\c\\u000a\\u007f/\""},
	    {escape_json, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
	    {escape_json, "\xff", "\"\xef\xbf\xbd\""},
	    {escape_json, "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	    {escape_json, "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	    {escape_json, "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	    {escape_json, NULL, "null"},
	    {escape_label, "a\"b\\c\nd", "\"a\\\"b\\\\c\\nd\""},
	    {escape_label, NULL, "\"\""},
	    {escape_shell, "/run/a,b=c", "/run/a,b=c"},
	    {escape_shell, "", "''"},
	    {escape_shell, "a b", "'a b'"},
	    {escape_shell, "it's $x", "'it'\\''s $x'"},
	    {escape_xml, "a&<>'\"\n\x01z", "a&#38;&#60;&#62;&#39;&#34;&#10;z"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char got[128] = "";
		FILE *out = fmemopen(got, sizeof(got), "w");

		NEED_EQ(out != NULL, 1);
		test_row(rows[i].want);
		rows[i].write(out, rows[i].text);
		fclose(out);
		CHECK(!strcmp(got, rows[i].want));
		if (rows[i].write == plain_writer)
			CHECK_EQ(plain_width, strlen(rows[i].want));
	}
	test_row(NULL);
}

static const struct test tests[] = {
    {"answer: understood", understood},
    {"answer: rendered", rendered},
    {"answer: made", made},
    {"answer: only what is needed", short_answer},
    {"answer: refused", refused},
    {"answer: a line is missing", incomplete},
    {"answer: another version", other_version},
    {"answer: cut and damaged", damaged},
    {"answer: too many lines", too_many},
    {"write: each way out", written},
};

int main(void)
{
	return test_main("control", tests, sizeof(tests) / sizeof(tests[0]));
}
