/* SPDX-License-Identifier: MIT */
/*
 * facts.h - what info prints of a guest's ivshmem device.
 */
#ifndef APP_FACTS_H
#define APP_FACTS_H

#include "app/device.h"

/* Print what stands before the first device. */
void facts_begin(const struct machine *machine, const struct options *options);

/* Print the device that --device=N calls number (index). */
void facts_print(const struct machine *machine, const struct ivsh_device *device, uint32_t index,
    const struct options *options);

#endif
