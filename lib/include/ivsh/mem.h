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

struct ivsh_mem {
	void *base;    /* first byte of the shared memory, aligned to 4096, mapped writable */
	uint64_t size; /* bytes mapped at base */
	uint32_t self; /* this peer's slot: IVPosition, or as configured; IVSH_SELF_NONE */
	struct ivsh_doorbell doorbell; /* how to notify another peer, and how to sleep */
	uint64_t seed; /* differs from one start to the next, as well as it can; 0: none */
	const uint64_t *vm_generation; /* as in platform.h; NULL: unknown */
	uint64_t machine;              /* as in platform.h; 0: none */
};

#ifdef __cplusplus
}
#endif
#endif
