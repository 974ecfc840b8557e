/* SPDX-License-Identifier: MIT */
/*
 * descriptors.h - how many descriptors this process has open.
 */
#ifndef BRIDGE_DESCRIPTORS_H
#define BRIDGE_DESCRIPTORS_H

#include <stdint.h>

/*
 * Those below (limit), which is what the process may have, and below 262,144: a new one is the
 * lowest that is free, so who never had more has none above that. It takes about 0.1 us for each of
 * (limit).
 */
uint32_t descriptors_used(uint64_t limit);

#endif
