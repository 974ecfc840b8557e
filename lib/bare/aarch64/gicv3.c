/* SPDX-License-Identifier: MIT */
/*
 * gicv3.c - GICv3: a distributor, this processor's redistributor, and its registers in the
 * processor.
 *
 * All interrupts are in group 1, which is the IRQ in either security state (GICv3 4.6).
 */
#include "bare/aarch64/controller.h"

#include "bare/aarch64/cpu.h"
#include "bare/aarch64/lpi.h"
#include "bare/aarch64/registers.h"
#include "bare/virt/virt.h"

#include <stddef.h>

/* The distributor: GICv3 12.9. With one bit, two bits or a byte for each INTID. */
#define GICD_CTLR 0x0000u
#define GICD_CTLR_GROUP1 0x2u /* 12.9.4: of the processor's security state, or of the only one */
#define GICD_CTLR_ARE 0x10u
#define GICD_CTLR_PENDING (UINT32_C(1) << 31) /* RWP: a change has not taken effect */
#define GICD_TYPER 0x0004u
#define GICD_IGROUPR 0x0080u
#define GICD_ISENABLER 0x0100u
#define GICD_ICENABLER 0x0180u
#define GICD_ICPENDR 0x0280u
#define GICD_ICACTIVER 0x0380u
#define GICD_IPRIORITYR 0x0400u
#define GICD_ICFGR 0x0c00u

#define ICFGR_EDGE 2u /* of the two bits: 12.9.9 */

/* A redistributor: 12.10. The registers of its second frame are as the distributor's. */
#define GICR_CTLR 0x0000u
#define GICR_CTLR_PENDING (UINT32_C(1) << 3) /* RWP */
#define GICR_TYPER 0x0008u
#define TYPER_VIRTUAL UINT64_C(0x2) /* 12.11.35: GICv4: two frames more */
#define TYPER_LAST UINT64_C(0x10)
#define GICR_WAKER 0x0014u
#define WAKER_SLEEP 0x2u /* 12.11.42 */
#define WAKER_ASLEEP 0x4u
#define FRAME 0x10000u

static void *gicd;
static uint8_t *redistributor;
static void *own; /* its second frame */

/* The registers of (intid), which has one of the first three kinds. */
static void *registers_of(uint32_t intid)
{
	return intid < A64_INTID_SPI ? own : gicd;
}

static void set_bit(uint32_t offset, uint32_t intid)
{
	a64_write32(registers_of(intid), offset + intid / 32 * 4, UINT32_C(1) << intid % 32);
}

/* An LPI has no such register. */
static void disable(uint32_t intid)
{
	if (intid >= A64_INTID_SPECIAL)
		return;
	set_bit(GICD_ICENABLER, intid);
	(void)a64_wait32(redistributor, GICR_CTLR, GICR_CTLR_PENDING, 0);
	(void)a64_wait32(gicd, GICD_CTLR, GICD_CTLR_PENDING, 0);
}

/* SPIs are nobody's here. Of a PPI the trigger may be fixed, and ICFGR ignores the write. */
static void enable(uint32_t intid, bool edge)
{
	uint32_t word = GICD_ICFGR + intid / 16 * 4, shift = intid % 16 * 2, config;

	if (intid >= A64_INTID_SPI)
		return;
	disable(intid);
	config = a64_read32(own, word);
	config = (config & ~(ICFGR_EDGE << shift)) | (edge ? ICFGR_EDGE : 0) << shift;
	a64_write32(own, word, config);
	set_bit(GICD_ICPENDR, intid);
	set_bit(GICD_ISENABLER, intid);
}

/* What the interrupt announces was stored before; it is read after the acknowledgement. */
static uint32_t acknowledge(void)
{
	uint32_t intid = (uint32_t)A64_READ("s3_0_c12_c12_0"); /* ICC_IAR1_EL1 */

	__asm__ volatile("dsb sy" : : : "memory");
	return intid;
}

static void end(uint32_t acknowledged)
{
	__asm__ volatile("dsb sy" : : : "memory");
	A64_WRITE("s3_0_c12_c12_1", acknowledged); /* ICC_EOIR1_EL1 */
	a64_isb();
}

/* Nothing of the distributor or the redistributor is enabled, pending or active. */
static void reset(void)
{
	uint32_t lines = a64_gic_lines(a64_read32(gicd, GICD_TYPER));

	a64_write32(gicd, GICD_CTLR, 0);
	(void)a64_wait32(gicd, GICD_CTLR, GICD_CTLR_PENDING, 0);
	for (uint32_t intid = 0; intid < lines; intid += 32) {
		void *registers = registers_of(intid);

		a64_write32(registers, GICD_ICENABLER + intid / 8, UINT32_MAX);
		a64_write32(registers, GICD_ICPENDR + intid / 8, UINT32_MAX);
		a64_write32(registers, GICD_ICACTIVER + intid / 8, UINT32_MAX);
		a64_write32(registers, GICD_IGROUPR + intid / 8, UINT32_MAX);
	}
	for (uint32_t intid = 0; intid < A64_INTID_SPI; intid += 4)
		a64_write32(own, GICD_IPRIORITYR + intid, A64_PRIORITY * 0x01010101u);
	(void)a64_wait32(redistributor, GICR_CTLR, GICR_CTLR_PENDING, 0);
	a64_write32(gicd, GICD_CTLR, GICD_CTLR_ARE);
	(void)a64_wait32(gicd, GICD_CTLR, GICD_CTLR_PENDING, 0);
	a64_write32(gicd, GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GROUP1);
	(void)a64_wait32(gicd, GICD_CTLR, GICD_CTLR_PENDING, 0);
}

