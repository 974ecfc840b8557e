/* SPDX-License-Identifier: MIT */
/*
 * screen.c - the text screen of a VGA card, for a machine that has no serial port.
 *
 * Firmware has set text mode: IBM VGA Technical Reference, 80 columns and 25 lines at 0xb8000, a
 * character and its colours in each 16 bits. Without a card that memory keeps no value.
 */
#include "bare/x86_64/x86.h"

#define SCREEN UINT64_C(0xb8000)
#define COLUMNS 80u
#define LINES 25u
#define COLOURS 0x0700u /* light grey on black */
#define BLANK (COLOURS | ' ')
#define PROBE 0x0755u

static volatile uint16_t *screen; /* NULL: none */
static uint32_t column, line;

bool x86_screen_init(void)
{
	uint16_t before;
	bool there;

	screen = x86_map(SCREEN, sizeof(*screen) * COLUMNS * LINES, IVSH_MAP_REGISTERS);
	if (screen == NULL)
		return false;
	before = screen[0];
	screen[0] = PROBE;
	there = screen[0] == PROBE;
	screen[0] = (uint16_t)~PROBE;
	there = there && screen[0] == (uint16_t)~PROBE;
	screen[0] = before;
	if (!there) {
		screen = NULL;
		return false;
	}
	for (uint32_t i = 0; i < COLUMNS * LINES; i++)
		screen[i] = BLANK;
	return true;
}

static void next_line(void)
{
	column = 0;
	if (++line < LINES)
		return;
	line = LINES - 1;
	for (uint32_t i = 0; i < COLUMNS * line; i++)
		screen[i] = screen[i + COLUMNS];
	for (uint32_t i = 0; i < COLUMNS; i++)
		screen[COLUMNS * line + i] = BLANK;
}

void x86_screen_write(const char *bytes, size_t size)
{
	if (screen == NULL)
		return;
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n' || column == COLUMNS)
			next_line();
		if (bytes[i] == '\r')
			column = 0;
		else if (bytes[i] != '\n')
			screen[COLUMNS * line + column++] = (uint8_t)bytes[i] | COLOURS;
	}
}
