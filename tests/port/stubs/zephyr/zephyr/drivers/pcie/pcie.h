/* SPDX-License-Identifier: MIT */
/*
 * pcie.h - what ivsh_zephyr uses of Zephyr's header of this name. A register is named by the number
 * of its word in configuration space.
 */
#ifndef STUB_ZEPHYR_PCIE_H
#define STUB_ZEPHYR_PCIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t pcie_bdf_t;
typedef uint32_t pcie_id_t;

#define PCIE_ID(vendor, device) ((pcie_id_t)((vendor) | (uint32_t)(device) << 16))
#define PCIE_BDF_NONE 0xffffffffu

#define PCIE_CONF_ID 0u
#define PCIE_CONF_CMDSTAT_MEM 0x2u
#define PCIE_CONF_CMDSTAT_MASTER 0x4u
#define PCIE_CONF_CLASSREV 2u
#define PCIE_CONF_CLASSREV_REV(word) ((word)&0xffu)

struct pcie_bar {
	uintptr_t phys_addr;
	size_t size;
};

typedef bool (*pcie_scan_cb_t)(pcie_bdf_t bdf, pcie_id_t id, void *cb_data);

#define PCIE_SCAN_RECURSIVE 0x1u

struct pcie_scan_opt {
	uint8_t bus;
	pcie_scan_cb_t cb;
	void *cb_data;
	uint32_t flags;
};

int pcie_scan(const struct pcie_scan_opt *opt);
uint32_t pcie_conf_read(pcie_bdf_t bdf, unsigned int reg);
void pcie_conf_write(pcie_bdf_t bdf, unsigned int reg, uint32_t data);
void pcie_set_cmd(pcie_bdf_t bdf, uint32_t bits, bool on);
bool pcie_get_mbar(pcie_bdf_t bdf, unsigned int bar_index, struct pcie_bar *mbar);
uint32_t pcie_get_cap(pcie_bdf_t bdf, uint32_t cap_id);

#endif
