/* SPDX-License-Identifier: MIT */
/*
 * region.h - the shared memory as SPEC.md lays it out: formatting, attaching, and who else is here.
 *
 * Calls are for the one thread that owns the struct ivsh_region, never from interrupts, unless a
 * comment says otherwise. Nothing here allocates, prints or keeps state of its own.
 */
#ifndef IVSH_REGION_H
#define IVSH_REGION_H

#include <ivsh/error.h>
#include <ivsh/mem.h>
#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Times that all peers agree on. SPEC 5 -------------------------------------------------- */

#define IVSH_HEARTBEAT_NS UINT64_C(250000000) /* a living peer's heartbeat moves this often */
#define IVSH_HEARTBEAT_LIMIT_NS \
	UINT64_C(2000000000)                      /* one that stood still for this is suspected */
#define IVSH_SERVER_LIMIT_NS UINT64_C(1000000000) /* as long, and the server's words are stale */
#define IVSH_CLAIM_NS UINT64_C(50000000)          /* from writing a nonce to believing in it */

/* --- Geometry ------------------------------------------------------------------------------- */

/* The sizes that decide where everything is. SPEC 2. */
struct ivsh_geometry {
	uint32_t slots; /* peers: 2 to 256 */
	uint32_t descs; /* messages in flight per ring: a power of two, 16 to 32768 */
	uint32_t
	    small_size; /* bytes for small payloads per ring: a power of two, 1 KiB to 128 MiB */
	uint32_t
	    large_size; /* bytes for large payloads per ring: likewise, at least small_size; the
	                       largest message */
};

/*
 * The bytes that a region of this geometry takes, in *size.
 *
 * Anyone, anywhere. IVSH_EINVAL  a field is out of its range: *size is untouched.
 * SPEC 2.
 */
int ivsh_geometry_size(const struct ivsh_geometry *geometry, uint64_t *size) IVSH_MUST_CHECK;

/* Records that do for each channel of a region of ivsh_geometry_fit(). */
#define IVSH_FIT_DESCS 256u

/*
 * The geometry that this library chooses for (slots) peers in (size) bytes: IVSH_FIT_DESCS
 * descriptors, a hot area of 4 KiB, and the largest bulk area from 8 KiB to 4 MiB that fits; 64
 * descriptors and 4 KiB where that is too much.
 *
 * Anyone, anywhere. In *need: the bytes that the least such geometry takes; may be NULL.
 *
 * IVSH_EINVAL  slots is not 2 to 256.
 * IVSH_ENOSPC  not even the least one fits: bring *need bytes.
 */
int ivsh_geometry_fit(
    uint64_t size, uint32_t slots, struct ivsh_geometry *geometry, uint64_t *need) IVSH_MUST_CHECK;

/*
 * Format (size) bytes at (base): everything but the payload areas is cleared, the header written,
 * its magic last.
 *
 * For the server, or slot 0, or a tool; never two at once, and never under living peers.
 * format_id: differs from one formatting to the next; a clock or a random number.
 * force: format also what is formatted already, or holds something else. The magic goes first.
 *
 * IVSH_EINVAL  base is not aligned to 4096, or the geometry is out of range.
 * IVSH_ENOSPC  the geometry needs more than size bytes.
 * IVSH_EBUSY   not forced, and the first eight bytes are not zero.
 * IVSH_EREADONLY  the magic did not stay.
 * SPEC 3.
 */
int ivsh_region_format(void *base, uint64_t size, const struct ivsh_geometry *geometry,
    uint64_t format_id, bool force) IVSH_MUST_CHECK;

/* --- Attaching ------------------------------------------------------------------------------ */

struct ivsh_region;

/*
 * A nonce for the next life of slot mem->self: (seed), which a port that has no source of chance may
 * draw from a clock and draw again, mixed with what the region holds of earlier lives: its
 * generation, the server's epoch and beat, the slot's boot word, heartbeat and nonce. Anyone, before
 * the attach; writes nothing.
 */
uint64_t ivsh_attach_nonce(const struct ivsh_mem *mem, uint64_t seed);

