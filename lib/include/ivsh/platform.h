/* SPDX-License-Identifier: MIT */
/*
 * platform.h - what the device room asks of its world.
 *
 * A port is this struct, filled by whoever knows the machine: lib/bare for a guest without an OS,
 * firmware/uefi for UEFI, an RTOS's own glue (lib/PORTING.md). All calls come from the thread that
 * called the library, never from an interrupt. Functions of the PCI bus are named by one number.
 */
#ifndef IVSH_PLATFORM_H
#define IVSH_PLATFORM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A PCI function as one number: segment in bits 31:16, bus in 15:8, device in 7:3, function in 2:0.
 * Segments other than 0 are only where the port has a list().
 */
#define IVSH_PCI_FUNCTION(bus, device, function) \
	(((uint32_t)(bus) << 8) | ((uint32_t)(device) << 3) | (uint32_t)(function))
#define IVSH_PCI_SEGMENT(id) ((id) >> 16)
#define IVSH_PCI_BUS(id) (((id) >> 8) & 0xffu)
#define IVSH_PCI_DEVICE(id) (((id) >> 3) & 0x1fu)
#define IVSH_PCI_FN(id) ((id)&0x7u)

/* What a mapping is for: it decides the memory attributes. */
enum ivsh_map {
	IVSH_MAP_REGISTERS = 0, /* device memory: uncached, no merging (BAR0, BAR1) */
	IVSH_MAP_MEMORY = 1,    /* ordinary memory: write-back, shareable (BAR2) */
};

struct ivsh_platform {
	void *ctx; /* handed to every call below; the port's own */

	/*
	 * Read or write 32 bits of a function's configuration space at (offset), a multiple of 4
	 * below 4096. An absent function reads 0xffffffff; its writes vanish. Neither can fail.
	 */
	uint32_t (*config_read)(void *ctx, uint32_t function, uint32_t offset);
	void (*config_write)(void *ctx, uint32_t function, uint32_t offset, uint32_t value);

	/*
	 * Make (size) bytes at bus address (address) accessible, and answer where they are; NULL
	 * when that cannot be done. Registers come in multiples of 256 bytes on a multiple of 256:
	 * other devices may have the rest of a page. Memory comes in whole pages on a multiple of its size,
	 * which can be more than size_t holds: answer NULL then. The answer keeps the address's
	 * place in a page of 4096. unmap undoes it and may be NULL where nothing has to be undone.
	 */
	void *(*map)(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind);
	void (*unmap)(void *ctx, void *base, uint64_t size);

	/*
	 * Give an interrupt to the vector with number (index), counting from 0, and say what the
	 * device has to write where (PCI Local Bus Specification 3.0, 6.8.2: message address and
	 * data). Each such interrupt adds one to count() and ends a sleep(). Several indexes may
	 * share one. 0, or -1 when there are no more. msi_close takes it back: the entry is masked.
	 * Both NULL: this world has no interrupts to give, and peers poll.
	 */
	int (*msi_open)(void *ctx, uint32_t index, uint64_t *address, uint32_t *data);
	void (*msi_close)(void *ctx, uint32_t index);

	/* as in doorbell.h; count() counts the interrupts of msi_open(). relax may be NULL. */
	uint64_t (*now_ns)(void *ctx);
	void (*sleep)(void *ctx, uint32_t seen, uint64_t deadline_ns);
	uint32_t (*count)(void *ctx);
	void (*relax)(void *ctx);

	/*
	 * The functions that this world knows already: the (index)th one, counting from 0, in the
	 * order of their numbers. 0, or -1 when there are not that many. NULL: nobody knows, and the
	 * library looks at the buses itself.
	 */
	int (*list)(void *ctx, uint32_t index, uint32_t *function);
};

#ifdef __cplusplus
}
#endif
#endif
