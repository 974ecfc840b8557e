/* SPDX-License-Identifier: MIT */
/*
 * answer.c - the facts of a server, and the text of them, parsed and checked.
 */
#include "control/answer.h"
#include "control/lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 65569u /* of a kind: each slot, and connections without one */

/*
 * One more record of the line's list, not written yet; NULL: there are too many. memcpy() reads and
 * writes the list's pointer, which is of another type in each list.
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

/* The same without a value in any of its members. */
static void *add_empty(struct answer *answer, enum line_kind kind)
{
	void *record = add_record(answer, &lines[kind]);

	if (record)
		fields_clear(lines[kind].fields, lines[kind].field_count, record);
	return record;
}

struct answer_listener *answer_add_listener(struct answer *answer)
{
	return add_empty(answer, LINE_LISTENER);
}

struct answer_refused *answer_add_refused(struct answer *answer)
{
	return add_empty(answer, LINE_REFUSED);
}

struct answer_client *answer_add_slot(struct answer *answer)
{
	return add_empty(answer, LINE_SLOT);
}

struct answer_client *answer_add_waiting(struct answer *answer)
{
	return add_empty(answer, LINE_WAITING);
}

struct answer_metric *answer_add_metric(struct answer *answer)
{
	return add_empty(answer, LINE_METRIC);
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
	*answer = (struct answer){0};
	for (unsigned i = 0; i < LINES; i++)
		if (lines[i].record_size == 0)
			fields_clear(lines[i].fields, lines[i].field_count, answer);
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
		if (seen & 1 && answer->version != ANSWER_VERSION && answer->version != ANSWER_NONE)
			return "another version of the control protocol than 2: use the server's"
			       " own ivsh-server";
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
	free(answer->metric);
	*answer = (struct answer){0};
}
