/* SPDX-License-Identifier: MIT */
/*
 * program.c - the public names of what a program needs of its machine.
 */
#include <ivsh/bare.h>

#include "bare/arch.h"

const struct ivsh_platform *ivsh_bare_platform(void)
{
	return arch_platform();
}

void ivsh_bare_windows(struct ivsh_pci_windows *windows)
{
	arch_pci_windows(windows);
}
