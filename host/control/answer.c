/* SPDX-License-Identifier: MIT */
/*
 * answer.c - what the server said, checked, and as numbers.
 */
#include "control/answer.h"
#include "control/lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_VERSION 2
#define ANSWER_RECORDS 65537u /* of a kind: every ID, and the common socket */

/* What a line's fields are in. */
enum answer_place {
	ANSWER_ONCE, /* struct answer itself: the line comes once */
	ANSWER_LISTENER,
	ANSWER_REFUSED,
	ANSWER_SLOT,
	ANSWER_WAITING,
};

struct answer_line {
	const char *word;
	enum answer_place place;
	bool is_needed;
	const struct lines_field *fields;
	size_t count;
};

#define NUMBER(type, key, member, most)                                       \
	{                                                                     \
		key, LINES_NUMBER, offsetof(struct type, member), most, false \
	}
#define NEEDED(type, key, member, most)                                      \
	{                                                                    \
		key, LINES_NUMBER, offsetof(struct type, member), most, true \
	}
#define TEXT(type, key, member)                                          \
	{                                                                \
		key, LINES_TEXT, offsetof(struct type, member), 0, false \
	}
#define NEEDED_TEXT(type, key, member)                                  \
	{                                                               \
		key, LINES_TEXT, offsetof(struct type, member), 0, true \
	}

/* Below ANSWER_NONE, and a number that every reader of JSON holds exactly. */
#define MOST ((UINT64_C(1) << 53) - 1)

static const struct lines_field answer_server[] = {
    NEEDED(answer, "version", version, MOST),
    NEEDED(answer, "supervisor", supervisor, INT32_MAX),
    NEEDED(answer, "server", server, INT32_MAX),
    NEEDED(answer, "uptime_ms", uptime_ms, MOST),
    NUMBER(answer, "serving_ms", serving_ms, MOST),
    NUMBER(answer, "takeovers", takeovers, MOST),
    NUMBER(answer, "reloads", reloads, MOST),
    NEEDED_TEXT(answer, "mode", mode),
    NEEDED(answer, "raw", raw, 1),
    NUMBER(answer, "filter", filter, 1),
    {"epoch", LINES_HEX, offsetof(struct answer, epoch), UINT32_MAX, false},
};

static const struct lines_field answer_memory[] = {
    NEEDED_TEXT(answer, "kind", kind),
    NEEDED(answer, "size", size, MOST),
    NUMBER(answer, "page", page, MOST),
    NEEDED_TEXT(answer, "path", path),
    NUMBER(answer, "lost", lost, 1),
};

static const struct lines_field answer_region[] = {
    NEEDED(answer, "slots", slots, 65536),
    NEEDED(answer, "vectors", vectors, 2048),
};

static const struct lines_field answer_limit[] = {
    NUMBER(answer, "clients", limit_clients, MOST),
    NUMBER(answer, "per_uid", limit_per_uid, MOST),
    NUMBER(answer, "unread", limit_unread, MOST),
};

/* Its takeovers are those of the server's line. */
static const struct lines_field answer_count[] = {
    NUMBER(answer, "connects", connects, MOST),
    NUMBER(answer, "disconnects", disconnects, MOST),
    NUMBER(answer, "slow", slow, MOST),
    NUMBER(answer, "doubtful", doubtful, MOST),
    NUMBER(answer, "bells_blocked", bells_blocked, MOST),
};

static const struct lines_field answer_listener[] = {
    NUMBER(answer_listener, "slot", slot, 65535),
    TEXT(answer_listener, "name", name),
    NEEDED_TEXT(answer_listener, "socket", socket),
};

static const struct lines_field answer_refused[] = {
    NEEDED_TEXT(answer_refused, "reason", reason),
    NEEDED(answer_refused, "count", count, MOST),
};

static const struct lines_field answer_slot[] = {
    NEEDED(answer_client, "id", id, 65535),
    TEXT(answer_client, "name", name),
    NEEDED_TEXT(answer_client, "state", state),
    NUMBER(answer_client, "pid", pid, INT32_MAX),
    NUMBER(answer_client, "uid", uid, UINT32_MAX),
    NUMBER(answer_client, "gid", gid, UINT32_MAX),
    NUMBER(answer_client, "since_ms", since_ms, MOST),
    NUMBER(answer_client, "times", times, MOST),
    NUMBER(answer_client, "queued", queued, MOST),
};

static const struct lines_field answer_waiting[] = {
    NEEDED_TEXT(answer_client, "state", state),
    NUMBER(answer_client, "pid", pid, INT32_MAX),
    NUMBER(answer_client, "uid", uid, UINT32_MAX),
    NUMBER(answer_client, "gid", gid, UINT32_MAX),
    NUMBER(answer_client, "since_ms", since_ms, MOST),
};

#define LINE(word, place, is_needed, fields)                                     \
	{                                                                        \
		word, place, is_needed, fields, sizeof fields / sizeof fields[0] \
	}

