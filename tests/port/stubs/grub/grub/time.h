/* SPDX-License-Identifier: MIT */
/*
 * time.h - GRUB's clock and sleep.
 */
#ifndef STUB_GRUB_TIME_H
#define STUB_GRUB_TIME_H

#include <grub/types.h>

void grub_millisleep(grub_uint32_t ms);
grub_uint64_t grub_get_time_ms(void);

#endif
