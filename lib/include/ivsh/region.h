/* SPDX-License-Identifier: MIT */
/*
 * region.h - the shared memory as SPEC.md lays it out: attaching to a slot of it, and leaving it.
 *
 * Only the thread that owns the struct ivsh_region makes these calls, and never from an interrupt
 * handler, unless a comment says otherwise. No call allocates, prints or keeps state of its own.
 * Other headers use an attached region: channel.h sends and receives, wait.h sleeps, peers.h reads
 * the other slots.
 */
#ifndef IVSH_REGION_H
#define IVSH_REGION_H

#include <ivsh/error.h>
#include <ivsh/geometry.h>
#include <ivsh/mem.h>
#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Times that all peers agree on. SPEC 4, 5 ----------------------------------------------- */

/* A living peer's heartbeat advances at least this often. */
#define IVSH_HEARTBEAT_NS UINT64_C(250000000)

/* A peer whose heartbeat stood still for this long is suspected to be dead. */
#define IVSH_HEARTBEAT_LIMIT_NS UINT64_C(2000000000)

/* When the server's heartbeat stood still for this long, peers ignore its words. */
#define IVSH_SERVER_LIMIT_NS UINT64_C(1000000000)

/*
 * The same where it is known that the peer is most likely not there: the claimant is the machine
 * that had the slot, or, while the server lives, the incarnation attached in another server epoch.
 */
#define IVSH_HEARTBEAT_SHORT_NS UINT64_C(500000000)

/* A claimant waits this long between storing its nonce and finding it still there. */
#define IVSH_CLAIM_NS UINT64_C(50000000)

/* --- An attached region --------------------------------------------------------------------- */

/* Counters of one incarnation of one peer. SPEC 5. */
struct ivsh_counters {
	uint64_t sent;                     /* messages published */
	uint64_t received;                 /* messages released */
	uint64_t full;                     /* sends that found no room */
	uint64_t discarded;                /* messages of the backlog that the attach discarded */
	uint64_t notifications_sent;       /* notifications of other peers */
	uint64_t notifications_suppressed; /* messages to a receiver that had requested none; our
	                                      own: only as ivsh_region_counters() answers it */
	uint64_t wakes_doorbell;           /* sleeps ended by a doorbell */
	uint64_t wakes_timer;              /* sleeps ended by time */
	uint64_t errors;                   /* channels that broke SPEC.md */
	uint64_t lost;                     /* ring resets seen: each may have lost messages */
	uint64_t missed_notifications;     /* sleeps ended by time with something to do */
};

struct ivsh_chan;
struct ivsh_message;
struct ivsh_metric;

/*
 * What follows from the geometry: offsets in a ring, in bytes from its beginning, behind which the
 * descriptors follow struct ivsh_wire_ring; and (rings). SPEC 2.
 */
struct ivsh_layout {
	uint32_t small;      /* its small payload area */
	uint32_t large;      /* its large payload area */
	uint32_t stride;     /* the next ring */
	uint32_t rings;      /* the first ring, from the beginning of its memory */
	uint32_t log_stride; /* from log to log */
	uint64_t logs;       /* the first log, from the beginning of its memory */
};

/* An attached region. The caller's memory; for the library's use, but for the fields marked. */
struct ivsh_region {
	struct ivsh_wire_slot *slot;
	struct ivsh_chan *chans; /* all open channels, linked by (next) */
	/* Checks the channels, or stops them when the slot is lost. Set by the first one: the
	 * region itself knows no channel. */
	void (*channels_check)(struct ivsh_region *region);
	uint64_t token;       /* the nonce and the VM generation as last seen, by exclusive or */
	uint64_t nonce;       /* readable: this incarnation's */
	uint32_t incarnation; /* readable: this incarnation's number */
	uint32_t heartbeat;   /* what the slot's is, unless the memory went back */
	uint32_t ticked;      /* the heartbeat when the slot and the rings were last checked */
	uint32_t attach_epoch, attach_connection; /* the server's words at the attach */
	uint32_t origin; /* what ivsh_region_origin() has said; 0: nothing */
	bool attached;
	bool seized;  /* the slot was claimed from a peer that did not detach, and may come back */
	bool removed; /* the device was unplugged: what is lost is answered as IVSH_EREMOVED */
	struct ivsh_geometry geometry; /* readable: the header's, checked and copied at attach */
	struct ivsh_mem mem;           /* readable: the transport, copied at attach */
	/* What the steps of the attach that the program names have set, or NULL: a new incarnation
	 * when the machine was moved, and its channels; opening the rings that an earlier one used;
	 * following the other side into a new generation; storing the counters. */
	int (*slot_renew)(struct ivsh_region *region);
	void (*channels_renew)(struct ivsh_region *region);
	int (*rings_open)(struct ivsh_chan *ch);
	int (*sender_follow)(struct ivsh_chan *ch);
	void (*receiver_follow)(struct ivsh_chan *ch);
	void (*counters_store)(struct ivsh_region *region);
	struct ivsh_counters counters; /* readable: this peer's own */
	uint64_t notified;             /* messages to a receiver that was notified of them */
	uint64_t format_id;            /* readable: the header's */
	uint64_t server_seen_ns;
	uint32_t server_heartbeat; /* readable: the server's, as ivsh_region_peer() saw it last */
	uint32_t server_epoch;     /* readable: likewise; 0: no server */
	uint32_t change;           /* the server's, as a wait saw it last */
	uint64_t lost;             /* counters.lost, as a wait saw it last */
	uint32_t moved;            /* readable: how often the machine, or its memory, was moved */
	uint32_t moved_waited;     /* (moved), as a wait saw it last */
	uint32_t moved_reported;   /* (moved), as ivsh_region_peer_event() reported it last */
	uint64_t requests_ns;      /* when a channel last began to request notifications */

