/* SPDX-License-Identifier: MIT */
/*
 * state.h - what of a pair outlasts the bridge: a small file, mapped.
 *
 * A bridge that is killed at any instruction leaves either the last record or the one before,
 * whole: there are two of each kind, and one store says which one counts. Against a machine that
 * loses its power nothing is done: the memory of the region is gone then, too.
 */
#ifndef BRIDGE_STATE_H
#define BRIDGE_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of the largest frame that is kept. One of a larger message is not: it stays in its ring. */
#define STATE_FRAME 65536u

/*
 * Of messages from the region to the bus: those before message (frame) of descriptor (index) were
 * taken from the near ring, which outlasts us, too: SPEC 7. All but the last (count) of them were
 * sent, the last one as (number). These (count) are in the kept frame.
 */
struct state_near {
	uint64_t epoch; /* 0: nothing was ever sent */
	uint64_t number;
	uint64_t format_id; /* of the memory, and the generation of the ring, that index is in */
	uint32_t generation;
	uint32_t slots; /* which ring: state_slots() */
	uint32_t index, frame;
	uint32_t count;
	uint32_t bytes; /* of the kept frame, its first FRAME_SIZE among them */
	uint16_t port;  /* of its messages */
	uint8_t
	    owes_loss;  /* behind them: messages of the ring were lost, which is still to be told */
	uint8_t renews; /* behind them another epoch begins */
	uint8_t was_core; /* the number, or that there is none yet, was said in mode core */
	uint8_t reserved[3];
};

/*
 * Of messages from the bus to the region: (number) is in the region, or, if is_begun, only if the
 * ring's end is not (head) any more.
 */
#define STATE_LAST 2u
struct state_far {
	uint64_t epoch; /* 0: nothing ever came */
	uint64_t number;
	uint64_t sequence; /* in JetStream's stream, of the last frame that is over; 0: none */
	uint64_t format_id;
	uint32_t generation;
	uint32_t head;
	uint32_t is_begun; /* STATE_LAST: with it the frame at (sequence) is over */
	uint32_t slots;    /* as above */
};

/* The two rings of a remote and a local slot. A mapping may give a pair others: so the same places
 * there are of other messages. */
static inline uint32_t state_slots(uint32_t remote, uint32_t local)
{
	return remote << 16 | local;
}

struct state {
	struct state_file *file; /* mapped */
	uint8_t *kept;           /* the kept frame, STATE_FRAME bytes of the file */
	uint64_t stream;         /* JetStream's stream that far.sequence is of; 0: unknown */
	bool has_room;           /* those have */
	struct state_near near;  /* the last ones written */
	struct state_far far;
};

/*
 * Open the folder at (path), made if it is missing, for this process alone, as long as it runs. The
 * descriptor, or -1 after one line: it is another's, or others may write there, or another bridge
 * uses it.
 */
int state_folder(const char *path);

/* Open the file (name) there, made if it is missing. 0, or -1 after one line. */
int state_open(struct state *state, int folder, const char *name);

/* Keep state->near, or state->far. */
void state_near_keep(struct state *state);
void state_far_keep(struct state *state);

/* Another stream is read, from its beginning: its sequences have nothing to do with the last one's.
 */
void state_stream_keep(struct state *state, uint64_t stream);

/*
 * Whether the kept frame can be written: its bytes are there once it was written first, so that a
 * full disk is an error here, errno, and no signal there.
 */
bool state_has_room(struct state *state);

/* Harmless on one that is not open, and zeroed. */
void state_close(struct state *state);

#endif
