/* SPDX-License-Identifier: MIT */
/*
 * answer.c - a server's answer to a status request, parsed and checked.
 */
#include "control/answer.h"
#include "control/fields.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 2
#define RECORDS_MAX 65537u /* of a kind: every ID, and the common socket */

/*
 * A kind of line, and where its fields go: into struct answer, or into one more record of a list.
 */
struct line {
	const char *word;
	bool is_needed;
	const struct field *fields;
	size_t field_count;
	size_t record_size; /* bytes of a list's record; 0: the line comes once */
	size_t list, count; /* offsets, in struct answer, of the list and of its length */
};

#define NUMBER(type, key, member, max)                                       \
	{                                                                    \
		key, FIELD_NUMBER, offsetof(struct type, member), max, false \
	}
#define NEEDED(type, key, member, max)                                      \
	{                                                                   \
		key, FIELD_NUMBER, offsetof(struct type, member), max, true \
	}
#define TEXT(type, key, member)                                          \
	{                                                                \
		key, FIELD_TEXT, offsetof(struct type, member), 0, false \
	}
#define NEEDED_TEXT(type, key, member)                                  \
	{                                                               \
		key, FIELD_TEXT, offsetof(struct type, member), 0, true \
	}

/* Below ANSWER_NONE, and exact in every reader of JSON. */
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)

static const struct field server_fields[] = {
    NEEDED(answer, "version", version, NUMBER_MAX),
    NEEDED(answer, "supervisor", supervisor, INT32_MAX),
    NEEDED(answer, "server", server, INT32_MAX),
    NEEDED(answer, "uptime_ms", uptime_ms, NUMBER_MAX),
    NUMBER(answer, "serving_ms", serving_ms, NUMBER_MAX),
    NUMBER(answer, "takeovers", takeovers, NUMBER_MAX),
    NUMBER(answer, "reloads", reloads, NUMBER_MAX),
    NEEDED_TEXT(answer, "mode", mode),
    NEEDED(answer, "raw", raw, 1),
    NUMBER(answer, "filter", filter, 1),
    {"epoch", FIELD_HEX, offsetof(struct answer, epoch), UINT32_MAX, false},
};

static const struct field memory_fields[] = {
    NEEDED_TEXT(answer, "kind", kind),
    NEEDED(answer, "size", size, NUMBER_MAX),
    NUMBER(answer, "page", page, NUMBER_MAX),
    NEEDED_TEXT(answer, "path", path),
    NUMBER(answer, "lost", lost, 1),
};

static const struct field region_fields[] = {
    NEEDED(answer, "slots", slots, 65536),
    NEEDED(answer, "vectors", vectors, 2048),
};

static const struct field limit_fields[] = {
    NUMBER(answer, "clients", limit_clients, NUMBER_MAX),
    NUMBER(answer, "per_uid", limit_per_uid, NUMBER_MAX),
    NUMBER(answer, "unread", limit_unread, NUMBER_MAX),
};

/* The server's line has the takeovers, too. */
static const struct field count_fields[] = {
    NUMBER(answer, "connects", connects, NUMBER_MAX),
    NUMBER(answer, "disconnects", disconnects, NUMBER_MAX),
    NUMBER(answer, "slow", slow, NUMBER_MAX),
    NUMBER(answer, "indeterminate", indeterminate, NUMBER_MAX),
    NUMBER(answer, "notifications_blocked", notifications_blocked, NUMBER_MAX),
};

static const struct field listener_fields[] = {
    NUMBER(answer_listener, "slot", slot, 65535),
    TEXT(answer_listener, "name", name),
    NEEDED_TEXT(answer_listener, "socket", socket),
};

static const struct field refused_fields[] = {
    NEEDED_TEXT(answer_refused, "reason", reason),
    NEEDED(answer_refused, "count", count, NUMBER_MAX),
};

