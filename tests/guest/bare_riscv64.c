/* SPDX-License-Identifier: MIT */
/*
 * bare_riscv64.c - what bare_test.elf needs to know of riscv64.
 */
#include "bare/riscv64/cpu.h"
#include "bare/virt/virt.h"
#include "bare/arch.h"
#include "tests/guest/bare.h"

#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

#define MODE_SV39 8u
#define NUMBER ((UINT64_C(1) << 44) - 1)
#define VALID 0x01u
#define RIGHTS 0x0eu
#define READ_WRITE 0x06u
#define ACCESSED_DIRTY 0xc0u

/* Of the goldfish RTC, which the device tree has (QEMU, hw/rtc/goldfish_rtc.c): nanoseconds. */
unsigned bare_second(void)
{
	static volatile uint32_t *rtc;
	struct bare_dtb_range range;
	uint64_t low;

	if (rtc == NULL &&
	    bare_dtb_reg(
		virt_dtb(), bare_dtb_compatible(virt_dtb(), 0, "google,goldfish-rtc"), 0, &range))
		rtc = virt_map(range.address, range.size, IVSH_MAP_REGISTERS);
	if (rtc == NULL)
		return 0;
	low = rtc[0]; /* it keeps the high half for the next read */
	return (unsigned)(((uint64_t)rtc[1] << 32 | low) / NS_PER_S);
}

/*
 * By the page tables, which S-mode cannot ask the processor about. They have no memory attributes:
 * either kind has the rights of data.
 */
bool bare_is_mapped(const volatile void *at, enum ivsh_map kind)
{
	uint64_t satp = rv_read(satp), address = (uintptr_t)at, entry = (satp & NUMBER) << 10;
	uint32_t shift = 39 + 9 * (uint32_t)((satp >> 60) - MODE_SV39);

	(void)kind;
	do {
		shift -= 9;
		entry = ((const uint64_t *)(uintptr_t)((entry >> 10 & NUMBER)
						       << 12))[address >> shift & 511];
	} while ((entry & VALID) && !(entry & RIGHTS) && shift > 12);
	return (entry & VALID) && (entry & RIGHTS) == READ_WRITE &&
	       (entry & ACCESSED_DIRTY) == ACCESSED_DIRTY &&
	       (entry >> 10 & NUMBER) << 12 == (address >> shift << shift);
}

bool bare_has_pages_of_1_gib(void)
{
	return true;
}

void bare_interrupt_after(uint64_t ns)
{
	uint32_t hz = bare_dtb_number(
	    virt_dtb(), bare_dtb_path(virt_dtb(), "/cpus"), "timebase-frequency", 0);

	uint64_t time = rv_time() + ns * hz / NS_PER_S;

	/* Without firmware there is no such call where the processor has stimecmp. */
	if (rv_sbi(RV_SBI_TIME, 0, time, 0) != 0)
		__asm__ volatile("csrw " RV_TEXT(RV_CSR_STIMECMP) ", %0" : : "r"(time) : "memory");
}

void bare_trap(const char *what)
{
	if (strcmp(what, "ud") == 0)
		__asm__ volatile("unimp");
	else if (strcmp(what, "break") == 0)
		__asm__ volatile("ebreak");
	else if (strcmp(what, "csr") == 0)
		__asm__ volatile("csrr zero, mstatus");
	else if (strcmp(what, "handler") == 0)
		/* The stack of exceptions has no room left. */
		__asm__ volatile("csrr t0, sscratch; li t1, 0x2000; sub t0, t0, t1;"
				 "csrw sscratch, t0; unimp"
				 :
				 :
				 : "t0", "t1", "memory");
	else if (strcmp(what, "external") == 0)
		(void)*(volatile uint32_t *)arch_platform()->map(
		    arch_platform()->ctx, 0x50000, 4096, IVSH_MAP_REGISTERS);
}
