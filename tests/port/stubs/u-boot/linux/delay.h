/* SPDX-License-Identifier: MIT */
/*
 * delay.h - a wait that keeps the watchdog quiet.
 */
#ifndef STUB_UBOOT_LINUX_DELAY_H
#define STUB_UBOOT_LINUX_DELAY_H

void udelay(unsigned long us);

#endif
