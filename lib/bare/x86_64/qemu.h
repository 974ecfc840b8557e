/* SPDX-License-Identifier: MIT */
/*
 * qemu.h - QEMU's isa-debug-exit device, as this project starts QEMU. For bare metal and UEFI.
 */
#ifndef X86_QEMU_H
#define X86_QEMU_H

#include "bare/x86_64/cpu.h"

#define X86_DEBUG_EXIT 0xf4 /* its I/O port: isa-debug-exit,iobase=0xf4 */

/*
 * End QEMU with (status << 1) | 1 (QEMU, hw/misc/debugexit.c), of which only 8 bits remain: a
 * status that is not from 0 to 127 counts as 127. QEMU 10 ends some time after this call returns;
 * without the device nothing happens.
 */
static inline void x86_debug_exit(int status)
{
	x86_out8(X86_DEBUG_EXIT, status >= 0 && status < 128 ? (uint8_t)status : 127);
}

#endif
