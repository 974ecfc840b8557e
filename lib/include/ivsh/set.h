/* SPDX-License-Identifier: MIT */
/*
 * set.h - the ivshmem devices of a split region as one transport. SPEC 17.
 *
 * One device has the common memory: ivshmem-doorbell, or ivshmem-plain where there is no server.
 * Each part is the memory of an ivshmem-plain. They are told apart by their headers, wherever on
 * the buses they are, and in any order; format_id says which of several regions a part belongs to.
 * A program that knows one-memory regions only does not need this file, and links nothing of it.
 *
 *  1. ivsh_device_open() as ever, into set.common. ivsh_set_is_split() says whether 2 is due.
 *  2. ivsh_set_open() finds and opens the parts.
 *  3. ivsh_device_interrupts() on set.common, as ever.
 *  4. ivsh_set_mem(), in the place of ivsh_device_mem().
 *  5. After the attach, or a probe: ivsh_set_reason() of each, to print what was left out.
 */
#ifndef IVSH_SET_H
#define IVSH_SET_H

#include <ivsh/device.h>
#include <ivsh/error.h>
#include <ivsh/mem.h>
#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where QEMU's command line puts the part of (slot) by convention: on the common memory's bus. */
#define IVSH_SET_ADDRESS(common, slot) \
	(((common) & ~0xffu) | ((16u + (slot) / 8u) << 3) | ((slot) % 8u))
#define IVSH_SET_ADDRESSES 128u /* slots that have such an address */

/* Why a device is not used as a part. */
enum ivsh_set_reason {
	IVSH_SET_USED,     /* it is: parts[i].found is its slot */
	IVSH_SET_CLOSED,   /* it could not be opened: devices[i].error */
	IVSH_SET_FORMAT,   /* another format_id, and no common memory of this machine has that */
	IVSH_SET_GEOMETRY, /* version, features or geometry are not the common memory's */
	IVSH_SET_SLOT,     /* there is no such slot */
	IVSH_SET_ADDRESS_OF_ANOTHER, /* it stands at the address of a slot, and says another one */
	IVSH_SET_TWICE,              /* another one says the same slot */
	IVSH_SET_SIZE,               /* the memory is smaller than the part */
	IVSH_SET_CHANGED,            /* its header is another one now */
};

/* A device that has, or may have, a part. */
struct ivsh_set_device {
	struct ivsh_device device; /* open, but for IVSH_SET_CLOSED and IVSH_SET_FORMAT; else only
	                              device.function is set */
	int error;                 /* IVSH_SET_CLOSED: what ivsh_device_open() answered; else 0 */
	uint32_t slot;             /* that its header says */
	uint64_t format_id;        /* likewise */
};

/* An open set, in the caller's memory, which neither moves nor goes while its transport is used. */
struct ivsh_set {
	struct ivsh_device common; /* the caller opens it: step 1 */

	/*
	 * The caller's, before ivsh_set_open(): tables of (room) elements each. As many as the
	 * machine has ivshmem devices are always enough. Element i of both is one device.
	 */
	struct ivsh_set_device *devices;
	struct ivsh_mem_part *parts; /* for struct ivsh_mem */
	uint32_t room;

	uint32_t count;     /* elements in use, also of devices that are left out */
	uint32_t need;      /* elements that there would be with enough room */
	uint64_t format_id; /* of the common memory */
	uint32_t self;      /* this peer's slot: IVPosition; without a server that of the only part
	                       that can be written, IVSH_SELF_NONE: none can, or several can */
	uint32_t writable;  /* parts that can be written */
	bool reads_only;    /* no store is tried: see ivsh_set_begin() */
	uint64_t token;     /* of the next store that is tried */
	int (*recheck)(void *ctx, uint32_t *self); /* of the common memory's device */
};

/*
 * Whether the memory of this open device is the common memory of a split region: its header says
 * so, of a version and with features that the library knows, and it has 8192 bytes. A later call
 * may answer otherwise: somebody has formatted it.
 */
bool ivsh_set_is_split(const struct ivsh_device *common);

/*
 * Whether the memory of this open device begins as a part does: it is no region alone. Its common
 * memory is another device's.
 */
bool ivsh_set_is_part(const struct ivsh_device *device);

