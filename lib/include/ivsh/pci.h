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

/* --- Configuration space of platforms that have no calls of their own for it ---------------- */

/*
 * ECAM: (base) is the mapping of bus 0; (buses) is the count of mapped buses, 1 MiB each, 1 to 256.
 */
struct ivsh_ecam {
	volatile void *base;
	uint32_t buses;
};

/* config_read and config_write of a platform with ECAM; its ctx is a struct ivsh_ecam. */
uint32_t ivsh_ecam_read(void *ctx, uint32_t function, uint32_t offset);
void ivsh_ecam_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value);

/*
 * Configuration mechanism #1: address at I/O port 0xCF8, data at 0xCFC. The caller supplies the
 * I/O.
 */
struct ivsh_cf8 {
	uint32_t (*in32)(uint16_t port);
	void (*out32)(uint16_t port, uint32_t value);
};

/*
 * config_read and config_write of a platform with 0xCF8; its ctx is a struct ivsh_cf8. This
 * mechanism does not reach offsets of 256 and more: they read as 0xffffffff.
 */
uint32_t ivsh_cf8_read(void *ctx, uint32_t function, uint32_t offset);
void ivsh_cf8_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value);

/* --- Enumeration ---------------------------------------------------------------------------- */

/*
 * Find the (index)th function, counted from 0, with this vendor and device ID, on every root bus
 * and behind every bridge with bus numbers. The order is that of bus, device and function numbers.
 *
 * The search includes root buses other than 0 (QEMU's pxb and pxb-pcie) if bus 0 has a second host
 * bridge, or if bus 0 and what is behind it have no such function. A bus that answers and that no
 * bridge leads to is a root bus.
 *
 * If the platform has a list(), only the functions on it are searched, in its order. Otherwise each
 * bus is scanned at most once, whatever the bridges claim: at most 65,536 functions. A bridge whose
 * secondary bus number is not above its own bus counts as one without bus numbers.
 *
 * IVSH_ENODEV  there is no such function; *function is unchanged.
 */
int ivsh_pci_find(const struct ivsh_platform *platform, uint16_t vendor, uint16_t device,
    uint32_t index, uint32_t *function) IVSH_MUST_CHECK;

/*
 * Find a capability and store its offset in configuration space in *offset.
 *
 * Follows at most 48 links, as many as fit in 256 bytes.
 *
 * IVSH_ENODEV  the function is absent, has no list, or the list has no such capability.
 * IVSH_EPROTO  the list has a loop or leads into the header.
 * PCI 6.7.
 */
