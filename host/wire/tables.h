/* SPDX-License-Identifier: MIT */
/*
 * tables.h - the rows of the shared state: what a server writes down of each client, each slot, the
 * messages that it is sending, and the server page.
 */
#ifndef TABLES_H
#define TABLES_H

#include <ivsh/wire.h>

#include <stdint.h>
#include <sys/socket.h>

#define SLOTS_NONE UINT32_MAX

/* Connections beyond the slots that can be waited for, refused, or closing at one time. */
#define CLIENTS_SPARE 32u

/* Messages sent in one call. */
#define CLIENTS_BATCH 64u

#define IDS_COUNT 65536u                     /* ivshmem-spec: an ID has 16 bits */
#define IDS_SETS (IDS_COUNT / 64)            /* words with a bit for each ID */
#define IDS_WORDS (IDS_SETS + IDS_SETS / 64) /* and before them one for each word that is not 0 */

/* Their meaning, and which follows which: server/client_state.h. */
enum client_state {
	CLIENT_FREE = 0,
	CLIENT_WAITING,     /* for a slot; nothing was sent to it */
	CLIENT_HANDSHAKING, /* holds its slot, and has yet to be sent all that there is */
	CLIENT_READY,       /* holds its slot, and was sent all that there was when it connected */
	CLIENT_REFUSED,     /* is to be sent a refusal, and then closed */
	CLIENT_PROBING,     /* a probe that is yet to be sent some parts of a split region */
	CLIENT_CLOSING,     /* was sent the end, and has yet to close its own; keeps its slot */
	CLIENT_GONE,        /* is closed here; not reported to the supervisor yet */
	CLIENT_INDETERMINATE, /* what it was sent is not known; keeps its slot */
};

/* Why a client is refused. */
enum client_reason {
	CLIENTS_NO_FREE_SLOT,
	CLIENTS_SLOT_IN_USE,
	CLIENTS_NOT_ALLOWED,
	CLIENTS_TOO_MANY_PER_UID,
	CLIENTS_DESCRIPTORS,
	CLIENTS_IDS_EXHAUSTED,
	CLIENTS_REASONS
};

/* A client: a connection to the server. server/protocol.h lists the messages that it is sent. */
struct client {
	uint32_t state;
	uint32_t slot;    /* wanted or held; SLOTS_NONE */
	uint32_t parts;   /* messages that bring it parts: all slots' of a split region, or 0 */
	uint32_t sent;    /* messages; classic: of version, ID, memory, and the client's own */
	uint32_t sending; /* messages that are being sent at this moment; 0: none */
	uint32_t partial; /* classic: the slot of which some vectors were sent; SLOTS_NONE */
	uint32_t vectors; /* classic: how many of them */
	int32_t pid;      /* SO_PEERCRED, for the log and the status */
	uint32_t uid;
	uint32_t gid;
	uint32_t reason;      /* of CLIENT_REFUSED */
	uint64_t deadline_ns; /* of the state, CLOCK_MONOTONIC */
	uint64_t since_ns;
	uint64_t lagging_ns; /* since when it has not read what there is for it; 0: it does */
};

struct slot {
	uint32_t client; /* the row of the client that holds it; SLOTS_NONE: free */
	uint32_t id;     /* of the holder, or, while clients know it still, of the last one */
	uint64_t times;  /* that it was given to a client */
};

/* A message of the server to a client. */
struct message {
	int64_t value;
	int fd;          /* -1: none */
	uint32_t slot;   /* that it is about; SLOTS_NONE: version, ID, memory, refusal */
	uint32_t vector; /* SLOTS_NONE: the slot's peer has left */
};

/* The messages that are being sent at this moment: server/batch.h. */
struct batch {
	uint32_t client; /* its row */
	uint32_t count;  /* of messages */
	/* As the client's were before: */
	uint32_t sent;
	uint32_t partial;
	uint32_t vectors;
	struct message message[CLIENTS_BATCH];
	struct mmsghdr header[CLIENTS_BATCH]; /* of each, msg_len: 0, or 8 when it was sent */
};

/* In the state: what the words shall be. The page is written from here, and never read back. */
struct page_words {
	uint32_t epoch; /* 0: none yet */
	uint32_t heartbeat;
	uint32_t change;
	uint32_t connection[IVSH_WIRE_SLOTS_MAX];
};

#endif
