/* SPDX-License-Identifier: MIT */
/*
 * dump.c - dump: the command.
 */
#include "observe/dump.h"

#include "observe/print.h"
#include "observe/survey.h"

#include "app/refuse.h"
#include "app/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 64u

static struct ivsh_geometry layout;
static bool is_layout, is_payload;

static int failed(const char *object, const char *what)
{
	fprintf(stderr, "ivsh: dump: %s: %s\n", object, what);
	return STATUS_USAGE;
}

bool dump_layout_take(const char *text)
{
	uint32_t *to[] = {
	    &layout.slots, &layout.descs, &layout.small_size, &layout.large_size, &layout.log_size};
	const char *at = text;
	uint64_t size;

	/* The last one may be left out. */
	for (unsigned i = 0; i < 5 && !is_layout; i++) {
		char *end;
		unsigned long long value = strtoull(at, &end, 0);

		if (*at < '0' || *at > '9' || value > UINT32_MAX ||
		    !(*end == ',' ? i < 4 : *end == 0 && i > 2))
			break;
		*to[i] = (uint32_t)value;
		is_layout = *end == 0;
		at = end + 1;
	}
	if (is_layout && ivsh_geometry_size(&layout, &size) == 0)
		return true;
	(void)failed("--layout", "give SLOTS,DESCS,SMALL,LARGE[,LOG] as SPEC.md, 2, allows them");
	return false;
}

bool dump_payload_take(const char *text)
{
	(void)text;
	is_payload = true;
	return true;
}

/* The two slots of "ring FROM TO". */
static int ring_take(struct survey *s, const struct options *o)
{
	uint64_t from, to;

	if (o->words != 4 || !options_number(o->word[2], 0, IVSH_WIRE_SLOTS_MAX - 1, &from) ||
	    !options_number(o->word[3], 0, IVSH_WIRE_SLOTS_MAX - 1, &to) || from == to)
		return failed("ring", "give two different slots: ring FROM TO");
	s->from = (uint32_t)from;
	s->to = (uint32_t)to;
	return STATUS_DONE;
}

/* What is to be shown. STATUS_DONE, or a status after a line. */
static int parts_take(struct survey *s, const struct options *o)
{
	static const struct {
		const char *name;
		uint32_t parts;
	} rows[] = {
	    {"header", SURVEY_HEADER},
	    {"server", SURVEY_SERVER},
	    {"slots", SURVEY_SLOTS},
	    {"rings", SURVEY_RINGS},
	    {"ring", SURVEY_RINGS | SURVEY_DESCRIPTORS},
	    {"all",
		SURVEY_HEADER | SURVEY_SERVER | SURVEY_SLOTS | SURVEY_RINGS | SURVEY_DESCRIPTORS},
	};
	const char *name = o->words > 1 ? o->word[1] : NULL;

	s->parts = SURVEY_HEADER | SURVEY_SERVER | SURVEY_SLOTS | SURVEY_RINGS;
	for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(name, rows[i].name) == 0) {
			s->parts = rows[i].parts | (is_payload ? SURVEY_PAYLOAD : 0);
			if (strcmp(name, "ring") == 0)
				return ring_take(s, o);
			if (o->words > 2)
				return failed(o->word[2], "one word too many");
			return STATUS_DONE;
		}
	return name ? failed(name, "no such part: header, server, slots, rings, ring, all")
		    : STATUS_DONE;
}

static void pause_for(const struct world *world, uint64_t ns)
{
	uint64_t start = world->now_ns(), waited = 0;

	while (waited < ns && !world->stopped()) {
		world->nap(ns - waited);
		waited = world->now_ns() - start;
	}
}

/* Why there is nothing, or not all, to show; else whether words are broken. */
static int verdict(const struct survey *s, const struct transport *t)
{
	if (s->broken) {
		fprintf(stderr, "ivsh: %s: %" PRIu64 " words break SPEC.md", t->object, s->broken);
		for (uint32_t i = 1; i < sizeof(s->broken_in) / sizeof(s->broken_in[0]); i++)
			if (s->broken_in[i])
				fprintf(stderr, ", %" PRIu64 " in part %" PRIu32, s->broken_in[i],
				    i - 1);
		fprintf(stderr, "%s\n",
		    s->is_open ? "" : ", and no geometry is known: give --layout to see the rest");
		return STATUS_FAILED;
	}
	if (s->is_open)
		return STATUS_DONE;
	fprintf(stderr, "ivsh: %s: no region: %s\n", t->object,
	    s->header.is_unformatted ? "nobody has formatted the memory"
				     : "the header changes: try again");
	return STATUS_FAILED;
}

/* observe_open() refused what the user gave, or this process is short of memory. */
static int refused(const struct transport *t, int error)
{
	fprintf(stderr, "ivsh: %s: %s\n", t->object,
	    error == IVSH_ENOSPC ? "the memory is smaller than what --layout needs"
				 : ivsh_error_text(error));
	return STATUS_FAILED;
}

static int dump(struct survey *s, const struct world *world, const struct transport *t)
{
	int error;

	s->mem = t->mem;
	if (s->mem.size < IVSH_WIRE_PAGE || (uintptr_t)s->mem.base % IVSH_WIRE_PAGE) {
		fprintf(stderr, "ivsh: %s: less than a page: not a region\n", t->object);
		return STATUS_FAILED;
	}
	error = survey_begin(s, is_layout ? &layout : NULL);
	if (error)
		return refused(t, error);
	if (s->is_open && s->from != s->to &&
	    (s->from >= s->observer.geometry.slots || s->to >= s->observer.geometry.slots))
		return failed("ring", "the region has no such slot");
	pause_for(world, SURVEY_PAUSE_NS);
	if (world->stopped())
		return STATUS_STOPPED;
	survey_print(s);
	return verdict(s, t);
}

int dump_command(const struct world *world, const struct options *o)
{
	struct survey survey = {0};
	struct transport transport;
	int status;

	print_json(o->json);
	survey.rows = o->given & OPTION_COUNT ? o->count : ROWS;
	status = parts_take(&survey, o);
	if (status != STATUS_DONE)
		return status;
	status = world->probe(&transport, 0, o);
	if (status != STATUS_DONE)
		return status < 0 ? STATUS_NO_DEVICE : status;
	status = dump(&survey, world, &transport);
	survey_end(&survey);
	world->close(&transport);
	return status;
}
