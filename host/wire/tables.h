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

/* Notices sent in one call. */
#define CLIENTS_BATCH 64u

#define IDS_COUNT 65536u                     /* ivshmem-spec: an ID has 16 bits */
#define IDS_SETS (IDS_COUNT / 64)            /* words with a bit for each ID */
#define IDS_WORDS (IDS_SETS + IDS_SETS / 64) /* and before them one for each word that is not 0 */

enum client_state {
	CLIENT_FREE = 0,
	CLIENT_WAITING,  /* for a slot; nothing was sent to it */
	CLIENT_GREETING, /* holds its slot, the handshake is under way */
	CLIENT_READY,    /* holds its slot, knows everything that it is told when it connects */
	CLIENT_REFUSED,  /* is to be told so, and then closed */
	CLIENT_CLOSING,  /* has been told the end: we wait for it to close, and keep its slot */
	CLIENT_GONE,     /* is closed here; the supervisor has yet to hear it */
	/* A server died while it sent to it: what it knows is not known. It keeps its slot. */
	CLIENT_DOUBTFUL,
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

/* In the state. What is told is in notices.h. */
struct client {
	uint32_t state;
	uint32_t slot;    /* wanted or held; SLOTS_NONE */
	uint32_t step;    /* notices told; with --classic, of the first ones */
	uint32_t sending; /* notices that are being sent at this moment; 0: none */
	uint32_t about;   /* classic: the slot that it knows some vectors of; SLOTS_NONE */
	uint32_t vector;  /* classic: how many of them */
	int32_t pid;      /* SO_PEERCRED, for the log and the status */
	uint32_t uid;
	uint32_t gid;
	uint32_t reason;      /* of CLIENT_REFUSED */
	uint64_t deadline_ns; /* of the state, CLOCK_MONOTONIC */
	uint64_t since_ns;
	uint64_t lags_ns; /* since when it has not read what there is to be told; 0: it does */
};

/* In the state. */
struct slot {
	uint32_t client; /* index of the client that holds it; SLOTS_NONE: free */
	uint32_t id;     /* of who holds it, or, while others know it still, of who did */
	uint64_t times;  /* that it was given to a client */
};

struct notice {
	int64_t value;
	int fd;          /* -1: none */
	uint32_t slot;   /* SLOTS_NONE: of the first three */
	uint32_t vector; /* SLOTS_NONE: the slot's peer left */
};

struct batch {
	uint32_t place; /* of the client */
	uint32_t count; /* of notices */
	/* As the client's were before: */
	uint32_t step;
	uint32_t about;
	uint32_t vector;
	struct notice notice[CLIENTS_BATCH];
	struct mmsghdr message[CLIENTS_BATCH]; /* of each, msg_len: 0, or 8 when it was sent */
};

/* In the state: what the words shall be. The page is written from here, and never read back. */
struct page_words {
	uint32_t epoch; /* 0: none yet */
	uint32_t beat;
	uint32_t change;
	uint32_t connection[IVSH_WIRE_SLOTS_MAX];
};

#endif
