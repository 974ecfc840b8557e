/* SPDX-License-Identifier: MIT */
/*
 * wait.h - sleeping until there is something to do in a region, or in several.
 */
#ifndef IVSH_WAIT_H
#define IVSH_WAIT_H

#include <ivsh/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How ivsh_region_wait() waits. */
enum ivsh_wait_mode {
	IVSH_WAIT_POLL = 0,  /* polls until the end, and relaxes between polls; never sleeps */
	IVSH_WAIT_SPIN = 1,  /* polls for spin_ns, then requests notifications and sleeps */
	IVSH_WAIT_SLEEP = 2, /* requests notifications and sleeps at once */
};

struct ivsh_wait {
	enum ivsh_wait_mode mode;
	uint64_t spin_ns; /* SPIN: how long to poll before sleeping */
	uint64_t nap_ns;  /* the longest sleep of a peer that cannot be notified; 0: 500 us */
	uint32_t wanted;  /* IVSH_EVENT_* that end the wait; 0: any */
};

/* Why a wait ended: any of these, in *events; 0 means that the time is over. */
#define IVSH_EVENT_MESSAGE 0x1u /* a channel has a message that was not peeked yet */
#define IVSH_EVENT_SPACE 0x2u   /* a channel has room for what last answered IVSH_EAGAIN */
#define IVSH_EVENT_CONTROL \
	0x4u /* the server saw a slot come or go, a ring was reset, or the machine was moved */
#define IVSH_EVENT_BROKEN 0x8u /* a channel broke, and no call for it has reported that: (dead) */

/* A sleeper polls this often even without a notification, since one can be lost. SPEC R8.3. */
#define IVSH_POLL_NS UINT64_C(100000000)

/*
 * Wait for any of these: a message on an open channel, room on a channel that was full, a change
 * that the server saw, a channel that broke, or the end of (timeout_ns).
 *
 * Publishes the released room to the senders, keeps the heartbeat going, and sleeps through
 * mem.doorbell.sleep. A message that is peeked and not released does not end a wait, nor does a
 * channel that stays dead. Polls each open channel once for every notification, and every
 * IVSH_POLL_NS without.
 *
 * Only the thread that owns the region makes this call, and never from an interrupt handler.
 *
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 * IVSH_EREMOVED  the device was unplugged: this handle is dead.
 * SPEC 8.
 */
int ivsh_region_wait(struct ivsh_region *region, const struct ivsh_wait *wait, uint64_t timeout_ns,
    uint32_t *events) IVSH_MUST_CHECK;

/*
 * Request notifications, for a program that sleeps by itself: in an event loop, on what the
 * transport's doorbells make readable. Answers how long the sleep may last, in nanoseconds: a poll
 * is due then, whatever came.
 *
 * The caller then polls once more, by ivsh_region_wait() with a timeout of 0, and sleeps if that
 * answers no event. ivsh_region_disarm() takes the requests back, as does a wait that sleeps; a
 * peer that has answered one does not answer it again. wait: nap_ns is the answer where there are
 * no doorbells.
 *
 * Only the thread that owns the region makes these calls, and never from an interrupt handler.
 * SPEC 8.
 */
uint64_t ivsh_region_arm(struct ivsh_region *region, const struct ivsh_wait *wait);
void ivsh_region_disarm(struct ivsh_region *region);

/* In an entry of ivsh_regions_wait() that answers an error: this region's slot was lost. */
#define IVSH_EVENT_LOST 0x80000000u

/*
 * Wait as ivsh_region_wait() does, in (count) regions at once and with one sleep for all of them:
 * the call requests notifications in each, polls each once more, and sleeps until a notification
 * comes.
 *
 * The doorbells must count and sleep together. In a guest, devices of one platform do; host
 * processes group their clients first (ivsh_client_group()). If one region has no doorbell vectors,
 * all sleeps are naps.
 *
 * regions: different ones, of one thread. events: (count) words, one for each region; all 0: the
 * time is over.
 *
 * IVSH_EINVAL  count is 0.
 * IVSH_ELOST, IVSH_EREMOVED  as ivsh_region_wait(), of the regions whose entry is IVSH_EVENT_LOST:
 *              go on with the others. Each next call on such a region answers its own error.
 * SPEC 8.
 */
int ivsh_regions_wait(struct ivsh_region *const *regions, uint32_t count,
    const struct ivsh_wait *wait, uint64_t timeout_ns, uint32_t *events) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
