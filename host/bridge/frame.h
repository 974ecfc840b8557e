/* SPDX-License-Identifier: MIT */
/*
 * frame.h - what stands before the bytes of each message on the bus: 32 bytes, little endian.
 *
 *	offset size
 *	0      4    magic and version: "IVB", 1
 *	4      4    flags
 *	8      8    epoch: which count of numbers this is, never 0
 *	16     8    number, from 1 in each epoch; of a state: of the last message sent, 0: none
 *	24     4    incarnation of the sending peer; 0: none was ever there
 *	28     4    reserved: written 0, not read
 *
 * Behind it stand the message's bytes. Behind that of a state stand the peer's services: for each a
 * port (2 bytes), a length (1 byte, 1 to 27) and so many printable bytes.
 */
#ifndef BRIDGE_FRAME_H
#define BRIDGE_FRAME_H

#include <ivsh/peers.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_SIZE 32u
#define FRAME_SERVICES 16u /* as a slot has. SPEC 5 */
#define FRAME_STATE_SIZE (FRAME_SIZE + FRAME_SERVICES * (3u + IVSH_SERVICE_NAME_SIZE))

/* Flags. Those that are not known are not read. */
#define FRAME_LOST \
	0x1u /* of a message: it has no bytes, and stands for one or more that are lost */
#define FRAME_PRESENT 0x2u /* of a state: the peer is attached */
#define FRAME_MORE 0x4u    /* of a state: messages of the peer wait to be sent */

struct frame {
	uint32_t flags;
	uint64_t epoch;
	uint64_t number;
	uint32_t incarnation;
};

void frame_write(uint8_t out[FRAME_SIZE], const struct frame *frame);

/* Read the first FRAME_SIZE of (size) bytes. False: this is no message of a bridge. */
bool frame_read(struct frame *frame, const void *bytes, size_t size);

/* Write (count) services behind a frame; those without a name are left out. Answers the bytes. */
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
