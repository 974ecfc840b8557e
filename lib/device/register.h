/* SPDX-License-Identifier: MIT */
/*
 * register.h - the two registers of BAR0 that are used: IVPosition and the doorbell.
 */
#ifndef IVSH_DEVICE_REGISTER_H
#define IVSH_DEVICE_REGISTER_H

#include <ivsh/device.h>

#include "device/order.h"

#include <stdint.h>

#define ID_MAX 0xffffu /* ivshmem-spec: IDs and vectors have 16 bits */

/* This peer's ID. All ones: nothing decodes BAR0. */
static inline uint32_t register_position(const volatile uint32_t *registers)
{
	return registers[IVSH_REG_IVPOSITION / 4];
}

/* Ring vector (vector) of peer (peer), behind all earlier stores to memory. */
static inline void register_notify(volatile uint32_t *registers, uint32_t peer, uint32_t vector)
{
	if (peer > ID_MAX || vector > ID_MAX)
		return;
	order_registers();
	registers[IVSH_REG_DOORBELL / 4] = peer << 16 | vector;
}

#endif
