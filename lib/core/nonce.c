/* SPDX-License-Identifier: MIT */
/*
 * nonce.c - a nonce that no earlier incarnation had, where the platform's seed may repeat.
 *
 * Under -icount, or with a counter that starts at 0, two boots of a machine draw the same number.
 * The region has words that changed meanwhile: each incarnation leaves another nonce, number and
 * heartbeat. Two machines that were restored from one snapshot differ by their VM generation.
 */
#include "core/mix.h"
#include "core/server.h"
#include "core/slot.h"

uint64_t ivsh_attach_nonce(const struct ivsh_mem *mem, uint64_t seed)
{
	struct ivsh_region region;
	struct ivsh_attach attach = {0};
	const struct ivsh_wire_server *server;
	const struct ivsh_wire_slot *slot;

	seed = mix(seed, mem->self);
	if (mem->vm_generation)
		seed = mix(seed, load64_private(mem->vm_generation));
	if (ivsh_region_probe(&region, mem, &attach))
		return seed;
	seed = mix(seed, region.format_id);
	server = server_page(&region);
	if (server)
		seed =
		    mix(seed, (uint64_t)load32(&server->epoch) << 32 | load32(&server->heartbeat));
	slot = ivsh_slot_at(&region, mem->self);
	if (!slot)
		return seed;
	seed = mix(seed, (uint64_t)load32(&slot->incarnation) << 32 | load32(&slot->heartbeat));
	return mix(seed, load64(&slot->nonce));
}
