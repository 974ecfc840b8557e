/* SPDX-License-Identifier: MIT */
/*
 * com1.c - the first serial port, by its registers.
 */
#include "uefi/com1.h"

#include <stdint.h>

/* National Semiconductor PC16550D data sheet, table II. */
#define DATA 0x3f8
#define DIVISOR_LOW 0x3f8
#define ENABLE 0x3f9
#define DIVISOR_HIGH 0x3f9
#define FIFO 0x3fa
#define FIFO_FRESH 0x07
#define LINE 0x3fb
#define LINE_8N1 0x03
#define LINE_DIVISOR 0x80
#define MODEM 0x3fc
#define MODEM_READY 0x03 /* DTR, RTS */
#define STATUS 0x3fd
#define STATUS_EMPTY 0x20
#define SCRATCH 0x3ff
#define SCRATCH_VALUE 0x5a

/* A byte takes 87 us at 115200 baud, a read of the status at least a bus cycle of 1 us. */
#define TRIES 10000u

static void out(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

bool com1_open(void)
{
	out(SCRATCH, SCRATCH_VALUE);
	if (in(SCRATCH) != SCRATCH_VALUE)
		return false;
	out(ENABLE, 0);
	out(LINE, LINE_DIVISOR);
	out(DIVISOR_LOW, 1);
	out(DIVISOR_HIGH, 0);
	out(LINE, LINE_8N1);
	out(FIFO, FIFO_FRESH);
	out(MODEM, MODEM_READY);
	return true;
}

void com1_write(char byte)
{
	for (unsigned i = 0; i < TRIES && (in(STATUS)&STATUS_EMPTY) == 0; i++)
		;
	out(DATA, (uint8_t)byte);
}
