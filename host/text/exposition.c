/* SPDX-License-Identifier: MIT */
/*
 * exposition.c - metrics in Prometheus' text exposition format.
 */
#include "text/exposition.h"
#include "text/escape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME 96 /* bytes of a name with "guest_" before it and a suffix behind it */

struct sample {
	char name[NAME];
	const struct exposition_guest *guest;
};

void exposition_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP ivsh_%s %s\n# TYPE ivsh_%s %s\n", name, help, name, type);
}

void exposition_name(FILE *out, const char *name, const char *label, const char *value)
{
	fprintf(out, "ivsh_%s{%s=", name, label);
	escape_label(out, value);
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t length = strlen(name), part = strlen(suffix);

	return length >= part && !strcmp(name + length - part, suffix);
}

/*
 * The name that a metric has here. "_total" is a counter's, and the others are those of the parts
 * of a histogram: Prometheus, "Metric and label naming".
 */
static void name_make(struct sample *sample, const struct exposition_guest *guest)
{
	static const char *const taken[] = {"_total", "_count", "_sum", "_bucket"};
	const char *suffix = guest->is_counter && !ends_in(guest->name, "_total") ? "_total" : "";

	for (size_t i = 0; !guest->is_counter && i < sizeof(taken) / sizeof(taken[0]); i++)
		if (ends_in(guest->name, taken[i]))
			suffix = "_value";
	sample->guest = guest;
	snprintf(sample->name, sizeof(sample->name), "guest_%.64s%s", guest->name, suffix);
}

/* By name, then by slot, then as they were given. */
static int compare(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	if (order == 0 && a->guest->slot != b->guest->slot)
		return a->guest->slot < b->guest->slot ? -1 : 1;
	return order ? order : a->guest < b->guest ? -1 : 1;
}

static void head_write(FILE *out, const struct sample *sample)
{
	exposition_head(out, sample->name, sample->guest->is_counter ? "counter" : "gauge",
	    "As the guests that declare it count.");
}

static void sample_write(
    FILE *out, const struct sample *sample, const char *label, const char *object)
{
	exposition_name(out, sample->name, label, object);
	fprintf(out, ",peer=\"%" PRIu32 "\",name=", sample->guest->slot);
	escape_label(out, sample->guest->peer);
	if (sample->guest->is_counter)
		fprintf(out, "} %" PRIu64 "\n", sample->guest->value);
	else
		fprintf(out, "} %" PRId64 "\n", (int64_t)sample->guest->value);
}

int exposition_guests(FILE *out, const char *label, const char *object,
    const struct exposition_guest *guests, size_t count)
{
	struct sample *samples = calloc(count ? count : 1, sizeof(*samples));

	if (!samples)
		return -1;
	for (size_t i = 0; i < count; i++)
		name_make(&samples[i], &guests[i]);
	qsort(samples, count, sizeof(*samples), compare);
	for (size_t i = 0; i < count; i++) {
		bool is_new = i == 0 || strcmp(samples[i].name, samples[i - 1].name) != 0;

		if (is_new)
			head_write(out, &samples[i]);
		if (is_new || samples[i].guest->slot != samples[i - 1].guest->slot)
			sample_write(out, &samples[i], label, object);
		else
			fprintf(out,
			    "# ivsh: peer %" PRIu32 ": %s %s is left out: another one of"
			    " this peer has its name here\n",
			    samples[i].guest->slot,
			    samples[i].guest->is_counter ? "counter" : "gauge",
			    samples[i].guest->name);
	}
	free(samples);
	return 0;
}
