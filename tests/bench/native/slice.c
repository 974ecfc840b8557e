/* SPDX-License-Identifier: MIT */
/*
 * slice.c - one slice of work in two processes.
 *
 * Theory of operation: a virtual machine's processors are moved about by its host within seconds,
 * and a process keeps the pages, and the luck with caches, that it got. So each slice has two new
 * processes, and what it measured counts only together with the ping-pong that the same two played
 * just before and just after it.
 */
#include "tests/bench/native/slice.h"

#include <immintrin.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PING_WARM 100u
#define PING_COUNT 400u
/* A side that waits in vain for the other ends itself: where it measures, and where it may have to
 * share its processor with whatever else runs. */
#define LIMIT_US 500000
#define SHARED_LIMIT_S 20

/* The memory that the two processes and their parent share besides the contender's. */
struct shared {
	_Alignas(128) uint32_t ping[2]; /* one line per side: the other one is far enough away */
	_Alignas(128) uint32_t pong[2];
	_Alignas(128) uint32_t ready[2];
	uint32_t fifo[2];
	uint32_t wrong;
	double before, after, ns;
};

static struct shared *shared;
static uint8_t *memory;
static uint64_t memory_bytes;
static _Alignas(4096) uint8_t out[SIZE_MOST], in[SIZE_MOST];

uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Zero pages that parent and children share, and that are there already. */
static void *share(uint64_t bytes)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0)
		at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED) {
		perror("bench: shared memory");
		return NULL;
	}
	return at;
}

bool slice_prepare(uint64_t bytes)
{
	memory_bytes = bytes;
	for (uint32_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 251);
	shared = share(4096);
	memory = share(bytes);
	return shared && memory;
}

/* Both sides are here: (step) is 1, then 2 ... */
static void meet(uint32_t side, uint32_t step)
{
	__atomic_store_n(&shared->ready[side], step, __ATOMIC_RELEASE);
	while (__atomic_load_n(&shared->ready[1 - side], __ATOMIC_ACQUIRE) < step)
		_mm_pause();
}

/* The bare ping-pong between two lines: (round) 0 or 1. ns per round trip, for side 0. */
static double ping_pong(uint32_t side, uint32_t round)
{
	uint32_t *mine = side == 0 ? &shared->ping[round] : &shared->pong[round];
	const uint32_t *theirs = side == 0 ? &shared->pong[round] : &shared->ping[round];
	uint64_t start = 0;

	for (uint32_t i = 1; i <= PING_WARM + PING_COUNT; i++) {
		if (i == PING_WARM + 1)
			start = bench_now_ns();
		if (side == 0)
			__atomic_store_n(mine, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(theirs, __ATOMIC_ACQUIRE) != i)
			_mm_pause();
		if (side == 1)
			__atomic_store_n(mine, i, __ATOMIC_RELEASE);
	}
	return (double)(bench_now_ns() - start) / PING_COUNT;
}

/* Pinned, with all pages mapped, and nothing else on this processor. */
static void settle(const struct slice *s, uint32_t side, uint64_t bytes)
{
	struct sched_param priority = {.sched_priority = 1};
	struct itimerval limit = {.it_value = {s->calibrate ? 0 : SHARED_LIMIT_S, LIMIT_US}};
	int cpu = s->cpus[side];
	cpu_set_t set;
	sigset_t alarm;

	/* A signal that the caller ignored or blocked would end nothing. */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
	CPU_ZERO(&set);
	if (cpu >= 0)
		CPU_SET(cpu, &set);
	if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) != 0)
		_exit(1);
	/* A fork copies no mappings of shared memory, and shares all private pages until they are
	 * written. */
	(void)madvise(memory, bytes, MADV_POPULATE_WRITE);
	memset(in, 1, sizeof(in));
	for (uint32_t i = 0; i < sizeof(out); i += 4096)
		*(volatile uint8_t *)&out[i] = out[i];
	shared->fifo[side] = cpu >= 0 && sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
}

static uint64_t look_at(uint32_t size)
{
	uint64_t sum = 0, word;

	for (uint32_t at = 0; at < size; at += 64) {
		memcpy(&word, out + at, sizeof(word));
		sum += word;
	}
	return sum;
}

/* Whether the last message came as it was sent. */
static bool arrived(const struct slice *s)
{
	uint64_t sum = look_at(s->size);

	if (s->contender == &bench_pingpong)
		return true;
	if (s->mode == MODE_ZEROCOPY)
		return memcmp(in, &sum, sizeof(sum)) == 0;
	return memcmp(in, out, s->size * (s->mode == MODE_BATCH ? BATCH : 1)) == 0;
}

static _Noreturn void side_run(const struct slice *s, uint32_t side, uint64_t bytes)
{
	struct job job = {.memory = memory,
	    .bytes = bytes,
	    .side = side,
	    .size = s->size,
	    .warm = (s->count / 4 + BATCH - 1) / BATCH * BATCH,
	    .count = s->count,
	    .out = out,
	    .in = in};
	bool measures = side == (s->mode == MODE_ROUNDTRIP ? 0 : 1);
	double before = 0, after = 0;

	settle(s, side, bytes);
	meet(side, 1);
	if (s->calibrate)
		before = ping_pong(side, 0);
	meet(side, 2);
	s->contender->run(&job, s->mode);
	meet(side, 3);
	if (s->calibrate)
		after = ping_pong(side, 1);
	if (side == 0) {
		shared->before = before;
		shared->after = after;
	}
	if (measures) {
		shared->ns = (double)(job.end_ns - job.start_ns) / job.count;
		shared->wrong = !arrived(s);
	}
	_exit(0);
}

bool slice_run(struct slice *s)
{
	uint64_t bytes = s->contender->bytes(s->size);
	pid_t pids[2];
	bool good = bytes <= memory_bytes;

	memset(shared, 0, sizeof(*shared));
	if (good)
		s->contender->make(memory, bytes, s->size);
	for (uint32_t side = 0; side < 2; side++) {
		pids[side] = fork();
		if (pids[side] == 0)
			side_run(s, side, bytes);
	}
	for (uint32_t side = 0; side < 2; side++) {
		int status = 1;

		if (pids[side] < 0 || waitpid(pids[side], &status, 0) < 0 || status != 0)
			good = false;
	}
	s->wrong = shared->wrong;
	s->ns = shared->ns;
	s->before = shared->before;
	s->after = shared->after;
	s->fifo = shared->fifo[0] && shared->fifo[1];
	return good && !s->wrong;
}
