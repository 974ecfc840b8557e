/* SPDX-License-Identifier: MIT */
/*
 * msi.h - what ivsh_zephyr uses of Zephyr's header of this name, with CONFIG_PCIE_MSI_MULTI_VECTOR.
 */
#ifndef STUB_ZEPHYR_PCIE_MSI_H
#define STUB_ZEPHYR_PCIE_MSI_H

#include <zephyr/drivers/pcie/pcie.h>

typedef struct msi_vector {
	void *words[8];
} msi_vector_t;

#define PCIE_MSIX_MCR 0u
#define PCIE_MSIX_MCR_EN 0x80000000u

uint8_t pcie_msi_vectors_allocate(
    pcie_bdf_t bdf, unsigned int priority, msi_vector_t *vectors, uint8_t n_vector);
bool pcie_msi_vector_connect(pcie_bdf_t bdf, msi_vector_t *vector,
    void (*routine)(const void *parameter), const void *parameter, uint32_t flags);
bool pcie_msi_enable(pcie_bdf_t bdf, msi_vector_t *vectors, uint8_t n_vector, unsigned int irq);

#endif
