/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg.c - QEMU's fw_cfg device by I/O ports.
 */
#include "bare/x86_64/fw_cfg.h"

#include "bare/x86_64/cpu.h"

#include <stddef.h>

/* The DMA address register, big-endian. The write to the low half starts the operation. */
#define DMA_HIGH 0x514
#define DMA_LOW 0x518

static void start(uint64_t address)
{
	x86_out32(DMA_HIGH, __builtin_bswap32((uint32_t)(address >> 32)));
	x86_out32(DMA_LOW, __builtin_bswap32((uint32_t)address));
}

static const struct bare_fw_cfg ports = {start};

const struct bare_fw_cfg *x86_fw_cfg(void)
{
	uint64_t signature = (uint64_t)__builtin_bswap32(x86_in32(DMA_HIGH)) << 32 |
			     __builtin_bswap32(x86_in32(DMA_LOW));

	return signature == BARE_FW_CFG_SIGNATURE ? &ports : NULL;
}
