/* SPDX-License-Identifier: MIT */
/*
 * parts.h - a bridge, and what it is made of: remote peers, which have slots here, and pairs of one
 * of them and one peer of this host.
 *
 * Near is the way from the region to the bus, far the one from the bus to the region.
 */
#ifndef BRIDGE_PARTS_H
#define BRIDGE_PARTS_H

#include "bridge/bus.h"
#include "bridge/busy.h"
#include "bridge/config.h"
#include "bridge/frame.h"
#include "bridge/look.h"
#include "bridge/say.h"
#include "bridge/state.h"
#include "bridge/window.h"

#include <ivsh/host.h>

#include <stdbool.h>
#include <stdint.h>

/* A state comes this often, and after so long without one the remote peer is down. */
#define STATE_NS UINT64_C(1000000000)
#define STATE_LIMIT_NS UINT64_C(3000000000)

struct counters {
	uint64_t sent, sent_bytes;         /* from the region to the bus */
	uint64_t received, received_bytes; /* from the bus to the region */
	uint64_t lost;     /* messages from the bus that are missing, or could not be carried */
	uint64_t gaps;     /* reports of that to the local peer: places, or moments */
	uint64_t repeated; /* messages that came, or stood in the ring, again, and were dropped */
	uint64_t refused;  /* times that JetStream said that it takes a message not */
	uint64_t resets;   /* of rings, either way */
};

/* A frame from the bus that waits for its turn: messages, of which (done) are over, or a state. */
struct waiting {
	struct waiting *next;
	struct bus_item *item;
	struct frame frame;
	uint32_t done;
	size_t at;         /* of the item's bytes: the next message's length */
	uint64_t sequence; /* in JetStream's stream; 0: none */
	uint16_t port;
	bool is_state;
};

/* What the last state of a pair's remote peer said. */
struct heard {
	uint64_t ns; /* when; 0: none came */
	uint32_t flags, incarnation;
	uint32_t window;        /* bytes of frames that it takes beyond those that it has */
	uint64_t epoch, number; /* of the last message that its bridge has published */
};

/* What goes to the bus in one frame. */
enum near_what {
	NEAR_KEPT,  /* the kept frame */
	NEAR_LARGE, /* the message that is peeked, which is too large to be kept */
	NEAR_LOSS,
};

/* The frame that JetStream has not acknowledged. */
struct flight {
	bool is_up, is_acknowledged;
	enum near_what what;
	uint32_t generation, index, frame; /* of a large message */
	uint64_t number;                   /* its first one */
	uint64_t bytes;
	uint64_t retry_ns;   /* when to send it again */
	uint32_t unanswered; /* times that it was sent over this connection, since an answer */
};

/* Of JetStream, what is read from. */
struct consumer {
	enum {
		CONSUMER_NONE,
		CONSUMER_ASKED,
		CONSUMER_MADE, /* it is asked in which stream */
		CONSUMER_READY,
	} state;
	char name[64];
	uint64_t until_ns; /* of a request: when it is given up */
	uint32_t left;     /* messages of the last request that have not come */
	bool is_empty;     /* the last request brought none */
	uint64_t place;    /* among what it delivers, of the last one that came; 0: none came */
	uint64_t purged;   /* messages below this sequence are gone from the stream */
	uint64_t purge_ns; /* when that was asked for */
};

/* Why messages of the bus do not come to the receiver. */
enum loss {
	LOSS_EPOCH,  /* another count of numbers began, before which some may be missing */
	LOSS_GAP,    /* numbers are missing before one that came */
	LOSS_TAIL,   /* a state says that there were more */
	LOSS_NEAR,   /* the other bridge could not pass it on */
	LOSS_SIZE,   /* it is larger than this region's largest message */
	LOSS_UNREAD, /* the receiver only sends: it reads nothing, and no report either */
	LOSSES,
};

/* Other events of a pair. */
enum plain {
	PLAIN_RESET,     /* the ring from the local peer broke, and starts over */
	PLAIN_STOPPED,   /* it broke too often for that */
	PLAIN_OVERTAKEN, /* the other bridge has numbers that were never published */
	PLAIN_EVENTS,
};

/* Events that the log has no line of yet, and when it had the last one. */
struct pair_lines {
	struct say lost[LOSSES], plain[PLAIN_EVENTS], refused;
	bool is_left; /* any */
};

struct remote_lines {
	struct say attach, detach;
	uint32_t incarnation; /* of the last attach */
	const char *reason;   /* of the last detach */
};

struct pair {
	struct remote *remote;
	uint32_t slot; /* of the local peer */
	struct subject_pair out, in;
	struct state state;
	struct counters counters;
	struct pair_lines lines;

	/* Near. index, frame: of the message that is peeked, or was released last. */
	bool is_known, is_peeked;
	bool is_full_reported; /* that the folder of the states is */
	bool is_unnamed_reported, is_refused_reported;
	uint64_t refused_ns; /* when that was said last */
	bool is_unnoted;     /* one message behind the kept number may have been published */
	bool is_overtaken;   /* the other side has numbers that were never published */
	uint32_t generation, index, frame;
	uint32_t resets; /* for this incarnation of the local peer */
	struct flight flight;
	struct window window; /* in mode JetStream, of what this bridge has sent */
	uint64_t moved_ns;    /* when that last grew, or shrank */

	/* What was said of the local peer last, and how much was delivered to it since. */
	uint64_t said_ns;
	uint32_t said_flags, said_incarnation;
	uint64_t unsaid;

