/* SPDX-License-Identifier: MIT */
/*
 * slot.c - a peer's own slot.
 *
 * Theory of operation: on ivshmem-doorbell the server hands out slots, and there is nothing to
 * claim. On ivshmem-plain nobody does, and two guests may be given the same one by mistake. No
 * read-modify-write settles that here: under TCG with one processor it would not be atomic between
 * two machines. A heartbeat that moves means taken; else each claimant writes its own number,
 * waits, and the last one to write finds its number still there.
 */
#include "slot.h"

bool ivsh_slot_name_valid(const char *name)
{
	if (!name)
		return true;
	for (unsigned i = 0; i < IVSH_WIRE_NAME_SIZE; i++) {
		if (name[i] == '\0')
			return true;
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	}
	return false;
}

static void sleep_ns(const struct ivsh_bell *bell, uint64_t duration_ns)
{
	uint64_t start = bell->now_ns(bell->ctx), now = start;

	/* sleep() may return early; the clock decides. */
	while (now - start < duration_ns) {
		bell->sleep(bell->ctx, bell->count(bell->ctx), start + duration_ns);
		now = bell->now_ns(bell->ctx);
	}
}

/* True if the owner of an attached slot shows itself within the heartbeat limit. */
static bool owner_lives(const struct ivsh_region *region)
{
	const struct ivsh_bell *bell = &region->mem.bell;
	uint32_t before = load32(&region->slot->heartbeat);
	uint64_t start = bell->now_ns(bell->ctx);

	while (bell->now_ns(bell->ctx) - start < IVSH_HEARTBEAT_LIMIT_NS) {
		if (load32(&region->slot->heartbeat) != before)
			return true;
		sleep_ns(bell, IVSH_HEARTBEAT_NS / 10);
	}
	return false;
}

int ivsh_slot_claim(struct ivsh_region *region, bool claim)
{
	if (claim && load32_acquire(&region->slot->state) == IVSH_WIRE_STATE_ATTACHED &&
	    owner_lives(region))
		return IVSH_EBUSY;
	store64_release(&region->slot->nonce, region->nonce);
	if (!claim)
		return 0;
	sleep_ns(&region->mem.bell, IVSH_CLAIM_NS);
	return slot_is_ours(region) ? 0 : IVSH_EBUSY;
}

void ivsh_slot_counters(struct ivsh_region *region)
{
	struct ivsh_wire_slot *slot = region->slot;
	const struct ivsh_counters *c = &region->counters;

	store64(&slot->sent, c->sent);
	store64(&slot->received, c->received);
	store64(&slot->full, c->full);
	store64(&slot->discarded, c->discarded);
	store64(&slot->bells_rung, c->bells_rung);
	store64(&slot->bells_saved, c->bells_saved);
	store64(&slot->wakes_bell, c->wakes_bell);
	store64(&slot->wakes_timer, c->wakes_timer);
	store64(&slot->errors, c->errors);
	store64(&slot->lost, c->lost);
	store64(&slot->rescued, c->rescued);
}

void ivsh_slot_tick(struct ivsh_region *region)
{
	if (slot_is_ours(region))
		ivsh_slot_counters(region);
	else
		region->attached = false;
}

void ivsh_slot_announce(struct ivsh_region *region, const char *name)
{
	struct ivsh_wire_slot *slot = region->slot;
	uint32_t generation = load32(&slot->generation) | 1;

	/* A life that was cut while it wrote its name left an odd number: readers retry until
	 * this one is even again. Release orders odd before the bytes, and the bytes before even;
	 * peer.c's name_read() is the other side. */
	store32(&slot->generation, generation);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__builtin_memset(slot->name, 0, sizeof(slot->name));
	__builtin_memset(slot->service, 0, sizeof(slot->service));
	for (unsigned i = 0; name && name[i]; i++)
		slot->name[i] = (uint8_t)name[i];
	store32_release(&slot->generation, generation + 1);

	/* The slot's own word, but everybody can write it: all that is asked of it is to differ
	 * from the last one, and 0 means "never". */
	region->boot = load32(&slot->boot) + 1;
	if (region->boot == 0)
		region->boot = 1;
	region->heartbeat = load32(&slot->heartbeat);
	ivsh_slot_counters(region);
	store32(&slot->vectors, region->mem.bell.vectors);
	/* Pairs with ivsh_region_peer(): whoever sees this life sees its name. */
	store32_release(&slot->boot, region->boot);
	store32(&slot->heartbeat, ++region->heartbeat);
	store32_release(&slot->state, IVSH_WIRE_STATE_ATTACHED);
}
