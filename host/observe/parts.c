/* SPDX-License-Identifier: MIT */
/*
 * parts.c - looking at the header, the server page and the slots.
 *
 * A word is called broken only if no peer, formatter or server can leave it so at any instruction:
 * a peer that was killed in the middle of an attach leaves an odd sequence, and that is no damage.
 */
#include "observe/parts.h"

#include <string.h>

#define TEXT_TRIES 4u

static void add(struct observe_findings *findings, enum observe_grade grade, const char *rule,
    const char *word, uint64_t offset, uint64_t value, uint32_t size, const char *why)
{
	observe_add(
	    findings, &(struct observe_finding){grade, rule, word, why, offset, value, size, 0});
}

#define HEADER(grade, rule, field, why)                                                        \
	add(findings, grade, rule, "header." #field, offsetof(struct ivsh_wire_header, field), \
	    h->field, sizeof(h->field), why)

static bool is_power_within(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most && (value & (value - 1)) == 0;
}

/* SPEC R3.6.3. Answers whether the geometry is one. */
static bool geometry_check(const struct ivsh_wire_header *h, struct observe_findings *findings)
{
	uint32_t wrong = findings->broken;

	if (h->slots < IVSH_WIRE_SLOTS_MIN || h->slots > IVSH_WIRE_SLOTS_MAX)
		HEADER(OBSERVE_BROKEN, "R3.6.3", slots, "not from 2 to 256");
	if (!is_power_within(h->descs, IVSH_WIRE_DESCS_MIN, IVSH_WIRE_DESCS_MAX))
		HEADER(OBSERVE_BROKEN, "R3.6.3", descs, "no power of two from 16 to 32768");
	if (!is_power_within(h->small_size, IVSH_WIRE_AREA_MIN, IVSH_WIRE_AREA_MAX))
		HEADER(
		    OBSERVE_BROKEN, "R3.6.3", small_size, "no power of two from 1 KiB to 128 MiB");
	if (!is_power_within(h->large_size, IVSH_WIRE_AREA_MIN, IVSH_WIRE_AREA_MAX))
		HEADER(OBSERVE_BROKEN, "R3.6.3", large_size,
		    "no power of two from small_size to 128 MiB");
	else if (wrong == findings->broken && h->large_size < h->small_size)
		HEADER(OBSERVE_BROKEN, "R3.6.3", large_size, "less than small_size");
	/* Without the feature the word is a reserved one. */
	if ((h->features & IVSH_WIRE_FEATURE_LOGS) && h->log_size != 0 &&
	    !is_power_within(h->log_size, IVSH_WIRE_LOG_MIN, IVSH_WIRE_LOG_MAX))
		HEADER(OBSERVE_BROKEN, "R3.6.3", log_size, "no power of two from 4 KiB to 16 MiB");
	return wrong == findings->broken;
}

static void magic_check(struct observed_header *header, struct observe_findings *findings)
{
	const struct ivsh_wire_header *h = &header->copy;

	header->is_unformatted = ivsh_wire_magic_none(h->magic);
	if (header->is_unformatted)
		HEADER(OBSERVE_UNSURE, h->magic == 0 ? "R3.5" : "R1.3.4", magic,
		    "no region: nobody has formatted the memory, or its formatter is at work, or "
		    "the word was cleared");
	else if (h->magic == IVSH_WIRE_PART_MAGIC)
		HEADER(OBSERVE_BROKEN, "R3.3", magic,
		    "that of one part of a split region: give the folder that it is in");
	else if (h->magic != IVSH_WIRE_MAGIC)
		HEADER(OBSERVE_BROKEN, "R3.3", magic, "not ours: another format, or damage");
	/* Of a memory that is no region the other words are somebody else's. */
	if (h->magic != IVSH_WIRE_MAGIC && header->known == OBSERVED_NONE)
		return;
	if (h->version != IVSH_WIRE_VERSION)
		HEADER(OBSERVE_BROKEN, "R3.6.4", version, "this program knows version 2 alone");
	if (h->features & ~(IVSH_WIRE_FEATURE_LOGS | IVSH_WIRE_FEATURE_SPLIT))
		HEADER(OBSERVE_BROKEN, "R3.6.4", features, "this program knows bits 0 and 1 alone");
	else if ((h->features & IVSH_WIRE_FEATURE_LOGS) && h->log_size == 0)
		HEADER(OBSERVE_BROKEN, "R3.1.4", features, "bit 0 is set, and log_size is 0");
}

