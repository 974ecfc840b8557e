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

extern const struct contender bench_ivsh, bench_textbook;
extern const struct contender bench_pingpong, bench_slot, bench_chunks, bench_copy;
/* Each is there if its headers were, when this was built. */
extern const struct contender bench_ck __attribute__((weak));
extern const struct contender bench_boost __attribute__((weak));
extern const struct contender bench_dpdk __attribute__((weak));

/* Messages in flight of the contenders with slots of a fixed size: a power of two. */
#define SLOTS_FOR(size) ((size) <= 64 ? 1024u : (size) <= 65536 ? 64u : 4u)

uint64_t bench_now_ns(void);

#ifdef __cplusplus
}
#endif
#endif