	/* Of ivsh_region_next(): pending bytes as last seen, and channels that may have a
	 * message. */
	uint64_t pending[IVSH_WIRE_SLOTS_MAX / 8];
	struct ivsh_chan *queue, *queue_last;
	uint32_t queue_count;
	uint32_t next_calls;
	uint64_t polled_ns; /* when all channels were last polled */
	bool pending_all;   /* all open channels have asked for hints, and were polled since */
	bool broke;         /* a channel, and no call has said so */

	/* Of ivsh_region_peer_event(): the round over all slots. */
	uint64_t round_ns;
	uint32_t round_slot;   /* the next one */
	uint32_t round_change; /* the server's, when the round began */

	/* Of ivsh_metric_declare(): the last one, and what stored the counters before the first. */
	struct ivsh_metric *metrics;
	void (*metrics_counters)(struct ivsh_region *region);

	struct ivsh_layout layout; /* of (geometry) */

	/* Of a split region, set by ivsh_attach_split(); NULL: one memory for all. Where things
	 * are; and whether a channel has a new hint, which (add) takes, or with NULL keeps. */
	void *(*place)(const struct ivsh_region *region, uint32_t what, uint32_t from, uint32_t to);
	bool (*hints)(const struct ivsh_region *region,
	    void (*add)(struct ivsh_region *region, struct ivsh_chan *ch));
};

/* --- Attaching ------------------------------------------------------------------------------ */

/* The caller's options of ivsh_region_attach(), and its answers when it fails. */
struct ivsh_attach {
	const char *name;    /* up to 31 printable ASCII characters; NULL: none. Copied. */
	uint64_t nonce;      /* a number that no other attach of any peer draws: a random one */
	uint64_t timeout_ns; /* how long to wait for a formatter; 0: not at all */

	/* Optional steps of the attach: NULL, or the function named here. The linker leaves out
	 * those that a program does not name. */
	int (*formatter)(const struct ivsh_mem *mem,
	    struct ivsh_attach *attach);              /* ivsh_attach_format(), by slot 0 */
	int (*claim)(struct ivsh_region *region);     /* ivsh_attach_claim() */
	void (*discard)(struct ivsh_region *region);  /* ivsh_attach_discard() */
	void (*restart)(struct ivsh_region *region);  /* ivsh_attach_restart() */
	void (*reset)(struct ivsh_region *region);    /* ivsh_attach_reset(); restart has it, too */
	void (*counters)(struct ivsh_region *region); /* ivsh_attach_counters() */
	struct ivsh_geometry format;                  /* what ivsh_attach_format() formats */

	/* Answers: each is set by the error that names it. */
	uint32_t found_version;  /* IVSH_EVERSION: the header's; ours is IVSH_WIRE_VERSION */
	uint32_t found_features; /* IVSH_EVERSION: its feature bits; ours are IVSH_WIRE_FEATURE_* */
	uint32_t found_slots;    /* IVSH_EINVAL: the slots that there are, when self is not one */
	uint64_t found_magic;    /* IVSH_EPROTO: the header's first eight bytes */
	uint64_t need_size;      /* IVSH_ENOSPC: bytes of memory needed */

	/* Answers of ivsh_attach_split(), also on success: of mem.parts, how many are not used, and
	 * the first of them, or this peer's own where the platform knows it; part_count: none. */
	uint32_t parts_out;
	uint32_t found_part;
};

/*
 * A nonce for the next incarnation of slot mem->self: (seed) mixed with what the region holds of
 * earlier incarnations, its format_id, the server's epoch and heartbeat, and the VM generation. A
 * platform without a random number generator may draw the same seed again, from a clock.
 *
 * Any thread, before the attach. Stores nothing.
 */
uint64_t ivsh_attach_nonce(const struct ivsh_mem *mem, uint64_t seed);

