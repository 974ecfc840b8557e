/* SPDX-License-Identifier: MIT */
/*
 * imsic.c - doorbell interrupts: the S-mode interrupt file of this processor (AIA 3).
 *
 * A message is a store of a number, the interrupt's identity, to the file's page. The number
 * becomes pending in the file; there is no other acknowledgement than to claim it.
 */
#include "bare/arch.h"
#include "bare/riscv64/riscv.h"
#include "bare/virt/virt.h"

#define EIDELIVERY 0x70 /* AIA 3.8 */
#define EITHRESHOLD 0x72
#define EIP0 0x80
#define EIE0 0xc0

#define PAGE_SHIFT 12u
/* Identities 1 to 63 are in one register; every file has them (AIA 3.1). */
#define IDENTITIES 63u
/* Claims in one interrupt: what is pending beyond raises the next. */
#define CLAIMS_MAX 64u

static uint64_t file; /* the address of the page; 0: none */
static volatile uint32_t doorbells;

static void set(uint32_t reg, uint64_t value)
{
	__asm__ volatile(
	    "csrw " RV_TEXT(RV_CSR_SISELECT) ", %0\n\tcsrw " RV_TEXT(RV_CSR_SIREG) ", %1"
	    :
	    : "r"((uint64_t)reg), "r"(value)
	    : "memory");
}

/* The processor whose interrupts the node of phandle (controller) is about. -1: there is none. */
static int64_t hart_of(uint32_t controller)
{
	const struct bare_dtb *dtb = virt_dtb();
	uint32_t node = bare_dtb_phandle(dtb, controller);
	struct bare_dtb_value reg;

	if (node == 0 || !bare_dtb_property(dtb, bare_dtb_parent(dtb, node), "reg", &reg))
		return -1;
	return (int64_t)bare_dtb_cells(&reg, 0, reg.size / 4 < 2 ? reg.size / 4 : 2);
}

/*
 * The page of this processor's file in the IMSIC (node), if that is S-mode's. Its files stand in
 * the order of interrupts-extended, which has two cells for each.
 */
static uint64_t file_in(uint32_t node)
{
	const struct bare_dtb *dtb = virt_dtb();
	uint32_t guests = bare_dtb_number(dtb, node, "riscv,guest-index-bits", 0), regs = 0;
	struct bare_dtb_value parents;
	struct bare_dtb_range range;
	uint64_t offset;

	bare_dtb_property(dtb, node, "interrupts-extended", &parents);
	for (uint32_t i = 0; i < parents.size / 8; i++) {
		if (bare_dtb_cell(&parents, 2 * i + 1) != RV_INTERRUPT_EXTERNAL)
			return 0;
		if (hart_of(bare_dtb_cell(&parents, 2 * i)) != (int64_t)rv_hart)
			continue;
		/* One range for each group of processors. */
		offset = (uint64_t)i << (PAGE_SHIFT + guests % 32);
		while (bare_dtb_reg(dtb, node, regs, &range)) {
			if (offset < range.size)
				return range.address + offset;
			offset -= range.size;
			regs++;
		}
	}
	return 0;
}

void rv_imsic_init(void)
{
	const struct bare_dtb *dtb = virt_dtb();
	uint32_t node = 0;

	while (file == 0 && (node = bare_dtb_compatible(dtb, node, "riscv,imsics")) != 0)
		file = file_in(node);
	if (file == 0)
		return;
	set(EITHRESHOLD, 0);
	set(EIP0, 0);
	set(EIE0, 0);
	set(EIDELIVERY, 1);
	rv_set(sie, UINT64_C(1) << RV_INTERRUPT_EXTERNAL);
}

/* The fence: what the peer stored before its doorbell is loaded behind the claim. */
void rv_imsic_interrupt(void)
{
	uint64_t claimed;

	for (uint32_t i = 0; i < CLAIMS_MAX; i++) {
		__asm__ volatile("csrrw %0, " RV_TEXT(RV_CSR_STOPEI) ", zero"
				 : "=r"(claimed)
				 :
				 : "memory");
		if (claimed == 0)
			return;
		__asm__ volatile("fence i, r" : : : "memory");
		doorbells = doorbells + 1;
	}
}

uint32_t arch_doorbells(void)
{
	return doorbells;
}

bool virt_has_msi(void)
{
	return file != 0;
}

const char *arch_no_interrupts(void)
{
	return file != 0
		   ? NULL
		   : "this machine has no IMSIC for their messages: QEMU's -M virt,aia=aplic-imsic"
		     " has one";
}

/*
 * A notification carries no data, so vectors are not told apart: indexes that differ by the number
 * of identities share one.
 */
int virt_msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx, (void)function;
	if (file == 0)
		return -1;
	set(EIE0, UINT64_MAX - 1);
	*address = file;
	*data = 1 + index % IDENTITIES;
	return 0;
}

/* The identities stay on: others may share one, and a late interrupt only ends one sleep early. */
void virt_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index;
}
