/* SPDX-License-Identifier: MIT */
/*
 * rates.h - two looks into differences per second.
 */
#ifndef TOP_RATES_H
#define TOP_RATES_H

#include "top/look.h"
#include "top/sample.h"

/*
 * Per second. Not known: there is one look only, the two are of different incarnations, or a
 * counter went back.
 */
struct rate {
	bool is_known;
	bool is_estimate; /* of the sizes of some of the messages */
	double value;
};

struct rates {
	struct rate sent, received;        /* messages, by the peer's own counters */
	struct rate bytes_out, bytes_in;   /* payload, by its rings */
	struct rate doorbells, suppressed; /* sent, and saved: messages without a notification */
	struct rate missed, errors, lost;  /* sleeps ended by time with work, channels, resets */
};

/* Of one ring: the descriptors that its receiver released, and the bytes of their messages. */
struct ring_rates {
	struct rate descriptors, bytes;
};

struct ring_rates rates_ring(const struct look_ring *before, const struct look_ring *now);

/* What the counters of a peer say: all but the bytes. */
struct rates rates_counters(const struct look_peer *before, const struct look_peer *now);

/* The peer of (slot), bytes included; the region is open. */
struct rates rates_peer(const struct sample *sample, uint32_t slot);

/* The sums over all peers, of those that are known: an estimate if one is not. */
struct rates rates_total(const struct sample *sample);

/* How full the ring is, from 0 to 1: of descriptors and of both areas, the fullest. */
struct rate rates_fill(const struct ivsh_geometry *geometry, const struct look_ring *now);

/* The fullest ring from or to (slot), likewise. */
struct rate rates_fullest(const struct sample *sample, uint32_t slot);

#endif
