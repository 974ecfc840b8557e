/* SPDX-License-Identifier: MIT */
/*
 * lpi.h - LPIs, the interrupts that are messages: the tables of this processor's redistributor.
 *
 * "GICv3" is Arm's IHI 0069H.
 */
#ifndef A64_LPI_H
#define A64_LPI_H

#include <stdint.h>

/* Inner shareable: bits 11:10 of each register that points to memory. */
#define A64_GIC_SHAREABLE (UINT64_C(1) << 10)

/* gicv3.c: where the redistributor is, and the distributor's GICD_TYPER. */
void a64_lpi_place(void *redistributor, uint32_t gicd_typer);

/*
 * Bring up as many LPIs as there are, (*count) at most, and store how many. NULL; or why there are
 * none, as arch_no_interrupts() says it.
 */
const char *a64_lpi_open(uint32_t *count);

/* The redistributor as the commands of the ITS with this GITS_TYPER name it (GICv3 5.3.1). */
uint64_t a64_lpi_target(uint64_t gits_typer);

#endif
