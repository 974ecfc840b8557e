/* SPDX-License-Identifier: MIT */
/*
 * time.h - the clock.
 */
#ifndef STUB_UBOOT_TIME_H
#define STUB_UBOOT_TIME_H

#include <linux/types.h>

uint64_t get_timer_us(uint64_t base);

#endif