static const struct answer_line answer_lines[] = {
    LINE("server", ANSWER_ONCE, true, answer_server),
    LINE("memory", ANSWER_ONCE, true, answer_memory),
    LINE("region", ANSWER_ONCE, true, answer_region),
    LINE("limit", ANSWER_ONCE, false, answer_limit),
    LINE("count", ANSWER_ONCE, false, answer_count),
    LINE("listener", ANSWER_LISTENER, false, answer_listener),
    LINE("refused", ANSWER_REFUSED, false, answer_refused),
    LINE("slot", ANSWER_SLOT, false, answer_slot),
    LINE("waiting", ANSWER_WAITING, false, answer_waiting),
};

#define ANSWER_LINES (sizeof answer_lines / sizeof answer_lines[0])

/* Room for one more of (size) bytes behind (*count) of them in (*list); NULL: too many. */
static void *answer_grow(void **list, size_t *count, size_t size)
{
	/* Powers of two: grow when the count is one. */
	if ((*count & (*count - 1)) == 0) {
		void *grown = NULL;

		if (*count < ANSWER_RECORDS)
			grown = realloc(*list, (*count ? *count * 2 : 1) * size);
		if (!grown)
			return NULL;
		*list = grown;
	}
	return (char *)*list + (*count)++ * size;
}

static void *answer_record(struct answer *answer, enum answer_place place)
{
	void *list, *record;

	switch (place) {
	case ANSWER_LISTENER:
		list = answer->listener;
		record = answer_grow(&list, &answer->listener_count, sizeof *answer->listener);
		answer->listener = list;
		break;
	case ANSWER_REFUSED:
		list = answer->refused;
		record = answer_grow(&list, &answer->refused_count, sizeof *answer->refused);
		answer->refused = list;
		break;
	case ANSWER_SLOT:
		list = answer->slot;
		record = answer_grow(&list, &answer->slot_count, sizeof *answer->slot);
		answer->slot = list;
		if (record)
			*(struct answer_client *)record = (struct answer_client){0};
		break;
	case ANSWER_WAITING:
		list = answer->waiting;
		record = answer_grow(&list, &answer->waiting_count, sizeof *answer->waiting);
		answer->waiting = list;
		if (record)
			*(struct answer_client *)record = (struct answer_client){
			    .id = ANSWER_NONE, .times = ANSWER_NONE, .queued = ANSWER_NONE};
		break;
	default:
		record = answer;
		break;
	}
	return record;
}

static const char *answer_line(struct answer *answer, char *text, unsigned *seen)
{
	char *rest = lines_word(text);

	if (!strcmp(text, "error"))
		return "the server does not know this request: its version is another";
	for (unsigned i = 0; i < ANSWER_LINES; i++) {
		const struct answer_line *line = &answer_lines[i];
		void *record;

		if (strcmp(text, line->word) != 0)
			continue;
		if (line->place == ANSWER_ONCE && *seen >> i & 1)
			return "a line comes twice";
		*seen |= 1u << i;
		record = answer_record(answer, line->place);
		if (!record)
			return "too many lines";
		return lines_fields(rest, line->fields, line->count, record);
	}
	return lines_fields(rest, NULL, 0, NULL);
}

/* Nothing was given yet. */
static void answer_clear(struct answer *answer)
{
	char nothing[] = "";

	*answer = (struct answer){0};
	for (unsigned i = 0; i < ANSWER_LINES; i++)
		if (answer_lines[i].place == ANSWER_ONCE)
			(void)lines_fields(
			    nothing, answer_lines[i].fields, answer_lines[i].count, answer);
}

const char *answer_parse(struct answer *answer, char *text, size_t size)
{
	char *end = text + size;
	unsigned seen = 0;

	answer_clear(answer);
	if (size == 0)
		return "no answer";
	if (memchr(text, '\0', size))
		return "not an answer of ivsh-server: a NUL byte";
	while (text < end) {
		char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *wrong;

		if (!newline)
			return "the answer is cut off in a line";
		*newline = '\0';
		if (!strcmp(text, "end")) {
			if (newline + 1 != end)
				return "not an answer of ivsh-server: lines behind its end";
			break;
		}
		wrong = answer_line(answer, text, &seen);
		if (wrong)
			return wrong;
		if (seen & 1 && answer->version != ANSWER_VERSION)
			return "another version of the control protocol than 2: use the server's own"
			       " ivsh-server";
		text = newline + 1;
	}
	if (text == end)
		return "the answer is cut off: no line end";
	for (unsigned i = 0; i < ANSWER_LINES; i++)
		if (answer_lines[i].is_needed && !(seen >> i & 1))
			return "not an answer of ivsh-server: a line is missing";
	return NULL;
}

void answer_free(struct answer *answer)
{
	free(answer->listener);
	free(answer->refused);
	free(answer->slot);
	free(answer->waiting);
	*answer = (struct answer){0};
}
