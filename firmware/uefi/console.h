/* SPDX-License-Identifier: MIT */
/*
 * console.h - output of text and input of one key, over the console protocols (UEFI Specification
 * 2.10, 12.3 and 12.4): arch_console_put() and arch_console_read().
 *
 * Text is UTF-8. A line feed becomes CR LF; a character may be split between two calls. What UCS-2
 * does not have, and control characters, print as '?'. Input is at its end always: keys only stop.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <efi.h>

#include <stdbool.h>

/* First, once. (system) is valid as long as the program runs. */
void console_open(EFI_SYSTEM_TABLE *system);

/*
 * True once ESC or Ctrl-C was typed, and from then on. Other keys are dropped. It polls the
 * firmware at most every 10 ms, so any loop may call it. On a serial terminal the firmware needs
 * two seconds to tell ESC from the start of a longer sequence; Ctrl-C arrives at once.
 */
bool console_stopped(void);

#endif
