/* SPDX-License-Identifier: MIT */
/*
 * mem.h - the transport: where the memory is, how long it is, which slot this peer has, and how it
 * notifies and sleeps.
 *
 * Guests get one from ivsh_device_mem(), host processes from the host client. The code below it
 * differs between guests and hosts; the code above it is the same source everywhere.
 */
#ifndef IVSH_MEM_H
#define IVSH_MEM_H

#include <ivsh/doorbell.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ivsh_attach;
struct ivsh_region;

/*
 * One of the memories of a split region: what one slot's peer alone writes. SPEC 17. The caller's,
 * and in use as long as a region is that was attached with it.
 */
struct ivsh_mem_part {
	void *base;       /* as ivsh_mem.base; NULL: not mapped */
	uint64_t size;    /* bytes mapped at base */
	uint32_t slot;    /* whose memory the platform knows this to be; IVSH_SELF_NONE: as its
	                     header says */
	bool is_writable; /* stores reach the memory; else it may be mapped for reading only */
	uint32_t found;   /* set by ivsh_attach_split(): the slot that it is used for;
	                     IVSH_SELF_NONE: its header is not one of this region */
};

/* In ivsh_mem.self: the world gave no identity (ivshmem-plain); the caller must choose a slot. */
#define IVSH_SELF_NONE 0xffffffffu

/* The numbers (M1.1) are clauses, which ivsh/conformance.h checks; D: doorbell.h. */
struct ivsh_mem {
	/*
	 * First byte of the shared memory, aligned to 4096 (M1.1). All of it is mapped, and can be
	 * loaded and stored by accesses of any size and alignment (M1.2), through the cache
	 * (M1.3): write-back, as the other peers have it.
	 */
	void *base;
	uint64_t size; /* bytes mapped at base: 4096 or more (M1.1) */
	uint32_t self; /* this peer's slot: IVPosition, below 65536 (M2.1); IVSH_SELF_NONE */
	struct ivsh_doorbell doorbell; /* how to notify another peer, and how to sleep */
	uint64_t seed; /* differs from one start to the next, as well as it can; 0: none */
	const uint64_t *vm_generation; /* as in platform.h; NULL: unknown */
	uint64_t machine;              /* as in platform.h; 0: none */
	/*
	 * A split region: (base) has its header and the server page, and (parts), in any order, are
	 * the memories of slots: this peer's own, and those of the others that it is to exchange
	 * messages with. split: ivsh_attach_split(). One memory for all: all three 0.
	 */
	struct ivsh_mem_part *parts;
	uint32_t part_count;
	int (*split)(struct ivsh_region *region, struct ivsh_attach *attach);
};

#ifdef __cplusplus
}
#endif
#endif
