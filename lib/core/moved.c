/* SPDX-License-Identifier: MIT */
/*
 * moved.c - keeping a slot: finding it lost, or its machine or memory moved.
 *
 * Theory of operation: a machine that is migrated, or restored from a snapshot, goes on at the next
 * instruction, in a memory that may have other bytes than the one that it left. What it had read
 * from the rings may not belong together. So each call compares the VM generation together with
 * the nonce in the slot, behind its last load and before it believes what it has loaded. A memory
 * that goes back under a peer that was not moved shows in the peer's own heartbeat. In both cases a
 * new incarnation goes on with the same handle: a new nonce, and new generations of all rings.
 * Where two copies of one machine share the memory, the last one to store its nonce has the slot,
 * and the other finds another's nonce there.
 */
#include "core/mix.h"
#include "core/slot.h"

void ivsh_slot_end(struct ivsh_region *region)
{
	region->attached = false;
	if (region->channels_check)
		region->channels_check(region);
}

/* SPEC R5.11.2: twins differ by the VM generation, or at least by the clock. */
static void nonce_draw(struct ivsh_region *region, uint64_t generation, uint64_t now)
{
	uint64_t nonce = mix(mix(region->nonce, generation), now);

	region->nonce = mix(nonce, region->mem.seed);
	region->token = region->nonce ^ generation;
}

/* Ask the device whether it is there, and which slot it has. False: the handle is dead. */
static bool device_recheck(struct ivsh_region *region)
{
	const struct ivsh_doorbell *doorbell = &region->mem.doorbell;
	uint32_t self = region->mem.self;

	if (doorbell->recheck && doorbell->recheck(doorbell->ctx, &self) != 0)
		region->removed = true;
	return !region->removed && self == region->mem.self;
}

int ivsh_slot_renew(struct ivsh_region *region)
{
	/* The platform may change the VM generation again where it reads the clock: platform.h. */
	uint64_t now = region->mem.doorbell.now_ns(region->mem.doorbell.ctx);
	/* Before what follows: a change from here on shows in the next call. */
	uint64_t generation = load64_private(region->mem.vm_generation);

	/* The device before the nonce: without a device the memory reads as anything. */
	if (!device_recheck(region) || !slot_is_signed(region)) {
		ivsh_slot_end(region);
		return slot_error(region);
	}
	nonce_draw(region, generation, now);
	region->moved++;
	(void)ivsh_slot_sign(region);
	/* A twin that has signed meanwhile has the slot. */
	if (!slot_is_signed(region)) {
		ivsh_slot_end(region);
		return slot_error(region);
	}
	ivsh_slot_continue(region);
	region->channels_renew(region);
	return IVSH_EAGAIN;
}

int ivsh_slot_moved(struct ivsh_region *region)
{
	if (!region->attached)
		return slot_error(region);
	if (region->slot_renew)
		return region->slot_renew(region);
	(void)device_recheck(region);
	ivsh_slot_end(region);
	return slot_error(region);
}

/* SPEC R5.12: behind what it was, modulo 2^32. Ahead is damage, which is mended. */
static bool is_rolled_back(const struct ivsh_region *region)
{
	return load32(&region->slot->heartbeat) - region->heartbeat > INT32_MAX;
}

int ivsh_slot_check(struct ivsh_region *region)
{
	/* Behind the loads of what the caller took for damage, or for a message. */
	fence_acquire();
	if (region->attached && slot_is_ours(region) && !is_rolled_back(region))
		return 0;
	return ivsh_slot_moved(region);
}

int ivsh_slot_publish(struct ivsh_region *region)
{
	int error = ivsh_slot_check(region);

	if (error)
		return error;
	ivsh_slot_mend(region);
	ivsh_slot_counters(region);
	return 0;
}

int ivsh_slot_keep(struct ivsh_region *region)
{
	return region->attached && slot_is_ours(region) ? 0 : ivsh_slot_moved(region);
}

int ivsh_slot_enter(struct ivsh_region *region)
{
	int error = ivsh_slot_keep(region);

	if (error)
		return error;
	slot_beat(region, region->slot);
	return ivsh_slot_tick_due(region);
}

int ivsh_slot_tick_due(struct ivsh_region *region)
{
	return slot_tick_is_due(region) ? ivsh_slot_tick(region) : 0;
}

int ivsh_slot_tick(struct ivsh_region *region)
{
	uint32_t moved = region->moved;
	int error = ivsh_slot_check(region);

	if (error)
		return error;
	region->ticked = region->heartbeat;
	if (region->channels_check)
		region->channels_check(region);
	error = ivsh_slot_publish(region);
	return error || region->moved == moved ? error : IVSH_EAGAIN;
}
