/* SPDX-License-Identifier: MIT */
/*
 * list.c - P4 and P5: the list of functions, and the values that a platform may have.
 */
#include "conformance/check.h"

#include <stddef.h>

#define FUNCTIONS_MOST 65536u /* no machine of QEMU's has as many */
#define REQUESTS_MOST 65536u

void ivsh_check_list(struct run *run, const struct ivsh_platform *platform)
{
	uint32_t function = 0, before = 0, count = 0, absent = 0;
	bool ascends = true;

	if (platform->list == NULL) {
		ivsh_check_skips(run, P4_1_ORDER, "the platform has no list");
		ivsh_check_skips(run, P4_2_THERE, "the platform has no list");
		return;
	}
	ivsh_check_begins(run, P4_1_ORDER);
	while (count < FUNCTIONS_MOST && platform->list(platform->ctx, count, &function) == 0) {
		ascends &= count == 0 || function > before;
		absent += platform->config_read(platform->ctx, function, 0) == UINT32_MAX;
		before = function;
		count++;
	}
	if (count == FUNCTIONS_MOST)
		ivsh_check_breaks(run, P4_1_ORDER, "functions, and no end", count, 0);
	else
		ivsh_check_holds(
		    run, P4_1_ORDER, ascends, "a function is not above the one before it", 0, 0);
	ivsh_check_holds(run, P4_2_THERE, absent == 0, "functions are absent", absent, 0);
}

static void check_generation(struct run *run, const struct ivsh_platform *platform)
{
	const volatile uint64_t *word = platform->vm_generation;
	uint64_t before;

	if (word == NULL) {
		ivsh_check_skips(run, P5_1_GENERATION, "the platform has none");
		return;
	}
	ivsh_check_begins(run, P5_1_GENERATION);
	if ((uintptr_t)word % sizeof(*word) != 0) {
		ivsh_check_breaks(run, P5_1_GENERATION, "is its address modulo 8",
		    (uintptr_t)word % sizeof(*word), 0);
		return;
	}
	before = *word;
	for (uint32_t i = 0; i < 5 && *word == before; i++)
		platform->sleep(platform->ctx, platform->count(platform->ctx),
		    platform->now_ns(platform->ctx) + 5 * MS);
	ivsh_check_holds(run, P5_1_GENERATION, *word == before, "is the word now", *word, before);
}

static void check_hotplug(struct run *run, const struct ivsh_platform *platform)
{
	const struct ivsh_hotplug_controller *controller = platform->hotplug;
	struct ivsh_slot_request request;
	uint32_t index = 0;

	if (controller == NULL) {
		ivsh_check_skips(run, P5_2_HOTPLUG, "the platform has no hot-plug controller");
		return;
	}
	ivsh_check_begins(run, P5_2_HOTPLUG);
	if (controller->pending == NULL || controller->leaving == NULL ||
	    controller->eject == NULL) {
		ivsh_check_breaks(run, P5_2_HOTPLUG, "of its calls are there",
		    (controller->pending != NULL) + (controller->leaving != NULL) +
			(controller->eject != NULL),
		    3);
		return;
	}
	while (index < REQUESTS_MOST && controller->leaving(controller->ctx, index, &request) == 0)
		index++;
	ivsh_check_holds(
	    run, P5_2_HOTPLUG, index < REQUESTS_MOST, "requests, and no end", index, 0);
}

void ivsh_check_values(struct run *run, const struct ivsh_platform *platform)
{
	check_generation(run, platform);
	check_hotplug(run, platform);
}
