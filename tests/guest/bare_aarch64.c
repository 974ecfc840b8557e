/* SPDX-License-Identifier: MIT */
/*
 * bare_aarch64.c - what bare_test.elf needs to know of aarch64.
 */
#include "bare/aarch64/cpu.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"
#include "tests/guest/bare.h"

#include <string.h>

#define WRITE_BACK 0xffu /* PAR_EL1.ATTR, as MAIR_EL1 has it (ARM D17.2.97) */
#define DEVICE_NGNRE 0x04u
#define INNER_SHAREABLE 3u

/* Of the PL031, which the device tree has (Arm PrimeCell RTC, DDI 0224, RTCDR). */
unsigned bare_second(void)
{
	static volatile uint32_t *data;
	struct bare_dtb_range range;

	if (data == NULL &&
	    bare_dtb_reg(virt_dtb(), bare_dtb_compatible(virt_dtb(), 0, "arm,pl031"), 0, &range))
		data = virt_map(range.address, range.size, IVSH_MAP_REGISTERS);
	return data != NULL ? *data : 0;
}

/* The processor is asked for the translation of a write: a load where nothing is would trap. */
bool bare_is_mapped(const volatile void *at, enum ivsh_map kind)
{
	uint64_t par;

	__asm__ volatile("at s1e1w, %1; isb; mrs %0, par_el1" : "=r"(par) : "r"(at) : "memory");
	if (par & 1 || (par & 0xfffffffff000) != ((uintptr_t)at & 0xfffffffff000))
		return false;
	if (kind == IVSH_MAP_REGISTERS)
		return par >> 56 == DEVICE_NGNRE;
	return par >> 56 == WRITE_BACK && (par >> 7 & 3) == INNER_SHAREABLE;
}

/* A block at the first level. */
bool bare_has_pages_of_1_gib(void)
{
	return true;
}

void bare_interrupt_after(uint64_t ns)
{
	A64_WRITE("cntv_cval_el0", a64_counter() + ns * a64_counter_hz() / 1000000000);
	A64_WRITE("cntv_ctl_el0", 1);
}

void bare_trap(const char *what)
{
	if (strcmp(what, "ud") == 0)
		__asm__ volatile("udf #0");
	else if (strcmp(what, "svc") == 0)
		__asm__ volatile("svc #0");
	else if (strcmp(what, "brk") == 0)
		__asm__ volatile("brk #0");
	else if (strcmp(what, "pc") == 0)
		__asm__ volatile("br %0" : : "r"((uintptr_t)bare_trap + 2));
	else if (strcmp(what, "handler") == 0)
		/* On the stack of exceptions, below its end. */
		__asm__ volatile("msr spsel, #1; sub sp, sp, #0x2000; str x0, [sp, #-16]!");
	else if (strcmp(what, "external") == 0)
		(void)*(volatile uint32_t *)arch_platform()->map(
		    arch_platform()->ctx, 0xfea00000, 4096, IVSH_MAP_REGISTERS);
}
