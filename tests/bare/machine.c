/* SPDX-License-Identifier: MIT */
/*
 * machine.c - what lib/bare/virt needs of a machine, on the host.
 */
#include "tests/bare/machine.h"

#include "bare/arch.h"
#include "bare/virt/virt.h"

#include <stddef.h>

/* On a real machine the linker script defines these. */
char image_end[16] __attribute__((aligned(4096)));
char image_kept[4096] __attribute__((aligned(4096)));
char image_kept_end[1];

jmp_buf machine_end;
uint64_t machine_refuses, machine_ecam, machine_ecam_size, machine_counter;
char machine_has_msi;

void *virt_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	static char registers[64] __attribute__((aligned(8)));

	if (address == machine_refuses)
		return NULL;
	if (kind == IVSH_MAP_MEMORY)
		return (void *)(uintptr_t)address;
	machine_ecam = address;
	machine_ecam_size = size;
	return registers;
}

void virt_unmap(const void *base, uint64_t size)
{
	(void)base, (void)size;
}

bool virt_has_msi(void)
{
	return machine_has_msi;
}

int virt_msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx, (void)function, (void)index, (void)address, (void)data;
	return -1;
}

void virt_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index;
}

uint64_t virt_random(void)
{
	return machine_counter;
}

_Noreturn void virt_fatal(const char *why)
{
	longjmp(machine_end, why != NULL);
}

uint64_t arch_now_ns(void)
{
	return 0;
}

uint32_t arch_doorbells(void)
{
	return 0;
}

void arch_sleep(uint32_t seen, uint64_t deadline_ns)
{
	(void)seen, (void)deadline_ns;
}
