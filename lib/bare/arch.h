/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what an architecture provides to a program that has no operating system.
 *
 * Everything above this page is the same for all of them: newlib's system calls (lib/bare/newlib)
 * and the guest programs. Each architecture's start code brings the machine up, then calls
 * bare_main(). One processor, one thread; interrupts are on, and no call here may come from one.
 */
#ifndef ARCH_H
#define ARCH_H

#include <ivsh/pci.h>
#include <ivsh/platform.h>

#include <stddef.h>
#include <stdint.h>

/* --- Console: the first serial port ----------------------------------------------------------- */

/* Without a serial port: to QEMU's debug console and the screen (x86_64). Nothing is read then. */
void arch_console_write(const char *bytes, size_t size);

/* The next byte that came in, or -1 at once when there is none. */
int arch_console_read(void);

/* --- Time and waiting ------------------------------------------------------------------------- */

/* Nanoseconds since the start; never goes back. */
uint64_t arch_now_ns(void);

/* Between two looks of a spinning loop. */
void arch_relax(void);

/* Bells received since the start, modulo 2^32: doorbell interrupts, counted by their handler. */
uint32_t arch_doorbells(void);

/*
 * Halt the processor until arch_doorbells() differs from (seen) or arch_now_ns() reaches (deadline_ns).
 * Returns at once when either already holds. A deadline less than 20 us away is waited for
 * without halting: arming the timer would take as long.
 */
void arch_sleep(uint32_t seen, uint64_t deadline_ns);

/* --- Leaving ---------------------------------------------------------------------------------- */

/* What arch_exit() is given when the processor raised an exception. */
#define ARCH_EXIT_TRAP 100

/*
 * The status of a machine whose processor lacks something that we need (x86_64/check.S). It ends
 * before there is an arch_exit(): without an isa-debug-exit device it says so and halts.
 */
#define ARCH_EXIT_PROCESSOR 101

/*
 * End the machine. 0 powers it off: QEMU exits with 0. Any other (status), 1 to 127, goes to the
 * isa-debug-exit device at 0xf4 (x86_64): QEMU exits with (status << 1) | 1; what is out of range
 * counts as 127. Without that device it says so, a second later, and powers off. May be called
 * from an exception. A machine that cannot be switched off says so at its start, and is reset: that
 * ends QEMU with 0, but only with -no-reboot; without, the next start says so and halts.
 */
_Noreturn void arch_exit(int status);

/* --- What the machine was given --------------------------------------------------------------- */

/* The command line, without the image's name; NULL when it has 4096 bytes or more. */
const char *arch_command_line(void);

/*
 * The program's memory: from *start to before *end, mapped writable. The end moves down when a
 * mapping needs page tables, but never into what arch_heap_grow() has given.
 */
void arch_heap(char **start, char **end);

/* Give (increment) more bytes of it, or take some back. Answers where they start; NULL: no room. */
void *arch_heap_grow(ptrdiff_t increment);

/* A number that differs from one start to the next, as well as the machine can. */
uint64_t arch_nonce(void);

/* How the device room reaches this machine. Always the same struct. */
const struct ivsh_platform *arch_platform(void);

/*
 * The bus addresses that are left for devices when firmware assigned none: for ivsh_pci_assign().
 * A machine without PCI has empty windows.
 */
void arch_pci_windows(struct ivsh_pci_windows *windows);

/* --- What the architecture calls -------------------------------------------------------------- */

/* lib/bare/newlib/start.c: splits the command line, runs main(), exits with its answer. */
_Noreturn void bare_main(void);

#endif
