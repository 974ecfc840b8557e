/* SPDX-License-Identifier: MIT */
/*
 * gic.h - interrupts of an aarch64 machine: GICv2 with GICv2m, or GICv3 with ITS.
 *
 * Which one is there, and where, is in the device tree. One processor takes interrupts: the one
 * that calls these functions. For the start code, the trap code and the clock.
 */
#ifndef A64_GIC_H
#define A64_GIC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Bring up the interrupt controller, whatever state a former owner left it in: from here on nothing
 * that the caller has not asked for is enabled.
 *
 * After virt_init(), with the MMU on and virt_map() working, at EL1, with interrupts masked at the
 * processor. False: there is no controller that this code knows; no interrupt ever comes, and a
 * sleep must poll.
 */
bool a64_gic_init(void);

/*
 * Call (handler) at each interrupt of the virtual timer, whose number the device tree has, and
 * enable it. It is level-triggered: the handler stops the timer, or masks it by CNTV_CTL_EL0.
 * False: there is no such interrupt.
 *
 * The handler runs with interrupts masked, inside a64_gic_interrupt(). It uses no floating point
 * register.
 */
bool a64_gic_timer(void (*handler)(void));

/*
 * Take the interrupt that is pending: acknowledge it, handle it, end it. If there is another one,
 * the exception comes again. The trap code calls it at an IRQ exception, with interrupts masked,
 * once it has saved the registers that a C function may change. It uses no floating point register.
 */
void a64_gic_interrupt(void);

/*
 * The files of the controllers also provide virt_has_msi(), virt_msi_open() and virt_msi_close()
 * (bare/virt/virt.h) and arch_no_interrupts().
 */

#endif
