/* SPDX-License-Identifier: MIT */
/*
 * platform.h - the calls that the device code makes to the machine below it.
 *
 * Code that knows the machine fills this struct: lib/bare for a guest without an OS, firmware/uefi
 * for UEFI, an RTOS's glue code for that RTOS (lib/PORTING.md). The library makes these calls in
 * the thread that called it, never in an interrupt handler, and with the interrupts as that thread
 * has them. One number names a PCI function.
 *
 * The numbers behind sentences (P1.1) are clauses, which ivsh/conformance.h checks on a machine.
 */
#ifndef IVSH_PLATFORM_H
#define IVSH_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A PCI function as one number: segment in bits 31:16, bus in 15:8, device in 7:3, function in 2:0.
 * Only a platform with a list() has segments other than 0.
 */
#define IVSH_PCI_FUNCTION(bus, device, function) \
	(((uint32_t)(bus) << 8) | ((uint32_t)(device) << 3) | (uint32_t)(function))
#define IVSH_PCI_SEGMENT(id) ((id) >> 16)
#define IVSH_PCI_BUS(id) (((id) >> 8) & 0xffu)
#define IVSH_PCI_DEVICE(id) (((id) >> 3) & 0x1fu)
#define IVSH_PCI_FN(id) ((id)&0x7u)

/* The kind of a mapping, which decides its memory attributes. */
enum ivsh_map {
	IVSH_MAP_REGISTERS = 0, /* device memory: uncached, no merging (BAR0, BAR1) */
	IVSH_MAP_MEMORY = 1,    /* ordinary memory: write-back, shareable (BAR2) */
};

/*
 * A request to remove what is in one slot. It names each function whose number equals (function) in
 * the bits of (mask): a controller that knows only a device number has its five bits there.
 */
struct ivsh_slot_request {
	uint32_t slot; /* for eject(): the controller's own number, below 2^31 */
	uint32_t function;
	uint32_t mask;
};

/*
 * A machine's hot-plug controller other than the slots of PCIe ports, which the library drives
 * itself. Its calls are made by ivsh/hotplug.h, in the caller's thread, with this ctx. Only eject()
 * may block.
 */
struct ivsh_hotplug_controller {
	void *ctx;

	/*
	 * True: something was plugged in, or is to be removed, since the call before that answered
	 * true. Called every few milliseconds: at most one access to a register.
	 */
	bool (*pending)(void *ctx);

	/*
	 * The (index)th request that is open, counted from 0, whatever pending() answers; it stays
	 * open until eject(). 0, or -1 when there are fewer: it ends (P5.2).
	 */
	int (*leaving)(void *ctx, uint32_t index, struct ivsh_slot_request *request);

	/* Remove what is in (slot). It has been closed. */
	void (*eject)(void *ctx, uint32_t slot);
};

struct ivsh_platform {
	void *ctx; /* first argument of every call below; the library does not interpret it */

	/*
	 * Read or write 32 bits of a function's configuration space at (offset), a multiple of 4
	 * below 4096. An absent function reads as 0xffffffff and ignores writes (P1.1). Neither
	 * call fails: the one answers these 32 bits (P1.2), and the other writes these, and no
	 * others (P1.3).
	 *
	 * Called when a device is looked for, opened, rechecked and closed, and by ivsh/hotplug.h.
	 * Neither may block for longer than a lock that others hold for as short a time.
	 */
	uint32_t (*config_read)(void *ctx, uint32_t function, uint32_t offset);
	void (*config_write)(void *ctx, uint32_t function, uint32_t offset, uint32_t value);

	/*
	 * Map (size) bytes at bus address (address) and answer the pointer, or NULL on failure.
	 * It reaches the registers there (P2.1), or the whole memory (P2.5), and has the same
	 * offset in a page of 4096 as the address (P2.2).
	 *
	 * Registers: address and size are multiples of 256, so other devices may share the page,
	 * which then has several mappings; they are device memory (P2.3). Memory: whole pages,
	 * aligned to the size, which may exceed size_t: answer NULL then. It is write-back (P2.6):
	 * what a system calls a mapping of PCI memory is mostly not.
	 *
	 * unmap undoes one map, with its pointer and size, and leaves other mappings of the page
	 * alone (P2.4). What was unmapped can be mapped again, however often (P2.7). It may be NULL
	 * where there is nothing to undo.
	 *
	 * Called when a device is opened and closed. Both may block: to wait for memory, or a lock.
	 */
	void *(*map)(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind);
	void (*unmap)(void *ctx, void *base, uint64_t size);

	/*
	 * Allocate an interrupt for MSI-X vector (index) of (function), counted from 0, and answer
	 * its message address and data (PCI Local Bus Specification 3.0, 6.8.2). Each such message
	 * is an interrupt that adds one to count() and ends a sleep() (P3.2), for each vector
	 * (P3.3). Several vectors may share one interrupt. 0, or -1 when no interrupt is left.
	 * msi_close frees it, and it can be had again (P3.4); the library has masked the vector
	 * before, and the function may be gone. Several functions may be open at once. Both NULL:
	 * this platform has no interrupts, and its peer polls; one of them alone is not NULL
	 * (P3.1).
	 *
	 * Called when a device is opened and closed. Both may block. The interrupt's handler is the
	 * platform's own: it counts, and calls nothing of the library.
	 */
	int (*msi_open)(
	    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data);
	void (*msi_close)(void *ctx, uint32_t function, uint32_t index);

	/*
	 * As in doorbell.h, with its clauses, and none of them NULL (D6.1). count() counts the
	 * interrupts of msi_open(). Only sleep() may block.
	 */
	uint64_t (*now_ns)(void *ctx);
	void (*sleep)(void *ctx, uint32_t seen, uint64_t deadline_ns);
	uint32_t (*count)(void *ctx);

	/*
	 * The PCI functions that firmware or an OS has found: the (index)th one, counted from 0,
	 * each once, in the order of their numbers (P4.1); all of them are there (P4.2). 0, or -1
	 * when there are fewer. NULL: the library scans the buses itself.
	 *
	 * Called when a device is looked for. May block.
	 */
	int (*list)(void *ctx, uint32_t index, uint32_t *function);

	/*
	 * The machine's hot-plug controller, with all its calls (P5.2). NULL: it has none, or only
	 * slots of PCIe ports.
	 */
	const struct ivsh_hotplug_controller *hotplug;

	/*
	 * A number that differs from one start of this machine to the next, as well as it can: from
	 * a random number generator, or a clock. Nonces are made of it (ivsh_attach_nonce()). 0:
	 * there is none, and now_ns() is taken.
	 */
	uint64_t seed;

	/*
	 * The VM generation: a word of 8 bytes, aligned, that changes when this machine was
	 * migrated or restored from a snapshot. If that can be had it changes before the machine
	 * executes its first instruction there, as 8 bytes of the GUID of QEMU's vmgenid device do;
	 * else when the platform sees the move, in now_ns() or sleep(). No value comes again. The
	 * library loads it in every call, by one plain load where the machine has loads of 8 bytes.
	 * Once it finds a change it calls now_ns() before it keeps the value, and the platform may
	 * change it again there. Nothing else changes it (P5.1). Valid as long as the platform.
	 * NULL: nothing shows a move.
	 */
	const uint64_t *vm_generation;

	/*
	 * A number that this machine has again after a reset, and that no other machine has; a twin
	 * that was restored from the same snapshot may have it. So a machine that was reset gets
	 * its own slot again sooner on an ivshmem-plain. 0: there is none.
	 */
	uint64_t machine;
};

#ifdef __cplusplus
}
#endif
#endif
