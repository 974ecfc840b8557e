/* SPDX-License-Identifier: MIT */
/*
 * generation.c - the VM generation on x86_64: fw_cfg by ports, and the event in GPE0_STS.
 */
#include "bare/x86_64/generation.h"

#include "bare/generation.h"
#include "bare/x86_64/fw_cfg.h"
#include "bare/x86_64/gpe.h"
#include "bare/x86_64/nonce.h"

#include <stddef.h>

static uint16_t gpe0; /* its I/O port; 0: none */

static bool event(void)
{
	return x86_gpe_take(gpe0, X86_GPE_VMGENID);
}

static uint64_t random(void)
{
	return x86_nonce(0);
}

uint64_t x86_generation_open(
    struct ivsh_platform *platform, void *(*map)(uint64_t address, uint64_t size), bool owns_memory)
{
	const struct bare_generation_source source = {
	    .fw_cfg = x86_fw_cfg(),
	    .map = map,
	    .event = event,
	    .random = random,
	    .owns_memory = owns_memory,
	};

	if (source.fw_cfg != NULL)
		gpe0 = x86_gpe0_status(platform);
	bare_generation_open(&source);
	platform->vm_generation = bare_generation();
	if (platform->vm_generation != NULL)
		platform->seed = x86_nonce(platform->seed ^ *platform->vm_generation);
	return bare_generation_identity();
}
