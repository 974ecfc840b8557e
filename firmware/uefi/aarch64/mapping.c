/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - shared memory as write-back.
 *
 * Theory of operation. AAVMF maps its windows for devices as Device memory, where an access that is
 * not aligned is an exception, and where under KVM a store goes past the cache through which the
 * host's processes see the same memory. Firmware's own tables are changed by the CPU Architectural
 * Protocol (UEFI Platform Initialization Specification 1.7, volume 2, 12.3). The DXE services would
 * be the way to do it with a record in the memory map; but AAVMF has entered that window there as
 * one that can be uncached only, so they refuse.
 *
 * At the end each range is uncached again, as it was. Lines that the cache still holds are left
 * there: nothing in the firmware looks at this memory, and whoever does so caches it, too.
 */
#include "uefi/mapping.h"

#include "arch/memtype.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Devices with shared memory: those of a split region, and some beside them. */
#define RANGES_MAX 264u

/* The CPU Architectural Protocol, as far as its eighth member. */
struct cpu_arch {
	void *other[7];
	EFI_STATUS(EFIAPI *set_memory_attributes)
	(struct cpu_arch *cpu, EFI_PHYSICAL_ADDRESS base, UINT64 size, UINT64 attributes);
};

static struct {
	struct cpu_arch *cpu; /* NULL: there is none */
	struct {
		void *base; /* NULL: free */
		uint64_t size;
		uint32_t uses; /* mappings: a page of an open device may be looked at */
	} range[RANGES_MAX];
} mapping;

void mapping_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = {
	    0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	void *found;

	mapping.cpu = NULL;
	if (!EFI_ERROR(services->LocateProtocol(&guid, NULL, &found)))
		mapping.cpu = found;
}

static bool is_cached(void *base)
{
	const char *type = memtype(base);

	return type != NULL && strcmp(type, "write-back") == 0;
}

/* No code is executed there. False: the firmware refuses. */
static bool set(void *base, uint64_t size, UINT64 type)
{
	return mapping.cpu != NULL &&
	       !EFI_ERROR(mapping.cpu->set_memory_attributes(
		   mapping.cpu, (EFI_PHYSICAL_ADDRESS)(uintptr_t)base, size, type | EFI_MEMORY_XP));
}

void mapping_cache(void *base, uint64_t size)
{
	uint32_t i = 0;

	while (i < RANGES_MAX && (base == NULL || mapping.range[i].base != base))
		i++;
	if (i < RANGES_MAX) {
		mapping.range[i].uses++;
		return;
	}
	if (is_cached(base))
		return;
	i = 0;
	while (i < RANGES_MAX && mapping.range[i].base != NULL)
		i++;
	if (i < RANGES_MAX && set(base, size, EFI_MEMORY_WB) && is_cached(base)) {
		mapping.range[i].base = base;
		mapping.range[i].size = size;
		mapping.range[i].uses = 1;
		return;
	}
	fprintf(stderr,
	    "ivsh: shared memory at %p: the firmware does not map it write-back: under KVM the "
	    "other peers may not see what is stored\n",
	    base);
}

void mapping_restore(void *base)
{
	for (uint32_t i = 0; i < RANGES_MAX; i++) {
		if (mapping.range[i].base != base || base == NULL || --mapping.range[i].uses > 0)
			continue;
		(void)set(base, mapping.range[i].size, EFI_MEMORY_UC);
		mapping.range[i].base = NULL;
	}
}

void mapping_close(void)
{
	for (uint32_t i = 0; i < RANGES_MAX; i++) {
		mapping.range[i].uses = 1;
		mapping_restore(mapping.range[i].base);
	}
}
