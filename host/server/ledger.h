/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - all that a server knows, in memory that outlives it.
 *
 * The keeper makes it; the server works in it, and is the only one who writes here while it lives,
 * except struct ledger_handed, which the keeper writes before it lets a server begin. A server may
 * die at any instruction: each table says what its next owner makes of what it finds, and takes
 * none of it for granted.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "server/batch.h"
#include "server/clients.h"
#include "server/options.h"
#include "server/page.h"
#include "server/slots.h"

#include <stddef.h>
#include <stdint.h>

/* A server refuses a ledger of another version or shape: the old one then goes on. */
#define LEDGER_VERSION 4u

#define LEDGER_NAME 64u  /* of a bound slot, with its NUL */
#define LEDGER_PATH 108u /* sun_path of unix(7) */

/* A listening socket, as the keeper holds it. */
struct ledger_listener {
	int32_t fd;        /* -1: none */
	uint32_t slot;     /* the slot that it is bound to; SLOTS_NONE: any free one */
	uint32_t is_given; /* by who started the keeper, and at its path, whatever ours says */
	char path[LEDGER_PATH];
	char name[LEDGER_NAME]; /* then: of the slot that it was given for */
};

/* A connection, as the keeper holds it. */
struct ledger_socket {
	int32_t fd;    /* -1: none */
	uint32_t slot; /* of the listener that it came from */
};

/* What happened since the keeper began. */
struct ledger_counts {
	uint64_t connects;
	uint64_t disconnects;
	uint64_t takeovers;
	uint64_t reloads;
	uint64_t slow;
	uint64_t doubtful;
	uint64_t bells_blocked;
	uint64_t refused[CLIENTS_REASONS];
};

struct ledger_head {
	uint32_t version;
	uint32_t slots;
	uint32_t vectors;
	uint32_t clients;
	uint32_t raw;
	uint32_t classic;
	uint32_t kind;  /* enum backend_kind */
	uint32_t kept;  /* the region was there before */
	uint32_t marks; /* the kernel says what of a batch was sent: marks.h */
	uint64_t size;  /* of the memory */
	uint64_t page;  /* its page size */
	uint64_t began_ns;
	int32_t keeper; /* process ID */
	/* Handed over: numbers of descriptors that the server inherits. */
	int32_t memory;
	int32_t control;
	char memory_path[4096];
	/* The server's. */
	uint32_t is_begun; /* a server has been here: this is a takeover */
	uint32_t next_id;  /* classic: where the ID of the next client is looked for */
	struct ledger_counts counts;
	struct page_words page_words;
};

struct ledger {
	int fd;
	size_t size;
	struct ledger_head *head;
	struct ledger_listener *listener; /* slots + 1 of them */
	struct ledger_socket *socket;     /* clients of them */
	int32_t *bells;                   /* slots * vectors eventfds, those of slot 0 first */
	struct slot *slot;
	struct client *client;
	struct batch *batch; /* one: a server sends to one client at a time */
	uint64_t *knows;     /* classic: per client a bit for each slot, ledger_words() of them */
	uint64_t *told;      /* classic: per client the IDs that it was told, IDS_WORDS of ids.h */
};

/* Words of 64 bits for a set of slots. */
uint32_t ledger_words(uint32_t slots);

/* Make an empty one for (options). 0, or -1 after one line. */
int ledger_create(struct ledger *ledger, const struct options *options);

/*
 * Map the one in (fd), and see that it fits (options): what cannot change while guests hold the
 * memory must be as it was. 0, or -1 after one line.
 */
int ledger_map(struct ledger *ledger, int fd, const struct options *options);

/*
 * A copy of the configuration that (options) were read from, for the next server: what is in the
 * file may be wrong by then. Answers a descriptor, inherited by what is executed; or -1, without a
 * line when there was no configuration.
 */
int ledger_keep_config(const struct options *options);

void ledger_close(struct ledger *ledger);

#endif
