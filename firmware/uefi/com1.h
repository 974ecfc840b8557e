/* SPDX-License-Identifier: MIT */
/*
 * com1.h - the first serial port, by its registers: for a machine whose firmware has no console.
 */
#ifndef COM1_H
#define COM1_H

#include <stdbool.h>

/* Set it to 115200 baud, 8 bits, no parity. False: there is none. */
bool com1_open(void);

/* Send one byte; one that does not go out within a moment is lost. */
void com1_write(char byte);

#endif
