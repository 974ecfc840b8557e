/* SPDX-License-Identifier: MIT */
/*
 * ranges.c - which addresses a PCI host bridge passes on to devices.
 *
 * PCI Bus Binding to IEEE Std 1275-1994, 2.2.1.1: an address of three cells, whose first one says
 * which space it is in.
 */
#include "bare/virt/ranges.h"

#define ADDRESS_CELLS 3u
#define SIZE_CELLS 2u
#define SPACE(first_cell) ((first_cell) >> 24 & 3)

bool virt_pci_range(const struct bare_dtb *dtb, uint32_t host, uint32_t index,
    enum virt_space *space, struct bare_dtb_range *range)
{
	uint32_t above = bare_dtb_number(dtb, bare_dtb_parent(dtb, host), "#address-cells", 2);
	uint32_t entry = ADDRESS_CELLS + above + SIZE_CELLS;
	struct bare_dtb_value ranges;

	bare_dtb_property(dtb, host, "ranges", &ranges);
	if (above < 1 || above > 2 || index >= ranges.size / 4 / entry)
		return false;
	index *= entry;
	*space = (enum virt_space)SPACE(bare_dtb_cell(&ranges, index));
	range->address = bare_dtb_cells(&ranges, index + ADDRESS_CELLS, above);
	range->size = bare_dtb_cells(&ranges, index + ADDRESS_CELLS + above, SIZE_CELLS);
	if (!bare_dtb_translate(dtb, host, range) ||
	    range->address != bare_dtb_cells(&ranges, index + 1, 2))
		range->size = 0;
	return true;
}
