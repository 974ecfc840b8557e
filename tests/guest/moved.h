/* SPDX-License-Identifier: MIT */
/*
 * moved.h - a guest that prints its VM generation whenever it changes: what depends on the machine.
 */
#ifndef TESTS_GUEST_MOVED_H
#define TESTS_GUEST_MOVED_H

#include <stdint.h>

/*
 * Take the address of the GUID from QEMU, as if firmware had given none, and find the VM generation
 * again. NULL: the word is not in memory of this program.
 */
const uint64_t *moved_own_word(void);

#endif
