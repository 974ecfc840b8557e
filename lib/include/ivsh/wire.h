/* SPDX-License-Identifier: MIT */
/*
 * wire.h - SPEC.md in C: the layout of the shared memory, and nothing else.
 *
 * Every field is little-endian and naturally aligned, and has exactly one writer, named beside it.
 * Applications never hold these structs: the region and the channel rooms do.
 */
#ifndef IVSH_WIRE_H
#define IVSH_WIRE_H

#include <stdint.h>
#ifndef UINT64_C
#error "<stdint.h> is not a whole one: take the compiler's (lib/PORTING.md, What the library needs)"
#endif

/* Words are loaded and stored as they are: on another machine each would be read backwards. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ivsh: the shared memory is little-endian, and this machine is not"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes "IVSHRGN" and a zero, read as a little-endian number. SPEC 3. */
#define IVSH_WIRE_MAGIC UINT64_C(0x004e475248535649)
#define IVSH_WIRE_VERSION 2u

/*
 * Whether (magic) says that nobody has formatted the memory, or is about to: 0, or one half of
 * ours, from a machine that stores it in two. SPEC R1.3.4.
 */
static inline int ivsh_wire_magic_none(uint64_t magic)
{
	return magic == 0 || magic == (IVSH_WIRE_MAGIC & 0xffffffffu) ||
	       magic == (IVSH_WIRE_MAGIC & ~UINT64_C(0xffffffff));
}

#define IVSH_WIRE_PAGE 4096u /* the header, the server page and each ring start on one */
#define IVSH_WIRE_LINE 64u   /* no two writers share one; payloads start on one */
#define IVSH_WIRE_SLOTS_MIN 2u
#define IVSH_WIRE_SLOTS_MAX 256u /* so that the server page is one page */
#define IVSH_WIRE_DESCS_MIN 16u
#define IVSH_WIRE_DESCS_MAX 32768u /* half of what a 16-bit wrap counter and a 32-bit index allow */
#define IVSH_WIRE_AREA_MIN 1024u
#define IVSH_WIRE_AREA_MAX (UINT32_C(1) << 27) /* a length has 28 bits */
#define IVSH_WIRE_LOG_MIN 4096u
#define IVSH_WIRE_LOG_MAX (UINT32_C(1) << 24)

/* Where things are; the rings follow the slots, and the logs the rings. SPEC 2. */
#define IVSH_WIRE_HEADER_OFFSET 0u
#define IVSH_WIRE_SERVER_OFFSET 4096u
#define IVSH_WIRE_SLOTS_OFFSET 8192u

/* ivsh_wire_header.features */
#define IVSH_WIRE_FEATURE_LOGS 0x1u  /* log_size is not 0, and the logs follow the rings */
#define IVSH_WIRE_FEATURE_SPLIT 0x2u /* what a slot's peer writes is in a memory of its own */

/* SPEC 3. Written once by the formatter, magic last; then never again. */
struct ivsh_wire_header {
	uint64_t magic;      /* IVSH_WIRE_MAGIC; 0: not formatted, or being formatted */
	uint32_t version;    /* IVSH_WIRE_VERSION */
	uint32_t features;   /* IVSH_WIRE_FEATURE_*: bits that a reader must know, or refuse */
	uint64_t size;       /* bytes of the region, at most those of the memory */
	uint32_t slots;      /* 2 to 256 */
	uint32_t descs;      /* descriptors in a ring, a power of two, 16 to 32768 */
	uint32_t small_size; /* bytes of a ring's small area, a power of two, 1 KiB to 128 MiB */
	uint32_t large_size; /* bytes of a ring's large area, likewise, at least small_size */
	uint64_t format_id;  /* differs from one formatting to the next */
	uint32_t log_size; /* bytes of each slot's log, a power of two, 4 KiB to 16 MiB; 0: none */
	uint8_t reserved[12];
};

/* SPEC 4. Written by the server alone; all 0 without one. */
struct ivsh_wire_server {
	uint32_t epoch;     /* differs from one service to the next; 0: no server */
	uint32_t heartbeat; /* advances every 250 ms while the server lives */
	uint32_t change;    /* advances after each change of a connection word */
	uint32_t vectors;   /* doorbell vectors that each peer has eventfds for */
	uint8_t reserved[48];
	uint32_t connection[IVSH_WIRE_SLOTS_MAX]; /* connects and disconnects in this epoch: odd:
	                                             connected; 0: unknown */
};

/*
 * --- A split region. SPEC 17 --------------------------------------------------------------------
 */

