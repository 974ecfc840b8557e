/* SPDX-License-Identifier: MIT */
/*
 * virt.c - QEMU's virt of riscv64, for the program that U-Boot's `go` runs.
 */
#include "machine.h"

#define ECAM 0x30000000u /* QEMU, hw/riscv/virt.c, with the three below */
#define BUSES 256u
#define UART 0x10000000u
#define NS_PER_TICK 100u /* of the register time: 10 MHz */

#define STATUS_FS 0x6000 /* sstatus.FS: RISC-V Privileged Architecture, 3.1.6.6 */

static struct ivsh_ecam ecam = {.base = (volatile void *)(uintptr_t)ECAM, .buses = BUSES};

static uint64_t now_ns(void *ctx)
{
	uint64_t ticks;

	(void)ctx;
	__asm__ volatile("rdtime %0" : "=r"(ticks));
	return ticks * NS_PER_TICK;
}

struct ivsh_platform machine = {
    .ctx = &ecam,
    .config_read = ivsh_ecam_read,
    .config_write = ivsh_ecam_write,
    .now_ns = now_ns,
};

/* libivsh.a may use the floating-point registers, which U-Boot leaves off. */
void machine_begin(void)
{
	__asm__ volatile("csrs sstatus, %0" : : "r"(STATUS_FS));
}

uint8_t machine_uart_read(uint32_t number)
{
	return ((volatile uint8_t *)(uintptr_t)UART)[number];
}

void machine_uart_write(uint32_t number, uint8_t value)
{
	((volatile uint8_t *)(uintptr_t)UART)[number] = value;
}