/* What the caller asks of ivsh_region_attach(), and what it learns when that is refused. */
struct ivsh_attach {
	const char *name;    /* up to 31 printable ASCII characters; NULL: none. Copied. */
	uint64_t nonce;      /* differs from every other life of every peer: a random number */
	uint64_t timeout_ns; /* how long to wait for whoever formats; 0: not at all */

	/* What else is to be done: NULL, or the function named here. A program is linked without
	 * those that it does not name. */
	int (*formatter)(const struct ivsh_mem *mem,
	    struct ivsh_attach *attach);             /* ivsh_attach_format(), by slot 0 */
	int (*claim)(struct ivsh_region *region);    /* ivsh_attach_claim() */
	void (*discard)(struct ivsh_region *region); /* ivsh_attach_discard() */
	struct ivsh_geometry format;                 /* what ivsh_attach_format() makes */

	/* Answers, each where the error says so. */
	uint32_t found_version;  /* IVSH_EVERSION: the header's; ours is IVSH_WIRE_VERSION */
	uint32_t found_features; /* IVSH_EVERSION: feature bits that this library does not know */
	uint32_t found_slots;    /* IVSH_EINVAL: the slots that there are, when self is not one */
	uint64_t found_magic;    /* IVSH_EPROTO: the header's first eight bytes */
	uint64_t need_size;      /* IVSH_ENOSPC: bytes of memory needed */
};

/* Counters of one life of one peer. SPEC 5. */
struct ivsh_counters {
	uint64_t sent;               /* messages published */
	uint64_t received;           /* messages released */
	uint64_t full;               /* sends that found no room */
	uint64_t discarded;          /* messages dropped by a fresh attach */
	uint64_t notifications_sent; /* doorbells rung */
	uint64_t
	    notifications_suppressed; /* messages published to a receiver that wanted no bell; our own:
	                         only as ivsh_region_counters() answers it */
	uint64_t wakes_doorbell;      /* waits ended by a bell */
	uint64_t wakes_timer;         /* waits ended by time */
	uint64_t errors;              /* channels that broke SPEC.md */
	uint64_t lost;                /* ring resets seen */
	uint64_t
	    missed_notifications; /* waits ended by time that found something: a bell was lost */
};

struct ivsh_chan;
struct ivsh_message;

/* An attached region. The caller's memory; for the library's use, but for the fields marked. */
struct ivsh_region {
	struct ivsh_wire_slot *slot;
	struct ivsh_chan *chans; /* all open channels, linked by (next) */
	uint64_t nonce;          /* readable: this life's */
	uint32_t incarnation;    /* readable: this incarnation's number */
	uint32_t heartbeat;
	uint32_t ticked; /* the heartbeat when the slot and the rings were last looked after */
	uint32_t came_epoch, came_connection; /* the server's words when this life attached */
	bool attached;
	bool seized; /* the slot was claimed from a life that said no good-bye, and may come back */
	struct ivsh_mem mem;           /* readable: the doorway, copied at attach */
	struct ivsh_geometry geometry; /* readable: the header's, checked and copied at attach */
	struct ivsh_counters counters; /* readable: this peer's own */
	uint64_t notified;             /* messages published to a receiver that had a request */
	uint64_t format_id;            /* readable: the header's */
	uint64_t server_seen_ns;
	uint32_t server_heartbeat; /* readable: the server's, as ivsh_region_peer() saw it last */
	uint32_t server_epoch;     /* readable: likewise; 0: no server */
	uint32_t change;           /* the server's, as last seen by a wait */
	uint64_t lost;             /* counters.lost, as last seen by a wait */
	uint64_t asked_ns;         /* when a channel last began to ask for bells */

	/* Of ivsh_region_next(): mail bytes as last seen, and channels that may have a message, in
	 * turn. */
	uint64_t pending[IVSH_WIRE_SLOTS_MAX / 8];
	struct ivsh_chan *busy, *busy_last;
	uint32_t busy_count;
	uint32_t next_calls;
	uint64_t relook_ns; /* when all channels were last looked at */
	bool pending_all;   /* all open channels ask for mail, and were looked at since */
	bool broke;         /* a channel, and no call has said so */

	/* Of ivsh_region_peer_event(): the round of looks. */
	uint64_t round_ns;
	uint32_t round_slot;   /* the next one to look at */
	uint32_t round_change; /* the server's, when the round began */
};

