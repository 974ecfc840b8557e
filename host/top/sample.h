/* SPDX-License-Identifier: MIT */
/*
 * sample.h - looks at a region, again and again, by an observer: of each peer and each ring the
 * last look and the one before.
 *
 * Theory of operation: lines that a busy peer writes cost it a cache miss for each look, so few are
 * loaded. Of a ring in use these are the lines of its two sides and the descriptors of what is in
 * flight and of the last SAMPLE_RELEASED messages; of all rings, SAMPLE_RINGS and SAMPLE_DESCS at
 * most in one look: where there are more, they take turns. Rings are checked against SPEC.md one in
 * each look, as dump checks them all.
 */
#ifndef TOP_SAMPLE_H
#define TOP_SAMPLE_H

#include "observe/observer.h"
#include "observe/parts.h"
#include "top/look.h"

#include <ivsh/mem.h>
#include <ivsh/peers.h>

#define SAMPLE_RINGS 2048u
#define SAMPLE_DESCS 65536u
#define SAMPLE_RELEASED 32u

/* Words that break SPEC.md count once two looks, so far apart, have found the same ones. */
#define SAMPLE_BROKEN_NS UINT64_C(500000000)

enum sample_server {
	SERVER_NONE,    /* the region never had one */
	SERVER_UNKNOWN, /* not seen to move yet */
	SERVER_RUNS,
	SERVER_STILL, /* stopped or killed */
};

/* What was found broken in a part of the region, and since when it stands there. */
struct sample_suspect {
	uint64_t digest, since_ns;
	uint32_t broken; /* that counts */
};

struct sample_peer {
	struct look_peer before, now;
	struct sample_suspect suspect, part_suspect;
	enum observed_part_state part; /* of a split region */
	struct ivsh_peer peer;         /* the library's */
	uint32_t heartbeat;            /* at the first look at this incarnation */
	bool moves;
};

struct sample_ring {
	struct look_ring before, now;
	struct sample_suspect suspect;
};

struct sample {
	const struct ivsh_mem *mem; /* of the caller, mapped for reading */
	uint64_t at_ns;             /* of the last look */
	uint64_t looks;

	/* Whether there is a region; else why there is none. */
	bool is_open;
	bool is_unformatted; /* nobody has formatted the memory, or its formatter is at work */
	int error;           /* of ivsh_region_probe() */
	struct ivsh_attach attach;
	uint32_t formatted; /* how often it was formatted again */
	uint32_t back;      /* how often the memory was seen to have gone back */
	uint64_t broken;    /* words that break SPEC.md, as far as they were looked at */
	uint32_t parts_out; /* of a split region: slots of which nothing is known */

	struct observer observer;
	struct ivsh_region region;
	uint64_t format_id;
	enum sample_server server;
	uint32_t server_heartbeat, server_epoch; /* at the last move */
	uint64_t server_ns;                      /* of it; 0: not seen to move */
	bool server_moves;
	struct sample_suspect header_suspect, server_suspect;

	struct sample_peer peer[IVSH_WIRE_SLOTS_MAX];
	struct sample_ring *ring; /* by number: sample_ring() */
	uint32_t turn;            /* the ring that the next look begins with */
	uint32_t check;           /* the ring that is checked next */
};

/* Begin with the memory of (mem), which stays mapped. Looks at nothing. */
void sample_begin(struct sample *sample, const struct ivsh_mem *mem);

/* One look. IVSH_EPLATFORM: this process got no memory; else 0, with or without a region. */
int sample_look(struct sample *sample);

/* The ring between two different slots of a region that is open. */
struct sample_ring *sample_ring(const struct sample *sample, uint32_t from, uint32_t to);

void sample_end(struct sample *sample);

#endif