/* The bytes "IVSHPRT" and a zero, as IVSH_WIRE_MAGIC. */
#define IVSH_WIRE_PART_MAGIC UINT64_C(0x0054525048535649)

/* Bytes of the memory that has the header and the server page alone. */
#define IVSH_WIRE_COMMON_SIZE 8192u

/*
 * Where the slot and the lines are in the part of (slot): a page later in that of an odd one. The
 * rings and the log follow them.
 */
#define IVSH_WIRE_PART_SLOT_OFFSET(slot) ((slot) % 2u == 1u ? 8192u : 4096u)
#define IVSH_WIRE_PART_LINES_OFFSET(slot) \
	(IVSH_WIRE_PART_SLOT_OFFSET(slot) + (uint32_t)sizeof(struct ivsh_wire_slot))

/* The header of a part. Written once by its formatter, magic last. */
struct ivsh_wire_part {
	uint64_t magic;   /* IVSH_WIRE_PART_MAGIC; 0: not formatted, or being formatted */
	uint32_t version; /* from here on to (log_size) as in the region's header */
	uint32_t features;
	uint64_t size; /* bytes of this part */
	uint32_t slots;
	uint32_t descs;
	uint32_t small_size;
	uint32_t large_size;
	uint64_t format_id;
	uint32_t log_size;
	uint32_t slot; /* whose part this is */
	uint8_t reserved[8];
};

/* A name on the wire: printable ASCII, padded with zeroes; the last byte is always zero. */
#define IVSH_WIRE_NAME_SIZE 32u

#define IVSH_WIRE_STATE_EMPTY 0u    /* no peer was ever here */
#define IVSH_WIRE_STATE_ATTACHED 1u /* its peer runs, or died without detaching */
#define IVSH_WIRE_STATE_DETACHED 2u /* its peer detached */

#define IVSH_WIRE_SERVICES 16u

/* A named port. SPEC 5. */
struct ivsh_wire_service {
	uint8_t name[28]; /* as IVSH_WIRE_NAME_SIZE's, 28 bytes; empty: no service */
	uint16_t port;
	uint16_t reserved;
};

#define IVSH_WIRE_METRICS 16u
#define IVSH_WIRE_METRIC_NAME_SIZE 40u

/* ivsh_wire_metric.kind */
#define IVSH_WIRE_METRIC_NONE 0u
#define IVSH_WIRE_METRIC_COUNTER 1u /* value only grows, modulo 2^64 */
#define IVSH_WIRE_METRIC_GAUGE 2u   /* value is a signed number, and goes up and down */

/* A number that the slot's peer declared. Valid while (incarnation) is the slot's. SPEC R5.15. */
struct ivsh_wire_metric {
	uint8_t name[IVSH_WIRE_METRIC_NAME_SIZE]; /* [a-z][a-z0-9_]*, padded with zeroes */
	uint32_t kind;                            /* IVSH_WIRE_METRIC_*: written last */
	uint32_t incarnation;                     /* the one that declared it */
	uint64_t value;
	uint64_t reserved;
};

/* SPEC 5. The slot's own peer writes all but the pending bytes. */
struct ivsh_wire_slot {
	/* Line 0: the peer. */
	uint32_t state;        /* IVSH_WIRE_STATE_* */
	uint32_t incarnation;  /* advances at each attach */
	uint32_t heartbeat;    /* advances at least every 250 ms while the peer lives */
	uint32_t vectors;      /* doorbell vectors of the peer; 0: it polls, and is not notified */
	uint64_t nonce;        /* of the claimant; each incarnation draws another */
	uint32_t sequence;     /* of the name and services: odd while they are being written */
	uint32_t server_epoch; /* the server page's epoch at the attach; 0: there was no server */
	uint32_t connection;   /* the slot's connection word then: of this incarnation's socket */
	uint32_t
	    origin; /* the incarnation that its messages name, if it passes on another's; or 0 */
	uint64_t machine; /* identity of the peer's machine, the same after a reset; 0: none */
	uint8_t reserved1[16];
	/* Lines 1 to 8: name and services, under (sequence). */
	uint8_t name[IVSH_WIRE_NAME_SIZE];
	uint8_t reserved2[32];
	struct ivsh_wire_service service[IVSH_WIRE_SERVICES];
	/* Lines 10 and 11: counters of this incarnation, kept readable after its end. */
	uint64_t sent;      /* messages published */
	uint64_t received;  /* messages released */
	uint64_t full;      /* sends that found no room */
	uint64_t discarded; /* messages of the backlog that an attach discarded */
	uint64_t notifications_sent;
	uint64_t notifications_suppressed; /* messages published with no notification requested */
	uint64_t wakes_doorbell;           /* sleeps ended by a doorbell */
	uint64_t wakes_timer;              /* sleeps ended by time */
	uint64_t errors;                   /* channels that broke SPEC.md */
	uint64_t lost;                     /* ring resets seen: each may have lost messages */
	uint64_t missed_notifications;     /* sleeps ended by time with something to do */
	uint8_t reserved3[40];
	/* Lines 12 to 15: pending hints. Slot i's peer writes byte i: it sent something. In a split
	 * region the slot's peer does: it sent something to slot i. */
	uint8_t pending[IVSH_WIRE_SLOTS_MAX];
	/* Lines 16 to 31: metrics, one on each. */
	struct ivsh_wire_metric metric[IVSH_WIRE_METRICS];
};

