/* SPDX-License-Identifier: MIT */
/*
 * metric.c - named counters and gauges of a slot.
 *
 * Theory of operation: an entry is valid while its incarnation is the slot's, so that nobody has to
 * clear what a dead peer left. Its peer takes the kind away before it changes the name, and stores
 * it again last; a reader that finds kind and incarnation the same before and after its copy has a
 * whole one. What the entry has to be stays beside it in the caller's memory, and is stored again
 * whenever the peer publishes its counters: after another peer has damaged it, and in the new
 * incarnation of a peer that was moved.
 */
#include "core/atomic.h"
#include "core/copy.h"
#include "core/slot.h"
#include "core/text.h"

#include <ivsh/metrics.h>

/* [a-z][a-z0-9_]*, then at least one zero, then anything. */
static bool metric_name_is_valid(const char name[IVSH_METRIC_NAME_SIZE])
{
	for (unsigned i = 0; i < IVSH_METRIC_NAME_SIZE; i++) {
		if (name[i] == '\0')
			return i > 0;
		if ((name[i] < 'a' || name[i] > 'z') &&
		    (i == 0 || (name[i] != '_' && (name[i] < '0' || name[i] > '9'))))
			return false;
	}
	return false;
}

static bool metric_kind_is_valid(uint32_t kind)
{
	return kind == IVSH_WIRE_METRIC_COUNTER || kind == IVSH_WIRE_METRIC_GAUGE;
}

static struct ivsh_wire_metric *metric_entry(const struct ivsh_metric *m)
{
	return &m->region->slot->metric[m->index];
}

/* SPEC R5.15.2: kind, then the rest, then kind. */
static void metric_store(const struct ivsh_metric *m)
{
	struct ivsh_wire_metric *entry = metric_entry(m);

	store32(&entry->kind, IVSH_WIRE_METRIC_NONE);
	/* Between that and the name: a reader that finds a part of this name finds no kind behind
	 * it, or the new incarnation. */
	fence_release();
	ivsh_words_store(entry->name, m->name, sizeof(m->name));
	store64(&entry->value, m->value);
	store32(&entry->incarnation, m->region->incarnation);
	store32_release(&entry->kind, m->kind);
}

static uint64_t metric_name_word(const char name[IVSH_METRIC_NAME_SIZE], uint32_t i)
{
	return copy_load((const uint8_t *)name + i);
}

/* Whether the entry says what it should, but for the value. */
static bool metric_is_whole(const struct ivsh_metric *m)
{
	const struct ivsh_wire_metric *entry = metric_entry(m);
	uint64_t differ = 0;

	for (uint32_t i = 0; i < sizeof(m->name); i += 8)
		differ |= load64((const uint64_t *)(const void *)(entry->name + i)) ^
			  metric_name_word(m->name, i);
	return differ == 0 && load32(&entry->kind) == m->kind &&
	       load32(&entry->incarnation) == m->region->incarnation;
}

static bool metric_names_equal(
    const char a[IVSH_METRIC_NAME_SIZE], const char b[IVSH_METRIC_NAME_SIZE])
{
	uint64_t differ = 0;

	for (uint32_t i = 0; i < IVSH_METRIC_NAME_SIZE; i += 8)
		differ |= metric_name_word(a, i) ^ metric_name_word(b, i);
	return differ == 0;
}

static void metric_mend(const struct ivsh_metric *m)
{
	uint64_t *value = &metric_entry(m)->value;

	if (!metric_is_whole(m))
		metric_store(m);
	else if (load64(value) != m->value)
		store64(value, m->value);
}

/* region->counters_store, in place of what the attach has set, which it calls. SPEC R5.15.4. */
static void metrics_store(struct ivsh_region *region)
{
	if (region->metrics_counters)
		region->metrics_counters(region);
	for (const struct ivsh_metric *m = region->metrics; m; m = m->next)
		metric_mend(m);
}

int ivsh_metric_declare(struct ivsh_region *region, const char *name, enum ivsh_metric_kind kind,
    struct ivsh_metric *metric)
{
	struct ivsh_metric made = {.region = region, .next = region->metrics, .kind = kind};
	int error;

	if (!name || !metric_name_is_valid(name) || !metric_kind_is_valid(kind))
		return IVSH_EINVAL;
	for (unsigned i = 0; name[i]; i++)
		made.name[i] = name[i];
	for (const struct ivsh_metric *m = region->metrics; m; m = m->next, made.index++)
		if (m == metric || metric_names_equal(m->name, made.name))
			return IVSH_EINVAL;
	if (made.index == IVSH_METRICS)
		return IVSH_ENOSPC;
	error = ivsh_slot_enter(region);
	/* Moved just now, which is of no consequence here. */
	if (error && error != IVSH_EAGAIN)
		return error;
	*metric = made;
	if (!region->metrics) {
		region->metrics_counters = region->counters_store;
		region->counters_store = metrics_store;
	}
	region->metrics = metric;
	metric_store(metric);
	return 0;
}

static void metric_change(struct ivsh_metric *metric, uint64_t value)
{
	metric->value = value;
	/* While the machine was moved and no call has found out, the slot may be a twin's. */
	if (metric->region && metric->region->attached && slot_is_ours(metric->region))
		store64(&metric_entry(metric)->value, value);
}

void ivsh_metric_add(struct ivsh_metric *metric, uint64_t n)
{
	metric_change(metric, metric->value + n);
}

void ivsh_metric_set(struct ivsh_metric *metric, int64_t value)
{
	metric_change(metric, (uint64_t)value);
}

int ivsh_metric_read(const struct ivsh_region *region, uint32_t slot, uint32_t index,
    struct ivsh_metric_sample *sample)
{
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);
	const struct ivsh_wire_metric *entry;
	uint32_t kind, incarnation;

	if (!s || index >= IVSH_METRICS)
		return IVSH_EINVAL;
	entry = &s->metric[index];
	incarnation = load32_acquire(&s->incarnation);
	kind = load32_acquire(&entry->kind);
	if (incarnation == 0 || kind == IVSH_WIRE_METRIC_NONE ||
	    load32(&entry->incarnation) != incarnation)
		return IVSH_ENODEV;
	for (uint32_t i = 0; i < sizeof(sample->name); i += 8) {
		uint64_t word = load64((const uint64_t *)(const void *)(entry->name + i));

		__builtin_memcpy(sample->name + i, &word, sizeof(word));
	}
	sample->value = load64(&entry->value);
	/* Orders the words before the second look. */
	fence_acquire();
	if (load32(&entry->kind) != kind || load32(&entry->incarnation) != incarnation)
		return IVSH_EAGAIN;
	if (!metric_kind_is_valid(kind) || !metric_name_is_valid(sample->name))
		return IVSH_EPROTO;
	sample->kind = (enum ivsh_metric_kind)kind;
	return 0;
}