static uint64_t words_digest(const void *words, size_t size)
{
	uint64_t digest = 0, word;

	for (size_t i = 0; i < size / sizeof(word); i++) {
		memcpy(&word, (const uint8_t *)words + i * sizeof(word), sizeof(word));
		digest = observe_digest(digest, word);
	}
	return digest;
}

/* Whether the header is one, damaged or not; and not another format's, or nobody's. */
static bool is_region(const struct ivsh_wire_header *h)
{
	return h->magic == IVSH_WIRE_MAGIC;
}

void observe_header(const void *base, uint64_t size, struct observed_header *header,
    struct observe_findings *findings)
{
	struct ivsh_wire_header *h = &header->copy;
	uint32_t broken = findings->broken, unsure = findings->unsure;
	struct observe_findings ignored = {0};
	uint64_t bytes = 0;

	memset(header, 0, sizeof(*header));
	header->known = OBSERVED_NONE;
	/* SPEC R3.6.1: the magic first. */
	h->magic = observe_load64(&((const struct ivsh_wire_header *)base)->magic);
	observe_copy((uint8_t *)h + sizeof(h->magic), (const uint8_t *)base + sizeof(h->magic),
	    sizeof(*h) - sizeof(h->magic));
	header->geometry = (struct ivsh_geometry){h->slots, h->descs, h->small_size, h->large_size,
	    h->features & IVSH_WIRE_FEATURE_LOGS ? h->log_size : 0};
	header->is_split = (h->features & IVSH_WIRE_FEATURE_SPLIT) != 0;
	header->digest = words_digest(h, sizeof(*h));
	/* A memory that is no region has no geometry that could be wrong. */
	if (geometry_check(h, is_region(h) ? findings : &ignored) &&
	    ivsh_geometry_size(&header->geometry, &bytes) == 0) {
		if (header->is_split)
			bytes = IVSH_WIRE_COMMON_SIZE;
		if (h->size != bytes && is_region(h))
			HEADER(OBSERVE_BROKEN, "R3.6.3", size,
			    "not what the geometry makes: one of them is wrong");
		else if (h->size == bytes)
			header->known = bytes <= size ? OBSERVED_PLAUSIBLE : OBSERVED_BEYOND;
	}
	if (header->known == OBSERVED_BEYOND)
		HEADER(OBSERVE_BROKEN, "R3.6.3", size, "more than the memory has");
	magic_check(header, findings);
	if (header->known == OBSERVED_PLAUSIBLE && findings->broken == broken &&
	    findings->unsure == unsure)
		header->known = OBSERVED_SOUND;
}

#define SERVER(grade, rule, field, why)                                                   \
	add(findings, grade, rule, "server." #field,                                      \
	    IVSH_WIRE_SERVER_OFFSET + offsetof(struct ivsh_wire_server, field), s->field, \
	    sizeof(s->field), why)

void observe_server(const void *base, uint32_t slots, struct observed_server *server,
    struct observe_findings *findings)
{
	const struct ivsh_wire_server *s = &server->copy;
	uint32_t connected = 0;

	memset(server, 0, sizeof(*server));
	observe_copy(
	    &server->copy, (const uint8_t *)base + IVSH_WIRE_SERVER_OFFSET, sizeof(server->copy));
	server->digest = observe_digest(observe_digest(1, s->epoch), s->change);
	server->digest = observe_digest(server->digest, s->vectors);
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++) {
		server->digest = observe_digest(server->digest, s->connection[i]);
		connected += s->connection[i] != 0;
		if (i >= slots && s->connection[i])
			add(findings, OBSERVE_UNSURE, "R4.1.1", "server.connection",
			    IVSH_WIRE_SERVER_OFFSET +
				offsetof(struct ivsh_wire_server, connection) + i * 4,
			    s->connection[i], 4, "not 0, and the region has no such slot");
	}
	/* A server that begins stores the epoch last, and may be killed before. */
	if (s->epoch == 0 && (s->change | s->vectors | connected) != 0)
		SERVER(OBSERVE_UNSURE, "R4.1.4", epoch,
		    "no server, and yet the page has words of one");
}

#define SLOT(grade, rule, field, why)                                                              \
	add(findings, grade, rule, "slot." #field,                                                 \
	    observed->offset + offsetof(struct ivsh_wire_slot, field), s->field, sizeof(s->field), \
	    why)

