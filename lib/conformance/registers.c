/* SPDX-License-Identifier: MIT */
/*
 * registers.c - BAR0, as it is mapped.
 */
#include "conformance/check.h"

#include <ivsh/device.h>

#include <stddef.h>

/*
 * IntrMask is a word that only stores: QEMU, ivshmem-spec, "PCI device specific registers". It is 0
 * afterwards.
 */
static bool is_bar0(volatile uint32_t *registers)
{
	const uint32_t patterns[] = {0x5aa5f00f, 0xa55a0ff0, 0};
	volatile uint32_t *mask = &registers[IVSH_REG_INTRMASK / 4];
	bool same = true;

	for (uint32_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		*mask = patterns[i];
		same &= *mask == patterns[i];
	}
	return same && registers[IVSH_REG_IVPOSITION / 4] <= 0xffff &&
	       registers[IVSH_REG_DOORBELL / 4] == 0;
}

static void check_uncached(struct run *run, volatile uint32_t *registers, enum clause uncached)
{
	struct ivsh_conformance *check = run->check;
	enum ivsh_conformance_cache cache = IVSH_CACHE_UNKNOWN;

	if (check->cache != NULL)
		cache = check->cache(check->ctx, registers);
	if (cache == IVSH_CACHE_UNKNOWN)
		ivsh_check_skips(run, uncached, "nothing says how they are mapped");
	else
		ivsh_check_holds(
		    run, uncached, cache == IVSH_CACHE_OTHER, "they are mapped write-back", 0, 0);
}

void ivsh_check_registers(
    struct run *run, volatile uint32_t *registers, enum clause reached, enum clause uncached)
{
	ivsh_check_begins(run, reached);
	ivsh_check_holds(
	    run, reached, is_bar0(registers), "there are no registers of an ivshmem device", 0, 0);
	if (ivsh_check_usable(run, uncached, reached))
		check_uncached(run, registers, uncached);
}
