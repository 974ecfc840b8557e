/* SPDX-License-Identifier: MIT */
/*
 * moved_guid.c - moved.h for machines with QEMU's vmgenid device: x86_64's.
 */
#include "bare/arch.h"
#include "bare/x86_64/fw_cfg.h"
#include "bare/x86_64/generation.h"
#include "tests/guest/moved.h"

#include <stddef.h>

static void *map_ram(uint64_t address, uint64_t size)
{
	const struct ivsh_platform *platform = arch_platform();

	return platform->map(platform->ctx, address, size, IVSH_MAP_MEMORY);
}

const uint64_t *moved_own_word(void)
{
	static struct ivsh_platform platform;
	static const uint64_t none;
	const struct bare_fw_cfg *cfg = x86_fw_cfg();
	struct bare_fw_cfg_file file;

	platform = *arch_platform();
	if (cfg == NULL || !bare_fw_cfg_find(cfg, "etc/vmgenid_addr", &file) ||
	    !bare_fw_cfg_write(cfg, &file, &none, sizeof(none)))
		return NULL;
	x86_generation_open(&platform, map_ram, true);
	return platform.vm_generation != arch_platform()->vm_generation ? platform.vm_generation
									: NULL;
}