/* SPEC R5.7.1: name and services are what stands there between two equal, even sequences. */
static void slot_copy(const struct ivsh_wire_slot *from, struct observed_slot *observed)
{
	struct ivsh_wire_slot *s = &observed->copy;

	for (uint32_t i = 0; i < TEXT_TRIES && !observed->is_text_known; i++) {
		uint32_t sequence = observe_load32(&from->sequence);

		observe_copy(s, from, sizeof(*s));
		s->nonce = observe_load64(&from->nonce);
		observed->is_text_known = !(sequence & 1) && s->sequence == sequence &&
					  observe_load32(&from->sequence) == sequence;
	}
	for (uint32_t i = 0; i < 11; i++)
		(&s->sent)[i] = observe_load64(&from->sent + i);
	for (uint32_t i = 0; i < IVSH_WIRE_METRICS; i++)
		s->metric[i].value = observe_load64(&from->metric[i].value);
}

/* A text of (size) bytes at (offset) of the slot: printable, then zeroes, at least one. */
static void text_check(struct observe_findings *findings, const struct observed_slot *observed,
    const uint8_t *text, uint32_t size, const char *word)
{
	uint64_t offset = observed->offset + (uint64_t)(text - (const uint8_t *)&observed->copy);
	bool is_over = false;

	for (uint32_t i = 0; i < size; i++) {
		const char *why = NULL;

		if (text[i] == 0)
			is_over = true;
		else if (text[i] < 0x20 || text[i] > 0x7e)
			why = "no printable ASCII";
		else if (is_over)
			why = "behind the end of the name, and not 0";
		else if (i == size - 1)
			why = "the last byte is not 0";
		if (why) {
			add(findings, OBSERVE_BROKEN, "R5.7.3", word, offset + i, text[i], 1, why);
			return;
		}
	}
}

static void texts_check(struct observe_findings *findings, const struct observed_slot *observed)
{
	const struct ivsh_wire_slot *s = &observed->copy;

	text_check(findings, observed, s->name, sizeof(s->name), "slot.name");
	for (uint32_t i = 0; i < IVSH_WIRE_SERVICES; i++)
		text_check(findings, observed, s->service[i].name, sizeof(s->service[i].name),
		    "slot.service");
}

bool observe_metric(const struct observed_slot *observed, uint32_t i)
{
	const struct ivsh_wire_slot *s = &observed->copy;

	return s->incarnation != 0 && s->metric[i].kind != IVSH_WIRE_METRIC_NONE &&
	       s->metric[i].incarnation == s->incarnation;
}

/*
 * SPEC R5.15.6: [a-z][a-z0-9_]*, then zeroes, at least one. The index of the first byte that is
 * none of these; IVSH_WIRE_METRIC_NAME_SIZE: all are right.
 */
static uint32_t metric_name_wrong(const uint8_t *name)
{
	uint32_t i = 0;

	while (i < IVSH_WIRE_METRIC_NAME_SIZE - 1 &&
	       ((name[i] >= 'a' && name[i] <= 'z') ||
		   (i && ((name[i] >= '0' && name[i] <= '9') || name[i] == '_'))))
		i++;
	if (i == 0)
		return 0;
	while (i < IVSH_WIRE_METRIC_NAME_SIZE && name[i] == 0)
		i++;
	return i;
}

/* A peer stores the kind last: what stands beside it is whole. SPEC R5.15.2. */
static void metrics_check(const struct observed_slot *observed, struct observe_findings *findings)
{
	for (uint32_t i = 0; i < IVSH_WIRE_METRICS; i++) {
		const struct ivsh_wire_metric *m = &observed->copy.metric[i];
		uint64_t offset =
		    observed->offset + offsetof(struct ivsh_wire_slot, metric) + i * sizeof(*m);
		uint32_t wrong;

		if (!observe_metric(observed, i))
			continue;
		if (m->kind > IVSH_WIRE_METRIC_GAUGE)
			add(findings, OBSERVE_BROKEN, "R5.15.6", "slot.metric.kind",
			    offset + offsetof(struct ivsh_wire_metric, kind), m->kind,
			    sizeof(m->kind), "neither a counter nor a gauge");
		wrong = metric_name_wrong(m->name);
		if (wrong < sizeof(m->name))
			add(findings, OBSERVE_BROKEN, "R5.15.6", "slot.metric.name", offset + wrong,
			    m->name[wrong], 1, "not [a-z][a-z0-9_]*, and zeroes behind it");
	}
}

