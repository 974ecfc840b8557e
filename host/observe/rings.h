/* SPDX-License-Identifier: MIT */
/*
 * rings.h - the rings of a region, read by somebody who is neither their sender nor their receiver.
 *
 * An observer needs memories that are mapped for reading, and a geometry. It loads each word once,
 * into a private copy, and believes nothing that it did not check there: each offset comes from the
 * geometry (SPEC R2.1, R17.2), and each loop ends after as many rounds as the ring has descriptors.
 */
#ifndef OBSERVE_RINGS_H
#define OBSERVE_RINGS_H

#include "observe/observer.h"

/*
 * Begin with the memories of (mem), aligned to a page, as a region of (geometry); is_split: in a
 * common memory and those of mem->parts that are here. 0; IVSH_EINVAL: the geometry is none;
 * IVSH_ENOSPC: the first memory has not as many bytes as it needs; IVSH_EPLATFORM: this process got
 * no memory.
 */
int observe_open(struct observer *observer, const struct ivsh_mem *mem,
    const struct ivsh_geometry *geometry, bool is_split);
void observe_close(struct observer *observer);

/*
 * Look at the ring from slot (from) to slot (to), two different slots of the region, and add to
 * (findings) what is wrong with it; NULL: do not check it. Takes at most five looks of descs
 * descriptors each, whatever the memory holds.
 */
void observe_ring(struct observer *observer, uint32_t from, uint32_t to, struct observed_ring *ring,
    struct observe_findings *findings);

/*
 * The same of what is in flight alone: of the descriptors only those of messages in flight are
 * loaded, (most) at most, and nothing is checked. Without ring->is_known, (read) to (end) is what
 * was in flight at the most while it looked, unless the state is another than OBSERVED_IN_STEP.
 * Answers how many descriptors it loaded.
 */
uint32_t observe_backlog(struct observer *observer, uint32_t from, uint32_t to, uint32_t most,
    struct observed_ring *ring);

/*
 * Add up the messages, and their bytes, of the (count) descriptors before ring->read, which
 * observe_backlog() found: a released descriptor says what it carried until another one is stored
 * there. Answers how many still do, from the newest one on.
 */
uint32_t observe_released(struct observer *observer, const struct observed_ring *ring,
    uint32_t count, uint64_t *messages, uint64_t *bytes);

/* A descriptor, from the copy that observe_ring() made. */
struct observed_descriptor {
	uint64_t offset; /* of its control word, in the memory */
	uint64_t control, body;
	bool is_there; /* its wrap counter is the one of the index. SPEC R7.4 */
	bool is_start;
	uint16_t wrap, port;
	uint8_t kind;       /* IVSH_WIRE_KIND_* */
	uint32_t size;      /* bytes of each message */
	uint32_t count;     /* messages: 1, or those of a packed record */
	uint32_t bytes;     /* that they have in the area */
	uint32_t position;  /* of an area's payload */
	const char *broken; /* the rule that it breaks by itself; NULL: none */
	const char *why;    /* and how */
};

void observe_descriptor(const struct observer *observer, const struct observed_ring *ring,
    uint32_t index, struct observed_descriptor *descriptor);

/*
 * Copy (size) bytes from byte (at) of the payload of message (number) of (descriptor), which is in
 * flight and not broken, and prove the copy: a sender changes a payload only when the read index
 * has passed its descriptor (SPEC R7.5). False: it is gone.
 */
bool observe_payload(const struct observer *observer, const struct observed_ring *ring,
    uint32_t index, const struct observed_descriptor *descriptor, uint32_t number, uint32_t at,
    void *to, uint32_t size);

#endif
