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

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

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
};

#ifdef __cplusplus
}
#endif
#endif
