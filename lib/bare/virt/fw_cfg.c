/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg.c - QEMU's fw_cfg device by registers in memory.
 */
#include "bare/virt/fw_cfg.h"

#include "device/order.h"

#include <stddef.h>

/* The DMA address register, big-endian. The write to the low half starts the operation. */
#define DMA_HIGH 4u /* in words: offset 16 */
#define DMA_LOW 5u

static volatile uint32_t *words;

/* QEMU reads the request from memory at the write to the low half. */
static void start(uint64_t address)
{
	order_registers();
	words[DMA_HIGH] = __builtin_bswap32((uint32_t)(address >> 32));
	words[DMA_LOW] = __builtin_bswap32((uint32_t)address);
}

const struct bare_fw_cfg *virt_fw_cfg(volatile void *registers)
{
	static const struct bare_fw_cfg in_memory = {start};
	uint64_t signature;

	words = registers;
	signature =
	    (uint64_t)__builtin_bswap32(words[DMA_HIGH]) << 32 | __builtin_bswap32(words[DMA_LOW]);
	return signature == BARE_FW_CFG_SIGNATURE ? &in_memory : NULL;
}
