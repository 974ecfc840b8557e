/* SPDX-License-Identifier: MIT */
/*
 * cap.h - what ivsh_zephyr uses of Zephyr's header of this name.
 */
#ifndef STUB_ZEPHYR_PCIE_CAP_H
#define STUB_ZEPHYR_PCIE_CAP_H

#define PCI_CAP_ID_MSIX 0x11u

#endif
