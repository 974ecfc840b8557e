/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what an architecture provides to a program without an operating system.
 *
 * newlib's system calls (lib/bare/newlib) and the programs above them are the same source on every
 * architecture. UEFI (firmware/uefi) provides the first part of this header too; the second part is
 * bare metal's alone. One processor, one thread; interrupts are on, and no interrupt handler may
 * call anything here.
 */
#ifndef ARCH_H
#define ARCH_H

#include <ivsh/pci.h>
#include <ivsh/platform.h>

#include <stddef.h>
#include <stdint.h>

/* The architecture's name, as uname -m prints it. */
#if defined(__x86_64__)
#define ARCH_NAME "x86_64"
#elif defined(__aarch64__)
#define ARCH_NAME "aarch64"
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH_NAME "riscv64"
#else
#error "lib/bare has no folder for this architecture"
#endif

/* --- Console ---------------------------------------------------------------------------------- */

/*
 * Print (size) bytes: to the sink of arch_console_tee(), then to the console. Everything that is
 * printed goes this way, newlib's output and the report of an exception too.
 */
void arch_console_write(const char *bytes, size_t size);

/*
 * From now on give what is printed to (sink) as well; NULL: no more. The sink is called with (ctx)
 * wherever something is printed, also by the report of an exception: between any two instructions
 * of the program, and then the machine ends. It must neither wait nor allocate. What it prints
 * itself, and the report of an exception in it, go to the console alone: it is never entered twice.
 */
void arch_console_tee(void (*sink)(void *ctx, const char *bytes, size_t size), void *ctx);

/*
 * The console alone, by each machine, for arch_console_write(). Bare metal: the first serial port;
 * without one, QEMU's debug console and the screen (x86_64), and nothing is read then. UEFI: the
 * console protocols.
 */
void arch_console_put(const char *bytes, size_t size);

/* The next byte of input, or -1 at once if there is none. */
int arch_console_read(void);

#define ARCH_END_OF_INPUT 0x04 /* what Ctrl-D sends */

/* --- Time and waiting ------------------------------------------------------------------------- */

/* Nanoseconds since the start; never goes back. */
uint64_t arch_now_ns(void);

/* Doorbell interrupts since the start, modulo 2^32, counted by their handler. */
uint32_t arch_doorbells(void);

/*
 * Halt the processor until arch_doorbells() differs from (seen) or arch_now_ns() reaches
 * (deadline_ns); returns at once if either already holds. It does not halt for a short time, as
 * arming a timer would take as long: 20 us on bare metal, 50 us under UEFI, where it may also
 * return early.
 */
void arch_sleep(uint32_t seen, uint64_t deadline_ns);

/* --- End -------------------------------------------------------------------------------------- */

/* The status of a machine whose processor raised an exception. */
#define ARCH_EXIT_TRAP 100

/*
 * The status of a machine whose processor lacks a feature that the image needs; on aarch64 also of
 * one that starts at EL3. x86_64 (check.S) ends before arch_exit() can run: without an
 * isa-debug-exit device it prints why and halts. So does riscv64 (mmode.S), by virt's own
 * addresses.
 */
#define ARCH_EXIT_PROCESSOR 101

/*
 * End the program with (status). UEFI: what called the program goes on (uefi/program.h).
 *
 * Bare metal: end the machine. 0 powers it off, and QEMU exits with 0. Any other status is 1 to
 * 127; one that is out of range counts as 127. An exception handler may call it.
 *
 *	x86_64   the status goes to the isa-debug-exit device at 0xf4, and QEMU exits with
 *	         (status << 1) | 1. A machine that cannot be powered off prints so at its start, and
 *	         is reset: with -no-reboot QEMU then exits with 0; without it, the next start prints
 *	         so and halts.
 *	aarch64  it goes to semihosting's SYS_EXIT (-semihosting-config enable=on,
 *	         target=native), and QEMU exits with it. 0 goes to PSCI's SYSTEM_OFF.
 *	riscv64  it goes to the test device of virt, and QEMU exits with it; 0 too. Without the
 *	         device, the SBI's firmware powers off, or the machine halts.
 *
 * Without what takes a status, it prints so (x86_64: a second later), and powers off: QEMU exits
 * with 0.
 */
_Noreturn void arch_exit(int status);

/* --- Memory, chance, PCI ---------------------------------------------------------------------- */

/*
 * Extend the program's heap by (increment) bytes, or on bare metal shrink it. Answers where they
 * start; NULL: no memory is left.
 */
void *arch_heap_grow(ptrdiff_t increment);

/* A number that differs from one start to the next, as well as the machine can. Not for secrets. */
uint64_t arch_nonce(void);

/* The calls of the device code to this machine. Always the same struct. */
const struct ivsh_platform *arch_platform(void);

/*
 * The bus addresses that the machine has for devices, for ivsh_pci_assign() and
 * ivsh_pci_assign_added(). A machine without PCI has empty windows. UEFI: of the ranges that
 * firmware has given to no device, the largest ones.
 */
void arch_pci_windows(struct ivsh_pci_windows *windows);

/*
 * Why no doorbell can interrupt this machine, and what its owner does about it: half a sentence
 * without a full stop. NULL: doorbells interrupt it.
 */
const char *arch_no_interrupts(void);

/* --- Bare metal alone ------------------------------------------------------------------------- */

/* The command line, without the image's name; NULL: it has 4096 bytes or more. */
const char *arch_command_line(void);

/*
 * The program's memory: from *start to before *end, mapped writable. The end moves down when a
 * mapping needs page tables, but never into what arch_heap_grow() has given.
 */
void arch_heap(char **start, char **end);

/* lib/bare/newlib/start.c, called by the start code: runs main() and exits with its status. */
_Noreturn void bare_main(void);

#endif
