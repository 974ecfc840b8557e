/* SPDX-License-Identifier: MIT */
/*
 * bare.c - conformance.elf: does the bare-metal platform keep its contract on this machine?
 */
#include "arch/memtype.h"
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "conformance/program.h"

#include <ivsh/pci.h>

#include <stdio.h>

const char bare_name[] = "conformance";

int main(int argc, char **argv)
{
	struct ivsh_pci_windows windows;

	printf("conformance: bare-metal " ARCH_NAME "\n");
	arch_pci_windows(&windows);
	if (ivsh_pci_assign(arch_platform(), &windows) != 0)
		fprintf(stderr, "conformance: a PCI device has no address\n");
	return program_guest(argc, argv, arch_platform(), memtype_sure);
}
