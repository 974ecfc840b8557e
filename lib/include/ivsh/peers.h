/* SPDX-License-Identifier: MIT */
/*
 * peers.h - the other peers of a region: presence, peer events, names, services and counters.
 *
 * A peer writes what its slot says of it, and every other peer can store there, too. So a name is a
 * claim, not an identity. Only the thread that owns the region makes these calls, and never from an
 * interrupt handler. None blocks.
 */
#ifndef IVSH_PEERS_H
#define IVSH_PEERS_H

#include <ivsh/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Presence ------------------------------------------------------------------------------- */

enum ivsh_presence {
	IVSH_PEER_ABSENT = 0,   /* no peer was here, or the last one detached */
	IVSH_PEER_ATTACHED = 1, /* here, as far as anyone knows */
	IVSH_PEER_SILENT = 2,   /* its heartbeat stands still: suspected, may come back */
	IVSH_PEER_GONE = 3,     /* it died: the server saw its socket go, and it did not detach */
	IVSH_PEER_BROKEN = 4,   /* its slot's words are impossible: nobody can know. SPEC R5.3.4 */
};

enum ivsh_connection {
	IVSH_CONNECTION_UNKNOWN = 0, /* no server, or one that has stopped */
	IVSH_CONNECTION_UP = 1,
	IVSH_CONNECTION_DOWN = 2,
};

/* One peer as seen from here. Zero it before the first call; keep it for the next. */
struct ivsh_peer {
	enum ivsh_presence presence;
	enum ivsh_connection connection; /* what the server says of the slot's socket */
	uint32_t incarnation;            /* advances with each attach; 0: never attached */
	uint32_t vectors;                /* doorbell vectors that it says it has: unchecked */
	uint64_t silent_ns;              /* for how long its heartbeat stood still, as seen here */
	char name[IVSH_WIRE_NAME_SIZE];  /* printable ASCII, terminated; empty: none */

	/* For the next call. */
	uint32_t heartbeat;
	uint64_t seen_ns;
	uint32_t reported; /* the incarnation of the last peer event; 0: that it is down */
};

/*
 * Read slot (slot) into *peer. The slot may be this peer's own. *peer holds what the last call
 * found, and the call updates it. Whether a heartbeat advances shows only when the caller uses the
 * same struct again, after IVSH_HEARTBEAT_NS or more. A slot of a split region whose part is not
 * here (IVSH_EPART) reads as absent.
 *
 * IVSH_EINVAL  slot is not below the number of slots.
 */
int ivsh_region_peer(
    struct ivsh_region *region, uint32_t slot, struct ivsh_peer *peer) IVSH_MUST_CHECK;

/* --- Peer events ---------------------------------------------------------------------------- */

/* The kinds of peer events, each about another slot but for IVSH_PEER_EVENT_MOVED. */
enum ivsh_peer_event_kind {
	IVSH_PEER_EVENT_UP = 1,        /* a peer is present that was absent or silent before */
	IVSH_PEER_EVENT_DOWN = 2,      /* it left, died, or is silent: presence says which */
	IVSH_PEER_EVENT_RESTARTED = 3, /* it is here, as another incarnation than reported last */
	IVSH_PEER_EVENT_LOST = 4,      /* a ring was reset: messages may be lost */
	IVSH_PEER_EVENT_BROKEN = 5,    /* of ivsh_node_next_event(): the channel was given up */
	IVSH_PEER_EVENT_MOVED = 6,     /* this machine was migrated or restored, or its memory was:
	                                  slot is this peer's own, in a new incarnation */
};

struct ivsh_peer_event {
	enum ivsh_peer_event_kind kind;
	uint32_t slot;
};

/* Without a change that the server saw, a round over the slots begins this often. */
#define IVSH_PEER_EVENT_NS UINT64_C(20000000)