/*
 * Attach to the region behind (mem) as slot mem->self.
 *
 * Waits for a formatter through mem->doorbell.sleep, and does what else (attach) names. On success the
 * slot is announced to all peers and (region) is ready for channels; (mem) is copied, what its bell
 * refers to must live on. On failure nothing of the slot's was changed, but for the nonce of a lost
 * claim.
 *
 * IVSH_EINVAL   base is NULL or not aligned; mem->self is IVSH_SELF_NONE, or not below the number
 *               of slots (found_slots); the name is too long or not printable.
 * IVSH_ENODEV   nobody formatted the memory within timeout_ns.
 * IVSH_EREADONLY  the memory drops what is stored, as QEMU's does with readonly=on.
 * IVSH_EPROTO   a foreign magic (found_magic) or an impossible header: not a region of ours.
 * IVSH_EVERSION an unknown version or feature: found_version, found_features.
 * IVSH_ENOSPC   the memory is smaller than the header or the geometry says, or, where nobody has
 *               formatted it, than any region is: need_size.
 * SPEC 3, 5.
 */
int ivsh_region_attach(struct ivsh_region *region, const struct ivsh_mem *mem,
    struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * For attach.formatter: format a memory whose magic is 0, with attach.format. Asked for by slot 0
 * alone; the others wait for it.
 *
 * The attach answers, besides: IVSH_EINVAL  format is out of range.
 * SPEC 3.
 */
int ivsh_attach_format(const struct ivsh_mem *mem, struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * For attach.claim: make sure that mem.self is free, where nobody guards it (ivshmem-plain). Waits
 * 50 ms for a free slot and up to 2 s for one whose owner may be dead, through mem.doorbell.sleep.
 *
 * The attach answers, besides: IVSH_EBUSY  a living peer holds the slot: choose another.
 * SPEC 5.
 */
int ivsh_attach_claim(struct ivsh_region *region) IVSH_MUST_CHECK;

/* For attach.discard: drop, and count, what was sent to the slot's earlier life. SPEC R5.8. */
void ivsh_attach_discard(struct ivsh_region *region);

/*
 * Look at the region behind (mem) without a slot: nothing is written, (mem) may be mapped for
 * reading only, and of its bell only now_ns is called. (region) is good for ivsh_region_peer(),
 * _counters(), _service() and _port(), and for what is readable in it; every other call answers
 * that it is not attached.
 *
 * IVSH_ENODEV   nobody has formatted the memory.
 * IVSH_EINVAL, IVSH_EPROTO, IVSH_EVERSION, IVSH_ENOSPC  as ivsh_region_attach().
 */
int ivsh_region_probe(struct ivsh_region *region, const struct ivsh_mem *mem,
    struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * Say good-bye: the slot is marked as left. Close the channels first. What peers sent stays in the
 * rings for the next life. Harmless when not attached.
 */
void ivsh_region_detach(struct ivsh_region *region);

/* How ivsh_region_wait() waits. */
enum ivsh_wait_mode {
	IVSH_WAIT_POLL = 0,  /* looks and relaxes until the end; never touches the device */
	IVSH_WAIT_SPIN = 1,  /* looks for spin_ns, then asks for a bell and sleeps */
	IVSH_WAIT_SLEEP = 2, /* asks for a bell and sleeps at once */
};

struct ivsh_wait {
	enum ivsh_wait_mode mode;
	uint64_t spin_ns; /* SPIN: how long to look before sleeping */
	uint64_t nap_ns;  /* the longest sleep of a peer that cannot be rung; 0: 500 us */
	uint32_t wanted;  /* IVSH_EVENT_* that end the wait; 0: any */
};

/* What ended a wait: any of these, in *events; 0 means that time is over. */
#define IVSH_EVENT_MESSAGE 0x1u /* a channel has a message that was not peeked yet */
#define IVSH_EVENT_SPACE 0x2u   /* a channel has room for what last answered IVSH_EAGAIN */
#define IVSH_EVENT_CONTROL 0x4u /* the server saw a slot come or go, or a ring was reset */
#define IVSH_EVENT_BROKEN 0x8u  /* a channel broke, and no call for it said so: (dead) */

/* A sleeper looks again this often, bell or not: bells can be lost. SPEC R8.3. */
#define IVSH_POLL_NS UINT64_C(100000000)

/*
 * Wait for any of: a message on any open channel, room on any channel that was full, a change that
 * the server saw, a channel that broke, or (timeout_ns) to pass.
 *
 * Gives back to the senders what was released, keeps the heartbeat going, and sleeps through
 * mem.doorbell.sleep. A message that is peeked and not released does not end a wait; nor does a channel
 * that stays dead. Looks once at each open channel for every bell, and every IVSH_POLL_NS without.
 *
 * Owner's thread, not from interrupts.
 *
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 * SPEC 8.
 */
int ivsh_region_wait(struct ivsh_region *region, const struct ivsh_wait *wait, uint64_t timeout_ns,
    uint32_t *events) IVSH_MUST_CHECK;

/* In an entry of ivsh_regions_wait() that answers IVSH_ELOST: it is this region's slot that was lost. */
#define IVSH_EVENT_LOST 0x80000000u

/*
 * Wait for what ivsh_region_wait() waits for, in any of (count) regions: one sleep for all of them. It asks
 * for bells in each, looks at each once more, and sleeps until any rings.
 *
 * The bells must count and sleep together: devices of one port do, in a guest; host processes group their
 * clients first (client_group()). One region without bells makes all sleeps naps.
 *
 * regions: different ones, of one thread. events: (count) words, one for each region; all 0: time is over.
 *
 * IVSH_EINVAL  count is 0.
 * IVSH_ELOST   as ivsh_region_wait(), of the regions whose entry is IVSH_EVENT_LOST: go on with the others.
 * SPEC 8.
 */
int ivsh_regions_wait(struct ivsh_region *const *regions, uint32_t count,
    const struct ivsh_wait *wait, uint64_t timeout_ns, uint32_t *events) IVSH_MUST_CHECK;

/* The port's clock, in nanoseconds. */
uint64_t ivsh_region_now(const struct ivsh_region *region);

/* --- Who is here ---------------------------------------------------------------------------- */

enum ivsh_presence {
	IVSH_PEER_ABSENT = 0,   /* nobody was here, or it said good-bye */
	IVSH_PEER_ATTACHED = 1, /* here, as far as anyone knows */
	IVSH_PEER_SILENT = 2,   /* its heartbeat stands still: suspected, may come back */
	IVSH_PEER_GONE =
	    3, /* the server saw its life's socket go, and it said no good-bye: it died */
};

enum ivsh_connection {
	IVSH_CONNECTION_UNKNOWN = 0, /* no server, or one that has stopped */
	IVSH_CONNECTION_UP = 1,
	IVSH_CONNECTION_DOWN = 2,
};

/* One peer as seen from here. Zero it before the first look; keep it for the next. */
struct ivsh_peer {
	enum ivsh_presence presence;
	enum ivsh_connection connection; /* what the server says of the slot's socket */
	uint32_t incarnation; /* another value is another incarnation; 0: never attached */
	uint32_t vectors;     /* bells it says it can take: unchecked */
	uint64_t silent_ns;   /* for how long its heartbeat stood still, as seen here */
	char name[IVSH_WIRE_NAME_SIZE]; /* printable ASCII, terminated; empty: none */

	/* For the next look. */
	uint32_t heartbeat;
	uint64_t seen_ns;
	uint32_t reported; /* the incarnation of the last event; 0: it was reported down */
};

/*
 * Look at slot (slot), which may be our own. *peer holds the last look and gets the new one;
 * whether a heartbeat moves shows only when the same struct is used again, after IVSH_HEARTBEAT_NS
 * or more.
 *
 * Everything in it is what the peer, or whoever can write its memory, says of itself.
 *
 * IVSH_EINVAL  slot is not below the number of slots.
 */
int ivsh_region_peer(
    struct ivsh_region *region, uint32_t slot, struct ivsh_peer *peer) IVSH_MUST_CHECK;

/* What happened to another slot. */
enum ivsh_peer_event_kind {
	IVSH_PEER_EVENT_UP = 1,        /* a peer is here that was not, or was silent and is back */
	IVSH_PEER_EVENT_DOWN = 2,      /* it left, died, or is silent: its presence says which */
	IVSH_PEER_EVENT_RESTARTED = 3, /* it is here, in another life than the last one told of */
	IVSH_PEER_EVENT_LOST = 4,   /* a ring between it and us was reset: messages may be lost */
	IVSH_PEER_EVENT_BROKEN = 5, /* of ivsh_node_next_event(): the channel to it was given up */
};

struct ivsh_peer_event {
	enum ivsh_peer_event_kind kind;
	uint32_t slot;
};

/* How often, at the least, who wants news that no server announces looks at the slots. */
#define IVSH_PEER_EVENT_NS UINT64_C(20000000)

/*
 * What is new about the other slots: one thing at a time; call it until it answers IVSH_EAGAIN.
 *
 * Nothing queues up: news is the difference between what was told last and what is. So a peer that
 * went and came back between two calls is one IVSH_PEER_EVENT_RESTARTED, and two resets are one
 * IVSH_PEER_EVENT_LOST. peers: one per slot, (count) of them, zeroed before the first call, the caller's;
 * peers[slot] holds what was seen last.
 *
 * Looks at each slot once per round, and ends at most one round and begins one. A round begins with the first call after the server saw a
 * change, or IVSH_PEER_EVENT_NS after the last one; in between a call looks at no slot. So with a server
 * a death shows at once (ivsh_region_wait() answers IVSH_EVENT_CONTROL), else within
 * IVSH_HEARTBEAT_LIMIT_NS, and an attach with the next round.
 *
 * IVSH_EAGAIN  nothing more, for now.
 * IVSH_EINVAL  (count) is less than the number of slots.
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 */
int ivsh_region_peer_event(struct ivsh_region *region, struct ivsh_peer *peers, uint32_t count,
    struct ivsh_peer_event *news) IVSH_MUST_CHECK;

/* --- Names and services. SPEC 5 ------------------------------------------------------------- */

/*
 * Find the peer that calls itself (name): its slot, the lowest, in *slot. peers: as for
 * ivsh_region_peer_event(); each is looked at again. Two peers may have one name, and anybody may take
 * any.
 *
 * IVSH_ENODEV  nobody of that name is here: later perhaps.
 * IVSH_EINVAL  (count) is less than the number of slots.
 */
int ivsh_region_find(struct ivsh_region *region, struct ivsh_peer *peers, uint32_t count,
    const char *name, uint32_t *slot) IVSH_MUST_CHECK;

#define IVSH_SERVICE_NAME_SIZE 28u

/* A named port. */
struct ivsh_service {
	char name[IVSH_SERVICE_NAME_SIZE]; /* printable ASCII, terminated */
	uint16_t port;
};

/*
 * Publish that the service (name) is to be had on (port), or on another port than before. name: 1
 * to 27 printable ASCII characters. Gone with this life of the slot.
 *
 * IVSH_EINVAL  not such a name.
 * IVSH_ENOSPC  there are 16 already.
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 */
int ivsh_region_offer(struct ivsh_region *region, const char *name, uint16_t port) IVSH_MUST_CHECK;

/*
 * The service number (index), from 0, of slot (slot), in *service: an entry may be empty, and
 * then has no name. It is the last life's, whether that is here or not.
 *
 * IVSH_EINVAL  no such slot.
 * IVSH_ENODEV  (index) is above the last one.
 * IVSH_EAGAIN  its peer is writing, or died writing: ask later.
 */
int ivsh_region_service(const struct ivsh_region *region, uint32_t slot, uint32_t index,
    struct ivsh_service *service) IVSH_MUST_CHECK;

/* The port of slot (slot)'s service (name), in *port. IVSH_ENODEV: it has none. Errors as above. */
int ivsh_region_port(const struct ivsh_region *region, uint32_t slot, const char *name,
    uint16_t *port) IVSH_MUST_CHECK;

/* The counters that slot (slot) last published, dead or alive. Errors as ivsh_region_peer(). */
int ivsh_region_counters(const struct ivsh_region *region, uint32_t slot,
    struct ivsh_counters *counters) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
