/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - reading metrics, for nothing but to be shown.
 *
 * Any peer can store anything there at any time. So each word is loaded once, into a copy; what is
 * not as SPEC R5.15 has it, or is being written, is left out; and nothing of it steers the server.
 */
#include "server/metrics.h"
#include "server/mapping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 3u /* for a name, or a value, that is being written */

struct texts {
	char peer[IVSH_WIRE_NAME_SIZE + 1];
	char name[IVSH_WIRE_METRIC_NAME_SIZE + 1];
	char value[24];
};

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* On a machine with registers of 4 bytes: two halves of the same value, if it stands still. */
static uint64_t load_long(const uint64_t *word)
{
	const uint32_t *half = (const uint32_t *)(const void *)word;
	uint32_t high, low;
	unsigned tries = 0;

	if (sizeof(size_t) == 8)
		return __atomic_load_n(word, __ATOMIC_ACQUIRE);
	do {
		high = load(&half[1]);
		low = load(&half[0]);
	} while (load(&half[1]) != high && ++tries < TRIES);
	return (uint64_t)high << 32 | low;
}

/* Copy a text of (size) bytes, a multiple of 4, and put a zero behind it. */
static void copy(char *to, const uint8_t *from, size_t size)
{
	for (size_t i = 0; i < size; i += 4) {
		uint32_t word = load((const uint32_t *)(const void *)(from + i));

		memcpy(to + i, &word, sizeof(word));
	}
	to[size] = '\0';
}

/* The peer's name, cleaned; empty: it has none, or is writing it. SPEC R5.7. */
static void peer_name(const struct ivsh_wire_slot *slot, char name[IVSH_WIRE_NAME_SIZE + 1])
{
	uint32_t before, after;
	unsigned tries = 0;

	do {
		before = load(&slot->sequence);
		copy(name, slot->name, IVSH_WIRE_NAME_SIZE);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		after = load(&slot->sequence);
	} while ((before != after || before % 2) && ++tries < TRIES);
	if (before != after || before % 2)
		name[0] = '\0';
	for (char *c = name; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

/* SPEC R5.15.6. */
static bool is_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	return *name && strchr(first, *name) && strspn(name, all) == strlen(name) &&
	       strlen(name) < IVSH_WIRE_METRIC_NAME_SIZE;
}

/* Whether (entry) is a metric of (incarnation), and as it should be; then *text is it. */
static bool read_metric(const struct ivsh_wire_metric *entry, uint32_t incarnation,
    struct texts *text, const char **kind)
{
	uint32_t number = load(&entry->kind);
	bool is_counter = number == IVSH_WIRE_METRIC_COUNTER;
	uint64_t value;

	if ((!is_counter && number != IVSH_WIRE_METRIC_GAUGE) ||
	    load(&entry->incarnation) != incarnation)
		return false;
	copy(text->name, entry->name, sizeof(entry->name));
	value = load_long(&entry->value);
	/* SPEC R5.15.3: kind and incarnation are the same behind the copy. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (load(&entry->kind) != number || load(&entry->incarnation) != incarnation ||
	    !is_name(text->name))
		return false;
	*kind = is_counter ? "counter" : "gauge";
	if (is_counter)
		snprintf(text->value, sizeof(text->value), "%" PRIu64, value);
	else
		snprintf(text->value, sizeof(text->value), "%" PRId64, (int64_t)value);
	return true;
}

/* The metrics of slot (i), into (texts), which has room for all that a slot has. */
static int add_slot(
    struct answer *answer, const struct ivsh_wire_slot *slot, uint32_t i, struct texts **texts)
{
	uint32_t incarnation = load(&slot->incarnation);
	char name[IVSH_WIRE_NAME_SIZE + 1];

	if (incarnation == 0 || load(&slot->state) != IVSH_WIRE_STATE_ATTACHED)
		return 0;
	peer_name(slot, name);
	for (uint32_t m = 0; m < IVSH_WIRE_METRICS; m++) {
		struct answer_metric *row;
		const char *kind;

		if (!read_metric(&slot->metric[m], incarnation, *texts, &kind))
			continue;
		memcpy((*texts)->peer, name, sizeof(name));
		row = answer_add_metric(answer);
		if (!row)
			return -1;
		*row = (struct answer_metric){i, (*texts)->peer[0] ? (*texts)->peer : NULL,
		    (*texts)->name, kind, (*texts)->value};
		++*texts;
	}
	return 0;
}

int metrics_add(struct answer *answer, const struct server *server, void **texts)
{
	const struct ivsh_wire_slot *slot;
	struct texts *next;
	uint32_t count = server->slots.count;

	*texts = NULL;
	if (!mapping_slot(0) || server->clients.is_classic)
		return 0;
	next = calloc((size_t)count * IVSH_WIRE_METRICS, sizeof(*next));
	if (!next)
		return -1;
	*texts = next;
	for (uint32_t i = 0; i < count; i++) {
		slot = mapping_slot(i);
		if (slot && server->slots.slot[i].client != SLOTS_NONE &&
		    add_slot(answer, slot, i, &next))
			return -1;
	}
	return 0;
}
