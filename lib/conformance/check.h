/* SPDX-License-Identifier: MIT */
/*
 * check.h - the clauses, and how the result of each is kept and reported.
 */
#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include <ivsh/conformance.h>

#include <stdbool.h>
#include <stdint.h>

#define MS UINT64_C(1000000)

/* How long what must come at once may take, on a machine that is busy otherwise. */
#define AT_ONCE_NS (100 * MS)

/*
 * The clauses: a name here, the number and the text in check.c. Those of P2 that speak of the
 * memory are followed by the same of M1.
 */
enum clause {
	P1_1_ABSENT,
	P1_2_READ,
	P1_3_WRITE,
	P2_1_REGISTERS,
	P2_2_OFFSET,
	P2_3_UNCACHED,
	P2_4_SHARED_PAGE,
	P2_5_MEMORY,
	P2_6_WRITE_BACK,
	P2_7_AGAIN,
	P3_1_BOTH,
	P3_2_MESSAGE,
	P3_3_EACH,
	P3_4_AGAIN,
	P4_1_ORDER,
	P4_2_THERE,
	P5_1_GENERATION,
	P5_2_HOTPLUG,
	D1_1_BACK,
	D1_2_ADVANCES,
	D1_3_UNIT,
	D1_4_WIDE,
	D2_1_ONE,
	D2_2_NOTHING_ELSE,
	D3_1_SEEN,
	D3_2_PASSED,
	D3_3_LATE,
	D3_4_YIELDS,
	D3_5_ENDS,
	D4_1_REACHES,
	D4_2_AT_ONCE,
	D4_3_ABSENT,
	D5_1_RECHECK,
	D6_1_CALLS,
	D6_2_EACH,
	M1_1_ALIGNED,
	M1_2_MEMORY,
	M1_3_WRITE_BACK,
	M2_1_SELF,
	S1_1_REGISTERS,
	S1_2_UNCACHED,
	S2_1_FIELDS,
	CLAUSES
};

/* One run: the caller's struct, and the clauses that are broken or skipped so far. */
struct run {
	struct ivsh_conformance *check;
	uint64_t unusable; /* a bit for each clause that others cannot build on */
};

/* A run for (check), whose counts begin at 0. */
struct run ivsh_check_begin(struct ivsh_conformance *check);

/* The check of (clause) begins. */
void ivsh_check_begins(struct run *run, enum clause clause);

/* How it ended. Each once, for each clause. */
void ivsh_check_keeps(struct run *run, enum clause clause);
void ivsh_check_breaks(
    struct run *run, enum clause clause, const char *what, uint64_t got, uint64_t want);
void ivsh_check_skips(struct run *run, enum clause clause, const char *why);

/* It is broken if not (good). Answers (good). */
bool ivsh_check_holds(
    struct run *run, enum clause clause, bool good, const char *what, uint64_t got, uint64_t want);

/*
 * Whether (clause) was kept so far. If not, skips (needs) and answers false: the check of (needs)
 * would say the same again.
 */
bool ivsh_check_usable(struct run *run, enum clause needs, enum clause clause);

#define WHY_NEEDS "it needs one that is broken or was skipped"

/* What the calls answer. */
int ivsh_check_end(const struct run *run);

/* --- The checks: each reports its clauses ----------------------------------------------------- */

/* D1: time.c. */
void ivsh_check_time(struct run *run, const struct ivsh_doorbell *doorbell);

/*
 * D2.2 and D3.1 to D3.4: sleep.c. (wakes): something can be counted at all, and end a sleep.
 */
void ivsh_check_sleep(struct run *run, const struct ivsh_doorbell *doorbell, bool wakes);

/*
 * D2.1, D3.5, D4.2, D4.3 and D5: doorbell.c. (arrives) and (each) are the clauses for the first
 * notification, and for one of each vector.
 */
void ivsh_check_doorbell(
    struct run *run, const struct ivsh_mem *mem, enum clause arrives, enum clause each);

/* All of these are skipped. */
void ivsh_skip_doorbell(struct run *run, enum clause arrives, enum clause each, const char *why);

struct range {
	void *base;
	uint64_t size;
};

/* The memory: memory.c. (access) and (cached) are the clauses, (clock) measures. */
void ivsh_check_memory(struct run *run, const struct ivsh_doorbell *clock,
    const struct range *memory, enum clause access, enum clause cached);

/* P1, P4 and P5: config.c, list.c. */
void ivsh_check_config(struct run *run, const struct ivsh_platform *platform, uint32_t function);
void ivsh_check_list(struct run *run, const struct ivsh_platform *platform);
void ivsh_check_values(struct run *run, const struct ivsh_platform *platform);

/* M and D: mem.c. */
void ivsh_check_mem(struct run *run, const struct ivsh_mem *mem);

/* BAR0, mapped at (registers): registers.c. (reached) and (uncached) are the clauses. */
void ivsh_check_registers(
    struct run *run, volatile uint32_t *registers, enum clause reached, enum clause uncached);

/* P2: map.c. */
void ivsh_check_map(struct run *run, const struct ivsh_platform *platform,
    const struct ivsh_doorbell *clock, uint32_t function);

/* All of P2 are skipped. */
void ivsh_skip_map(struct run *run, const char *why);

#endif
