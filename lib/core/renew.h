/* SPDX-License-Identifier: MIT */
/*
 * renew.h - new generations of all rings, which struct ivsh_region has as a function pointer.
 */
#ifndef IVSH_CORE_RENEW_H
#define IVSH_CORE_RENEW_H

#include "core/linkage.h"

#include <ivsh/channel.h>

/*
 * Open both rings where earlier incarnations of both slots may have used them: for
 * region->rings_open. 0, or IVSH_EPROTO: the channel broke.
 */
HIDDEN int ivsh_rings_open(struct ivsh_chan *ch);

/*
 * The machine was moved: begin both rings of the channel anew, as its sender by a new generation,
 * as its receiver by a reset request. A reservation and a peeked message are void.
 */
void ivsh_chan_renew(struct ivsh_chan *ch);

/* The same of each open channel: for region->channels_renew. */
HIDDEN void ivsh_channels_renew(struct ivsh_region *region);

#endif
