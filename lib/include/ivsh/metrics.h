/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - named numbers that a peer shows to everybody who can read the memory.
 *
 * A peer declares up to IVSH_METRICS counters and gauges in its slot, and stores their values
 * there. Whoever has the memory reads them, without a slot and without the peer's doing, also when
 * the peer is dead. Every other peer can store there, too: a name and a value are claims.
 */
#ifndef IVSH_METRICS_H
#define IVSH_METRICS_H

#include <ivsh/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Metrics of one slot, at most. */
#define IVSH_METRICS IVSH_WIRE_METRICS

/* A name, with its zero: [a-z][a-z0-9_]*, up to 39 characters. Prometheus takes such names. */
#define IVSH_METRIC_NAME_SIZE IVSH_WIRE_METRIC_NAME_SIZE

enum ivsh_metric_kind {
	IVSH_METRIC_COUNTER = 1, /* only grows, from 0 on, modulo 2^64 */
	IVSH_METRIC_GAUGE = 2,   /* a signed number that goes up and down */
};

/* A declared metric. The caller's memory, for the library's use. */
struct ivsh_metric {
	struct ivsh_region *region; /* NULL: not declared, and the calls below do nothing */
	struct ivsh_metric *next;
	uint32_t index; /* the entry of the slot */
	uint32_t kind;
	uint64_t value;
	char name[IVSH_METRIC_NAME_SIZE];
};

/*
 * Declare a metric of this peer, with a value of 0.
 *
 * (metric) must not move, and must stay valid, until the region is detached; it is void after that,
 * and declared again after the next attach. name: IVSH_METRIC_NAME_SIZE says which; copied. When
 * the machine or the memory was moved the metric and its value go on in the new incarnation.
 *
 * The thread that owns the region. Not from interrupts.
 *
 * IVSH_EINVAL  another name or kind, or the name was declared before.
 * IVSH_ENOSPC  IVSH_METRICS are declared already.
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 * IVSH_EREMOVED  the device was unplugged: this handle is dead.
 * SPEC R5.15.
 */
int ivsh_metric_declare(struct ivsh_region *region, const char *name, enum ivsh_metric_kind kind,
    struct ivsh_metric *metric) IVSH_MUST_CHECK;

/*
 * Add (n) to the value, modulo 2^64: a gauge goes down by the negative of a number.
 *
 * One context at a time for each metric: a thread, or an interrupt handler. Never blocks. Once the
 * slot is lost, the value is not stored any more.
 */
void ivsh_metric_add(struct ivsh_metric *metric, uint64_t n);

/*
 * Set the value. A counter may be set to a larger number, where the program counts elsewhere; for
 * one from 2^63 on, cast. Otherwise as ivsh_metric_add().
 */
void ivsh_metric_set(struct ivsh_metric *metric, int64_t value);

/* A metric as it was read. */
struct ivsh_metric_sample {
	char name[IVSH_METRIC_NAME_SIZE]; /* [a-z][a-z0-9_]*, terminated */
	enum ivsh_metric_kind kind;
	uint64_t value; /* a gauge: (int64_t)value. Of a peer with registers of 4 bytes one half of
	                   it may be old */
};

/*
 * Read metric (index), 0 to IVSH_METRICS - 1, of slot (slot), which may be this peer's own.
 * Indices may have gaps. Stores nothing: (region) may be a probed one.
 *
 * Any thread. Not from interrupts.
 *
 * IVSH_ENODEV  the slot's incarnation declared none there.
 * IVSH_EINVAL  no such slot, or no such index.
 * IVSH_EAGAIN  it is being written: ask again, later.
 * IVSH_EPROTO  what stands there has no such name or kind: it breaks SPEC R5.15.
 */
int ivsh_metric_read(const struct ivsh_region *region, uint32_t slot, uint32_t index,
    struct ivsh_metric_sample *sample) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