/*
 * Find the parts of the region whose common memory set->common has, and open them.
 *
 * Looks at each ivshmem-plain of the machine that has an address: those whose memory is no part, or
 * is a part of another common memory of this machine, are passed over. Whether a part can be
 * written is found by storing into its header's reserved word, which is restored. Once per set,
 * from one thread, with common, devices, parts and room set. On failure no part is open; the common
 * memory's device stays open. An ivshmem-plain that is open elsewhere, too, loses nothing.
 *
 * That a part cannot be used is no error here: the attach says whether this peer's own is there
 * (IVSH_EPART) and can be written (IVSH_EREADONLY), ivsh_set_reason() why another one is not used.
 *
 * IVSH_EINVAL  the common memory's device is not open, or not of a split region.
 * IVSH_ENOSPC  room is too small: set->need.
 */
int ivsh_set_open(struct ivsh_set *set) IVSH_MUST_CHECK;

/*
 * As ivsh_device_mem(), of an open set: parts, part_count and split are the set's, and self is
 * set->self. Without a server another guest may have been given the same part by mistake: a program
 * that guards against that claims the slot, with mem->self as IVSH_SELF_NONE, by IVSH_NODE_SLOT.
 *
 * Whose a part is, parts[].slot, is known from its address if this peer's own part, one that it can
 * write, stands at IVSH_SET_ADDRESS() of its slot; else from the headers alone.
 *
 * mem->doorbell.recheck looks at all devices of the set, finds out again which can be written, and
 * answers IVSH_ENODEV also if one of the parts has gone.
 */
void ivsh_set_mem(struct ivsh_set *set, struct ivsh_mem *mem);

/*
 * Why element (index), below set->count, is not used. After ivsh_region_attach(), ivsh_node_open()
 * or ivsh_region_probe() with the set's transport.
 */
enum ivsh_set_reason ivsh_set_reason(const struct ivsh_set *set, uint32_t index);

/* A line's end for (reason): "a part of another formatting", and so on. Static text. */
const char *ivsh_set_reason_text(enum ivsh_set_reason reason);

/* Whether a device of the set is at (function): one that leaves takes the transport with it. */
bool ivsh_set_has(const struct ivsh_set *set, uint32_t function);

/*
 * All in one: open the (index)th common memory of a split region that this machine has, its parts,
 * and up to IVSH_DEVICE_VECTORS vectors, and fill (mem). (set) has devices, parts and room.
 *
 * IVSH_ENODEV  there are not that many.
 * Else as ivsh_device_open() and ivsh_set_open(); nothing is open then.
 */
int ivsh_set_open_any(struct ivsh_set *set, const struct ivsh_platform *platform, uint32_t index,
    struct ivsh_mem *mem) IVSH_MUST_CHECK;

/*
 * The same for an operating system that finds, opens and maps the devices itself (ivsh/mapped.h):
 *
 *  1. ivsh_mapped_mem() of the common memory's device, and ivsh_set_begin() with its transport, and
 *     with devices, parts and room set. function: its PCI function, or 0 where that is unknown.
 *     Before, set->reads_only is true for an observer, whose mappings take no store.
 *  2. ivsh_set_offer() of each other ivshmem-plain: its function, and its whole memory. True: it is
 *     a part, and stays mapped. False: it is not used, and can be unmapped. memory NULL: it could
 *     not be opened, which IVSH_SET_CLOSED says.
 *  3. ivsh_set_end(), which adds the parts to (mem).
 *
 * ivsh_set_again(), in the owner's recheck(), finds out anew which parts can be written. self: the
 * IVPosition now; without a doorbell of no meaning.
 *
 * IVSH_EINVAL  ivsh_set_begin(): it is no common memory.
 * IVSH_ENOSPC  ivsh_set_end(): room is too small: set->need.
 */
int ivsh_set_begin(
    struct ivsh_set *set, const struct ivsh_mem *common, uint32_t function) IVSH_MUST_CHECK;
bool ivsh_set_offer(struct ivsh_set *set, uint32_t function, void *memory, uint64_t size);
int ivsh_set_end(struct ivsh_set *set, struct ivsh_mem *mem) IVSH_MUST_CHECK;
void ivsh_set_again(struct ivsh_set *set, uint32_t self, uint64_t now_ns);

/* Close all parts and the common memory's device, as ivsh_device_close() does. */
void ivsh_set_close(struct ivsh_set *set);

#ifdef __cplusplus
}
#endif
#endif
