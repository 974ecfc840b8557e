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

static bool is_aligned(const void *base, uint64_t size)
{
	return base != NULL && (uintptr_t)base % 4096 == 0 && size >= 4096;
}

/*
 * Of a split region the memory that this peer can write is its part; each part that is mapped is
 * aligned, as the common memory is.
 */
static bool memory_of(const struct ivsh_mem *mem, struct range *memory)
{
	bool good = is_aligned(mem->base, mem->size);

	*memory = (struct range){mem->base, mem->size};
	for (uint32_t i = 0; mem->split != NULL && i < mem->part_count; i++) {
		const struct ivsh_mem_part *part = &mem->parts[i];

		if (part->base == NULL)
			continue;
		good = good && is_aligned(part->base, part->size);
		if (part->is_writable)
			*memory = (struct range){part->base, part->size};
	}
	return good;
}

static void check_base(struct run *run, const struct ivsh_mem *mem)
{
	struct range memory;

	if (!ivsh_check_holds(run, M1_1_ALIGNED, memory_of(mem, &memory),
		"it is not aligned, or too small", 0, 0)) {
		ivsh_check_skips(run, M1_2_MEMORY, WHY_NEEDS);
		ivsh_check_skips(run, M1_3_WRITE_BACK, WHY_NEEDS);
		return;
	}
	/* Without a part of its own it has no memory that a store would not crash. */
	if (mem->split != NULL && memory.base == mem->base) {
		ivsh_check_skips(run, M1_2_MEMORY, "no part of the split region is writable");
		ivsh_check_skips(run, M1_3_WRITE_BACK, "no part of the split region is writable");
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
