/* SPDX-License-Identifier: MIT */
/*
 * check.c - report the features that the processor lacks, before any of them is used.
 *
 * AArch64 itself and all that is in Armv8.0 is there, but for what Armv8.0 leaves out: ARM D17.2.
 */
#include "bare/aarch64/a64.h"
#include "bare/arch.h"

/* What the processor lacks; NULL: nothing. */
static const char *lack(void)
{
	uint64_t pfr0 = A64_READ("id_aa64pfr0_el1"), mmfr0 = A64_READ("id_aa64mmfr0_el1");

	if ((pfr0 >> 16 & 15) == 15)
		return "floating point";
	if ((pfr0 >> 20 & 15) == 15)
		return "Advanced SIMD";
	if ((mmfr0 >> 28 & 15) == 15)
		return "pages of 4 KiB";
	return NULL;
}

void a64_check(uint32_t level)
{
	const char *name = lack();

	if (level > 2) {
		a64_print("start: at EL3: this image starts at EL1 or EL2: QEMU's virt without"
			  " secure=on\n");
	} else if (name != NULL) {
		a64_print("start: the processor lacks ");
		a64_print(name);
		a64_print(": choose another with QEMU's -cpu\n");
	} else {
		return;
	}
	arch_exit(ARCH_EXIT_PROCESSOR);
}
