/* SPDX-License-Identifier: MIT */
/*
 * mapped.c - the transport of a device that an operating system has opened.
 */
#include <ivsh/device.h>
#include <ivsh/mapped.h>

#include "device/config.h"
#include "device/msix.h"
#include "device/register.h"
#include "device/relax.h"

#include <stddef.h>

/* --- The doorbell: the owner's calls, with the owner's struct as their context ---------------- */

static void notify(void *ctx, uint32_t peer, uint32_t vector)
{
	const struct ivsh_mapped *mapped = ctx;

	register_notify(mapped->registers, peer, vector);
}

static uint32_t count(void *ctx)
{
	const struct ivsh_mapped *mapped = ctx;

	return mapped->count ? mapped->count(mapped->ctx) : 0;
}

static uint64_t now_ns(void *ctx)
{
	const struct ivsh_mapped *mapped = ctx;

	return mapped->now_ns(mapped->ctx);
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	const struct ivsh_mapped *mapped = ctx;

	mapped->sleep(mapped->ctx, seen, deadline_ns);
}

static void relax(void *ctx)
{
	(void)ctx;
	relax_processor();
}

/* All ones: nothing decodes BAR0 any more. Without a doorbell, IVPosition is no ID. */
COLD static int recheck(void *ctx, uint32_t *self)
{
	const struct ivsh_mapped *mapped = ctx;
	uint32_t position = 0;

	if (mapped->recheck && mapped->recheck(mapped->ctx) != 0)
		return IVSH_ENODEV;
	if (mapped->registers)
		position = register_position(mapped->registers);
	if (position == UINT32_MAX || (mapped->doorbell && position > ID_MAX))
		return IVSH_ENODEV;
	if (mapped->doorbell)
		*self = position;
	return 0;
}

/* --- The handle ------------------------------------------------------------------------------- */

COLD static bool is_complete(const struct ivsh_mapped *mapped)
{
	if (!mapped->memory || (uintptr_t)mapped->memory % IVSH_BAR2_MIN != 0)
		return false;
	if (mapped->size == 0 || mapped->size % IVSH_BAR2_MIN != 0)
		return false;
	if ((uintptr_t)mapped->registers % 4 != 0 || (mapped->doorbell && !mapped->registers))
		return false;
	if (mapped->vectors > MSIX_VECTORS_MAX || (mapped->vectors > 0 && !mapped->doorbell))
		return false;
	return mapped->now_ns && mapped->sleep && (mapped->count || mapped->vectors == 0);
}

COLD int ivsh_mapped_mem(const struct ivsh_mapped *mapped, struct ivsh_mem *mem)
{
	uint32_t self = IVSH_SELF_NONE;

	if (!is_complete(mapped))
		return IVSH_EINVAL;
	if (mapped->registers && register_position(mapped->registers) == UINT32_MAX)
		return IVSH_ENODEV;
	if (mapped->doorbell)
		self = register_position(mapped->registers);
	if (mapped->doorbell && self > ID_MAX)
		return IVSH_EPROTO;
	*mem = (struct ivsh_mem){
	    .base = mapped->memory,
	    .size = mapped->size,
	    .self = self,
	    .doorbell = {.ctx = (void *)(uintptr_t)mapped,
		.vectors = mapped->vectors,
		.notify = mapped->doorbell ? notify : NULL,
		.count = count,
		.now_ns = now_ns,
		.sleep = sleep_until,
		.relax = relax,
		.recheck = recheck},
	    .seed = mapped->seed,
	    .vm_generation = mapped->vm_generation,
	    .machine = mapped->machine,
	};
	return 0;
}