/* SPEC 6. One side of a ring: each side's lines have one writer. */
struct ivsh_wire_sender {
	uint32_t incarnation; /* the sender's incarnation when it opened this ring */
	uint32_t generation;  /* the ring generation: advances with each reset */
	uint32_t reset_ack;   /* the reset request that this generation, or one before, answers */
	uint32_t start;       /* index of the generation's first descriptor */
	uint32_t notify_request; /* for when the read index moves: IVSH_WIRE_REQUEST_* */
	uint32_t reported;       /* the generation that the sender's application knows of */
	uint32_t notify_flags;   /* IVSH_WIRE_NOTIFY_REQUEST, or 0 */
	uint32_t one_way;        /* (incarnation): the sender stores nothing into this ring */
	uint8_t reserved[32];
};

/* The read index moves with the messages, and senders poll it: it has a line of its own. */
struct ivsh_wire_receiver {
	uint32_t incarnation;    /* the receiver's incarnation when it opened this ring */
	uint32_t reset_request;  /* resets that the receiver asked for */
	uint32_t generation_ack; /* the generation that the receiver has followed */
	uint32_t notify_request; /* for the next message: IVSH_WIRE_REQUEST_* */
	uint32_t reported;     /* the generation that was reported to the receiver's application */
	uint32_t notify_flags; /* what the sender checks after a message: IVSH_WIRE_NOTIFY_* */
	uint32_t one_way;      /* (incarnation): the receiver takes nothing out of this ring */
	uint8_t reserved0[36];
	uint32_t read; /* index of the first descriptor that is not released, modulo 2^32 */
	uint8_t reserved1[60];
};

/* Bits of notify_flags. While the word is 0, the other side needs no fence. SPEC 8. */
#define IVSH_WIRE_NOTIFY_REQUEST 0x1u /* load the notification request, behind a full fence */
#define IVSH_WIRE_NOTIFY_PENDING 0x2u /* change the pending byte: the receiver reads it */
#define IVSH_WIRE_NOTIFY_RESET 0x4u   /* load reset_request: the receiver awaits a reset */
#define IVSH_WIRE_NOTIFY_ONE_WAY 0x8u /* load one_way: the receiver may take nothing */

/*
 * A notification request. Bits 11:0: the vector to notify, plus 1, or 0 while there is no request;
 * bits 31:12: a count of requests, so that one request is answered by one notification. SPEC 8.
 */
#define IVSH_WIRE_REQUEST_VECTOR 0xfffu
#define IVSH_WIRE_REQUEST_SHIFT 12

/*
 * SPEC 6. The lines stand 128 bytes apart: processors fetch lines in pairs. In a split region each
 * side has such a struct in its own part, and uses its own lines of it.
 */
struct ivsh_wire_ring {
	struct ivsh_wire_sender sender;
	uint8_t reserved0[64];
	struct ivsh_wire_receiver receiver;
};

/* SPEC 7. Written by the sender: word 1 first, then word 0 with release. */
struct ivsh_wire_desc {
	uint64_t control; /* wrap, port, kind, length: IVSH_WIRE_CONTROL_* */
	uint64_t body;    /* the payload if kind is inline, else its position */
};

/* Fields of a descriptor's control word. */
#define IVSH_WIRE_CONTROL_LENGTH_MASK \
	UINT64_C(0x0fffffff)            /* bits 27:0, bytes of payload, or below */
#define IVSH_WIRE_CONTROL_KIND_SHIFT 28 /* bits 29:28 */
#define IVSH_WIRE_CONTROL_KIND_MASK UINT64_C(3)
#define IVSH_WIRE_CONTROL_START \
	(UINT64_C(1) << 30) /* position need not follow the last one's end */
