/* SPDX-License-Identifier: MIT */
/*
 * survey.c - two looks at a region.
 *
 * Theory of operation: the first look keeps a digest of each part. What the second one finds broken
 * counts as broken only in a part whose digest is the same; else it is unsure.
 */
#include "observe/survey.h"

#include "observe/print.h"
#include "observe/show.h"

#include <stdlib.h>
#include <string.h>

static uint32_t ring_count(const struct survey *s)
{
	return s->observer.geometry.slots * (s->observer.geometry.slots - 1);
}

static void ring_sides(const struct survey *s, uint32_t number, uint32_t *from, uint32_t *to)
{
	*from = number / (s->observer.geometry.slots - 1);
	*to = number % (s->observer.geometry.slots - 1);
	*to += *to >= *from;
}

static bool is_asked(const struct survey *s, uint32_t number)
{
	uint32_t from, to;

	ring_sides(s, number, &from, &to);
	return s->from == s->to || (from == s->from && to == s->to);
}

static void rings_begin(struct survey *s)
{
	for (uint32_t i = 0; i < ring_count(s); i++) {
		struct observe_findings findings = {0};
		struct observed_ring ring;
		uint32_t from, to;

		if (!is_asked(s, i))
			continue;
		ring_sides(s, i, &from, &to);
		observe_ring(&s->observer, from, to, &ring, &findings);
		s->ring[i].digest = ring.digest;
		s->ring[i].state = (uint8_t)ring.state;
		s->ring[i].is_wrong = findings.broken + findings.unsure != 0;
	}
}

/* Of a part's header, and the slot. */
static void slot_begin(struct survey *s, uint32_t i)
{
	struct observe_findings none = {0};
	struct observed_slot slot;
	struct observed_part part;

	if (s->observer.is_split) {
		observe_part(&s->observer, i, &part, &none);
		s->slot[i].part = part.digest;
	}
	(void)observe_slot(&s->observer, i, &slot, &none);
	s->slot[i].digest = slot.digest;
	s->slot[i].heartbeat = slot.copy.heartbeat;
	s->slot[i].incarnation = slot.copy.incarnation;
}

int survey_begin(struct survey *s, const struct ivsh_geometry *geometry)
{
	struct observe_findings none = {0};
	struct observed_server server;
	int error;

	observe_header(s->mem.base, s->mem.size, &s->header, &none);
	if (!geometry && s->header.known != OBSERVED_SOUND && s->header.known != OBSERVED_PLAUSIBLE)
		return 0;
	error = observe_open(&s->observer, &s->mem, geometry ? geometry : &s->header.geometry,
	    geometry && s->mem.split ? true : s->header.is_split);
	if (error)
		return error;
	s->observer.format_id = s->header.copy.format_id;
	s->observer.is_any = geometry != NULL;
	s->ring = calloc(ring_count(s), sizeof(*s->ring));
	s->is_open = true;
	if (!s->ring)
		return IVSH_EPLATFORM;
	observe_server(s->mem.base, s->observer.geometry.slots, &server, &none);
	s->server = server.digest;
	s->server_heartbeat = server.copy.heartbeat;
	for (uint32_t i = 0; i < s->observer.geometry.slots; i++)
		slot_begin(s, i);
	if (s->parts & SURVEY_RINGS)
		rings_begin(s);
	return 0;
}

static void judge(struct survey *s, struct observe_findings *findings, bool is_same)
{
	if (!is_same)
		observe_unsure(findings);
	s->broken += findings->broken;
	s->unsure += findings->unsure;
	for (uint32_t i = 0; i < findings->kept; i++)
		s->broken_in[findings->list[i].memory] += findings->list[i].grade == OBSERVE_BROKEN;
	show_findings(findings);
}

static void header_print(struct survey *s)
{
	struct observe_findings findings = {0};
	struct observed_header header;

	observe_header(s->mem.base, s->mem.size, &header, &findings);
	if (s->parts & SURVEY_HEADER)
		show_header(&header);
	judge(s, &findings, header.digest == s->header.digest);
}

/* The header of each part. One that is not sound is shown in any case: it says what is missing. */
static void parts_print(struct survey *s)
{
	for (uint32_t i = 0; i < s->observer.geometry.slots; i++) {
		struct observe_findings findings = {0};
		struct observed_part part;

		observe_part(&s->observer, i, &part, &findings);
		if (s->parts & SURVEY_HEADER || part.state != OBSERVED_PART_SOUND)
			show_part(i, &part);
		judge(s, &findings, part.digest == s->slot[i].part);
	}
	if (s->observer.nobodys) {
		print_open("parts");
		print_number("unknown", s->observer.nobodys);
		print_close();
	}
}

