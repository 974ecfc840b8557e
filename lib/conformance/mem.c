/* SPDX-License-Identifier: MIT */
/*
 * mem.c - a transport as a whole: M and D.
 */
#include "conformance/check.h"

#include <stddef.h>

#define VECTORS_MOST 2048u
#define SELF_MOST 0xffffu

static void check_self(struct run *run, const struct ivsh_mem *mem)
{
	ivsh_check_holds(run, M2_1_SELF, mem->self <= SELF_MOST || mem->self == IVSH_SELF_NONE,
	    "is the slot", mem->self, SELF_MOST);
}

/* Without these nothing else can be checked. */
static bool has_calls(struct run *run, const struct ivsh_doorbell *doorbell)
{
	bool good = doorbell->now_ns != NULL && doorbell->sleep != NULL &&
		    doorbell->count != NULL && doorbell->vectors <= VECTORS_MOST &&
		    (doorbell->vectors == 0 || doorbell->notify != NULL);

	return ivsh_check_holds(
	    run, D6_1_CALLS, good, "a call is missing, or there are more than 2048 vectors", 0, 0);
}

/* What this peer stores into: of a split region its own part alone. */
static struct range memory_of(const struct ivsh_mem *mem)
{
	for (uint32_t i = 0; mem->split != NULL && i < mem->part_count; i++)
		if (mem->parts[i].is_writable)
			return (struct range){mem->parts[i].base, mem->parts[i].size};
	return (struct range){mem->split == NULL ? mem->base : NULL, mem->size};
}

static void check_base(struct run *run, const struct ivsh_mem *mem)
{
	const struct range memory = memory_of(mem);

	if (!ivsh_check_holds(run, M1_1_ALIGNED,
		mem->base != NULL && (uintptr_t)mem->base % 4096 == 0 && mem->size >= 4096,
		"it is not aligned, or too small", 0, 0) ||
	    memory.base == NULL) {
		ivsh_check_skips(run, M1_2_MEMORY, WHY_NEEDS);
		ivsh_check_skips(run, M1_3_WRITE_BACK, WHY_NEEDS);
		return;
	}
	ivsh_check_memory(run, &mem->doorbell, &memory, M1_2_MEMORY, M1_3_WRITE_BACK);
}

void ivsh_check_mem(struct run *run, const struct ivsh_mem *mem)
{
	bool wakes = mem->doorbell.vectors != 0 && mem->self <= SELF_MOST;

	check_self(run, mem);
	if (!has_calls(run, &mem->doorbell))
		return;
	ivsh_check_time(run, &mem->doorbell);
	ivsh_check_sleep(run, &mem->doorbell, wakes);
	check_base(run, mem);
	if (wakes)
		ivsh_check_doorbell(run, mem, D4_1_REACHES, D6_2_EACH);
	else
		ivsh_skip_doorbell(run, D4_1_REACHES, D6_2_EACH, "no notification can come");
}

int ivsh_conformance_mem(struct ivsh_conformance *check, const struct ivsh_mem *mem)
{
	struct run run = ivsh_check_begin(check);

	if (check->report == NULL)
		return IVSH_EINVAL;
	ivsh_check_mem(&run, mem);
	return ivsh_check_end(&run);
}
