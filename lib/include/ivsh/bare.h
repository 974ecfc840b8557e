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

#include <stddef.h>

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

/*
 * From now on give everything that is printed to (sink), too, before it goes to the console: by
 * stdio and by ivsh_bare_write(), assert()'s line, and the report of an exception, after which the
 * machine ends. NULL: no more. The sink is called with (ctx), also between any two instructions of
 * the program. So it must neither wait nor allocate. What the sink prints itself, and the report of
 * an exception that it raises, go to the console alone: it is never entered twice.
 */
void ivsh_bare_tee(void (*sink)(void *ctx, const char *bytes, size_t size), void *ctx);

/*
 * From now on everything that is printed goes to the log of (node)'s slot, too (ivsh/log.h): what
 * the program printed, and what exception ended it, can be read when it is dead. It is the sink of
 * ivsh_bare_tee(). NULL: no more; before ivsh_node_close(). Errors as ivsh_node_log(): the program
 * goes on without.
 */
struct ivsh_node;
int ivsh_bare_log(struct ivsh_node *node);

/* --- Without newlib --------------------------------------------------------------------------- */

/*
 * A program that has no C library, or another one, is linked without newlib. It defines bare_main()
 * in place of main(), and memcpy(), memmove(), memset() and memcmp(). The start code calls it, and
 * it does not return.
 */
__attribute__((__noreturn__)) void bare_main(void);

/* The machine's command line, without the image's name; NULL: it has 4096 bytes or more. */
const char *ivsh_bare_command_line(void);

/* The console: the first serial port. */
void ivsh_bare_write(const char *bytes, size_t size);

/* End the machine with (status), as exit() does: 0, or 1 to 127 for QEMU's status. */
__attribute__((__noreturn__)) void ivsh_bare_exit(int status);

#ifdef __cplusplus
}
#endif
#endif
