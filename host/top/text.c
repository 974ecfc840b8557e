/* SPDX-License-Identifier: MIT */
/*
 * text.c - numbers as people read them.
 */
#include "top/text.h"

#include <inttypes.h>
#include <stdio.h>

void text_number(char *to, double value)
{
	static const char unit[] = "kMGTPE";
	unsigned i = 0;

	if (value < 9.95) {
		snprintf(to, TEXT_SIZE, value != 0 ? "%.1f" : "%.0f", value);
		return;
	}
	if (value < 999.5) {
		snprintf(to, TEXT_SIZE, "%.0f", value);
		return;
	}
	for (value /= 1000; value >= 999.5 && i + 1 < sizeof(unit) - 1; i++)
		value /= 1000;
	if (value >= 999.5)
		snprintf(to, TEXT_SIZE, "%.1e", value);
	else
		snprintf(to, TEXT_SIZE, value < 99.95 ? "%.1f%c" : "%.0f%c", value, unit[i]);
}

void text_rate(char *to, struct rate rate)
{
	char number[TEXT_SIZE];

	if (!rate.is_known) {
		snprintf(to, TEXT_SIZE, "-");
		return;
	}
	text_number(number, rate.value);
	snprintf(to, TEXT_SIZE, "%s%.*s", rate.is_estimate ? "~" : "", (int)TEXT_SIZE - 2, number);
}

void text_part(char *to, struct rate part)
{
	if (part.is_known)
		snprintf(to, TEXT_SIZE, "%.0f%%", part.value * 100);
	else
		snprintf(to, TEXT_SIZE, "?");
}

void text_age(char *to, uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (s < 10)
		snprintf(to, TEXT_SIZE, "%.1fs", (double)ns / 1e9);
	else if (s < 100)
		snprintf(to, TEXT_SIZE, "%" PRIu64 "s", s);
	else if (s < 6000)
		snprintf(to, TEXT_SIZE, "%" PRIu64 "m", s / 60);
	else if (s < 360000)
		snprintf(to, TEXT_SIZE, "%" PRIu64 "h", s / 3600);
	else
		snprintf(to, TEXT_SIZE, "%" PRIu64 "d", s / 86400);
}

const char *text_presence(enum look_presence presence)
{
	static const char *const text[] = {"?", "attached", "silent", "gone", "absent"};

	return text[presence];
}

const char *text_server(enum sample_server server)
{
	static const char *const text[] = {"none", "unknown", "running", "stopped or killed"};

	return text[server];
}

const char *text_ring(enum observed_state state)
{
	static const char *const text[] = {"unused", "in step", "reset", "changing"};

	return text[state];
}
