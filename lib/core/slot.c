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

#include "ring.h"

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

/* True if the owner of an attached slot moves its heartbeat from (before) within the limit. */
static bool owner_lives(const struct ivsh_region *region, uint32_t before)
{
	const struct ivsh_bell *bell = &region->mem.bell;
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
	uint32_t state = load32_acquire(&region->slot->state);
	uint32_t heartbeat = load32(&region->slot->heartbeat);

	if (claim && state == IVSH_WIRE_STATE_ATTACHED && owner_lives(region, heartbeat))
		return IVSH_EBUSY;
	store64_release(&region->slot->nonce, region->nonce);
	if (!claim)
		return 0;
	sleep_ns(&region->mem.bell, IVSH_CLAIM_NS);
	/* Who announced himself meanwhile had ended his wait before our nonce came: he has it, and
	 * two must not. tests/model/claim.pml. */
	return slot_is_ours(region) && load32_acquire(&region->slot->state) == state &&
		       load32(&region->slot->heartbeat) == heartbeat
		   ? 0
		   : IVSH_EBUSY;
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

static void slot_restore(uint32_t *word, uint32_t value)
{
	if (load32(word) != value)
		store32(word, value);
}

/* SPEC R9.5: what somebody else wrote over our words does not stay. */
static void slot_mend(const struct ivsh_region *region)
{
	struct ivsh_wire_slot *slot = region->slot;

	slot_restore(&slot->vectors, region->mem.bell.vectors);
	slot_restore(&slot->server, region->came_epoch);
	slot_restore(&slot->connection, region->came_connection);
	slot_restore(&slot->boot, region->boot);
	slot_restore(&slot->state, IVSH_WIRE_STATE_ATTACHED);
	if (load32(&slot->generation) & 1)
		ivsh_slot_write_end(slot);
}

void ivsh_slot_publish(struct ivsh_region *region)
{
	if (slot_is_ours(region)) {
		if (region->attached)
			slot_mend(region);
		ivsh_slot_counters(region);
	} else {
		region->attached = false;
	}
}

void ivsh_slot_tick(struct ivsh_region *region)
{
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next)
		ivsh_chan_check(ch);
	ivsh_slot_publish(region);
}

/*
 * A life that was cut while it wrote left an odd generation: readers retry until this one is even
 * again. Release orders odd before the bytes, and the bytes before even; ivsh_slot_read() is the
 * other side.
 */
void ivsh_slot_write_begin(struct ivsh_wire_slot *slot)
{
	store32(&slot->generation, load32(&slot->generation) | 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void ivsh_slot_write(uint8_t *to, const char *from, uint32_t size)
{
	for (uint32_t i = 0; i < size; i += 8) {
		uint64_t word;

		__builtin_memcpy(&word, from + i, sizeof(word));
		store64((uint64_t *)(void *)(to + i), word);
	}
}

void ivsh_slot_write_end(struct ivsh_wire_slot *slot)
{
	/* Even, whatever somebody has made of it meanwhile: nobody reads under an odd one. */
	store32_release(&slot->generation, (load32(&slot->generation) | 1) + 1);
}

void ivsh_slot_announce(struct ivsh_region *region, const char *name)
{
	struct ivsh_wire_slot *slot = region->slot;
	const struct ivsh_wire_server *server = server_page(region);
	char text[sizeof(slot->service)] = {0};

	ivsh_slot_write_begin(slot);
	ivsh_slot_write(slot->service[0].name, text, sizeof(slot->service));
	for (unsigned i = 0; name && name[i]; i++)
		text[i] = name[i];
	ivsh_slot_write(slot->name, text, sizeof(slot->name));
	ivsh_slot_write_end(slot);

	/* The slot's own word, but everybody can write it: all that is asked of it is to differ
	 * from the last one, and 0 means "never". */
	region->boot = load32(&slot->boot) + 1;
	if (region->boot == 0)
		region->boot = 1;
	region->heartbeat = load32(&slot->heartbeat);
	ivsh_slot_counters(region);
	store32(&slot->vectors, region->mem.bell.vectors);
	/* SPEC R5.9: the socket that this life came with. */
	region->came_epoch = server ? load32(&server->epoch) : 0;
	region->came_connection = server ? load32(&server->connection[region->mem.self]) : 0;
	store32(&slot->server, region->came_epoch);
	store32(&slot->connection, region->came_connection);
	/* Pairs with ivsh_region_peer(): whoever sees this life sees its name. */
	store32_release(&slot->boot, region->boot);
	store32(&slot->heartbeat, ++region->heartbeat);
	store32_release(&slot->state, IVSH_WIRE_STATE_ATTACHED);
}
