/* SPDX-License-Identifier: MIT */
/*
 * pl011.c - the console: a PL011, both ways, without interrupts.
 *
 * Arm PrimeCell UART (PL011) Technical Reference Manual (DDI 0183), 3.3. Line control stays as it
 * is: QEMU has no baud rate, elsewhere firmware has set it, and a change of the FIFOs loses what
 * was typed so far.
 */
#include "bare/aarch64/a64.h"
#include "bare/arch.h"
#include "device/relax.h"

#define DATA 0x00u
#define FLAGS 0x18u
#define CONTROL 0x30u
#define INTERRUPTS 0x38u

#define FLAG_RECEIVE_EMPTY (1u << 4)
#define FLAG_TRANSMIT_FULL (1u << 5)
#define CONTROL_ON 0x301u /* UARTEN, TXE, RXE */

#define VIRT_UART UINT64_C(0x09000000) /* QEMU, hw/arm/virt.c: VIRT_UART */

/* Reads of the flags before a byte is given up: a port that never gets ready must not hang us. */
#define FLAG_READS 1000000u

static uint64_t uart = VIRT_UART;

static volatile uint32_t *at(uint32_t offset)
{
	return (volatile uint32_t *)(uintptr_t)(uart + offset);
}

void a64_console_init(uint64_t address)
{
	uart = address;
	if (uart == 0)
		return;
	*at(INTERRUPTS) = 0;
	*at(CONTROL) = CONTROL_ON;
}

void arch_console_put(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size && uart != 0; i++) {
		uint32_t reads = 0;

		while ((*at(FLAGS) & FLAG_TRANSMIT_FULL) != 0 && reads++ < FLAG_READS)
			relax_processor();
		*at(DATA) = (uint8_t)bytes[i];
	}
}

int arch_console_read(void)
{
	if (uart == 0 || (*at(FLAGS) & FLAG_RECEIVE_EMPTY) != 0)
		return -1;
	return (int)(*at(DATA) & 0xff);
}