int ivsh_pci_capability(const struct ivsh_platform *platform, uint32_t function, uint8_t id,
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
 * Size BAR (bar), 0 to 5; 0 to 1 in a bridge. Decoding in the COMMAND register is off meanwhile;
 * afterwards all registers are as before. No other code, interrupt handlers included, may use the
 * function's BARs meanwhile.
 *
 * The upper half of a 64-bit BAR is not a BAR: behind a BAR with is_64 the next one is bar + 2.
 *
 * IVSH_ENODEV  the function is absent, or its header type has no BARs.
 * IVSH_EINVAL  bar is above what the function has.
 * IVSH_EPROTO  the register breaks the specification: a size that is no power of two, an
 *              undefined type, a 64-bit BAR in the last register, an address that is no multiple
 *              of the size.
 * PCI 6.2.5.1.
 */
int ivsh_pci_bar(const struct ivsh_platform *platform, uint32_t function, uint32_t bar,
    struct ivsh_bar *out) IVSH_MUST_CHECK;

/* --- Addresses, when firmware assigned none ------------------------------------------------- */

/* One range of bus addresses. */
struct ivsh_pci_window {
	uint64_t next; /* its first address */
	uint64_t end;  /* the first address behind it; next == end: it is empty */
};

/*
 * The addresses and bus numbers that the machine has for devices on its root buses. What devices
 * use already may be inside: the library reads that from the devices.
 */
struct ivsh_pci_windows {
	/* Below 4 GiB: for 32-bit BARs, and for what does not fit in high. May be empty. */
	struct ivsh_pci_window low;
	/* Above 4 GiB: first choice for 64-bit prefetchable BARs. May be empty. */
	struct ivsh_pci_window high;
	/* The first bus number that bridges below bus 0 may have, from 1; 0: none. */
	uint8_t next_bus;
};

/*
 * Assign to every ivshmem function, and to every bridge above one, what firmware has not: bus
 * numbers, bridge windows, BAR addresses. Existing addresses of functions stay, and other devices
 * are left alone. Call it before ivsh_pci_find() on machines whose firmware assigns nothing (qboot,
 * microvm, arm virt); it is harmless elsewhere.
 *
 * No address is given twice: what it assigns is outside of all BARs, expansion ROMs and bridge
 * windows that are on the same bus, and on a root bus of those on all root buses. It sizes them all
 * for that, under the conditions of ivsh_pci_bar(); beside a BAR that cannot be sized, nothing is
 * taken as free. It may be called again with the same (windows): addresses of a device that was
 * unplugged are used again. For a device that was plugged in, ivsh_pci_assign_added() looks at
 * less.
 *
 * A bridge that has a window with room for a BAR keeps it as it is. A window that is too small
 * grows into free addresses beside it. If these are not free, but no device uses the window, it
 * moves. A bridge without a window gets one. Windows grow and move in whole megabytes; memory
 * decoding in that bridge is off meanwhile.
 *
 * It serves all root buses, found as ivsh_pci_find() finds them. They share (windows); the bridges
 * below each root bus use the bus numbers up to the next root bus. An empty PCIe port that has a
 * hot-plug slot gets a bus number too, so that a device is found there later.
 *
 * Afterwards memory decoding and bus mastering are on in each bridge above an ivshmem function. The
 * ivshmem functions' own COMMAND registers are left to ivsh_device_open().
 *
 * IVSH_EINVAL  a window ends before it starts, or low ends above 4 GiB.
 * IVSH_ENOSPC  a BAR or a bridge does not fit: the rest stays unassigned.
 * IVSH_EPROTO  a BAR breaks the specification or does not keep its address, an ivshmem function is
 *              behind more than 8 nested bridges (or any bridge behind more than 32), or there are
 *              more than 256 buses: the rest stays unassigned.
 */
int ivsh_pci_assign(
    const struct ivsh_platform *platform, const struct ivsh_pci_windows *windows) IVSH_MUST_CHECK;

/* What is too small for a function that was plugged in. */
enum ivsh_pci_lack {
	IVSH_PCI_LACKS_NOTHING = 0,
	IVSH_PCI_LACKS_PREFETCH, /* room for a 64-bit prefetchable BAR, as BAR2 */
	IVSH_PCI_LACKS_MEMORY,   /* room below 4 GiB for a 32-bit BAR */
	IVSH_PCI_LACKS_BUS,      /* a bus number for a bridge */
};

struct ivsh_pci_shortage {
	enum ivsh_pci_lack lack;
	uint32_t function; /* what stays unassigned: the ivshmem function, or the bridge */
	uint32_t port; /* the bridge above it on a root bus; (function) if it is on one itself */
	uint64_t size; /* bytes of that BAR, or bus numbers */
	/*
	 * Bytes, or bus numbers, with which the port has room for it if firmware reserves them:
	 * QEMU's pcie-root-port,pref64-reserve=, mem-reserve= or bus-reserve=.
	 */
	uint64_t reserve;
};

/*
 * As ivsh_pci_assign(), for one function that was plugged in. (at) is that function, or a bridge
 * above it, as the port with the slot: then what is behind it. Functions elsewhere are not
 * assigned, and bridges elsewhere not numbered.
 *
 * On success *function is the first ivshmem function there, and ivsh_device_open() can open it.
 * With IVSH_ENOSPC *shortage says what is missing; with other errors its lack is
 * IVSH_PCI_LACKS_NOTHING. It may be NULL.
 *
 * IVSH_ENODEV  there is no ivshmem function: *function is unchanged.
 * Else as ivsh_pci_assign().
 */
int ivsh_pci_assign_added(const struct ivsh_platform *platform,
    const struct ivsh_pci_windows *windows, uint32_t at, uint32_t *function,
    struct ivsh_pci_shortage *shortage) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
