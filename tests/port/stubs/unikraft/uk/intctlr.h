/* SPDX-License-Identifier: MIT */
/*
 * uk/intctlr.h - what ivsh_unikraft uses of Unikraft's header of this name.
 */
#ifndef STUB_UK_INTCTLR_H
#define STUB_UK_INTCTLR_H

#include <uk/arch/types.h>

typedef int (*uk_intctlr_irq_handler_func_t)(void *);

int uk_intctlr_irq_alloc(unsigned int *irqs, __sz count);
int uk_intctlr_irq_free(unsigned int *irqs, __sz count);
int uk_intctlr_irq_register(unsigned int irq, uk_intctlr_irq_handler_func_t handler, void *arg);

#endif
