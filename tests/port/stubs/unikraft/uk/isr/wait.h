/* SPDX-License-Identifier: MIT */
/*
 * uk/isr/wait.h - what ivsh_unikraft uses of Unikraft's header of this name: inline there.
 */
#ifndef STUB_UK_ISR_WAIT_H
#define STUB_UK_ISR_WAIT_H

#include <uk/wait.h>

static inline void uk_waitq_wake_up_isr(struct uk_waitq *wq)
{
	wq->first = __NULL;
}

#endif
