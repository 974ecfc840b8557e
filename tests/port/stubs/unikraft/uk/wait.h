/* SPDX-License-Identifier: MIT */
/*
 * uk/wait.h - what ivsh_unikraft uses of Unikraft's header of this name: inline and a macro there,
 * over the scheduler.
 */
#ifndef STUB_UK_WAIT_H
#define STUB_UK_WAIT_H

#include <uk/arch/types.h>

struct uk_waitq {
	void *first;
};

static inline void uk_waitq_init(struct uk_waitq *wq)
{
	wq->first = __NULL;
}

/* It waits until the condition holds, or until the deadline if that is not 0. */
#define uk_waitq_wait_event_deadline(wq, condition, deadline) \
	((void)(wq)->first, (condition) ? 0 : (deadline) != 0)

#endif
