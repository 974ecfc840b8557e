/* SPDX-License-Identifier: MIT */
/*
 * mapped.h - the transport of a device that another owner has opened: an operating system that
 * enumerates PCI, maps BARs and hands out MSI-X interrupts itself, as Zephyr, NuttX and Linux do.
 *
 * Such a system needs no struct ivsh_platform and no ivsh/device.h. Before ivsh_mapped_mem() it
 *
 *  1. finds the function (vendor 0x1af4, device 0x1110, revision 1), enables memory decoding and
 *     bus mastering (without the latter no MSI-X message leaves the device),
 *  2. maps BAR0 as device memory and BAR2 as ordinary write-back memory,
 *  3. looks for the MSI-X capability: an ivshmem-doorbell has it, an ivshmem-plain has not,
 *  4. connects as many of its vectors as it can, from vector 0 on, to a handler that adds one to
 *     what count() answers and ends a sleep().
 *
 * The numbers behind sentences (S1.1) are clauses, which ivsh/conformance.h checks.
 */
#ifndef IVSH_MAPPED_H
#define IVSH_MAPPED_H

#include <ivsh/error.h>
#include <ivsh/mem.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An open device, in the caller's memory: filled by the caller before ivsh_mapped_mem(), and left
 * alone, at its place, for as long as the transport is used: ivsh_mapped_mem() takes it (S2.1). The
 * library only reads it. It makes the calls in the thread that called it, never in an interrupt.
 */
struct ivsh_mapped {
	void *ctx; /* first argument of every call below; the library does not interpret it */

	/*
	 * BAR0, 256 bytes (S1.1), mapped uncached, as device memory (S1.2), aligned to 4. The
	 * library reads IVPosition and writes the doorbell, 32 bits at a time. NULL: not
	 * accessible, which an ivshmem-plain allows.
	 */
	volatile void *registers;

	/*
	 * BAR2, all of it, mapped write-back and writable, aligned to 4096 (M1): a system's call
	 * for registers (ioremap(), a default mapping of PCI memory) maps it uncached, which is 10
	 * to 100 times slower, and on Arm faults where an access is not aligned.
	 */
	void *memory;
	uint64_t size; /* bytes: what the BAR decodes */

	bool doorbell;    /* the function has the MSI-X capability */
	uint32_t vectors; /* of it connected, from vector 0 on: 0 to 2048; 0: this peer polls */

	/* As in doorbell.h, with its clauses: required. Only sleep() may block. */
	uint64_t (*now_ns)(void *ctx);
	void (*sleep)(void *ctx, uint32_t seen, uint64_t deadline_ns);

	/* As in doorbell.h. NULL is allowed if vectors is 0. */
	uint32_t (*count)(void *ctx);

	/*
	 * Is the device still there? Called when the memory reads as another's, or the machine was
	 * moved: enable decoding, bus mastering and the vectors anew. 0, or IVSH_ENODEV: it is
	 * gone, and its mappings are not touched again. May block. NULL: the device stays.
	 */
	int (*recheck)(void *ctx);

	uint64_t seed; /* differs from one start to the next, as well as it can; 0: none */
	const uint64_t *vm_generation; /* as in platform.h; NULL: nothing shows a move */
	uint64_t machine;              /* as in platform.h; 0: none */
};

/*
 * Fill the transport handle: mem->self is IVPosition, read from the registers, where (doorbell) is
 * set, else IVSH_SELF_NONE, and the caller sets it (mem.h). ivsh_node_open(), or
 * ivsh_region_attach(), comes next. Notifications that came before are lost: both of these read the
 * shared memory first.
 *
 * From one thread; makes no call and does not block. There is nothing to close: once the region is
 * detached, the owner disconnects the vectors and unmaps.
 *
 * IVSH_EINVAL  memory is NULL or not aligned to 4096; size is no multiple of 4096, or 0; registers
 *              is not aligned to 4, or is NULL with doorbell; vectors is above 2048, or not 0
 *              without doorbell; now_ns or sleep is NULL, or count with vectors.
 * IVSH_ENODEV  IVPosition reads as all ones: nothing decodes BAR0. Enable memory decoding.
 * IVSH_EPROTO  IVPosition is above 65535: this is no ivshmem-doorbell's BAR0.
 */
int ivsh_mapped_mem(const struct ivsh_mapped *mapped, struct ivsh_mem *mem) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
