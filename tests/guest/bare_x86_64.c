/* SPDX-License-Identifier: MIT */
/*
 * bare_x86_64.c - what bare_test.elf needs to know of x86_64.
 */
#include "bare/x86_64/x86.h"
#include "tests/guest/bare.h"

#include <string.h>

/* Of the CMOS clock (Motorola MC146818A data sheet): another clock than the PIT. */
unsigned bare_second(void)
{
	x86_out8(0x70, 0);
	return x86_in8(0x71);
}

/* A load traps where nothing is mapped. */
bool bare_is_mapped(const volatile void *at, enum ivsh_map kind)
{
	(void)kind;
	(void)*(const volatile uint8_t *)at;
	return true;
}

/* Page1GB (Intel's Software Developer's Manual, volume 2, CPUID). */
bool bare_has_pages_of_1_gib(void)
{
	return (x86_cpuid(0x80000001).edx & (1u << 26)) != 0;
}

/* QEMU's local APIC counts nanoseconds. */
void bare_interrupt_after(uint64_t ns)
{
	x86_apic_timer_start((uint32_t)ns + 1);
}

void bare_trap(const char *what)
{
	if (strcmp(what, "ud") == 0)
		__asm__ volatile("ud2");
}
