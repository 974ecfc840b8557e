/* SPDX-License-Identifier: MIT */
/*
 * ring.h - what both ends of a ring compute alike.
 */
#ifndef IVSH_CORE_RING_H
#define IVSH_CORE_RING_H

#include <ivsh/channel.h>
#include <ivsh/wire.h>

#include <stdint.h>

/* Each side checks more than its message at least this often. SPEC R6.8.1. */
#define POLL_MESSAGES 64u

/* The two halves of a ring, each with one writer: they may be in different memories. */
struct ring {
	struct ivsh_wire_sender *sender;
	struct ivsh_wire_receiver *receiver;
	struct ivsh_wire_desc *desc; /* of the sender's half, as the areas are */
};

/*
 * The ring from slot (sender) to slot (receiver), and its areas in area[]. False: not all of it is
 * there; ring->receiver is set all the same, or NULL.
 */
bool ivsh_ring_at(const struct ivsh_region *region, uint32_t sender, uint32_t receiver,
    struct ring *ring, struct ivsh_area *area);

/*
 * The logarithm to base 2 of (descs), which is a power of two. By a loop, once a channel: some
 * processors have no instruction for it.
 */
static inline uint32_t ring_shift(uint32_t descs)
{
	uint32_t shift = 0;

	for (; descs > 1; descs /= 2)
		shift++;
	return shift;
}

/*
 * Whether SPEC 7 allows a control word and its body, where the last payloads ended as (now) says.
 * With (start) a payload may stand anywhere in its area, and so it may in an area that is not
 * known.
 */
bool ivsh_ring_valid(const struct ivsh_area *area, const struct ivsh_record *now, uint64_t control,
    uint64_t body, bool start);

/*
 * Valid descriptors in a row in a ring from index (read) on, (descs) at the most. *messages: how
 * many messages they say that they have.
 */
uint32_t ivsh_ring_waiting(
    const struct ivsh_wire_desc *desc, uint32_t descs, uint32_t read, uint32_t *messages);

/*
 * Notify slot (peer) if its notification request at (request) was not answered yet. The caller has
 * stored the message or index that the peer may wait for; this function makes the full fence.
 * *notified: the last request that was answered. True if the peer was notified.
 */
bool ivsh_ring_notify(
    struct ivsh_region *region, uint32_t peer, const uint32_t *request, uint32_t *notified);

#endif
