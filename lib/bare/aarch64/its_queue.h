/* SPDX-License-Identifier: MIT */
/*
 * its_queue.h - the command queue of an ITS (GICv3 5.3).
 */
#ifndef A64_ITS_QUEUE_H
#define A64_ITS_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* The commands: GICv3 5.3, the low byte of word 0. */
#define A64_ITS_SYNC 0x05u
#define A64_ITS_MAPD 0x08u
#define A64_ITS_MAPC 0x09u
#define A64_ITS_MAPTI 0x0au
#define A64_ITS_INVALL 0x0du
#define A64_ITS_DISCARD 0x0fu

#define A64_ITS_VALID (UINT64_C(1) << 63)

/*
 * Set the queue of the ITS at (registers) up, empty. The ITS is off. False: there is no memory.
 */
bool a64_its_queue_open(void *registers);

/* Put a command in the queue; word 3 of a command is always 0. If it is full, wait for the ITS. */
void a64_its_post(uint32_t command, uint32_t device, uint64_t word1, uint64_t word2);

/*
 * Let the ITS take what was posted, and wait until it has. False: it does not, now or ever before;
 * the first time a line says so.
 */
bool a64_its_finish(void);

#endif