/*
 * Answer the next event in *event, one at a time: call it until it answers IVSH_EAGAIN. After
 * IVSH_PEER_EVENT_MOVED comes an IVSH_PEER_EVENT_LOST for each open channel that is not quiet.
 *
 * Events do not queue up: an event is the difference between what was reported last and what is
 * now. So a peer that went and came back between two calls is one IVSH_PEER_EVENT_RESTARTED, and
 * two resets are one IVSH_PEER_EVENT_LOST. peers: the caller's, one per slot, (count) of them,
 * zeroed before the first call; peers[slot] holds what was seen last.
 *
 * Reads each slot once in a round; a call ends at most one round and begins one. A round begins
 * with the first call after the server saw a change, or IVSH_PEER_EVENT_NS after the last one;
 * other calls read no slot. So with a server a death shows at once (ivsh_region_wait() answers
 * IVSH_EVENT_CONTROL), and without a server within IVSH_HEARTBEAT_LIMIT_NS. An attach shows in the
 * next round. While the server lives, a peer that attached in another server epoch is suspected
 * after IVSH_HEARTBEAT_SHORT_NS: a migration copies the slots of peers that stayed behind.
 *
 * IVSH_EAGAIN  nothing more, for now.
 * IVSH_EINVAL  (count) is less than the number of slots.
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 * IVSH_EREMOVED  the device was unplugged: this handle is dead.
 */
int ivsh_region_peer_event(struct ivsh_region *region, struct ivsh_peer *peers, uint32_t count,
    struct ivsh_peer_event *event) IVSH_MUST_CHECK;

/* --- Names and services. SPEC 5 ------------------------------------------------------------- */

/*
 * Find the peer that calls itself (name): its slot, the lowest, in *slot. peers: as for
 * ivsh_region_peer_event(); each is read again. Two peers may have one name, and any peer may take
 * any.
 *
 * IVSH_ENODEV  no peer of that name is here: later perhaps.
 * IVSH_EINVAL  (count) is less than the number of slots.
 */
int ivsh_region_find(struct ivsh_region *region, struct ivsh_peer *peers, uint32_t count,
    const char *name, uint32_t *slot) IVSH_MUST_CHECK;

#define IVSH_SERVICE_NAME_SIZE 28u

/* A named port. */
struct ivsh_service {
	char name[IVSH_SERVICE_NAME_SIZE]; /* printable ASCII, terminated; empty: no service */
	uint16_t port;
};

/*
 * Publish the service (name) on (port), which may replace an earlier port. name: 1 to 27 printable
 * ASCII characters. The service ends when the peer leaves the slot. If the memory goes back to a
 * snapshot that is older than this call, the service is gone: publish it again at
 * IVSH_PEER_EVENT_MOVED.
 *
 * IVSH_EINVAL  not such a name.
 * IVSH_ENOSPC  there are 16 already.
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 * IVSH_EREMOVED  the device was unplugged: this handle is dead.
 */
int ivsh_region_offer(struct ivsh_region *region, const char *name, uint16_t port) IVSH_MUST_CHECK;

/*
 * Say that the messages of this peer are those of a peer of another region, which a bridge passes
 * on: streams and requests name the incarnation that their sender has there. 0: they are our own,
 * as after each attach. Before the first such message is sent.
 *
 * IVSH_ELOST, IVSH_EREMOVED  the slot is not ours any more.
 * SPEC R5.16.
 */
int ivsh_region_origin(struct ivsh_region *region, uint32_t incarnation) IVSH_MUST_CHECK;

/*
 * Answer service number (index), from 0, of slot (slot) in *service. The slot's last incarnation
 * published it; its peer may be gone.
 *
 * IVSH_EINVAL  no such slot.
 * IVSH_ENODEV  (index) is above the last one.
 * IVSH_EAGAIN  its peer is writing, or died writing: try again later.
 */
int ivsh_region_service(const struct ivsh_region *region, uint32_t slot, uint32_t index,
    struct ivsh_service *service) IVSH_MUST_CHECK;

/* The port of slot (slot)'s service (name), in *port. IVSH_ENODEV: it has none. Errors as above. */
int ivsh_region_port(const struct ivsh_region *region, uint32_t slot, const char *name,
    uint16_t *port) IVSH_MUST_CHECK;

/* --- Counters ------------------------------------------------------------------------------- */

/* The counters that slot (slot) published last, dead or alive. Errors as ivsh_region_peer(). */
int ivsh_region_counters(const struct ivsh_region *region, uint32_t slot,
    struct ivsh_counters *counters) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
