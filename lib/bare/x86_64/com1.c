/* SPDX-License-Identifier: MIT */
/*
 * com1.c - the first serial port, both ways, without interrupts.
 *
 * National Semiconductor PC16550D data sheet, section 8.
 */
#include "bare/x86_64/com1.h"

#include "bare/x86_64/cpu.h"
#include "device/relax.h"

#define COM1 0x3f8u
#define DATA (COM1 + 0u)
#define INTERRUPTS (COM1 + 1u)
#define IDENTIFICATION (COM1 + 2u) /* read: bits 7:6 are set where the FIFOs are on */
#define LINE (COM1 + 3u)
#define MODEM (COM1 + 4u)
#define STATUS (COM1 + 5u)
#define SCRATCH (COM1 + 7u)
#define SCRATCH_VALUE 0x5au

#define STATUS_DATA_READY 0x01u
#define STATUS_TRANSMITTER_EMPTY 0x20u

#define FIFO_ON 0xc0u
#define FIFO_BYTES 16u

/* Reads of the status before bytes are given up: a port that never gets ready must not hang us. */
#define STATUS_READS 1000000u

static uint32_t room = 1; /* bytes that an empty transmitter takes */

/* The FIFOs stay as they are: to turn them on clears them, and what was typed so far. */
bool x86_com1_open(void)
{
	x86_out8(SCRATCH, SCRATCH_VALUE);
	if (x86_in8(SCRATCH) != SCRATCH_VALUE)
		return false;
	x86_out8(INTERRUPTS, 0x00);
	x86_out8(LINE, 0x80); /* access to the divisor: 1 is 115200 baud */
	x86_out8(DATA, 1);
	x86_out8(INTERRUPTS, 0);
	x86_out8(LINE, 0x03);  /* 8 bits, no parity, 1 stop bit */
	x86_out8(MODEM, 0x03); /* DTR, RTS */
	room = (x86_in8(IDENTIFICATION) & FIFO_ON) == FIFO_ON ? FIFO_BYTES : 1;
	return true;
}

void x86_com1_write(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (i % room == 0) {
			uint32_t reads = 0;

			while ((x86_in8(STATUS) & STATUS_TRANSMITTER_EMPTY) == 0 &&
			       reads++ < STATUS_READS)
				relax_processor();
		}
		x86_out8(DATA, (uint8_t)bytes[i]);
	}
}

int x86_com1_read(void)
{
	return x86_in8(STATUS) & STATUS_DATA_READY ? x86_in8(DATA) : -1;
}
