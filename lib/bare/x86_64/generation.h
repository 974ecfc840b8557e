/* SPDX-License-Identifier: MIT */
/*
 * generation.h - the VM generation on x86_64. For bare metal and UEFI.
 */
#ifndef X86_GENERATION_H
#define X86_GENERATION_H

#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * Find the VM generation, set platform->vm_generation, and make platform->seed depend on it. On a
 * machine without fw_cfg nothing changes. (map) and (owns_memory): bare/generation.h.
 *
 * Answers the half of the GUID that identifies the machine; 0: there is none.
 */
uint64_t x86_generation_open(struct ivsh_platform *platform,
    void *(*map)(uint64_t address, uint64_t size), bool owns_memory);

#endif
