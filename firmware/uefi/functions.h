/* SPDX-License-Identifier: MIT */
/*
 * functions.h - the machine's PCI functions, by number: those for which firmware has a handle, and
 * the ivshmem functions that were plugged in since.
 */
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <efi.h>

#include <stdbool.h>
#include <stdint.h>

/* Collect the functions. A machine without any is no error. */
EFI_STATUS functions_open(EFI_BOOT_SERVICES *services);

/* Restore every COMMAND register that was written, and forget the functions. */
void functions_close(void);

/*
 * The (index)th function, in the order of their numbers, or -1. Index 0 looks for ivshmem functions
 * that were plugged in.
 */
int functions_list(uint32_t index, uint32_t *function);

/* As config_read and config_write of struct ivsh_platform. A function without a handle answers. */
uint32_t functions_read(uint32_t function, uint32_t offset);
void functions_write(uint32_t function, uint32_t offset, uint32_t value);

/* The (index)th function has been written to. False too if there are fewer. */
bool functions_is_touched(uint32_t index);

/* The pointer to (size) bytes at bus address (address), if they are in a BAR. Otherwise NULL. */
void *functions_locate(uint64_t address, uint64_t size);

#endif
