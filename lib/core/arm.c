/* SPDX-License-Identifier: MIT */
/*
 * arm.c - requesting notifications for a sleep that is the program's own.
 *
 * The steps are those of a sleep in wait.c: requests, a fence, one more poll, the sleep. Here the
 * program makes the last two, and a request stands until ivsh_region_disarm().
 */
#include "core/atomic.h"
#include "core/request.h"

#include <ivsh/wait.h>

#define NAP_NS UINT64_C(500000)

/* No processor keeps a store to itself for longer. SPEC R8.7.4. */
#define STORE_NS UINT64_C(1000000)

uint64_t ivsh_region_arm(struct ivsh_region *region, const struct ivsh_wait *wait)
{
	uint64_t since;

	if (!region->attached)
		return 0;
	if (region->mem.doorbell.vectors == 0)
		return wait->nap_ns == 0 ? NAP_NS : wait->nap_ns;
	ivsh_requests_make(region);
	/* Here: our requests' stores, this fence, the loads of the caller's poll. There: the store
	 * of a descriptor or a read index, a fence, the load of the request. SPEC R8.2.7. */
	fence_full();
	/* The poll before a sleep is one of all rings: a hint can be lost. SPEC R8.6.4. */
	region->pending_all = false;
	/* A peer that has not seen our notify flags may have a store on its way. SPEC R8.7.5. */
	since = ivsh_region_now(region) - region->requests_ns;
	return since < STORE_NS ? STORE_NS - since : IVSH_POLL_NS;
}

void ivsh_region_disarm(struct ivsh_region *region)
{
	ivsh_requests_end(region);
}
