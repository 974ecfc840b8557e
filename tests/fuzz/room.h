/* SPDX-License-Identifier: MIT */
/*
 * room.h - a small region for fuzzers of the core: its peers, a clock that moves when a peer waits,
 * and a hostile peer that writes between two accesses of ours as the input says.
 */
#ifndef ROOM_H
#define ROOM_H

#include <ivsh/peers.h>
#include <ivsh/stream.h>
#include <ivsh/wait.h>

#include <stdbool.h>
#include <stdint.h>

#define ROOM_SIZE 0x1d000u
#define ROOM_DESCS 16u

extern uint8_t room_memory[ROOM_SIZE];

/* All memory is zero, and the hostile peer does not write. */
void room_clear(void);

/* The same, and formatted for (slots) peers, 2 to 4; areas of 1 KiB. */
void room_format(uint32_t slots);

/*
 * A split region of 3 slots, until the next format: the platform knows whose parts are whose, or
 * not; with (is_short) a peer has mapped of another's part only what is before the rings. Offset of
 * a part; of 3: of the memory that all peers read.
 */
void room_split_format(bool is_known, bool is_short);
uint32_t room_part_offset(uint32_t slot);

/* From now on (yes) the hostile peer writes between accesses, as the input says. */
void room_poke(bool yes);

/* One peer, with a channel to another and a stream on it. */
struct room_peer {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[ROOM_DESCS];
	struct ivsh_stream stream;
	uint8_t buffer[256];
	uint32_t other;
	bool open;
};

struct ivsh_mem room_mem(uint32_t self);

/* Attach as (self), with options from (options), and open the channel to (other): the answer. */
int room_attach(struct room_peer *peer, uint32_t self, uint32_t other, uint8_t options);

/* Calls that room_step() chooses from, by the input. */
#define ROOM_RECEIVE 0x1u
#define ROOM_SEND 0x2u
#define ROOM_STREAM 0x4u
#define ROOM_LOOK 0x8u
#define ROOM_LIVES 0x10u

void room_step(struct room_peer *peer, uint32_t set);

/*
 * What a call of the library has answered, which made not too many accesses: (error), again. Each
 * call's answer comes through here.
 */
int room_answer(int error);

/* Time passes. */
void room_pass(uint64_t ns);

#endif
