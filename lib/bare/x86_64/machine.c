/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the order in which the machine is set up, and its end.
 */
#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/heap.h"
#include "bare/x86_64/nonce.h"
#include "bare/x86_64/qemu.h"
#include "bare/x86_64/x86.h"
#include "device/relax.h"

/* About a second in ticks of the TSC: QEMU 10 ends some time after the write. */
#define DEBUG_EXIT_TICKS (UINT64_C(1) << 32)

void x86_main(uint32_t start_info);

/* All of this piece of RAM behind the image. */
static void init_heap(void)
{
	uint64_t first = (uint64_t)(uintptr_t)image_end;
	uint64_t last = x86_ram_end(first) & ~UINT64_C(4095);

	if (!bare_heap_is_enough(first, last))
		x86_fatal(
		    "start: less than 256 KiB of memory behind the image: QEMU's -m gives more");
	if (x86_map(first, last - first, IVSH_MAP_MEMORY) == NULL)
		x86_fatal("start: no page tables for the memory behind the image");
	bare_heap_init(first, last);
}

/*
 * Should:  long mode, interrupts off, the boot tables map the first GiB, start.S's descriptors.
 * Mustn't: return, or use a pointer to outside of the image before x86_paging_init().
 */
void x86_main(uint32_t start_info)
{
	x86_console_init();
	x86_trap_init();
	x86_paging_init();
	x86_mtrr_init();
	x86_console_init_screen();
	x86_pvh_init(start_info);
	init_heap();
	x86_platform_init();
	x86_power_init();
	x86_apic_init();
	x86_clock_init();
	x86_generation_init();
	x86_unmap_page_0(); /* SeaBIOS leaves the start info there */
	bare_main();
}

uint64_t arch_nonce(void)
{
	const uint64_t *generation = bare_generation();

	return x86_nonce(generation != NULL ? *(const volatile uint64_t *)generation : 0);
}

_Noreturn void arch_exit(int status)
{
	static const char no_device[] = "exit: no isa-debug-exit device: QEMU's status will be 0\n";

	x86_interrupts_off();
	if (status != 0) {
		uint64_t start = x86_tsc();

		x86_debug_exit(status);
		/* By the counter: an exception may come before the clock is calibrated. */
		while (x86_tsc() - start < DEBUG_EXIT_TICKS)
			relax_processor();
		arch_console_write(no_device, sizeof(no_device) - 1);
	}
	x86_power_off();
}
