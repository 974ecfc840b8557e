/* SPDX-License-Identifier: MIT */
/*
 * check.c - the clauses by number and text, and how the result of each is kept and reported.
 */
#include "conformance/check.h"

#include <stddef.h>

static const struct {
	char number[6];
	char text[74];
} clauses[CLAUSES] = {
    [P1_1_ABSENT] = {"P1.1", "an absent function reads as 0xffffffff and ignores writes"},
    [P1_2_READ] = {"P1.2", "config_read answers the 32 bits at the offset"},
    [P1_3_WRITE] = {"P1.3", "config_write writes these 32 bits, and no others"},
    [P2_1_REGISTERS] = {"P2.1", "map reaches the registers at the address"},
    [P2_2_OFFSET] = {"P2.2", "map keeps the offset in the page of 4096"},
    [P2_3_UNCACHED] = {"P2.3", "map makes registers device memory"},
    [P2_4_SHARED_PAGE] = {"P2.4", "mappings may share a page, and unmap undoes one"},
    [P2_5_MEMORY] = {"P2.5", "map reaches the whole memory, and stores to it stay"},
    [P2_6_WRITE_BACK] = {"P2.6", "map makes the memory write-back"},
    [P2_7_AGAIN] = {"P2.7", "what was unmapped can be mapped again"},
    [P3_1_BOTH] = {"P3.1", "msi_open and msi_close are both there, or neither"},
    [P3_2_MESSAGE] = {"P3.2", "the message of msi_open is an interrupt that count() counts"},
    [P3_3_EACH] = {"P3.3", "each vector has its message"},
    [P3_4_AGAIN] = {"P3.4", "what msi_close frees can be had again"},
    [P4_1_ORDER] = {"P4.1", "list answers each function once, in the order of their numbers"},
    [P4_2_THERE] = {"P4.2", "each function that list answers is there"},
    [P5_1_GENERATION] = {"P5.1", "vm_generation is aligned to 8, and changes by a move alone"},
    [P5_2_HOTPLUG] = {"P5.2", "a hot-plug controller has all its calls, and leaving() ends"},
    [D1_1_BACK] = {"D1.1", "the clock never goes back"},
    [D1_2_ADVANCES] = {"D1.2", "the clock advances at least every 20 ms"},
    [D1_3_UNIT] = {"D1.3", "the clock counts nanoseconds"},
    [D1_4_WIDE] = {"D1.4", "the clock has 64 bits"},
    [D2_1_ONE] = {"D2.1", "count() grows by one with each notification"},
    [D2_2_NOTHING_ELSE] = {"D2.2", "count() changes by nothing else"},
    [D3_1_SEEN] = {"D3.1", "sleep returns at once if count() differs from what was seen"},
    [D3_2_PASSED] = {"D3.2", "sleep returns at once if the deadline has passed"},
    [D3_3_LATE] = {"D3.3", "sleep returns when the deadline is reached"},
    [D3_4_YIELDS] = {"D3.4", "sleep lasts, and gives the processor away"},
    [D3_5_ENDS] = {"D3.5", "a notification ends a sleep, also one that comes as it begins"},
    [D4_1_REACHES] = {"D4.1", "notify reaches a peer, this one too, and count() counts it"},
    [D4_2_AT_ONCE] = {"D4.2", "notify returns at once"},
    [D4_3_ABSENT] = {"D4.3", "notify ignores a peer or a vector that is not there"},
    [D5_1_RECHECK] = {"D5.1", "recheck finds the device, and notifications arrive behind it"},
    [D6_1_CALLS] = {"D6.1", "the calls that the vectors need are there"},
    [D6_2_EACH] = {"D6.2", "each of the vectors notifies this peer"},
    [M1_1_ALIGNED] = {"M1.1", "the memory is aligned to 4096, and has 4096 bytes or more"},
    [M1_2_MEMORY] = {"M1.2", "the whole memory can be loaded and stored, and stores stay"},
    [M1_3_WRITE_BACK] = {"M1.3", "the memory is write-back"},
    [M2_1_SELF] = {"M2.1", "the slot is below 65536, or there is none"},
    [S1_1_REGISTERS] = {"S1.1", "the registers are BAR0 of an ivshmem device"},
    [S1_2_UNCACHED] = {"S1.2", "the registers are device memory"},
    [S2_1_FIELDS] = {"S2.1", "ivsh_mapped_mem takes what is filled in"},
};

struct run ivsh_check_begin(struct ivsh_conformance *check)
{
	check->kept = check->broken = check->skipped = 0;
	return (struct run){check, 0};
}

static void report(const struct run *run, enum clause clause, enum ivsh_conformance_state state,
    const char *what, uint64_t got, uint64_t want)
{
	const struct ivsh_conformance_result result = {
	    state, clauses[clause].number, clauses[clause].text, what, got, want};

	run->check->report(run->check->ctx, &result);
}

void ivsh_check_begins(struct run *run, enum clause clause)
{
	report(run, clause, IVSH_CONFORMANCE_BEGINS, NULL, 0, 0);
}

void ivsh_check_keeps(struct run *run, enum clause clause)
{
	run->check->kept++;
	report(run, clause, IVSH_CONFORMANCE_KEPT, NULL, 0, 0);
}

void ivsh_check_breaks(
    struct run *run, enum clause clause, const char *what, uint64_t got, uint64_t want)
{
	run->check->broken++;
	run->unusable |= UINT64_C(1) << clause;
	report(run, clause, IVSH_CONFORMANCE_BROKEN, what, got, want);
}

void ivsh_check_skips(struct run *run, enum clause clause, const char *why)
{
	run->check->skipped++;
	run->unusable |= UINT64_C(1) << clause;
	report(run, clause, IVSH_CONFORMANCE_SKIPPED, why, 0, 0);
}

bool ivsh_check_holds(
    struct run *run, enum clause clause, bool good, const char *what, uint64_t got, uint64_t want)
{
	if (good)
		ivsh_check_keeps(run, clause);
	else
		ivsh_check_breaks(run, clause, what, got, want);
	return good;
}

bool ivsh_check_usable(struct run *run, enum clause needs, enum clause clause)
{
	if ((run->unusable >> clause & 1) == 0)
		return true;
	ivsh_check_skips(run, needs, WHY_NEEDS);
	return false;
}

int ivsh_check_end(const struct run *run)
{
	return run->check->broken == 0 ? 0 : IVSH_EPLATFORM;
}
