/* SPDX-License-Identifier: MIT */
/*
 * bench.h - the common interface of all contenders: ways to bring a message to another core.
 *
 * A contender is two rings in one shared memory, one for each direction. Its file has a put() and a
 * take() of its own, and hands them to the loops of loops.h.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mode {
	MODE_STREAM,    /* one by one, copied in and copied out */
	MODE_ZEROCOPY,  /* copied into the ring itself, and read there: a word of each line */
	MODE_BATCH,     /* as MODE_STREAM, BATCH at a time */
	MODE_ROUNDTRIP, /* there and back, copied in and out on each way; the time of both */
	MODES,
};

#define BATCH 32u
#define SIZE_MOST (UINT32_C(1) << 20)

/* One slice of work, as one of the two processes sees it. */
struct job {
	uint8_t *memory; /* shared; contender->bytes of it, aligned to 4096 */
	uint64_t bytes;
	uint32_t side; /* 0: sends, and measures a round trip; 1: receives, and measures a stream */
	uint32_t size; /* bytes of a message */
	uint32_t warm; /* messages before the clock starts */
	uint32_t count;            /* messages while it runs; both are multiples of BATCH */
	const uint8_t *out;        /* BATCH ready-made messages */
	uint8_t *in;               /* room for as many */
	uint64_t start_ns, end_ns; /* by the side that measures */
};

struct contender {
	const char *name;
	bool limit; /* no ring: what the machine itself would allow */
	bool (*can)(enum mode mode, uint32_t size);
	uint64_t (*bytes)(uint32_t size);
	void (*make)(
	    uint8_t *memory, uint64_t bytes, uint32_t size); /* before the processes part */
	void (*run)(struct job *job, enum mode mode);        /* in each of them */
};

/* Each is there if its object was linked: if its headers were there, when this was built. */
#define CONTENDER extern const struct contender __attribute__((weak))
CONTENDER bench_ivsh, bench_ivsh_tuned, bench_ivsh_split, bench_textbook;
CONTENDER bench_pingpong, bench_slot, bench_chunks, bench_copy;
CONTENDER bench_ck, bench_boost, bench_dpdk;
CONTENDER bench_unix_stream, bench_unix_packet, bench_vsock;

/* DESCS,SMALL,LARGE of bench_ivsh and bench_ivsh_tuned. Empty: ivsh_geometry_fit() chooses that of
 * the first, and the second is left out. */
extern const char *bench_geometry, *bench_tuned_geometry;

/* Messages in flight of the contenders with slots of a fixed size: a power of two. */
#define SLOTS_FOR(size) ((size) <= 64 ? 1024u : (size) <= 65536 ? 64u : 4u)

uint64_t bench_now_ns(void);

#ifdef __cplusplus
}
#endif
#endif
