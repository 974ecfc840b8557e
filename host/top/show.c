/* SPDX-License-Identifier: MIT */
/*
 * show.c - what is shown beside the rows, and a block of text.
 */
#include "top/show.h"

#include "app/refuse.h"
#include "app/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PARTS_MOST 8u /* slots that a line names */

void show_refusal(char *to, const struct view *v, const struct transport *transport)
{
	refuse_text(to, SHOW_SIZE, transport, &v->sample.attach, v->sample.error);
}

/* Go on in (to), which has SHOW_SIZE bytes, behind a separator. */
static void more(char *to, const char *text)
{
	size_t used = strlen(to);

	snprintf(to + used, SHOW_SIZE - used, "%s%s", used ? "; " : "", text);
}

/* The slots whose parts are not used: some of them, if they are many. */
static void parts_text(char *to, size_t size, const struct sample *s)
{
	uint32_t count = 0;
	size_t used;

	snprintf(to, size, "parts that are not used: of slot");
	for (uint32_t i = 0; i < s->observer.geometry.slots && count <= PARTS_MOST; i++) {
		if (s->peer[i].part == OBSERVED_PART_SOUND)
			continue;
		used = strlen(to);
		if (count == PARTS_MOST)
			snprintf(to + used, size - used, " and more");
		else
			snprintf(to + used, size - used, "%s %" PRIu32, count ? "," : "", i);
		count++;
	}
	used = strlen(to);
	snprintf(to + used, size - used, " (see dump header)");
}

void show_warning(char *to, const struct view *v)
{
	const struct sample *s = &v->sample;
	char text[128];

	*to = '\0';
	if (s->broken) {
		snprintf(text, sizeof(text),
		    "%" PRIu64 " words break SPEC.md: ivsh dump names them", s->broken);
		more(to, text);
	}
	if (s->is_open && s->parts_out) {
		parts_text(text, sizeof(text), s);
		more(to, text);
	}
	if (s->back) {
		snprintf(text, sizeof(text),
		    "the memory went back %" PRIu32 " times, as to a snapshot", s->back);
		more(to, text);
	}
	if (s->formatted) {
		snprintf(text, sizeof(text), "the region was formatted again %" PRIu32 " times",
		    s->formatted);
		more(to, text);
	}
	if (s->is_open && s->server == SERVER_STILL)
		more(to, "the server's heartbeat stands still: stopped or killed");
}

void show_peers(char *to, const struct view *v)
{
	uint32_t count[LOOK_ABSENT + 1] = {0};
	static const char *const text[] = {"unknown yet", "attached", "silent", "gone", "absent"};
	char part[64];

	for (uint32_t i = 0; i < v->rows; i++)
		count[v->row[i].peer->presence]++;
	snprintf(to, SHOW_SIZE, "%" PRIu32 " attached", count[LOOK_ATTACHED]);
	for (unsigned i = 0; i <= LOOK_ABSENT; i++)
		if (i != LOOK_ATTACHED && count[i]) {
			size_t used = strlen(to);

			snprintf(part, sizeof(part), ", %" PRIu32 " %s", count[i], text[i]);
			snprintf(to + used, SHOW_SIZE - used, "%s", part);
		}
}

bool show_metrics(
    char *to, size_t size, const struct ivsh_region *region, uint32_t slot, uint32_t *index)
{
	size_t used = 0;

	*to = '\0';
	for (; *index < IVSH_METRICS; ++*index) {
		struct ivsh_metric_sample sample;
		char one[IVSH_METRIC_NAME_SIZE + 24];
		int error = show_metric(region, slot, *index, &sample);

		if (error && error != IVSH_EPROTO)
			continue;
		if (error)
			snprintf(one, sizeof(one), "(damaged)");
		else if (sample.kind == IVSH_METRIC_COUNTER)
			snprintf(one, sizeof(one), "%s %" PRIu64, sample.name, sample.value);
		else
			snprintf(
			    one, sizeof(one), "%s %" PRId64, sample.name, (int64_t)sample.value);
		if (used && used + 2 + strlen(one) >= size)
			return true;
		used += (size_t)snprintf(to + used, size - used, "%s%s", used ? "  " : "", one);
	}
	return used != 0;
}

void show_size(char *to, uint64_t size)
{
	static const char unit[] = "KMGT";
	unsigned i = 0;

	if (size % 1024) {
		snprintf(to, TEXT_SIZE, "%" PRIu64, size);
		return;
	}
	for (size /= 1024; size % 1024 == 0 && i + 1 < sizeof(unit) - 1 && size; i++)
		size /= 1024;
	snprintf(to, TEXT_SIZE, "%" PRIu64 "%c", size, unit[i]);
}

uint64_t show_bytes(const struct transport *transport)
{
	uint64_t bytes = transport->mem.size;

	for (uint32_t i = 0; i < transport->mem.part_count; i++)
		bytes += transport->mem.parts[i].size;
	return bytes;
}

void show_plain(const struct view *v, const struct transport *transport)
{
	char text[SHOW_SIZE], sent[TEXT_SIZE], bytes[TEXT_SIZE], size[TEXT_SIZE];
	const struct sample *s = &v->sample;

	show_size(size, show_bytes(transport));
	if (!s->is_open) {
		show_refusal(text, v, transport);
		printf("%s: %s: %s\n", transport->object, size, text);
	} else {
		text_rate(sent, v->sum.sent);
		text_rate(bytes, v->sum.bytes_out);
		show_peers(text, v);
		printf("%s: %s, %" PRIu32 " slots: %s; server %s; %s messages/s, %s bytes/s\n",
		    transport->object, size, s->observer.geometry.slots, text,
		    text_server(s->server), sent, bytes);
	}
	show_warning(text, v);
	if (*text)
		printf("%s\n", text);
	/* The name comes last: it may be long, and have blanks. */
	for (unsigned i = 0; v->rows && i < VIEW_COLUMNS; i++)
		if (i != VIEW_NAME)
			printf("%*s ", view_titles[i].width, view_titles[i].title);
	printf(v->rows ? "NAME\n" : "");
	for (uint32_t row = 0; row < v->rows; row++) {
		char cell[IVSH_WIRE_NAME_SIZE + TEXT_SIZE];

		for (unsigned i = 0; i < VIEW_COLUMNS; i++) {
			view_cell(cell, &v->row[row], (enum view_column)i);
			if (i != VIEW_NAME)
				printf("%*s ", view_titles[i].width, cell);
		}
		view_cell(cell, &v->row[row], VIEW_NAME);
		printf("%s\n", cell);
	}
	for (uint32_t row = 0; row < v->rows; row++) {
		uint32_t index = 0;

		while (show_metrics(text, SHOW_SIZE, &s->region, v->row[row].slot, &index))
			printf("slot %" PRIu32 ": %s\n", v->row[row].slot, text);
	}
	printf("\n");
}
