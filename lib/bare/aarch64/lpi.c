/* SPDX-License-Identifier: MIT */
/*
 * lpi.c - LPIs, the interrupts that are messages: the tables of this processor's redistributor.
 *
 * The property table has a byte for each LPI, which the redistributor reads; the pending table has
 * a bit, which it writes as long as LPIs are enabled. Both are the redistributor's for ever. All
 * LPIs are enabled for ever, too: one that the ITS maps no event to never comes.
 */
#include "bare/aarch64/lpi.h"

#include "bare/aarch64/a64.h"
#include "bare/aarch64/controller.h"
#include "bare/aarch64/registers.h"

#include <stddef.h>

#define GICD_TYPER_LPIS (UINT32_C(1) << 17) /* GICv3 12.9.38 */
#define GICD_TYPER_ID_BITS(word) (((word) >> 19 & 31) + 1)
#define GICD_TYPER_LPI_BITS(word) (((word) >> 11 & 31) + 1) /* 1: as many as ID_BITS allow */

#define GICR_CTLR 0x0000u /* GICv3 12.11.2 */
#define CTLR_LPIS 0x1u
#define CTLR_PENDING 0x8u /* RWP */
#define GICR_TYPER 0x0008u
#define TYPER_LPIS UINT64_C(0x1) /* GICv3 12.11.35 */
#define TYPER_NUMBER(word) ((word) >> 8 & 0xffff)
#define GICR_PROPBASER 0x0070u
#define GICR_PENDBASER 0x0078u
#define CACHED (UINT64_C(7) << 7)          /* both: 9:7, normal, write-back */
#define PENDBASER_ZERO (UINT64_C(1) << 62) /* the table has no bit set */

#define ID_BITS 14u /* the fewest that LPIs can have: GICv3 5.1.1 */
#define PROPERTIES ((1u << ID_BITS) - A64_INTID_LPI)
#define PENDING_ALIGNMENT 0x10000u /* GICv3 12.11.32 */

#define PROPERTY_ENABLE 1u
#define PROPERTY_RES1 2u /* GICv3 5.1.1 */

#define GITS_TYPER_ADDRESS (UINT64_C(1) << 19) /* GICv3 12.19.10, PTA */

static uint8_t *redistributor;
static uint32_t gicd_typer;

void a64_lpi_place(void *base, uint32_t typer)
{
	redistributor = base;
	gicd_typer = typer;
}

/* A former owner's tables are no longer written to once LPIs are off (GICv3 5.1.2). */
static bool disable(void)
{
	uint32_t control = a64_read32(redistributor, GICR_CTLR);

	if ((control & CTLR_LPIS) == 0)
		return true;
	a64_write32(redistributor, GICR_CTLR, control & ~CTLR_LPIS);
	return a64_wait32(redistributor, GICR_CTLR, CTLR_LPIS | CTLR_PENDING, 0);
}

const char *a64_lpi_open(uint32_t *count)
{
	uint32_t lpi_bits = GICD_TYPER_LPI_BITS(gicd_typer);
	uint8_t *pending, *properties;

	if ((gicd_typer & GICD_TYPER_LPIS) == 0 || GICD_TYPER_ID_BITS(gicd_typer) < ID_BITS ||
	    (a64_read64(redistributor, GICR_TYPER) & TYPER_LPIS) == 0)
		return "its GICv3 has an ITS, but no LPIs";
	if (*count > PROPERTIES)
		*count = PROPERTIES;
	if (lpi_bits > 1 && lpi_bits < 31 && *count > 1u << lpi_bits)
		*count = 1u << lpi_bits;
	if (!disable())
		return "its GICv3 does not leave another program's LPI tables (reset the machine)";
	pending = a64_memory((1u << ID_BITS) / 8, PENDING_ALIGNMENT);
	properties = a64_memory(PROPERTIES, 0);
	if (pending == NULL || properties == NULL)
		return "there is no memory for the tables of its LPIs (QEMU's -m gives more)";
	for (uint32_t lpi = 0; lpi < PROPERTIES; lpi++)
		properties[lpi] = A64_PRIORITY | PROPERTY_RES1 | PROPERTY_ENABLE;
	a64_clean(properties, properties + PROPERTIES);
	a64_clean(pending, pending + (1u << ID_BITS) / 8);
	a64_write64(redistributor, GICR_PROPBASER,
	    (uintptr_t)properties | A64_GIC_SHAREABLE | CACHED | (ID_BITS - 1));
	a64_write64(redistributor, GICR_PENDBASER,
	    (uintptr_t)pending | A64_GIC_SHAREABLE | CACHED | PENDBASER_ZERO);
	a64_write32(redistributor, GICR_CTLR, a64_read32(redistributor, GICR_CTLR) | CTLR_LPIS);
	return NULL;
}

uint64_t a64_lpi_target(uint64_t gits_typer)
{
	if ((gits_typer & GITS_TYPER_ADDRESS) != 0)
		return (uintptr_t)redistributor;
	return TYPER_NUMBER(a64_read64(redistributor, GICR_TYPER)) << 16;
}
