/* SPDX-License-Identifier: MIT */
/*
 * com1.h - the first serial port, by its registers. For bare metal, and for UEFI firmware without a
 * console.
 */
#ifndef X86_COM1_H
#define X86_COM1_H

#include <stdbool.h>
#include <stddef.h>

/* Set it to 115200 baud, 8 bits, no parity. False: there is none. */
bool x86_com1_open(void);

/* Send (size) bytes. If the port never gets ready, they are lost after a while. */
void x86_com1_write(const char *bytes, size_t size);

/* The next byte received, or -1 at once if there is none. */
int x86_com1_read(void);

#endif
