/* SPDX-License-Identifier: MIT */
/*
 * state.h - the shared state: all that a server knows, in memory that outlives the server.
 *
 * The supervisor creates the state. Before it lets a server begin, it writes there what the server
 * inherits: struct state_head up to is_begun, listeners, sockets and doorbells. From then on that
 * server alone writes, and works in the tables. A server may die at any instruction: the next
 * server repairs what it finds (server/takeover.h), and takes none of it for granted.
 */
#ifndef STATE_H
#define STATE_H

#include "wire/tables.h"

#include <stddef.h>
#include <stdint.h>

/* A server refuses a state of another version or shape; then the old server goes on. */
#define STATE_VERSION 5u

#define STATE_NAME 64u  /* of a bound slot, with its NUL */
#define STATE_PATH 108u /* sun_path of unix(7) */

/* A listening socket, as the supervisor holds it. */
struct state_listener {
	int32_t fd;        /* -1: none */
	uint32_t slot;     /* the slot that it is bound to; SLOTS_NONE: any free one */
	uint32_t is_given; /* the supervisor's parent passed it, and chose its path */
	char path[STATE_PATH];
	char name[STATE_NAME]; /* then: of the slot that it was passed for */
};

/* A connection, as the supervisor holds it. */
struct state_socket {
	int32_t fd;    /* -1: none */
	uint32_t slot; /* of the listener that it came from */
};

/* Counts of events since the supervisor began. */
struct state_counts {
	uint64_t connects;
	uint64_t disconnects;
	uint64_t takeovers;
	uint64_t reloads;
	uint64_t slow;
	uint64_t indeterminate;
	uint64_t notifications_blocked;
	uint64_t refused[CLIENTS_REASONS];
};

/* The settings that cannot change while guests hold the memory. */
struct state_shape {
	uint32_t slots;
	uint32_t vectors;
	uint32_t clients; /* connections at a time, at most */
	uint32_t raw;
	uint32_t split;
	uint32_t classic;
	uint32_t kind; /* enum backend_kind */
	uint64_t size; /* of the memory; of all parts */
};

struct state_head {
	uint32_t version;
	uint32_t slots;
	uint32_t vectors;
	uint32_t clients;
	uint32_t raw;
	uint32_t split; /* a memory for each slot: struct state_memory */
	uint32_t classic;
	uint32_t kind;  /* enum backend_kind */
	uint32_t kept;  /* the region was there before */
	uint32_t marks; /* the kernel stores what of a batch was sent: marks.h */
	uint64_t size;  /* of the memory; of a split region: what all parts may take */
	uint64_t part;  /* of a split region: bytes of each part */
	uint64_t page;  /* its page size */
	uint64_t began_ns;
	int32_t supervisor; /* process ID */
	/* Numbers of descriptors that the server inherits: */
	int32_t memory; /* of a split region: DIR/common, for writing */
	int32_t reader; /* the same for reading alone; -1: the region is not split */
	int32_t control;
	char memory_path[4096]; /* of a split region: DIR */
	/* From here on the server's: */
	uint32_t is_begun; /* a server has been here: this is a takeover */
	uint32_t next_id;  /* classic: where the search for the next client's ID begins */
	struct state_counts counts;
	struct page_words page_words;
};

/* Of a split region, the memories of a slot, as the supervisor holds them. SPEC 17. */
struct state_memory {
	int32_t common; /* a sealed memory of its own, with header and server page */
	int32_t part;   /* its part, for writing */
	int32_t reader; /* the same file, open for reading alone */
};

struct state {
	int fd;
	size_t size;
	struct state_head *head;
	struct state_listener *listener; /* slots + 1 of them */
	struct state_socket *socket;     /* clients of them */
	int32_t *doorbells;              /* slots * vectors eventfds, those of slot 0 first */
	struct state_memory *memory;     /* split: one for each slot */
	struct slot *slot;
	struct client *client;
	struct batch *batch; /* one: a server sends to one client at a time */
	uint64_t *knows;     /* classic: per client a bit for each slot, state_words() of them */
	uint64_t *sent_ids;  /* classic: per client the IDs that it was sent, IDS_WORDS of them */
};

/*
 * Store a word of the shared state after all stores before it, and before all stores after it. A
 * process that is killed has executed its instructions up to one of them: the next server finds the
 * stores in the order in which the compiler put them.
 */
static inline void state_store(uint32_t *word, uint32_t value)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Words of 64 bits for a set of slots. */
uint32_t state_words(uint32_t slots);

/* Make an empty one of (shape). 0, or -1 after one line. */
int state_create(struct state *state, const struct state_shape *shape);

/*
 * Map the one in (fd), and see that it has (shape): what cannot change while guests hold the memory
 * must be as it was. 0, or -1 after one line.
 */
int state_map(struct state *state, int fd, const struct state_shape *shape);

void state_close(struct state *state);

#endif
