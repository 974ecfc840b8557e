/* SPDX-License-Identifier: MIT */
/*
 * registers.h - registers of devices in memory, each access one instruction.
 *
 * They are functions, so that a test can be the device.
 */
#ifndef A64_REGISTERS_H
#define A64_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read or write the register at (offset) of the registers at (base). What was stored to memory
 * before a write is there before it: the device may read it.
 */
uint32_t a64_read32(const volatile void *base, uint32_t offset);
uint64_t a64_read64(const volatile void *base, uint32_t offset);
void a64_write32(volatile void *base, uint32_t offset, uint32_t value);
void a64_write64(volatile void *base, uint32_t offset, uint64_t value);

/*
 * How long a device may take: a second. Another call of a64_is_late() with the same *start is true
 * once that has passed since the first one, with *start 0.
 */
bool a64_is_late(uint64_t *start);

/*
 * Wait until the bits (mask) of a register of 32 bits are (value). False: they are not for so
 * long.
 */
bool a64_wait32(const volatile void *base, uint32_t offset, uint32_t mask, uint32_t value);

#endif