/*
 * Attach to the region behind (mem) as slot mem->self.
 *
 * Waits for a formatter through mem->doorbell.sleep, and makes the steps that (attach) names. On
 * success the slot is announced to all peers and (region) is ready for channels. (mem) is copied;
 * what its doorbell and vm_generation refer to must stay valid. On failure nothing in the slot has
 * changed, except the nonce of a lost claim.
 *
 * IVSH_EINVAL   base is NULL or not aligned; mem->self is IVSH_SELF_NONE, or not below the number
 *               of slots (found_slots); the name is too long or not printable.
 * IVSH_ENODEV   nobody formatted the memory within timeout_ns.
 * IVSH_EREADONLY  the memory drops what is stored, as QEMU's does with readonly=on.
 * IVSH_EPROTO   a foreign magic (found_magic) or an impossible header: not a region of ours.
 * IVSH_EVERSION an unknown version or feature: found_version, found_features. A split region
 *               needs mem.split.
 * IVSH_ENOSPC   the memory is smaller than the header or the geometry says, or, where nobody has
 *               formatted it, than any region is: need_size.
 * SPEC 3, 5.
 */
int ivsh_region_attach(struct ivsh_region *region, const struct ivsh_mem *mem,
    struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * For attach.formatter: format a memory whose magic is 0, with attach.format. Only slot 0 formats;
 * the other slots wait for it.
 *
 * The attach answers, besides:
 *
 * IVSH_EINVAL  the geometry in attach.format is out of range.
 * SPEC 3.
 */
int ivsh_attach_format(const struct ivsh_mem *mem, struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * For attach.claim: make sure that slot mem.self is free, where no server hands out the slots
 * (ivshmem-plain). Waits through mem.doorbell.sleep: 50 ms for a free slot, up to 2 s more for one
 * whose last owner may be dead, and 500 ms where that was this machine (mem.machine).
 *
 * The attach answers, besides:
 *
 * IVSH_EBUSY   a living peer holds the slot: choose another.
 * SPEC R5.1, R5.2.
 */
int ivsh_attach_claim(struct ivsh_region *region) IVSH_MUST_CHECK;

/*
 * For attach.discard: drop, and count, what was sent to earlier incarnations of the slot. SPEC
 * R5.8.
 */
void ivsh_attach_discard(struct ivsh_region *region);

/*
 * For attach.restart: go on where an earlier incarnation of this slot stopped, when a channel is
 * opened, and with the same handles when the machine or its memory was moved. Does what
 * ivsh_attach_reset() does, too. Nearly every program names it.
 *
 * Without it a slot opens each channel once, until the region is formatted again:
 * ivsh_chan_open() answers IVSH_EINVAL where the channel was opened before, by this incarnation or
 * an earlier one, and changes nothing there. Attach with ivsh_attach_restart(), or format the
 * region again. A machine that was moved has lost its slot: IVSH_ELOST.
 * SPEC R5.11, R5.14, R6.4, R7.9, R7.11.
 */
void ivsh_attach_restart(struct ivsh_region *region);

/*
 * For attach.reset: begin new generations of rings, by ivsh_chan_reset() and as an answer to the
 * peer's reset.
 *
 * Without it a channel whose peer resets a ring breaks, as by damage: IVSH_EPROTO; and
 * ivsh_chan_reset() answers IVSH_EINVAL. SPEC R5.14, R6.
 */
void ivsh_attach_reset(struct ivsh_region *region);

/*
 * For attach.counters: store region->counters in the slot now and then, and at the detach, where
 * other peers read them. Without it they read 0. SPEC R5.5, R5.14.
 */
void ivsh_attach_counters(struct ivsh_region *region);

/*
 * For mem.split: find out which of mem.parts has which slot's words, by their headers, and compute
 * each place of a split region. Done by the attach, and by ivsh_region_probe().
 *
 * A part that does not belong to the region is not used: another format_id, version or geometry,
 * another slot than the platform says, a slot that another part has, too, or a memory that is too
 * small. Then (parts_out) counts it, and (found_part) is the first one. Whoever writes into his own
 * part only shuts himself out: the attach fails only where this peer's own part is not there.
 *
 * The attach, and a probe whose mem.self is not IVSH_SELF_NONE, answer, besides:
 *
 * IVSH_EPART  no part of mem.parts is that of mem.self.
 * IVSH_EREADONLY  it is not writable.
 * IVSH_EVERSION   the region is not split.
 * SPEC 17.
 */
int ivsh_attach_split(struct ivsh_region *region, struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * Read the region behind (mem) without a slot: nothing is stored, (mem) may be mapped for reading
 * only, and of its doorbell only now_ns is called. (region) is good for ivsh_region_peer(),
 * ivsh_region_counters(), ivsh_region_service() and ivsh_region_port(), and for the fields marked
 * as readable; every other call answers that it is not attached.
 *
 * IVSH_ENODEV  nobody has formatted the memory.
 * IVSH_EINVAL, IVSH_EPROTO, IVSH_EVERSION, IVSH_ENOSPC  as ivsh_region_attach().
 */
int ivsh_region_probe(struct ivsh_region *region, const struct ivsh_mem *mem,
    struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * Detach: mark the slot as detached. The caller closes its channels first. Messages that were not
 * received stay in the rings for the next incarnation. Harmless when not attached.
 */
void ivsh_region_detach(struct ivsh_region *region);

/* The platform's clock, in nanoseconds. */
uint64_t ivsh_region_now(const struct ivsh_region *region);

#ifdef __cplusplus
}
#endif
#endif
