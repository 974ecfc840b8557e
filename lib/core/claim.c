/* SPDX-License-Identifier: MIT */
/*
 * claim.c - taking a slot without a server.
 *
 * Theory of operation: on ivshmem-doorbell the server hands out slots, and there is nothing to
 * claim. On ivshmem-plain there is no server, and two guests may be configured with the same slot
 * by mistake. A read-modify-write cannot settle that: under TCG with one processor it is not atomic
 * between two machines. A moving heartbeat means that the slot is taken. Else each claimant stores
 * its own nonce and waits; the last one to store finds its nonce still there.
 */
#include "core/slot.h"

static void sleep_ns(const struct ivsh_doorbell *doorbell, uint64_t duration_ns)
{
	uint64_t start = doorbell->now_ns(doorbell->ctx), now = start;

	/* sleep() may return early; the clock decides. */
	while (now - start < duration_ns) {
		doorbell->sleep(doorbell->ctx, doorbell->count(doorbell->ctx), start + duration_ns);
		now = doorbell->now_ns(doorbell->ctx);
	}
}

/*
 * How long the owner of an attached slot is watched. A machine that was reset finds its own slot,
 * which its last start has left; a living peer would move the heartbeat every 250 ms. SPEC R5.1.2.
 */
static uint64_t owner_limit(const struct ivsh_region *region)
{
	uint64_t machine = region->mem.machine;

	return machine != 0 && load64(&region->slot->machine) == machine ? IVSH_HEARTBEAT_SHORT_NS
									 : IVSH_HEARTBEAT_LIMIT_NS;
}

/* True if the owner of an attached slot moves its heartbeat from (before) within the limit. */
static bool owner_lives(const struct ivsh_region *region, uint32_t before)
{
	const struct ivsh_doorbell *doorbell = &region->mem.doorbell;
	uint64_t start = doorbell->now_ns(doorbell->ctx), limit = owner_limit(region);

	while (doorbell->now_ns(doorbell->ctx) - start < limit) {
		if (load32(&region->slot->heartbeat) != before)
			return true;
		sleep_ns(doorbell, IVSH_HEARTBEAT_NS / 10);
	}
	return false;
}

int ivsh_attach_claim(struct ivsh_region *region)
{
	uint32_t state = load32_acquire(&region->slot->state);
	uint32_t heartbeat = load32(&region->slot->heartbeat);

	if (state == IVSH_WIRE_STATE_ATTACHED && owner_lives(region, heartbeat))
		return IVSH_EBUSY;
	if (ivsh_slot_sign(region))
		return IVSH_EREADONLY;
	sleep_ns(&region->mem.doorbell, IVSH_CLAIM_NS);
	region->seized = state == IVSH_WIRE_STATE_ATTACHED;
	/* A peer that announced itself meanwhile had ended its wait before we stored our nonce, so
	 * the slot is that peer's. tests/model/claim.pml. */
	return slot_is_signed(region) && load32_acquire(&region->slot->state) == state &&
		       load32(&region->slot->heartbeat) == heartbeat
		   ? 0
		   : IVSH_EBUSY;
}
