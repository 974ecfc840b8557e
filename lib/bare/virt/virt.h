/* SPDX-License-Identifier: MIT */
/*
 * virt.h - what QEMU's virt machines of aarch64 and riscv64 have in common: all that their device
 * tree says, and fw_cfg in memory.
 *
 * The architecture's start code calls, in this order:
 *
 *	virt_init(tree)         the MMU may be off; then virt_uart() and virt_ram() are known
 *	virt_heap_init()        the MMU is on, if the machine has one; virt_map() works
 *	virt_platform_init()    then arch_platform() and arch_pci_windows() are complete
 *	virt_generation_init()  arch_now_ns() and the interrupt controller work
 *	bare_main()
 *
 * After virt_heap_init() the tree stays readable, so virt_dtb() can be asked at any time.
 */
#ifndef VIRT_H
#define VIRT_H

#include "bare/dtb.h"

#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

/* --- What lib/bare/virt provides -------------------------------------------------------------- */

/* Read the tree at (bytes). False: there is none. It writes to its own variables in .bss alone. */
bool virt_init(const void *bytes);

const struct bare_dtb *virt_dtb(void);

/* The (index)th piece of RAM. False: there are fewer. */
bool virt_ram(uint32_t index, struct bare_dtb_range *range);

/* The end of the RAM around (address), as of one piece where pieces touch. 0: it is no RAM. */
uint64_t virt_ram_end(uint64_t address);

/*
 * The registers of the first serial port: the one that /chosen names, else the first PL011 or
 * NS16550 that is no secure one. 0: none.
 */
uint64_t virt_uart(void);

/*
 * Map the tree, and all RAM behind the image or up to the tree, and give it to arch_heap(). Ends
 * the machine by virt_fatal() if there is less than 256 KiB.
 */
void virt_heap_init(void);

/*
 * A page of the heap, of 4096 bytes, for a page table; it is mapped, and its content is anything.
 * NULL: no memory is left, or virt_heap_init() has not ended its mapping.
 */
void *virt_heap_page(void);

/*
 * PCI by the ECAM of the first pci-host-ecam-generic, and its windows. A machine without one has
 * no functions.
 */
void virt_platform_init(void);

/* The VM generation by fw_cfg's text, and the machine's number in the page image_kept. */
void virt_generation_init(void);

/* --- What the architecture provides ----------------------------------------------------------- */

/*
 * Map (size) bytes at (address) to themselves, writable, not executable. Memory is write-back and
 * shareable, registers are device memory. Several mappings may share a page. NULL: the address
 * cannot be reached, page 0 is in it, or no memory is left for page tables.
 */
void *virt_map(uint64_t address, uint64_t size, enum ivsh_map kind);
void virt_unmap(const void *base, uint64_t size);

/* Whether the machine delivers MSIs. If not, the platform has no msi_open(), and peers poll. */
bool virt_has_msi(void);

/* As platform.h has them. Their context is arch_platform()'s. */
int virt_msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data);
void virt_msi_close(void *ctx, uint32_t function, uint32_t index);

/* The processor's random number or a counter: mixed with rng-seed. Not for secrets. */
uint64_t virt_random(void);

/* Print (why) and a newline, and end the machine with a status other than 0. */
_Noreturn void virt_fatal(const char *why);

/* From the linker script: the end of the image, and a page that no segment has. */
extern char image_end[], image_kept[], image_kept_end[];

#endif
