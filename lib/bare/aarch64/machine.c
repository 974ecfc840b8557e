/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the order in which the machine is set up.
 */
#include "bare/aarch64/a64.h"
#include "bare/aarch64/gic.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"

#include <stddef.h>

/* Where QEMU's virt has its RAM, and the device tree for an ELF image: hw/arm/boot.c. */
#define TREE UINT64_C(0x40000000)

void a64_main(uint32_t level);

/*
 * Should:  EL1, interrupts off, the MMU off, .bss cleared, start.S's stacks and vectors.
 * Mustn't: return, or use a pointer to outside of the image and the tree before a64_paging_init().
 */
void a64_main(uint32_t level)
{
	a64_check(level);
	if (!virt_init((const void *)(uintptr_t)TREE))
		a64_fatal("start: no device tree at the start of RAM: QEMU's virt with -kernel");
	a64_console_init(virt_uart());
	a64_power_init();
	a64_paging_init(virt_uart());
	virt_heap_init();
	a64_clock_init();
	virt_platform_init();
	virt_generation_init();
	bare_main();
}

uint64_t virt_random(void)
{
	uint64_t random = 0;

	if (!a64_random(&random))
		random = 0;
	return random ^ a64_counter();
}

_Noreturn void virt_fatal(const char *why)
{
	a64_fatal(why);
}
