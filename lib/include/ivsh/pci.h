/* SPDX-License-Identifier: MIT */
/*
 * pci.h - finding a function on the PCI bus, and giving it addresses when firmware has not.
 *
 * PCI Local Bus Specification 3.0, chapter 6; PCI-to-PCI Bridge Architecture 1.2, chapter 3; PCI
 * Express Base Specification 3.0, 7.2.2 (ECAM).
 */
#ifndef IVSH_PCI_H
#define IVSH_PCI_H

#include <ivsh/error.h>
#include <ivsh/platform.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Two ways to reach configuration space, for ports that have no other ------------------- */

/* ECAM: (base) is the mapping of bus 0; (buses) is how many megabytes of it are there, 1 to 256. */
struct ivsh_ecam {
	volatile void *base;
	uint32_t buses;
};

/* The port's config_read and config_write over ECAM; ctx is a struct ivsh_ecam. */
uint32_t ivsh_ecam_read(void *ctx, uint32_t function, uint32_t offset);
void ivsh_ecam_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value);

/* Configuration mechanism #1: address to I/O port 0xCF8, data at 0xCFC. The caller has the I/O. */
struct ivsh_cf8 {
	uint32_t (*in32)(uint16_t port);
	void (*out32)(uint16_t port, uint32_t value);
};

/*
 * The port's config_read and config_write over 0xCF8; ctx is a struct ivsh_cf8. Offsets of 256 and
 * more cannot be reached this way: they read 0xffffffff.
 */
uint32_t ivsh_cf8_read(void *ctx, uint32_t function, uint32_t offset);
void ivsh_cf8_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value);

/* --- Enumeration ---------------------------------------------------------------------------- */

/*
 * Find the (index)th function, counting from 0, whose vendor and device ID are as given, on every
 * root bus and behind every bridge whose bus numbers are set. The order is that of the numbers:
 * bus, device, function.
 *
 * Root buses other than 0 (QEMU's pxb and pxb-pcie) are looked for if bus 0 has a second host bridge,
 * or if no such function is found without: any bus that answers and that no bridge leads to is one.
 *
 * Where the port has a list(), that is all there is, in its order. Else it looks at each bus at most
 * once, whatever the bridges say: at most 65,536 functions. A bridge whose secondary bus is not above
 * its own bus counts as one without bus numbers.
 *
 * IVSH_ENODEV  there is no such function: *function is untouched.
 */
int ivsh_pci_find(const struct ivsh_platform *port, uint16_t vendor, uint16_t device,
    uint32_t index, uint32_t *function) IVSH_MUST_CHECK;

/*
 * Find a capability: its offset in configuration space goes to *offset.
 *
 * Follows at most 48 links, the most that fit in 256 bytes, and the one that ends the list.
 *
 * IVSH_ENODEV  the function is not there, has no list, or the list has no such capability.
 * IVSH_EPROTO  the list has a loop or leads into the header.
 * PCI 6.7.
 */
int ivsh_pci_capability(const struct ivsh_platform *port, uint32_t function, uint8_t id,
    uint32_t *offset) IVSH_MUST_CHECK;

/* One base address register, decoded. */
struct ivsh_bar {
	uint64_t address; /* bus address; 0: not assigned */
	uint64_t size;    /* bytes, a power of two; 0: not implemented */
	uint8_t is_io;    /* 1: I/O space, of no use here */
	uint8_t is_64;    /* 1: takes this register and the next */
	uint8_t prefetch; /* 1: prefetchable */
};

/*
 * Size BAR (bar), 0 to 5, in a bridge 0 to 1. Decoding is off in the COMMAND register meanwhile and
 * everything is put back. Nobody else, interrupts included, may use the function's BARs meanwhile.
 *
 * The upper half of a 64-bit BAR is not a BAR: after is_64 the next one to size is bar + 2.
 *
 * IVSH_ENODEV  there is no function, or one with a header that has no BARs.
 * IVSH_EINVAL  bar is above what the function has.
 * IVSH_EPROTO  the register breaks the specification: a size that is no power of two, an
 *              undefined type, a 64-bit BAR in the last register, an address that is no multiple
 *              of the size.
 * PCI 6.2.5.1.
 */
int ivsh_pci_bar(const struct ivsh_platform *port, uint32_t function, uint32_t bar,
    struct ivsh_bar *out) IVSH_MUST_CHECK;

/* --- Addresses, when firmware gave none ----------------------------------------------------- */

/* One range of bus addresses that nobody else uses. Assigning takes from the front of it. */
struct ivsh_pci_window {
	uint64_t next; /* the first free address */
	uint64_t end;  /* the first address behind the window; next == end: nothing left */
};

/* What the machine leaves for devices. */
struct ivsh_pci_windows {
	/* Below 4 GiB: 32-bit BARs, and whatever does not fit in high. */
	struct ivsh_pci_window low;
	/* Above 4 GiB: 64-bit prefetchable BARs go here first. May be empty. */
	struct ivsh_pci_window high;
	/* First number to give to a bridge below bus 0 that has none, from 1; 0: none is left. */
	uint8_t next_bus;
};

/*
 * Give every ivshmem function, and every bridge on the way to one, what firmware left out: bus
 * numbers, bridge windows, BAR addresses. On all root buses, which are found as ivsh_pci_find() does; they
 * share (windows), and the bridges of each have the numbers up to the next root. What is already assigned stays as it is; other devices
 * are left alone. On each such bridge memory decoding and bus mastering are on afterwards; the
 * ivshmem functions' own COMMAND is left to ivsh_device_open(). Call it before ivsh_pci_find(), on
 * machines whose firmware assigns nothing (qboot, microvm, arm virt); harmless elsewhere. It may be
 * called again, with the same windows, for what was plugged in since; all ivshmem BARs are sized
 * again (ivsh_pci_bar() says what that asks of others). Where devices also go, ivsh_pci_unused() finds
 * what they had.
 *
 * A bridge that has a window keeps it: what is assigned behind it comes out of the room left in
 * that window, and for that the other functions there are sized too. A bridge without one gets it
 * out of (windows), in whole megabytes.
 *
 * (windows) is the caller's; on return, errors included, it holds what is left.
 *
 * IVSH_EINVAL  a window ends before it starts, or low ends above 4 GiB.
 * IVSH_ENOSPC  a BAR or a bridge does not fit: nothing more was assigned.
 * IVSH_EPROTO  a BAR breaks the specification or does not keep its address, an ivshmem function is behind
 *              bridges nested deeper than 8 (or any bridge deeper than 32), or there are more
 *              than 256 buses: nothing more was assigned.
 */
int ivsh_pci_assign(
    const struct ivsh_platform *port, struct ivsh_pci_windows *windows) IVSH_MUST_CHECK;

/*
 * Leave of (windows), given as the machine has them, a part that nobody uses now, and that is large:
 * of each window the larger side of every BAR and every bridge on the root buses. For ivsh_pci_assign()
 * after a device was unplugged: otherwise what it had is never used again. All BARs there are sized.
 *
 * A root bus that nothing announces (ivsh_pci_find()) is not looked at. A BAR that cannot be sized
 * leaves nothing.
 */
void ivsh_pci_unused(const struct ivsh_platform *port, struct ivsh_pci_windows *windows);

#ifdef __cplusplus
}
#endif
#endif
