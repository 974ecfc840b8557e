/* SPDX-License-Identifier: MIT */
/*
 * ranges.h - which addresses a PCI host bridge passes on to devices.
 */
#ifndef VIRT_RANGES_H
#define VIRT_RANGES_H

#include "bare/dtb.h"

#include <stdbool.h>
#include <stdint.h>

enum virt_space {
	VIRT_CONFIGURATION,
	VIRT_PORTS,
	VIRT_MEMORY_32,
	VIRT_MEMORY_64,
};

/*
 * The (index)th range of the host bridge (host), by the processor's addresses. Its size is 0 where
 * devices have other addresses than the processor. False: there are no more.
 */
bool virt_pci_range(const struct bare_dtb *dtb, uint32_t host, uint32_t index,
    enum virt_space *space, struct bare_dtb_range *range);

#endif
