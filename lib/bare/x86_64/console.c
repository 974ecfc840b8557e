/* SPDX-License-Identifier: MIT */
/*
 * console.c - the first serial port; without one, what else shows text.
 *
 * On a machine without a serial port, QEMU's debug console and the screen, each if it is there,
 * show all output, and first a line that says why.
 */
#include "bare/arch.h"
#include "bare/x86_64/com1.h"
#include "bare/x86_64/x86.h"

#define DEBUG_CONSOLE 0xe9u /* QEMU, hw/char/debugcon.c: reads as its own number */

static bool has_serial, has_debug_console;

static const char no_serial_port[] = "console: no serial port at 0x3f8 (QEMU: -serial)\n";

void x86_console_init(void)
{
	has_serial = x86_com1_open();
	if (has_serial)
		return;
	has_debug_console = x86_in8(DEBUG_CONSOLE) == DEBUG_CONSOLE;
	arch_console_write(no_serial_port, sizeof(no_serial_port) - 1);
}

void x86_console_init_screen(void)
{
	if (!has_serial && x86_screen_init())
		x86_screen_write(no_serial_port, sizeof(no_serial_port) - 1);
}

void arch_console_put(const char *bytes, size_t size)
{
	if (has_serial) {
		x86_com1_write(bytes, size);
		return;
	}
	for (size_t i = 0; i < size && has_debug_console; i++)
		x86_out8(DEBUG_CONSOLE, (uint8_t)bytes[i]);
	x86_screen_write(bytes, size);
}

int arch_console_read(void)
{
	return has_serial ? x86_com1_read() : -1;
}
