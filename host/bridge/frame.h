/* SPDX-License-Identifier: MIT */
/*
 * frame.h - what is published on the bus: frames, little endian. SPEC 19.
 *
 *	offset size
 *	0      4    magic and version: "IVB", 2
 *	4      4    flags
 *	8      8    epoch: which count of numbers this is, never 0
 *	16     8    number of the first message, from 1 in each epoch; of a state: of the last
 *	            message sent, 0: none
 *	24     4    incarnation of the sending peer; 0: none was ever there
 *	28     4    count of the messages; of a state: 0, and not read
 *
 * Behind it stand, of each message, its length (4 bytes) and its bytes. Behind that of a state
 * stand
 *
 *	32     8    epoch of the messages that come the other way; 0: none came
 *	40     8    number of the last one of them that is in the region
 *	48     4    window: bytes of frames that are taken beyond that one
 *	52     4    reserved: written 0, not read
 *
 * and the services, up to the end: for each a port (2 bytes), a length (1 byte, 1 to 27) and so
 * many printable bytes.
 */
#ifndef BRIDGE_FRAME_H
#define BRIDGE_FRAME_H

#include <ivsh/peers.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION 2u
#define FRAME_SIZE 32u       /* bytes before the first message */
#define FRAME_LENGTH 4u      /* bytes before the bytes of each message */
#define FRAME_MESSAGES 4096u /* of one frame at most */
#define FRAME_STATE (FRAME_SIZE + 24u)
#define FRAME_SERVICES 16u /* as a slot has. SPEC 5 */
/* Of the largest state: a name has a byte less than its room. */
#define FRAME_STATE_SIZE (FRAME_STATE + FRAME_SERVICES * (3u + IVSH_SERVICE_NAME_SIZE - 1u))

/* Flags. Those that are not known are not read. */
#define FRAME_LOST \
	0x1u /* instead of a message: it stands for one or more that are lost, and has no bytes */
#define FRAME_PRESENT 0x2u /* of a state: the peer is attached */
#define FRAME_MORE 0x4u    /* of a state: messages of the peer wait to be sent */
#define FRAME_KEPT 0x8u    /* of a state: the pair is of mode JetStream */
#define FRAME_CORE 0x10u   /* of a state: its number is that of a message of mode core */

struct frame {
	uint32_t flags;
	uint64_t epoch;
	uint64_t number;
	uint32_t incarnation;
	uint32_t count;
};

/* What a state says of the messages that come the other way. */
struct frame_received {
	uint64_t epoch, number;
	uint32_t window;
};

void frame_write(uint8_t out[FRAME_SIZE], const struct frame *frame);

/* Read the first FRAME_SIZE of (size) bytes. False: this is no frame of this version. */
bool frame_read(struct frame *frame, const void *bytes, size_t size);

/* The version of a frame, whichever; 0: this is none. */
uint32_t frame_version(const void *bytes, size_t size);

/*
 * Whether the (size) bytes behind the frame's first FRAME_SIZE are its messages, each of them and
 * nothing else, and all numbers are above 0. A loss is one message without bytes or length.
 */
bool frame_is_whole(const struct frame *frame, const uint8_t *bytes, size_t size);

/* The length of a message, and that before its bytes. */
uint32_t frame_length_read(const uint8_t in[FRAME_LENGTH]);
void frame_length_write(uint8_t out[FRAME_LENGTH], uint32_t length);

/* The FRAME_STATE - FRAME_SIZE bytes behind the frame of a state. */
void frame_received_write(uint8_t *out, const struct frame_received *received);
void frame_received_read(struct frame_received *received, const uint8_t *bytes);

/* Write (count) services; those without a name are left out. Answers the bytes. */
size_t frame_services_write(uint8_t *out, const struct ivsh_service *services, uint32_t count);

/*
 * Read the services that stand in (size) bytes. Answers how many; the first one that is none, and
 * all behind it, are left out.
 */
uint32_t frame_services_read(
    struct ivsh_service services[FRAME_SERVICES], const uint8_t *bytes, size_t size);

/* What a message's number says, after (last) of the same epoch. */
enum frame_order {
	FRAME_NEXT,
	FRAME_REPEATED,
	FRAME_GAP, /* at least one is missing before it */
};

/* number: as it came, whatever it is; 0 is repeated. */
enum frame_order frame_order(uint64_t last, uint64_t number);

#endif
