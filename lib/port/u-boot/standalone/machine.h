/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what the program for U-Boot's `go` knows of each machine: pc.c is QEMU's pc, virt.c
 * its virt of riscv64.
 */
#ifndef PORT_MACHINE_H
#define PORT_MACHINE_H

#include <ivsh/ivsh.h>

/* Configuration space and clock; the rest is the same on all machines. */
extern struct ivsh_platform machine;

/* Before anything else: what U-Boot leaves off, and the library was compiled for. */
void machine_begin(void);

/* A register of the serial line's 16550, by its number. */
uint8_t machine_uart_read(uint32_t number);
void machine_uart_write(uint32_t number, uint8_t value);

#endif
