/* SPDX-License-Identifier: MIT */
/*
 * world.h - a small world for tests of the core: one memory, a clock that stands still unless a
 * peer sleeps, and doorbells that only count.
 */
#ifndef WORLD_H
#define WORLD_H

#include "core/ring.h"

#include <ivsh/channel.h>
#include <ivsh/peers.h>
#include <ivsh/wait.h>

#include <stddef.h>

/* A program of Linux, and not of a guest, can map one memory in several places. */
#if defined(__linux__) && __STDC_HOSTED__
#define WORLD_HAS_VIEWS 1
#else
#define WORLD_HAS_VIEWS 0
#endif

/* More than 8 slots with areas of 4 and 8 KiB take. */
#define WORLD_SIZE 0x130000u
#define WORLD_SLOTS 8u

/* Bytes of a ring as world_format() makes it: with the small area two pages, then the large one. */
#define WORLD_RING 16384u

struct world {
	uint8_t *memory; /* WORLD_SIZE bytes */
	uint64_t now_ns;
	uint64_t slept_ns;      /* in all sleeps together */
	void (*on_now)(void);   /* acts for the platform where the clock is read; NULL: nothing */
	void (*on_sleep)(void); /* acts for the other peers in a sleep; NULL: nothing */
	void (*on_relax)(void); /* the same between two polls of a spinning wait */
	uint32_t relaxed;       /* calls of relax() */
	uint32_t vectors;       /* of each peer that attaches from now on */
	uint32_t notified;      /* what count() answers */
	uint32_t rings;         /* calls of notify() */
	uint32_t ring_peer, ring_vector;
	uint64_t vm_generation[WORLD_SLOTS]; /* of each slot's machine */
	uint64_t machine[WORLD_SLOTS];
	uint32_t rechecks; /* calls of recheck() */
	uint32_t
	    moved_to; /* the slot that recheck() answers, plus 1; 0: the one it is asked about */
	bool removed; /* recheck() answers that the device is gone */
	/* A split region: of the parts of these slots, a bit for each, slot (i) has mapped only
	 * what is before the rings. */
	uint32_t is_short[WORLD_SLOTS];
};

extern struct world world;

/* Start over: memory all zero, clock at 1 s. */
void world_reset(void);

/* The same, and format the memory for WORLD_SLOTS slots; or with another geometry. */
void world_format(void);
void world_format_as(const struct ivsh_geometry *geometry);

/* Format a memory that is in use, or was. As ivsh_region_format(). */
int world_format_again(const struct ivsh_geometry *geometry, bool force);

/*
 * Whether this program runs with a split region, as the environment says (IVSH_WORLD=split). Each
 * peer maps its own part writable and the others' for reading only, then; world.memory is the
 * test's own view of all of it.
 */
bool world_is_split(void);

/*
 * Whether it runs with a split region in which slot 0 only sends (IVSH_WORLD=one-way): as
 * world_mem_to() and end_open() map them, it has no rings of the slot that it opens a channel to.
 */
bool world_is_one_way(void);

/* Whether (size) bytes at (data) are in the shared memory, where anybody has mapped it. */
bool world_holds(const void *data, uint32_t size);

/* The offset in world.memory of a word, whoever has mapped it. */
uint64_t world_offset(const void *word);

/* The transport of slot (self). */
struct ivsh_mem world_mem(uint32_t self);

/* The same, for a channel to slot (peer) alone. */
struct ivsh_mem world_mem_to(uint32_t self, uint32_t peer);

struct ivsh_wire_header *world_header(void);
struct ivsh_wire_server *world_server(void);
struct ivsh_wire_slot *world_slot(uint32_t slot);
struct ring world_ring(uint32_t sender, uint32_t receiver);

/* The byte by which (sender) hints to (receiver) that it has sent something. */
uint8_t *world_pending(uint32_t sender, uint32_t receiver);
struct ivsh_wire_desc *world_desc(uint32_t sender, uint32_t receiver, uint32_t index);

/* A peer with one channel. Attaching is as an ordinary application does it. */
struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[64];
};

/* Attach as (self) and open the channel to (peer): 0, or the first error. */
int end_open(struct end *end, uint32_t self, uint32_t peer, bool fresh);

/* The incarnation of (end) stops here, as if killed. */
void end_kill(struct end *end);

/* Wait in sleep mode; the events are of no interest. */
int world_wait(struct ivsh_region *region, uint64_t timeout_ns);

/* Pseudo-random numbers, the same every time. */
uint32_t world_random(uint32_t *state);

#endif
