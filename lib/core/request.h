/* SPDX-License-Identifier: MIT */
/*
 * request.h - requesting notifications from the peers of a region. SPEC 8.
 */
#ifndef IVSH_CORE_REQUEST_H
#define IVSH_CORE_REQUEST_H

#include <ivsh/region.h>

/* Request notifications on all open channels, where doorbell vectors can wake us. */
void ivsh_requests_make(struct ivsh_region *region);

/* Take the requests back. Nothing is stored into a slot, or rings, that are not ours any more. */
void ivsh_requests_end(struct ivsh_region *region);

#endif
