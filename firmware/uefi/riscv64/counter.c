/* SPDX-License-Identifier: MIT */
/*
 * counter.c - the time CSR, and wfi (RISC-V Privileged Architecture 3.3.3 and 10).
 */
#include "uefi/counter.h"
#include "uefi/virt/tree.h"

#include "bare/arch.h"
#include "bare/riscv64/cpu.h"

#include <stddef.h>

#define VIRT_HZ 10000000u /* QEMU, hw/intc/riscv_aclint.h: RISCV_ACLINT_DEFAULT_TIMEBASE_FREQ */

static uint64_t start; /* at zero time */
static uint64_t scale; /* nanoseconds per count, times 2^32 */

void counter_open(EFI_BOOT_SERVICES *services)
{
	uint32_t frequency = VIRT_HZ;

	(void)services;
	if (tree() != NULL)
		frequency = bare_dtb_number(
		    tree(), bare_dtb_path(tree(), "/cpus"), "timebase-frequency", VIRT_HZ);
	scale = (UINT64_C(1000000000) << 32) / (frequency > 0 ? frequency : 1);
	start = rv_time();
}

uint64_t counter_ns(void)
{
	return (uint64_t)((unsigned __int128)(rv_time() - start) * scale >> 32);
}

/* An interrupt that comes after the check stays pending, and ends wfi though it is not taken. */
void counter_halt(uint32_t seen)
{
	rv_interrupts_off();
	if (arch_doorbells() == seen)
		rv_wait();
	rv_interrupts_on();
}
