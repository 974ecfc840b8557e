/* SPDX-License-Identifier: MIT */
/*
 * server.h - the server's page of the region. SPEC 4.
 */
#ifndef IVSH_CORE_SERVER_H
#define IVSH_CORE_SERVER_H

#include "core/atomic.h"
#include "core/layout.h"

#include <ivsh/region.h>

/* The server's page; NULL in a memory that is too small to have one. */
static inline const struct ivsh_wire_server *server_page(const struct ivsh_region *region)
{
	return (const struct ivsh_wire_server *)layout_at(region->mem.base, region->mem.size,
	    IVSH_WIRE_SERVER_OFFSET, sizeof(struct ivsh_wire_server));
}

/* The server's count of changes: another value means that a client came or went. */
static inline uint32_t server_change(const struct ivsh_region *region)
{
	const struct ivsh_wire_server *server = server_page(region);

	return server ? load32_acquire(&server->change) : 0;
}

#endif
