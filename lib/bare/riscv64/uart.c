/* SPDX-License-Identifier: MIT */
/*
 * uart.c - the console: an NS16550, both ways, without interrupts.
 *
 * National Semiconductor PC16550D data sheet, section 8. On virt the registers are a byte apart.
 */
#include "bare/arch.h"
#include "bare/riscv64/riscv.h"
#include "device/relax.h"

#define DATA 0u
#define INTERRUPTS 1u
#define IDENTIFICATION 2u /* read: bits 7:6 are set where the FIFOs are on */
#define LINE 3u
#define STATUS 5u

#define STATUS_DATA_READY 0x01u
#define STATUS_TRANSMITTER_EMPTY 0x20u

#define FIFO_ON 0xc0u
#define FIFO_BYTES 16u

/* Reads of the status before bytes are given up: a port that never gets ready must not hang us. */
#define STATUS_READS 1000000u

static volatile uint8_t *uart;
static uint32_t room; /* bytes that an empty transmitter takes */

/*
 * The divisor stays as it is: QEMU has no baud rate, and firmware knows the clock. So do the FIFOs:
 * to turn them on clears them, and what was typed so far.
 */
void rv_uart_open(uint64_t address)
{
	uart = (volatile uint8_t *)(uintptr_t)address;
	if (uart == NULL)
		return;
	uart[INTERRUPTS] = 0x00;
	uart[LINE] = 0x03; /* 8 bits, no parity, 1 stop bit */
	room = (uart[IDENTIFICATION] & FIFO_ON) == FIFO_ON ? FIFO_BYTES : 1;
}

void arch_console_put(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size && uart != NULL; i++) {
		if (i % room == 0) {
			uint32_t reads = 0;

			while ((uart[STATUS] & STATUS_TRANSMITTER_EMPTY) == 0 &&
			       reads++ < STATUS_READS)
				relax_processor();
		}
		uart[DATA] = (uint8_t)bytes[i];
	}
}

int arch_console_read(void)
{
	return uart != NULL && uart[STATUS] & STATUS_DATA_READY ? uart[DATA] : -1;
}
