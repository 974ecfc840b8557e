/* SPDX-License-Identifier: MIT */
/*
 * place.h - where a region's words are: the only way from a slot to a pointer.
 */
#ifndef IVSH_CORE_PLACE_H
#define IVSH_CORE_PLACE_H

#include <ivsh/region.h>

/* Words that have one writer: the peer of slot (from), or of slot (to). */
enum {
	PLACE_SLOT,     /* (from)'s slot: struct ivsh_wire_slot */
	PLACE_PENDING,  /* (from)'s pending byte for (to) */
	PLACE_LOG,      /* (from)'s log: struct ivsh_wire_log, and its bytes behind it */
	PLACE_SENDER,   /* of the ring from (from) to (to): the sender's line in a struct
	                   ivsh_wire_ring, the descriptors and areas behind it; (from) writes */
	PLACE_RECEIVER, /* the receiver's lines of that ring, in such a struct; (to) writes */
};

/*
 * The first byte of a place, all of which is inside its memory: the one that all peers share, or in
 * a split region the writer's part. NULL: it is not, or that part is not here. from, to: slots that
 * there are, and where both matter two different ones. PLACE_LOG: the region has logs.
 */
void *ivsh_place(const struct ivsh_region *region, uint32_t what, uint32_t from, uint32_t to);

#endif
