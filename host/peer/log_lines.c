/* SPDX-License-Identifier: MIT */
/*
 * log_lines.c - a log on standard output.
 *
 * What is said about the log goes to standard error, behind the bytes that came before it; with
 * JSON it is an object among the others.
 */
#include "peer/log_lines.h"

#include "app/json.h"

#include <inttypes.h>
#include <stdio.h>

/* Begin an object of the type (type). */
static struct json begin(const struct log_lines *l, const char *type)
{
	struct json json;

	json_begin(&json, type);
	json_u64(&json, "peer", l->slot);
	if (l->incarnation)
		json_u64(&json, "incarnation", l->incarnation);
	else
		json_null(&json, "incarnation");
	return json;
}

/* The line that was collected. (is_whole): its newline has come. */
static void line_print(struct log_lines *l, bool is_whole)
{
	struct json json = begin(l, "log_line");

	json_u64(&json, "position", l->position);
	json_bytes(&json, "text", l->line, l->count);
	json_bool(&json, "whole", is_whole);
	json_end(&json);
	l->count = 0;
}

static void json_put(struct log_lines *l, uint64_t position, const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		if (l->count == 0)
			l->position = position + i;
		if (bytes[i] == '\n')
			line_print(l, true);
		else
			l->line[l->count++] = bytes[i];
		if (l->count == LOG_LINE)
			line_print(l, false);
	}
}

void log_lines_put(struct log_lines *l, uint64_t position, const uint8_t *bytes, uint32_t size)
{
	if (l->form == LOG_JSON)
		json_put(l, position, bytes, size);
	else if (l->form == LOG_PLAIN)
		plain_write(&l->plain, stdout, bytes, size);
	else
		fwrite(bytes, 1, size, stdout);
}

void log_lines_cut(struct log_lines *l)
{
	if (l->count)
		line_print(l, false);
	l->plain = (struct plain){0};
}

/* Begin a line on standard error. */
static void say(const struct log_lines *l)
{
	fflush(stdout);
	fprintf(stderr, "ivsh: %s: slot %" PRIu32 ": ", l->object, l->slot);
}

void log_lines_lost(struct log_lines *l, uint64_t bytes)
{
	log_lines_cut(l);
	if (l->form == LOG_JSON) {
		struct json json = begin(l, "log_lost");

		json_u64(&json, "bytes", bytes);
		json_end(&json);
		return;
	}
	say(l);
	fprintf(stderr, "%" PRIu64 " bytes were overwritten before they could be read\n", bytes);
}

void log_lines_begin(struct log_lines *l, uint32_t incarnation, const char *name)
{
	log_lines_cut(l);
	l->incarnation = incarnation;
	if (l->form == LOG_JSON) {
		struct json json = begin(l, "log_begin");

		json_text(&json, "peer_name", *name ? name : NULL);
		json_end(&json);
		return;
	}
	say(l);
	fprintf(stderr, "from here on incarnation %" PRIu32 "%s%s\n", incarnation,
	    *name ? ", " : "", name);
}

void log_lines_say(struct log_lines *l, const char *why)
{
	if (l->form == LOG_JSON) {
		struct json json;

		log_lines_cut(l);
		json = begin(l, "log_event");
		json_text(&json, "text", why);
		json_end(&json);
		return;
	}
	say(l);
	fprintf(stderr, "%s\n", why);
}
