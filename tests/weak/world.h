/* SPDX-License-Identifier: MIT */
/*
 * world.h - a region of two slots for the drivers beside it, and the checker's own functions.
 */
#ifndef TESTS_WEAK_WORLD_H
#define TESTS_WEAK_WORLD_H

#include <ivsh/channel.h>
#include <ivsh/wait.h>

#include <stdbool.h>

/* GenMC: an execution in which (condition) is false is not looked at any further. */
void __VERIFIER_assume(int condition);
void __VERIFIER_assert_fail(const char *condition, const char *file, int line);
#define CHECK(condition) \
	((condition) ? (void)0 : __VERIFIER_assert_fail(#condition, __FILE__, __LINE__))

#ifndef DESCS
#define DESCS 4
#endif

struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[DESCS];
	uint32_t rings;         /* notifications that this end has sent */
	void (*on_sleep)(void); /* in place of this end's sleep */
	uint64_t now_ns;
};

/* Slots 0 and 1, attached, each with a channel to the other. */
extern struct end ends[2];
void world_open(void);

struct ivsh_wire_slot *world_slot(uint32_t slot);

#endif
