/* SPDX-License-Identifier: MIT */
/*
 * pc.c - QEMU's pc and q35 of x86_64, for the program that U-Boot's `go` runs.
 */
#include "machine.h"

#define COM1 0x3f8u

/* IA-PC HPET Specification 1.0a, 2.3: a counter that counts once in (period) femtoseconds. */
#define HPET 0xfed00000u
#define HPET_CAPABILITIES 0u /* 64-bit words; period in bits 63:32 */
#define HPET_CONFIGURATION 2u
#define HPET_ENABLE 0x1u
#define HPET_COUNTER 30u
#define FS_PER_NS 1000000u

static volatile uint64_t *const hpet = (volatile uint64_t *)(uintptr_t)HPET;

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static struct ivsh_cf8 cf8 = {.in32 = in32, .out32 = out32};

/* QEMU's period is 10,000,000 fs: whole nanoseconds. */
static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return hpet[HPET_COUNTER] * ((hpet[HPET_CAPABILITIES] >> 32) / FS_PER_NS);
}

struct ivsh_platform machine = {
    .ctx = &cf8,
    .config_read = ivsh_cf8_read,
    .config_write = ivsh_cf8_write,
    .now_ns = now_ns,
};

/* U-Boot counts by the processor's own counter, and leaves this one off. */
void machine_begin(void)
{
	hpet[HPET_CONFIGURATION] |= HPET_ENABLE;
}

uint8_t machine_uart_read(uint32_t number)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"((uint16_t)(COM1 + number)));
	return value;
}

void machine_uart_write(uint32_t number, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"((uint16_t)(COM1 + number)));
}
