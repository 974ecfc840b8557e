/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what lib/port/nuttx uses of NuttX's header of this name.
 */
#ifndef STUB_NUTTX_ARCH_H
#define STUB_NUTTX_ARCH_H

void up_enable_irq(int irq);
void up_disable_irq(int irq);

#endif
