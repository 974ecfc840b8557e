/* SPDX-License-Identifier: MIT */
/*
 * qemu.h - QEMU's end by semihosting (Semihosting for AArch32 and AArch64, version 3), as this
 * project starts QEMU. For bare metal and UEFI.
 */
#ifndef A64_QEMU_H
#define A64_QEMU_H

#include <stdint.h>

#define A64_SYS_EXIT 0x18u                             /* 7.17 */
#define A64_STOPPED_APPLICATION_EXIT UINT64_C(0x20026) /* ADP_Stopped_ApplicationExit: table 11 */

/*
 * call.S. Its one instruction, 4 bytes at a64_semihosting_call, is undefined where nothing answers:
 * who handles that exception goes on behind it, with x0 = -1.
 */
int64_t a64_semihosting(uint64_t operation, const void *parameters);
extern const char a64_semihosting_call[];

/* What QEMU exits with for (status): 1 to 127, and 127 for all others. */
static inline uint64_t a64_exit_code(int status)
{
	return status > 0 && status < 128 ? (uint64_t)status : 127;
}

/* End QEMU with (status). Returns if QEMU has no semihosting. */
static inline void a64_qemu_exit(int status)
{
	const uint64_t parameters[2] = {A64_STOPPED_APPLICATION_EXIT, a64_exit_code(status)};

	a64_semihosting(A64_SYS_EXIT, parameters);
}

#endif
