/* SPDX-License-Identifier: MIT */
/*
 * local_apic.h - registers of the local APIC, and messages to it. For bare metal and UEFI.
 *
 * SDM 10. In xAPIC mode, as every machine starts, the registers are in memory. In x2APIC mode,
 * which firmware may have enabled and which only a reset leaves, they are MSRs. QEMU's TCG has no
 * x2APIC, so that half is untested. All functions are inline: an interrupt handler calls them, and
 * the file of the handler decides which registers of the processor they use.
 */
#ifndef X86_LOCAL_APIC_H
#define X86_LOCAL_APIC_H

#include "bare/x86_64/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X86_APIC_BASE_MSR 0x1bu                  /* SDM 10.4.4 */
#define X86_APIC_BASE_X2APIC (UINT64_C(1) << 10) /* SDM 10.12.1 */
#define X86_APIC_BASE_ENABLE (UINT64_C(1) << 11) /* SDM 10.4.4 */
#define X86_APIC_BASE_ADDRESS (~UINT64_C(0xfff)) /* the bits above MAXPHYADDR are 0 */
#define X86_APIC_SIZE 0x1000u

#define X86_APIC_ID 0x020u /* SDM table 10-1 */
#define X86_APIC_EOI 0x0b0u
#define X86_APIC_SPURIOUS 0x0f0u
#define X86_APIC_SPURIOUS_ENABLE 0x100u

#define X86_MSI_ADDRESS UINT32_C(0xfee00000) /* SDM 10.11.1: destination ID in 19:12 */
#define X86_MSI_ID_SHIFT 12
#define X86_MSI_ID_MAX 0xfeu /* 255 is all processors */

/* This processor's local APIC. */
struct x86_local_apic {
	volatile uint32_t *registers; /* NULL in x2APIC mode */
};

static inline uint32_t x86_local_apic_read(const struct x86_local_apic *apic, uint32_t offset)
{
	if (apic->registers != NULL)
		return apic->registers[offset / 4];
	return (uint32_t)x86_msr_read(0x800u + offset / 16); /* SDM 10.12.1.2 */
}

static inline void x86_local_apic_write(
    const struct x86_local_apic *apic, uint32_t offset, uint32_t value)
{
	if (apic->registers != NULL)
		apic->registers[offset / 4] = value;
	else
		x86_msr_write(0x800u + offset / 16, value); /* SDM 10.12.1.2 */
}

/* SDM figure 10-6: bits 31:24 in xAPIC mode, all 32 in x2APIC mode. */
static inline uint32_t x86_local_apic_id(const struct x86_local_apic *apic)
{
	uint32_t id = x86_local_apic_read(apic, X86_APIC_ID);

	return apic->registers != NULL ? id >> 24 : id;
}

/*
 * The message that raises interrupt (vector) on this processor: fixed delivery, edge (SDM 10.11.2).
 * False: its ID is above 254, which no message can name without interrupt remapping (SDM 10.12.9).
 */
static inline bool x86_local_apic_message(
    const struct x86_local_apic *apic, uint32_t vector, uint64_t *address, uint32_t *data)
{
	uint32_t id = x86_local_apic_id(apic);

	if (id > X86_MSI_ID_MAX)
		return false;
	*address = X86_MSI_ADDRESS | id << X86_MSI_ID_SHIFT;
	*data = vector;
	return true;
}

#endif