#define IVSH_WIRE_CONTROL_RESERVED (UINT64_C(1) << 31)
#define IVSH_WIRE_CONTROL_PORT_SHIFT 32 /* bits 47:32 */
#define IVSH_WIRE_CONTROL_WRAP_SHIFT 48 /* bits 63:48: (index / descs + 1) modulo 2^16 */

#define IVSH_WIRE_KIND_INLINE 0u /* 0 to 8 bytes, in the descriptor's body */
#define IVSH_WIRE_KIND_SMALL 1u  /* in the small payload area */
#define IVSH_WIRE_KIND_LARGE 2u  /* in the large payload area */
#define IVSH_WIRE_KIND_PACKED 3u /* messages of one size and port, in the small payload area */

#define IVSH_WIRE_INLINE_MAX 8u

/* The length field of a packed record. Each message begins at a multiple of IVSH_WIRE_FRAME. */
#define IVSH_WIRE_PACKED_SIZE_MASK UINT64_C(0x3fffff) /* bits 21:0, bytes of each message */
#define IVSH_WIRE_PACKED_COUNT_SHIFT 22               /* bits 27:22: its messages, less one */
#define IVSH_WIRE_PACKED_MAX 64u                      /* messages */
#define IVSH_WIRE_FRAME 8u

/*
 * SPEC 15. The line before the bytes of a log, which are a ring: byte (position) stands at position
 * modulo log_size. Written by the slot's peer; positions are modulo 2^64.
 */
struct ivsh_wire_log {
	uint64_t position;    /* the end of the bytes that are written */
	uint64_t storing;     /* the end of those that the peer may be storing */
	uint64_t first;       /* bytes before it are not known to be right */
	uint64_t begin;       /* where this incarnation's begin; an earlier one's stand before */
	uint32_t incarnation; /* the one that opened the log last; 0: none did */
	uint8_t reserved[28];
};

/*
 * SPEC 10. A stream's control message, on the port after the stream's.
 */
struct ivsh_wire_stream {
	uint32_t kind;        /* IVSH_WIRE_STREAM_* */
	uint32_t from;        /* the number of the sending stream: not 0 */
	uint32_t to;          /* the number of the stream that it is for; HELLO: 0 */
	uint32_t value;       /* CREDIT: bytes that may be sent in all; END: bytes that were */
	uint32_t incarnation; /* of the peer that sends it */
	uint32_t reserved;
};

#define IVSH_WIRE_STREAM_HELLO 1u
#define IVSH_WIRE_STREAM_CREDIT 2u
#define IVSH_WIRE_STREAM_END 3u
#define IVSH_WIRE_STREAM_CLOSE 4u

/* SPEC 14. The header of a request and of its reply: messages on IVSH_WIRE_PORT_CALL. */
struct ivsh_wire_call {
	uint32_t kind; /* IVSH_WIRE_CALL_* */
	uint16_t port; /* the request's label; the reply repeats it */
	uint16_t reserved;
	uint64_t id; /* the request's number: not 0; the reply repeats it */
};

/*
 * --- Connections. SPEC 16 -----------------------------------------------------------------------
 */

#define IVSH_WIRE_CONNECT_MAGIC UINT32_C(0x4e4e4f43) /* "CONN" */

/* Ports of connections: those of a connector whose slot is the lower one, and the others'. */
#define IVSH_WIRE_CONNECT_PORTS 0x8000u
#define IVSH_WIRE_CONNECT_PORTS_HIGH 0xc000u
#define IVSH_WIRE_CONNECT_PAIRS 8191u /* of ports, in each of the two */

/* ivsh_wire_connect.status */
#define IVSH_WIRE_CONNECT_ACCEPTED 1u
#define IVSH_WIRE_CONNECT_IN_USE 2u  /* the port: try another one */
#define IVSH_WIRE_CONNECT_FULL 3u    /* the acceptor has no room: try again later */
#define IVSH_WIRE_CONNECT_REFUSED 4u /* no such service, or not for this peer */

struct ivsh_wire_connect {
	uint32_t magic;  /* IVSH_WIRE_CONNECT_MAGIC */
	uint16_t port;   /* the stream's; the reply repeats it */
	uint16_t status; /* of the reply: IVSH_WIRE_CONNECT_*; request: 0 */
};

#define IVSH_WIRE_CALL_REQUEST 1u
#define IVSH_WIRE_CALL_REPLY 2u

#ifdef __cplusplus
}
#endif
#endif