	/* Far. is_unsure: the number that a bridge before this one kept may not be in the ring. */
	bool is_unsure;
	struct waiting *first, **last, *waiting_last;
	bool is_version_reported;
	bool takes_kept; /* messages come by JetStream: the mode of the other bridge for us */
	uint32_t waiting;
	uint64_t waiting_bytes;
	struct heard heard;
	/* Of JetStream: when a message came last, or none was missing; and which. */
	uint64_t behind_ns, behind_number;
	struct consumer consumer;
};

struct slot_opening; /* remote.c's */

struct remote {
	struct config_remote config; /* its socket is the bridge's config's */
	struct ivsh_host *host;      /* NULL: not attached */
	bool is_armed;               /* notifications are requested, and none was seen since */
	struct slot_opening *next;   /* its opener has it; NULL: none */
	uint32_t incarnation;        /* of the remote peer that it is attached for; 0: unknown */
	bool is_gone;                /* that one has ended, as a state said */
	uint64_t retry_ns;
	bool is_reported;   /* why it is not attached */
	bool is_foreign;    /* said: it is attached in another region than ours */
	uint64_t failed_ns; /* when that was said last */
	struct remote_lines lines;
	uint64_t attaches;    /* so far */
	uint64_t attached_ns; /* the last one */
	uint64_t heard_ns;    /* when a state of any pair came last */
	uint64_t wanted_ns;   /* when something was last to be delivered */
	char pattern[SUBJECT_SIZE];
	struct pair *pairs; /* one for each local peer, in the order of the configuration */
	uint32_t pair_count;
	bool unmapped[CONFIG_SLOTS]; /* slots whose messages nobody takes: said once */
	struct ivsh_service services[FRAME_SERVICES]; /* that the remote peer offers */
	uint32_t service_count;
	struct ivsh_service offered[FRAME_SERVICES]; /* those that its slot here shows */
	uint32_t offered_count;
};

/* Another bridge with this host's name. See twin.h. */
struct twin {
	char subject[SUBJECT_SIZE];
	uint64_t identity; /* ours, for this connection; 0: there was none */
	uint64_t other;    /* of another one, heard last; 0: none was */
	uint64_t connects; /* of the bus, when ours was drawn */
	uint64_t said_ns;  /* when we said it last; 0: not over this connection */
	uint64_t heard_ns; /* when another one named ours */
	bool is_asked;     /* the other one has not heard yet that it was heard */
	bool is_there;     /* it runs: we publish nothing else */
};

struct bridge {
	struct config *config;
	bool reloaded;     /* (config) is our own */
	bool is_reloading; /* remote peers of it are still to be made, from (reload_next) on */
	uint32_t reload_next, reload_failed;
	struct bus *bus;
	int folder;             /* of the states */
	uint64_t descriptors;   /* that the process may have open */
	uint32_t used;          /* of them, when that was counted last, and how many */
	uint32_t used_attached; /* remote peers were attached then */
	uint64_t used_ns;
	struct look look;
	struct remote **remotes;
	uint32_t remote_count;
	uint32_t turn;    /* of all pairs, which one is the next to move messages */
	bool is_unsaid;   /* messages wait for a state with their sender's incarnation */
	bool is_full;     /* the bus had no room for one since the pairs' turn began */
	uint8_t *scratch; /* a frame of the largest message */
	size_t scratch_size;
	uint64_t unknown; /* messages that the mapping does not name, or no messages */
	struct say unknown_lines;
	size_t payload; /* bytes of the largest message that the bus takes; 0: not known yet */
	struct say payload_lines;
	bool is_said;      /* what is wrong with the one that was not taken last */
	uint64_t dropped;  /* messages for which a pair had no room */
	uint64_t tick_ns;  /* when all but messages was looked at last */
	uint64_t connects; /* of the bus, as seen last */
	uint64_t up_ns;    /* when that changed */
	struct busy busy;
	struct consumer stream; /* JetStream's stream, in the same states */
	bool is_stream_reported;
	bool is_stream_odd; /* said: it may lose what it has taken */
	struct twin twin;
};

/* The channel of the pair; the remote peer is attached. NULL: its slot does not exist. */
static inline struct ivsh_chan *pair_channel(const struct pair *p)
{
	struct ivsh_node *node = ivsh_host_node(p->remote->host);

	return node ? ivsh_node_channel(node, p->slot) : NULL;
}

static inline bool pair_is_heard(const struct pair *p, uint64_t now)
{
	return p->heard.ns != 0 && now - p->heard.ns < STATE_LIMIT_NS;
}

/* Whether the other bridge, as far as anything of it comes, speaks of this pair: else its mapping
 * has none, and nobody there takes what is sent. */
static inline bool pair_is_named(const struct pair *p)
{
	return p->heard.ns != 0 && p->remote->heard_ns - p->heard.ns < STATE_LIMIT_NS;
}

/* Whether the slot is attached for an earlier incarnation than the one that sends by now. */
static inline bool pair_is_renewed(const struct pair *p, uint64_t now)
{
	return pair_is_heard(p, now) && (p->heard.flags & FRAME_PRESENT) != 0 &&
	       p->heard.incarnation != 0 && p->remote->incarnation != 0 &&
	       p->heard.incarnation != p->remote->incarnation;
}

/* The mode of what is sent: what comes may have the other one. */
static inline bool pair_is_kept(const struct pair *p)
{
	return p->remote->config.mode == CONFIG_JETSTREAM;
}

/* Bytes of frames that (b) takes of a pair, beyond those that are in the region. Half of what it
 * has room for: a bridge that was killed there knows nothing of what it had sent before. */
static inline uint32_t pair_window(const struct bridge *b)
{
	uint64_t window = b->config->buffer / 2;

	return window < UINT32_MAX ? (uint32_t)window : UINT32_MAX;
}

#endif
