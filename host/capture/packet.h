/* SPDX-License-Identifier: MIT */
/*
 * packet.h - what stands before each message in a capture: link type USER0.
 *
 * All numbers are little-endian, as in the region. ivsh-capture(1), CAPTURE FILES, documents it,
 * and the dissector host/wireshark/ivsh.lua reads it.
 */
#ifndef CAPTURE_PACKET_H
#define CAPTURE_PACKET_H

#include <stdint.h>

#define PACKET_LINK_TYPE 147u /* LINKTYPE_USER0 */
#define PACKET_VERSION 1u

/* Of (kind), besides IVSH_WIRE_KIND_*: no message; its 8 bytes say how many were missed. */
#define PACKET_MARK 255u

#define PACKET_START 0x01u    /* the descriptor's start bit */
#define PACKET_UNPROVEN 0x02u /* bytes of a released message: they may be a later message's */
#define PACKET_DAMAGED 0x04u  /* no message: the text is the rule of SPEC.md that it breaks */
#define PACKET_AT_LEAST 0x08u /* of a mark: the count is the least that it can be */

/* Why messages were missed: (place) of a mark. */
enum packet_reason {
	PACKET_RELEASED = 1, /* the receiver was quicker */
	PACKET_RESET = 2,    /* a ring began a new generation */
	PACKET_LATE = 3,     /* the observer was stopped for so long that indices may repeat */
	PACKET_BACK = 4,     /* the memory went back: a snapshot was restored, or somebody wrote */
};

struct packet_header {
	uint8_t version;
	uint8_t size;      /* of this header */
	uint8_t kind;      /* IVSH_WIRE_KIND_*; PACKET_MARK */
	uint8_t flags;     /* PACKET_* */
	uint16_t from, to; /* the slots of the sender and of the receiver */
	uint16_t port;
	uint8_t place;       /* of a packed record's message in it, from 0; of a mark: the reason */
	uint8_t places;      /* messages of the packed record; else 1; of a mark: 0 */
	uint32_t index;      /* of the descriptor; of a mark: the next one that can be seen */
	uint32_t generation; /* of the ring */
	uint32_t length;     /* bytes of the message, captured or not */
	uint32_t position;   /* of the payload, or the record, in its area; inline: 0 */
};

_Static_assert(sizeof(struct packet_header) == 28, "no padding");

#endif
