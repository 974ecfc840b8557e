/* SPDX-License-Identifier: MIT */
/*
 * shape.c - the shape of the shared state that the options require.
 */
#include "config/shape.h"

struct state_shape shape_of(const struct options *options)
{
	return (struct state_shape){.slots = options->slots,
	    .vectors = options->vectors,
	    .clients = options->slots + CLIENTS_SPARE,
	    .raw = options->raw,
	    .split = options->split,
	    .classic = options->classic,
	    .kind = options->kind,
	    .size = options->size};
}
