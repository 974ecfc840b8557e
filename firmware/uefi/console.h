/* SPDX-License-Identifier: MIT */
/*
 * console.h - text out and one key in, over the console protocols (UEFI Specification 2.10, 12.3
 * and 12.4).
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <efi.h>

#include <stdbool.h>
#include <stddef.h>

/* First, once. (system) lives as long as the program. */
void console_open(EFI_SYSTEM_TABLE *system);

/*
 * Print (size) bytes of UTF-8. A line feed becomes CR LF; a character may be cut between two
 * calls. What UCS-2 does not have, and control characters, print as '?'.
 */
void console_write(const char *text, size_t size);

/*
 * True once ESC or Ctrl-C was typed, and from then on. Other keys are swallowed. Asks the
 * firmware at most every 10 ms, so it may be called in any loop. On a serial terminal the
 * firmware needs two seconds to tell ESC from the start of a longer sequence; Ctrl-C comes at
 * once.
 */
bool console_stopped(void);

#endif