/* A connection without a slot has no ID. */
#define CLIENT_FIELDS(id)                                                                  \
	id, TEXT(answer_client, "name", name), NEEDED_TEXT(answer_client, "state", state), \
	    NUMBER(answer_client, "pid", pid, INT32_MAX),                                  \
	    NUMBER(answer_client, "uid", uid, UINT32_MAX),                                 \
	    NUMBER(answer_client, "gid", gid, UINT32_MAX),                                 \
	    NUMBER(answer_client, "since_ms", since_ms, NUMBER_MAX),                       \
	    NUMBER(answer_client, "times", times, NUMBER_MAX),                             \
	    NUMBER(answer_client, "queued", queued, NUMBER_MAX)

static const struct field slot_fields[] = {CLIENT_FIELDS(NEEDED(answer_client, "id", id, 65535))};
static const struct field waiting_fields[] = {
    CLIENT_FIELDS(NUMBER(answer_client, "id", id, 65535))};

#define ONCE(word, is_needed, fields)                                                \
	{                                                                            \
		word, is_needed, fields, sizeof(fields) / sizeof(fields[0]), 0, 0, 0 \
	}
#define LIST(word, fields, type, member)                                                      \
	{                                                                                     \
		word, false, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct type), \
		    offsetof(struct answer, member), offsetof(struct answer, member##_count)  \
	}

static const struct line lines[] = {
    ONCE("server", true, server_fields),
    ONCE("memory", true, memory_fields),
    ONCE("region", true, region_fields),
    ONCE("limit", false, limit_fields),
    ONCE("count", false, count_fields),
    LIST("listener", listener_fields, answer_listener, listener),
    LIST("refused", refused_fields, answer_refused, refused),
    LIST("slot", slot_fields, answer_client, slot),
    LIST("waiting", waiting_fields, answer_client, waiting),
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

/*
 * One more record of the line's list, whose members fields_parse() writes all; NULL: there are too
 * many. memcpy() reads and writes the list's pointer, which is of another type in each list.
 */
static void *add_record(struct answer *answer, const struct line *line)
{
	size_t *count = (size_t *)(void *)((char *)answer + line->count);
	char *list;

	memcpy(&list, (char *)answer + line->list, sizeof(list));
	/* The room is a power of two: it is full when the count is one. */
	if ((*count & (*count - 1)) == 0) {
		if (*count >= RECORDS_MAX)
			return NULL;
		list = realloc(list, (*count ? *count * 2 : 1) * line->record_size);
		if (!list)
			return NULL;
		memcpy((char *)answer + line->list, &list, sizeof(list));
	}
	return list + (*count)++ * line->record_size;
}

/* Parse one line; bit i of (seen): lines[i] has come. NULL, or what is wrong. */
static const char *parse_line(struct answer *answer, char *text, unsigned *seen)
{
	char *rest = fields_word(text);

	if (!strcmp(text, "error"))
		return "the server does not know this request: its version is another";
	for (unsigned i = 0; i < LINES; i++) {
		const struct line *line = &lines[i];
		void *record = answer;

		if (strcmp(text, line->word) != 0)
			continue;
		if (line->record_size == 0 && *seen >> i & 1)
			return "a line comes twice";
		*seen |= 1u << i;
		if (line->record_size > 0)
			record = add_record(answer, line);
		if (!record)
			return "too many lines";
		return fields_parse(rest, line->fields, line->field_count, record);
	}
	return fields_parse(rest, NULL, 0, NULL);
}

/* The answer before its first line. */
static void clear(struct answer *answer)
{
	char nothing[] = "";

	*answer = (struct answer){0};
	for (unsigned i = 0; i < LINES; i++)
		if (lines[i].record_size == 0)
			(void)fields_parse(nothing, lines[i].fields, lines[i].field_count, answer);
}

const char *answer_parse(struct answer *answer, char *text, size_t size)
{
	char *end = text + size;
	unsigned seen = 0;

	clear(answer);
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
		wrong = parse_line(answer, text, &seen);
		if (seen & 1 && answer->version != VERSION && answer->version != ANSWER_NONE)
			return "another version of the control protocol than 2: use the server's own"
			       " ivsh-server";
		if (wrong)
			return wrong;
		text = newline + 1;
	}
	if (text == end)
		return "the answer is cut off: no line end";
	for (unsigned i = 0; i < LINES; i++)
		if (lines[i].is_needed && !(seen >> i & 1))
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
