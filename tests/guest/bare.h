/* SPDX-License-Identifier: MIT */
/*
 * bare.h - the parts of bare_test.elf.
 */
#ifndef TESTS_GUEST_BARE_H
#define TESTS_GUEST_BARE_H

#include <ivsh/platform.h>

#include <stdbool.h>

/* mapping.c: cases. */
void test_map(void);
void test_map_rounds(void);
void test_map_shared(void);
void test_map_no_memory(void);
void test_map_no_memory_for_pages(void);

/* registers.c: a case. */
void test_registers(void);

/* actions.c: each answers the exit status. */
int act_trap(const char *what);
int act_device(void);
int act_plug(void);
int act_read(void);

/* --- bare_x86_64.c and its like: what differs between the architectures ----------------------- */

/* Addresses below 4 GiB for 8 MiB, where the program has mapped nothing; no RAM is there. */
#if defined(__x86_64__)
#define BARE_FREE UINT64_C(0xfe600000)
#elif defined(__riscv)
#define BARE_FREE UINT64_C(0x70000000) /* in virt's window for PCI */
#else
#define BARE_FREE UINT64_C(0x30000000) /* aarch64: below RAM; in virt's window for PCI */
#endif

/* Seconds of a clock that is not the one of arch_now_ns(), modulo 60 or 2^32. */
unsigned bare_second(void);

/* Whether (at) is mapped as (kind) says, as far as the processor can tell; else it may trap. */
bool bare_is_mapped(const volatile void *at, enum ivsh_map kind);

/* Whether one page table entry can map 1 GiB. */
bool bare_has_pages_of_1_gib(void);

/* Let the timer of arch_sleep() interrupt once after (ns). */
void bare_interrupt_after(uint64_t ns);

/* Raise the exception (what) of this architecture alone; "ud": an undefined instruction. */
void bare_trap(const char *what);

#endif
