/* SPDX-License-Identifier: MIT */
/*
 * free.c - a slot for a node whose transport names none.
 *
 * Slots that no peer is attached to come first, then those whose peer may be dead: the claim that
 * the attach makes finds out.
 */
#include "node/inside.h"

#define FORMAT_LOOK_NS UINT64_C(5000000)

static int attach_as(struct ivsh_region *region, struct ivsh_mem *mem, struct ivsh_attach *attach,
    uint64_t seed, uint32_t slot)
{
	mem->self = slot;
	attach->nonce = ivsh_attach_nonce(mem, seed);
	return ivsh_region_attach(region, mem, attach);
}

/*
 * Probe the region, as soon as there is one. Slot 0 formats it, if the options allow it: then
 * *is_done.
 */
static int region_await(struct ivsh_region *region, struct ivsh_mem *mem,
    struct ivsh_attach *attach, uint64_t seed, bool *is_done)
{
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint64_t start = doorbell->now_ns(doorbell->ctx), waited = 0;

	for (;;) {
		int error = ivsh_region_probe(region, mem, attach);

		if (error != IVSH_ENODEV)
			return error;
		if (attach->formatter) {
			error = attach_as(region, mem, attach, seed, 0);
			*is_done = error != IVSH_EBUSY;
			if (*is_done)
				return error;
		}
		if (waited >= attach->timeout_ns)
			return IVSH_ENODEV;
		doorbell->sleep(
		    doorbell->ctx, doorbell->count(doorbell->ctx), start + waited + FORMAT_LOOK_NS);
		waited = doorbell->now_ns(doorbell->ctx) - start;
	}
}

int ivsh_node_attach_free(
    struct ivsh_region *region, struct ivsh_mem *mem, struct ivsh_attach *attach, uint64_t seed)
{
	bool is_done = false;
	int error = region_await(region, mem, attach, seed, &is_done);
	uint32_t slots = region->geometry.slots;

	if (error || is_done)
		return error;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t slot = 0; slot < slots; slot++) {
			struct ivsh_peer peer = {0};

			error = ivsh_region_probe(region, mem, attach);
			if (!error)
				error = ivsh_region_peer(region, slot, &peer);
			if (error)
				return error;
			if ((peer.presence == IVSH_PEER_ATTACHED) != (pass == 1))
				continue;
			error = attach_as(region, mem, attach, seed, slot);
			if (error != IVSH_EBUSY)
				return error;
		}
	}
	return IVSH_EBUSY;
}
