/* SPDX-License-Identifier: MIT */
/*
 * bare.h - what a program on libivsh-bare.a calls: its machine, as a platform of the library.
 *
 * libivsh-bare.a starts a machine without an operating system and calls main(). Everything else a
 * program has through newlib: main()'s arguments are the machine's command line, stdio is the
 * console, malloc() has the machine's memory, and exit() ends the machine with a status for QEMU.
 * One processor, one thread; interrupts are on, and no interrupt handler is the program's.
 *
 * Names that begin with arch_, bare_, x86_, a64_, rv_, virt_ or image_ are the archive's own.
 * ivsh.h does not include this header.
 */
#ifndef IVSH_BARE_H
#define IVSH_BARE_H

#include <ivsh/pci.h>
#include <ivsh/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/* This machine, for ivsh_device_open_any() and its like. Always the same struct. */
const struct ivsh_platform *ivsh_bare_platform(void);

/*
 * The bus addresses that the machine has for devices, for ivsh_pci_assign() and
 * ivsh_pci_assign_added(). A program calls ivsh_pci_assign() before it opens a device: microvm and
 * virt have no firmware that assigns addresses, and what has one keeps it. A machine without PCI
 * has empty windows.
 */
void ivsh_bare_windows(struct ivsh_pci_windows *windows);

#ifdef __cplusplus
}
#endif
#endif