static void slot_check(const struct observed_slot *observed, struct observe_findings *findings)
{
	const struct ivsh_wire_slot *s = &observed->copy;

	if (s->state > IVSH_WIRE_STATE_DETACHED)
		SLOT(OBSERVE_BROKEN, "R5.3.3", state, "not 0, 1 or 2");
	else if (s->state != IVSH_WIRE_STATE_EMPTY && s->incarnation == 0)
		SLOT(OBSERVE_BROKEN, "R5.3.1", incarnation,
		    "0, and a peer was here: it writes the incarnation before the state");
	else if (s->state != IVSH_WIRE_STATE_EMPTY && s->nonce == 0)
		SLOT(OBSERVE_UNSURE, "R5.2.1", nonce,
		    "0, and a peer was here: it draws a random one");
	metrics_check(observed, findings);
	if (s->vectors > 2048)
		SLOT(OBSERVE_UNSURE, "R8.4.4", vectors, "more than MSI-X has");
	if (observed->is_text_known)
		texts_check(findings, observed);
	else
		SLOT(OBSERVE_UNSURE, "R5.7.1", sequence,
		    "odd, or it moves: name and services are being written, or their peer ended "
		    "meanwhile");
}

bool observe_slot(const struct observer *observer, uint32_t slot, struct observed_slot *observed,
    struct observe_findings *findings)
{
	const struct ivsh_wire_slot *s = &observed->copy;
	struct observed_place place = observe_place(observer, OBSERVE_SLOT, slot, 0);
	uint32_t first = findings->kept;

	memset(observed, 0, sizeof(*observed));
	observed->offset = place.offset;
	observed->memory = place.memory;
	if (!place.at)
		return false;
	slot_copy(place.at, observed);
	observed->digest = observe_digest(observe_digest(1, s->state), s->incarnation);
	observed->digest = observe_digest(observe_digest(observed->digest, s->nonce), s->vectors);
	observed->digest = observe_digest(observed->digest, s->sequence);
	for (size_t i = offsetof(struct ivsh_wire_slot, name);
	     i < offsetof(struct ivsh_wire_slot, sent); i += 8) {
		uint64_t word;

		memcpy(&word, (const uint8_t *)s + i, sizeof(word));
		observed->digest = observe_digest(observed->digest, word);
	}
	for (uint32_t i = 0; i < IVSH_WIRE_METRICS; i++) {
		const struct ivsh_wire_metric *m = &s->metric[i];

		observed->digest =
		    observe_digest(observed->digest, (uint64_t)m->incarnation << 32 | m->kind);
		for (uint32_t j = 0; j < sizeof(m->name); j += 8) {
			uint64_t word;

			memcpy(&word, m->name + j, sizeof(word));
			observed->digest = observe_digest(observed->digest, word);
		}
	}
	slot_check(observed, findings);
	observe_in(findings, first, place.memory);
	return true;
}

#define LOG(rule, field, why)                              \
	add(findings, OBSERVE_UNSURE, rule, "log." #field, \
	    offset + offsetof(struct ivsh_wire_log, field), l->field, sizeof(l->field), why)

/*
 * A position may be anything, and a peer that begins stores one word after the other: so nothing
 * here is surely broken. The loads are in the order in which a writer's stores make the differences
 * larger, and not smaller.
 */
void observe_log(const struct ivsh_wire_log *from, uint64_t offset, uint32_t log_size,
    const struct observed_slot *slot, struct observed_log *log, struct observe_findings *findings)
{
	struct ivsh_wire_log *l = &log->copy;

	memset(log, 0, sizeof(*log));
	log->offset = offset;
	l->incarnation = observe_load32(&from->incarnation);
	l->begin = observe_load64(&from->begin);
	l->first = observe_load64(&from->first);
	l->position = observe_load64(&from->position);
	l->storing = observe_load64(&from->storing);
	if (l->incarnation == 0)
		return; /* nobody has written */
	if (l->incarnation > slot->copy.incarnation)
		LOG("R15.1.2", incarnation, "later than the slot's");
	if (l->begin > l->position)
		LOG("R15.1.2", begin, "behind the end of what is written");
	/* The writer may have gone on between the two loads. */
	if (l->storing < l->position)
		LOG("R15.2.1", storing, "before the end of what is written");
	else if (l->storing - l->position > log_size &&
		 observe_load64(&from->position) == l->position)
		LOG("R15.2.4", storing, "more than log_size ahead of what is written");
	if (l->first > l->position)
		LOG("R15.1.4", first, "behind the end of what is written");
}