static void server_print(struct survey *s)
{
	struct observe_findings findings = {0};
	struct observed_server server;

	observe_server(s->mem.base, s->observer.geometry.slots, &server, &findings);
	show_server(
	    &server, s->observer.geometry.slots, server.copy.heartbeat != s->server_heartbeat);
	judge(s, &findings, server.digest == s->server);
}

static void log_print(struct survey *s, uint32_t slot, const struct observed_slot *observed)
{
	struct observed_place place = observe_place(&s->observer, OBSERVE_LOG, slot, 0);
	struct observe_findings findings = {0};
	struct observed_log log;

	if (!place.at)
		return;
	observe_log(
	    place.at, place.offset, s->observer.geometry.log_size, observed, &log, &findings);
	observe_in(&findings, 0, place.memory);
	log.memory = place.memory;
	show_log(slot, &log);
	judge(s, &findings, true);
}

static void slots_print(struct survey *s)
{
	uint32_t unused = 0;

	for (uint32_t i = 0; i < s->observer.geometry.slots; i++) {
		struct observe_findings findings = {0};
		struct observed_slot slot;

		/* Its part's record says why. */
		if (!observe_slot(&s->observer, i, &slot, &findings))
			continue;
		if (slot.copy.state == 0 && slot.copy.incarnation == 0 && findings.kept == 0) {
			unused++;
			continue;
		}
		show_slot(i, &slot, slot.copy.heartbeat != s->slot[i].heartbeat,
		    slot.copy.incarnation != s->slot[i].incarnation);
		judge(s, &findings, slot.digest == s->slot[i].digest);
		if (s->observer.logs)
			log_print(s, i, &slot);
	}
	if (unused) {
		print_open("slots");
		print_number("unused", unused);
		print_close();
	}
}

/* The second look at ring (number); it is shown while there are (rows). */
static void ring_print(struct survey *s, uint32_t number, uint32_t *rows)
{
	const struct survey_ring *first = &s->ring[number];
	struct observe_findings findings = {0};
	struct observed_ring ring;
	uint32_t from, to;

	ring_sides(s, number, &from, &to);
	observe_ring(&s->observer, from, to, &ring, &findings);
	s->changing += ring.state == OBSERVED_CHANGING;
	s->reset += ring.state == OBSERVED_RESET;
	s->absent += ring.state == OBSERVED_ABSENT;
	if (*rows || findings.kept) {
		show_ring(&s->observer, &ring);
		if (s->parts & SURVEY_DESCRIPTORS)
			show_flight(&s->observer, &ring, s->rows, (s->parts & SURVEY_PAYLOAD) != 0);
	}
	*rows -= *rows != 0;
	judge(s, &findings, ring.digest == first->digest && ring.state == first->state);
}

static void rings_print(struct survey *s)
{
	uint32_t rows = s->rows ? s->rows : UINT32_MAX, shown = 0, used = 0;

	for (uint32_t i = 0; i < ring_count(s); i++) {
		const struct survey_ring *first = &s->ring[i];

		if (!is_asked(s, i))
			continue;
		s->checked++;
		s->unused += first->state == OBSERVED_UNUSED;
		used += first->state != OBSERVED_UNUSED && first->state != OBSERVED_ABSENT;
		/* One ring was asked for; and what is wrong is looked at again in any case. */
		if (s->from == s->to && !first->is_wrong &&
		    (first->state == OBSERVED_UNUSED || first->state == OBSERVED_ABSENT ||
			rows == 0)) {
			s->changing += first->state == OBSERVED_CHANGING;
			s->absent += first->state == OBSERVED_ABSENT;
			continue;
		}
		shown++;
		ring_print(s, i, &rows);
	}
	print_open("rings");
	print_number("rings", s->checked);
	print_number("unused", s->unused);
	print_number("shown", shown);
	print_number("hidden", used > shown ? used - shown : 0);
	print_number("not_in_step", s->reset);
	print_number("changing", s->changing);
	print_number("absent", s->absent);
	print_close();
}

void survey_print(struct survey *s)
{
	header_print(s);
	if (s->is_open && s->observer.is_split)
		parts_print(s);
	if (s->is_open && s->parts & SURVEY_SERVER)
		server_print(s);
	if (s->is_open && s->parts & SURVEY_SLOTS)
		slots_print(s);
	if (s->is_open && s->parts & SURVEY_RINGS)
		rings_print(s);
	print_open("found");
	print_number("broken", s->broken);
	print_number("unsure", s->unsure);
	print_maybe("unchecked_rings", s->is_open, s->changing);
	print_close();
}

void survey_end(struct survey *s)
{
	if (s->is_open)
		observe_close(&s->observer);
	free(s->ring);
}
