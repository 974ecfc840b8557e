/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the order in which the machine is set up.
 */
#include "bare/arch.h"
#include "bare/riscv64/riscv.h"
#include "bare/virt/virt.h"

/* QEMU's virt, for what goes wrong before the device tree has said where the port is. */
#define EARLY_UART 0x10000000

uint64_t rv_hart;
uint32_t rv_has_firmware;

void rv_main(const void *tree);

/*
 * Should:  S-mode, paging and interrupts off, the stack and .bss ready.
 * Mustn't: return, or use a pointer to outside of the image after rv_paging_init().
 */
void rv_main(const void *tree)
{
	uint64_t uart, end;

	rv_trap_init();
	rv_uart_open(EARLY_UART);
	if (!virt_init(tree))
		rv_fatal("start: no device tree where a1 points to");
	/* The tree can be read now, and again behind virt_heap_init(), which maps it. */
	uart = virt_uart();
	end = rv_power_find();
	rv_paging_init();
	if (uart != 0 && virt_map(uart, 8, IVSH_MAP_REGISTERS) == NULL)
		uart = 0;
	rv_uart_open(uart);
	rv_power_init(end);
	virt_heap_init();
	rv_imsic_init();
	virt_platform_init();
	rv_clock_init();
	virt_generation_init();
	bare_main();
}

void *virt_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	return rv_map(address, size, kind);
}

void virt_unmap(const void *base, uint64_t size)
{
	rv_unmap(base, size);
}

uint64_t virt_random(void)
{
	return rv_time() ^ rv_read(cycle) << 32;
}

_Noreturn void virt_fatal(const char *why)
{
	rv_fatal(why);
}
