/* SPDX-License-Identifier: MIT */
/*
 * gicv2.c - GICv2: a distributor, and this processor's interface to it.
 *
 * All interrupts are in group 0, which is the IRQ, unless secure firmware keeps group 0 to itself:
 * then the registers of groups read 0, and bit 0 of both CTLR is group 1 (GICv2 4.3.1, 4.4.1).
 */
#include "bare/aarch64/controller.h"
#include "bare/aarch64/registers.h"
#include "bare/virt/virt.h"

#include <stddef.h>

/* The distributor: GICv2 table 4-1. With one bit, two bits or a byte for each INTID. */
#define GICD_CTLR 0x000u
#define GICD_TYPER 0x004u
#define GICD_IGROUPR 0x080u
#define GICD_ISENABLER 0x100u
#define GICD_ICENABLER 0x180u
#define GICD_ICPENDR 0x280u
#define GICD_ICACTIVER 0x380u
#define GICD_IPRIORITYR 0x400u
#define GICD_ITARGETSR 0x800u
#define GICD_ICFGR 0xc00u
#define GICD_SIZE 0x1000u

#define ICFGR_EDGE 2u /* of the two bits: GICv2 4.3.13 */

/* The interface: GICv2 table 4-2. */
#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u
#define GICC_BPR 0x08u
#define GICC_IAR 0x0cu
#define GICC_EOIR 0x10u
#define GICC_APR 0xd0u   /* four: the priorities that are active */
#define GICC_NSAPR 0xe0u /* four: group 1's */
#define GICC_SIZE 0x100u
#define GICC_INTID 0x3ffu /* of IAR; above it is the sender of an SGI */

static void *gicd, *gicc;
static uint32_t targets; /* a byte for each of four SPIs: this processor */

static void set_bit(uint32_t offset, uint32_t intid)
{
	a64_write32(gicd, offset + intid / 32 * 4, UINT32_C(1) << intid % 32);
}

static void disable(uint32_t intid)
{
	set_bit(GICD_ICENABLER, intid);
}

/* Of a PPI the trigger may be fixed, and ICFGR ignores the write (GICv2 4.3.13). */
static void enable(uint32_t intid, bool edge)
{
	uint32_t word = GICD_ICFGR + intid / 16 * 4, shift = intid % 16 * 2;
	uint32_t config = a64_read32(gicd, word);

	disable(intid);
	config = (config & ~(ICFGR_EDGE << shift)) | (edge ? ICFGR_EDGE : 0) << shift;
	a64_write32(gicd, word, config);
	set_bit(GICD_ICPENDR, intid);
	set_bit(GICD_ISENABLER, intid);
}

/* What the interrupt announces was stored before; it is read after the acknowledgement. */
static uint32_t acknowledge(void)
{
	uint32_t acknowledged = a64_read32(gicc, GICC_IAR);

	__asm__ volatile("dsb sy" : : : "memory");
	return acknowledged;
}

static void end(uint32_t acknowledged)
{
	a64_write32(gicc, GICC_EOIR, acknowledged);
}

/* The byte of this processor, in the registers that each has of its own. 0: it is the only one. */
static uint32_t target(void)
{
	uint32_t word = 0;

	for (uint32_t offset = 0; offset < A64_INTID_SPI && word == 0; offset += 4)
		word = a64_read32(gicd, GICD_ITARGETSR + offset);
	word |= word >> 16;
	return (word | word >> 8) & 0xff;
}

/* Nothing is enabled, pending or active. */
static void reset(void)
{
	uint32_t lines;

	a64_write32(gicd, GICD_CTLR, 0);
	a64_write32(gicc, GICC_CTLR, 0);
	lines = a64_gic_lines(a64_read32(gicd, GICD_TYPER));
	targets = target() * 0x01010101u;
	for (uint32_t intid = 0; intid < lines; intid += 32) {
		a64_write32(gicd, GICD_ICENABLER + intid / 8, UINT32_MAX);
		a64_write32(gicd, GICD_ICPENDR + intid / 8, UINT32_MAX);
		a64_write32(gicd, GICD_ICACTIVER + intid / 8, UINT32_MAX);
		a64_write32(gicd, GICD_IGROUPR + intid / 8, 0);
	}
	for (uint32_t intid = 0; intid < lines; intid += 4) {
		a64_write32(gicd, GICD_IPRIORITYR + intid, A64_PRIORITY * 0x01010101u);
		if (intid >= A64_INTID_SPI)
			a64_write32(gicd, GICD_ITARGETSR + intid, targets);
	}
	for (uint32_t i = 0; i < 16; i += 4) {
		a64_write32(gicc, GICC_APR + i, 0);
		a64_write32(gicc, GICC_NSAPR + i, 0);
	}
}

const struct a64_controller *a64_gicv2(const struct bare_dtb *dtb, uint32_t node)
{
	static const struct a64_controller controller = {
	    .enable = enable,
	    .disable = disable,
	    .acknowledge = acknowledge,
	    .intid = GICC_INTID,
	    .end = end,
	};
	struct bare_dtb_range distributor, interface;

	if (!bare_dtb_reg(dtb, node, 0, &distributor) || !bare_dtb_reg(dtb, node, 1, &interface))
		return NULL;
	gicd = virt_map(distributor.address, GICD_SIZE, IVSH_MAP_REGISTERS);
	gicc = virt_map(interface.address, GICC_SIZE, IVSH_MAP_REGISTERS);
	if (gicd == NULL || gicc == NULL)
		return NULL;
	reset();
	a64_write32(gicd, GICD_CTLR, 1);
	a64_write32(gicc, GICC_PMR, 0xff);
	a64_write32(gicc, GICC_BPR, 0);
	a64_write32(gicc, GICC_CTLR, 1);
	return &controller;
}
