/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the order in which the machine comes up, and how it ends.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#define DEBUG_EXIT 0xf4                      /* isa-debug-exit,iobase=0xf4 */
#define DEBUG_EXIT_TICKS (UINT64_C(1) << 32) /* about a second: QEMU 10 leaves behind the write */
#define RDRAND_TRIES 10u                     /* Intel's Software Developer's Manual, 7.3.17.1 */

void x86_main(uint32_t start_info);

/*
 * Should:  long mode, interrupts off, the boot tables map the first GiB, start.S's descriptors.
 * Mustn't: return. Mustn't follow any pointer before x86_paging_init() but the image's own.
 */
void x86_main(uint32_t start_info)
{
	x86_console_init();
	x86_trap_init();
	x86_paging_init();
	x86_console_init_screen();
	x86_pvh_init(start_info);
	x86_heap_init();
	x86_platform_init();
	x86_power_init();
	x86_apic_init();
	x86_clock_init();
	x86_unmap_page_0(); /* SeaBIOS leaves the start info there */
	bare_main();
}

static bool rdrand(uint64_t *value)
{
	uint8_t good = 0;

	if (!(x86_cpuid(1).ecx & (1u << 30)))
		return false;
	for (uint32_t i = 0; i < RDRAND_TRIES && !good; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
	return good;
}

/* Without RDRAND the TSC: on QEMU it is the host's, and two starts never see the same. */
uint64_t arch_nonce(void)
{
	uint64_t value = 0;

	if (!rdrand(&value))
		value = x86_tsc();
	/* The finalizer of splitmix64 spreads the TSC's low bits over the whole word. */
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

_Noreturn void arch_exit(int status)
{
	static const char unheard[] = "exit: no isa-debug-exit device: QEMU's status will be 0\n";

	x86_interrupts_off();
	if (status != 0) {
		uint64_t start = x86_tsc();

		x86_out8(DEBUG_EXIT, status > 0 && status < 128 ? (uint8_t)status : 127);
		/* By the counter alone: an exception may come before there is a clock. */
		while (x86_tsc() - start < DEBUG_EXIT_TICKS)
			x86_pause();
		arch_console_write(unheard, sizeof unheard - 1);
	}
	x86_power_off();
}
