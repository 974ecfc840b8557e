/* SPDX-License-Identifier: MIT */
/*
 * irq.h - what lib/port/nuttx uses of NuttX's header of this name.
 */
#ifndef STUB_NUTTX_IRQ_H
#define STUB_NUTTX_IRQ_H

typedef int (*xcpt_t)(int irq, void *context, void *arg);

int irq_attach(int irq, xcpt_t isr, void *arg);
#define irq_detach(irq) irq_attach(irq, 0, 0)

#endif
