/* SPDX-License-Identifier: MIT */
/*
 * console.c - the first serial port, both ways, without interrupts; without one, whatever else shows text.
 *
 * National Semiconductor PC16550D data sheet, section 8. Where there is no serial port, QEMU's debug
 * console and the screen have everything, each if it is there, and say first why they do.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#define COM1 0x3f8u
#define DATA (COM1 + 0u)
#define INTERRUPTS (COM1 + 1u)
#define FIFO (COM1 + 2u)
#define LINE (COM1 + 3u)
#define MODEM (COM1 + 4u)
#define STATUS (COM1 + 5u)
#define SCRATCH (COM1 + 7u)

#define STATUS_DATA_READY 0x01u
#define STATUS_TRANSMITTER_EMPTY 0x20u

#define FIFO_BYTES 16u

#define DEBUG_CONSOLE 0xe9u /* QEMU, hw/char/debugcon.c: reads as its own number */

/* Looks at the status before a byte is given up: a port that never gets ready mustn't hang us. */
#define PATIENCE 1000000u

static bool present, debug_console;

static const char no_serial_port[] = "console: no serial port at 0x3f8 (QEMU: -serial)\n";

void x86_console_init(void)
{
	x86_out8(SCRATCH, 0x5a);
	present = x86_in8(SCRATCH) == 0x5a;
	if (!present) {
		debug_console = x86_in8(DEBUG_CONSOLE) == DEBUG_CONSOLE;
		arch_console_write(no_serial_port, sizeof no_serial_port - 1);
		return;
	}
	x86_out8(INTERRUPTS, 0x00);
	x86_out8(LINE, 0x80); /* the divisor: 1 is 115200 baud */
	x86_out8(DATA, 1);
	x86_out8(INTERRUPTS, 0);
	x86_out8(LINE, 0x03);  /* 8 bits, no parity, 1 stop bit */
	x86_out8(FIFO, 0x01);  /* on; not cleared: what was typed so far stays */
	x86_out8(MODEM, 0x03); /* DTR, RTS */
}

void x86_console_init_screen(void)
{
	if (!present && x86_screen_init())
		x86_screen_write(no_serial_port, sizeof no_serial_port - 1);
}

void arch_console_write(const char *bytes, size_t size)
{
	if (!present) {
		for (size_t i = 0; i < size && debug_console; i++)
			x86_out8(DEBUG_CONSOLE, (uint8_t)bytes[i]);
		x86_screen_write(bytes, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		/* An empty transmitter has room for a whole FIFO. */
		if (i % FIFO_BYTES == 0) {
			uint32_t looks = 0;

			while (!(x86_in8(STATUS) & STATUS_TRANSMITTER_EMPTY) && looks++ < PATIENCE)
				x86_pause();
		}
		x86_out8(DATA, (uint8_t)bytes[i]);
	}
}

int arch_console_read(void)
{
	if (!present || !(x86_in8(STATUS) & STATUS_DATA_READY))
		return -1;
	return x86_in8(DATA);
}
