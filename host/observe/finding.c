/* SPDX-License-Identifier: MIT */
/*
 * finding.c - the list of what was found wrong.
 */
#include "observe/finding.h"

#include <string.h>

static uint32_t *count_of(struct observe_findings *findings, enum observe_grade grade)
{
	return grade == OBSERVE_BROKEN   ? &findings->broken
	       : grade == OBSERVE_UNSURE ? &findings->unsure
					 : &findings->notes;
}

void observe_add(struct observe_findings *findings, const struct observe_finding *finding)
{
	++*count_of(findings, finding->grade);
	if (findings->kept < OBSERVE_FINDINGS)
		findings->list[findings->kept++] = *finding;
}

void observe_unsure(struct observe_findings *findings)
{
	for (uint32_t i = 0; i < findings->kept; i++)
		if (findings->list[i].grade == OBSERVE_BROKEN)
			findings->list[i].grade = OBSERVE_UNSURE;
	findings->unsure += findings->broken;
	findings->broken = 0;
}

void observe_in(struct observe_findings *findings, uint32_t first, uint32_t memory)
{
	for (uint32_t i = first; i < findings->kept; i++)
		findings->list[i].memory = memory;
}

/* FNV-1a takes a byte at a time: this takes 8, and mixes the high bits down. */
uint64_t observe_digest(uint64_t digest, uint64_t value)
{
	digest = (digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return digest ^ digest >> 29;
}

void observe_copy(void *to, const void *from, size_t size)
{
	const uint32_t *word = from;
	uint8_t *bytes = to;

	for (size_t i = 0; i < size / sizeof(*word); i++) {
		uint32_t value = observe_load32(&word[i]);

		memcpy(bytes + i * sizeof(value), &value, sizeof(value));
	}
}