/* The redistributor of this processor in one region of them. NULL: it is in another. */
static uint8_t *find_in(const struct bare_dtb_range *region, uint64_t stride)
{
	uint64_t affinity = A64_READ("mpidr_el1"), typer;
	uint8_t *base = virt_map(region->address, region->size, IVSH_MAP_REGISTERS);

	/* Affinity 3 is in 39:32 of MPIDR_EL1, and the others in 23:0; in GICR_TYPER in 63:32. */
	affinity = (affinity >> 32 & 0xff) << 24 | (affinity & 0xffffff);
	if (base == NULL)
		return NULL;
	for (uint64_t at = 0; region->size - at >= 2 * (uint64_t)FRAME;) {
		uint64_t step = stride;

		typer = a64_read64(base + at, GICR_TYPER);
		if (typer >> 32 == affinity)
			return base + at;
		if (step == 0)
			step = (typer & TYPER_VIRTUAL) != 0 ? 4 * FRAME : 2 * FRAME;
		if ((typer & TYPER_LAST) != 0 || step > region->size - at)
			break;
		at += step;
	}
	return NULL;
}

static uint8_t *find(const struct bare_dtb *dtb, uint32_t node)
{
	uint32_t count = bare_dtb_number(dtb, node, "#redistributor-regions", 1);
	struct bare_dtb_value value;
	struct bare_dtb_range region;
	uint64_t stride = 0;
	uint8_t *found = NULL;

	if (bare_dtb_property(dtb, node, "redistributor-stride", &value))
		stride = bare_dtb_cells(&value, 0, value.size / 4 < 2 ? value.size / 4 : 2);
	for (uint32_t i = 0; i < count && found == NULL; i++) {
		if (!bare_dtb_reg(dtb, node, 1 + i, &region))
			break;
		found = find_in(&region, stride);
	}
	return found;
}

/* The processor's interface. False: it has none, or a hypervisor keeps it to itself. */
static bool open_interface(void)
{
	uint64_t control;
	uint32_t bits;

	if ((A64_READ("id_aa64pfr0_el1") >> 24 & 15) == 0) /* GIC: ARM D17.2.68 */
		return false;
	A64_WRITE("s3_0_c12_c12_5", A64_READ("s3_0_c12_c12_5") | 1); /* ICC_SRE_EL1 */
	a64_isb();
	if ((A64_READ("s3_0_c12_c12_5") & 1) == 0)
		return false;
	A64_WRITE("s3_0_c12_c12_7", 0);  /* ICC_IGRPEN1_EL1 */
	A64_WRITE("s3_0_c12_c12_4", 0);  /* ICC_CTLR_EL1: the end of an interrupt is one write */
	A64_WRITE("s3_0_c12_c12_3", 0);  /* ICC_BPR1_EL1 */
	A64_WRITE("s3_0_c4_c6_0", 0xff); /* ICC_PMR_EL1 */
	/* ICC_AP1Rn_EL1, the priorities that are active: as many as there are bits for. */
	control = A64_READ("s3_0_c12_c12_4");
	bits = (uint32_t)(control >> 8 & 7) + 1;
	A64_WRITE("s3_0_c12_c9_0", 0);
	if (bits > 5)
		A64_WRITE("s3_0_c12_c9_1", 0);
	if (bits > 6) {
		A64_WRITE("s3_0_c12_c9_2", 0);
		A64_WRITE("s3_0_c12_c9_3", 0);
	}
	A64_WRITE("s3_0_c12_c12_7", 1);
	a64_isb();
	return true;
}

const struct a64_controller *a64_gicv3(const struct bare_dtb *dtb, uint32_t node)
{
	static const struct a64_controller controller = {
	    .enable = enable,
	    .disable = disable,
	    .acknowledge = acknowledge,
	    .intid = 0xffffff, /* ICC_IAR1_EL1: GICv3 12.2.14 */
	    .end = end,
	};
	struct bare_dtb_range distributor;
	uint32_t waker;

	if (!bare_dtb_reg(dtb, node, 0, &distributor))
		return NULL;
	gicd = virt_map(distributor.address, FRAME, IVSH_MAP_REGISTERS);
	redistributor = find(dtb, node);
	if (gicd == NULL || redistributor == NULL)
		return NULL;
	own = redistributor + FRAME;
	waker = a64_read32(redistributor, GICR_WAKER);
	a64_write32(redistributor, GICR_WAKER, waker & ~WAKER_SLEEP);
	if (!a64_wait32(redistributor, GICR_WAKER, WAKER_ASLEEP, 0))
		return NULL;
	reset();
	if (!open_interface())
		return NULL;
	a64_lpi_place(redistributor, a64_read32(gicd, GICD_TYPER));
	return &controller;
}
