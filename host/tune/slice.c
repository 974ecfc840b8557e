/* SPDX-License-Identifier: MIT */
/*
 * slice.c - slices of work in two processes.
 *
 * Theory of operation: a virtual machine's processors are moved about by its host within seconds.
 * So what a slice measured counts only together with the ping-pong that the same two processes
 * played just before and just after it. Between two slices both sleep: with a real-time priority a
 * process that polls would keep its parent from its processor.
 */
#include "tune/slice.h"

#include "device/relax.h"
#include "process/clock.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PING_WARM 50u
#define PING_COUNT 250u
#define AGREE 0.15      /* two ping-pongs that differ by more: the processors were moved */
#define LIMIT_US 500000 /* a side that waits in vain for the other ends itself */
#define RUN_ALONE 1     /* a real-time priority: the lowest one */

/*
 * The memory that both processes and their parent share, besides the region. The parent writes it
 * between two slices only.
 */
struct shared {
	_Alignas(128) uint32_t ping[2]; /* a pair of lines for each side: none is fetched along */
	_Alignas(128) uint32_t pong[2];
	_Alignas(128) uint32_t ready[2];
	struct slice slice; /* the order */
	uint64_t bytes;     /* of its region */
	double before, after, ns;
	char error[128];
};

static const struct {
	const char *name;
	double below_ns;
} classes[CLASSES] = {
    [CLASS_SIBLING] = {"sibling", 75},
    [CLASS_CLUSTER] = {"cluster", 200},
    [CLASS_FAR] = {"far", 1e9},
};

static struct shared *shared;
static uint8_t *memory;
static uint64_t memory_bytes;
static char error_text[160];

/* The two processes: -1 where there is none. */
static pid_t processes[2] = {-1, -1};
static int orders[2] = {-1, -1}; /* a byte there starts a slice, a byte back is its end */

const char *slice_class_name(enum slice_class class)
{
	return classes[class].name;
}

const char *slice_error(void)
{
	return error_text;
}

static int failed(const char *what)
{
	snprintf(error_text, sizeof(error_text), "%s: %s", what, strerror(errno));
	return -1;
}

static void *share(uint64_t bytes)
{
	void *at =
	    mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* The memory of both, and of (bytes) for regions. */
static int open_memory(uint64_t bytes)
{
	memory_bytes = bytes;
	shared = share(sizeof(*shared));
	memory = share(bytes);
	return shared && memory ? 0 : failed("shared memory");
}

/* Both sides are here: (step) is 1, then 2 ... */
static void meet(uint32_t side, uint32_t step)
{
	__atomic_store_n(&shared->ready[side], step, __ATOMIC_RELEASE);
	while (__atomic_load_n(&shared->ready[1 - side], __ATOMIC_ACQUIRE) < step)
		relax_processor();
}

/* The bare ping-pong between two lines: (round) 0 or 1. ns there and back, for side 0. */
static double ping_pong(uint32_t side, uint32_t round)
{
	uint32_t *mine = side == 0 ? &shared->ping[round] : &shared->pong[round];
	const uint32_t *theirs = side == 0 ? &shared->pong[round] : &shared->ping[round];
	uint64_t start = 0;

	for (uint32_t i = 1; i <= PING_WARM + PING_COUNT; i++) {
		if (i == PING_WARM + 1)
			start = clock_now_ns();
		if (side == 0)
			__atomic_store_n(mine, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(theirs, __ATOMIC_ACQUIRE) != i)
			relax_processor();
		if (side == 1)
			__atomic_store_n(mine, i, __ATOMIC_RELEASE);
	}
	return (double)(clock_now_ns() - start) / PING_COUNT;
}

/* Map all pages of (bytes) now. A kernel before 5.14 does so as they are read. */
static void touch(uint64_t bytes)
{
#ifdef MADV_POPULATE_WRITE
	if (madvise(memory, (size_t)bytes, MADV_POPULATE_WRITE) == 0)
		return;
#endif
	for (uint64_t i = 0; i < bytes; i += 4096)
		(void)*(volatile uint8_t *)&memory[i];
}

/* All pages mapped. After a fork private pages are shared until they are written. */
static void settle(void)
{
	touch(memory_bytes);
	memset(work_in, 1, sizeof(work_in));
	for (size_t i = 0; i < sizeof(work_out); i += 4096)
		*(volatile uint8_t *)&work_out[i] = work_out[i];
}

/* One slice, as one side does it. */
static void side_run(uint32_t side)
{
	const struct slice s = shared->slice;
	struct work_side job = {.memory = memory,
	    .bytes = shared->bytes,
	    .side = side,
	    .warm = (s.count / 4 + WORK_TOGETHER - 1) / WORK_TOGETHER * WORK_TOGETHER,
	    .count = s.count};
	const char *error = NULL;
	double before, after;

	meet(side, 1);
	before = ping_pong(side, 0);
	meet(side, 2);
	if (s.geometry)
		error = work_run(&s.work, &job);
	if (error) {
		snprintf(shared->error, sizeof(shared->error), "%s", error);
		_exit(1);
	}
	meet(side, 3);
	after = ping_pong(side, 1);
	if (side == 0) {
		shared->before = before;
		shared->after = after;
	}
	if (work_measures(&s.work, side))
		shared->ns = job.ns;
}

/* A process, until its parent ends it. */
static _Noreturn void side_live(uint32_t side, int order)
{
	const struct itimerval limit = {.it_value = {0, LIMIT_US}}, none = {.it_value = {0, 0}};
	char byte = 0;
	ssize_t got;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	settle();
	while ((got = read(order, &byte, 1)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		if (got < 0)
			continue;
		setitimer(ITIMER_REAL, &limit, NULL);
		side_run(side);
		setitimer(ITIMER_REAL, &none, NULL);
		if (write(order, &byte, 1) != 1)
			break;
	}
	_exit(1);
}

/* Bind (process) to a processor, and, where we may, let it have that alone. */
static int place(pid_t process, int cpu)
{
	const struct sched_param priority = {.sched_priority = RUN_ALONE};
	cpu_set_t set[CPUS_MOST / CPU_SETSIZE];

	memset(set, 0, sizeof(set));
	CPU_SET_S((size_t)cpu, sizeof(set), set);
	if (sched_setaffinity(process, sizeof(set), set) != 0)
		return failed("sched_setaffinity");
	(void)sched_setscheduler(process, SCHED_FIFO, &priority);
	return 0;
}

/* Make the process of one side, and put it in its place. */
static int start(uint32_t side, int cpu)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return failed("socketpair");
	orders[side] = pair[0];
	processes[side] = fork();
	if (processes[side] == 0) {
		close(pair[0]);
		side_live(side, pair[1]);
	}
	close(pair[1]);
	return processes[side] < 0 ? failed("fork") : place(processes[side], cpu);
}

int slice_begin(const int cpu[2], uint64_t bytes)
{
	int error;

	slice_end();
	work_prepare();
	fflush(NULL); /* so that nobody prints the same text again */
	error = open_memory(bytes) || start(0, cpu[0]) || start(1, cpu[1]) ? -1 : 0;
	if (error)
		slice_end();
	return error;
}

void slice_end(void)
{
	for (uint32_t side = 0; side < 2; side++) {
		if (processes[side] > 0) {
			kill(processes[side], SIGKILL);
			while (waitpid(processes[side], NULL, 0) < 0 && errno == EINTR) {
			}
		}
		if (orders[side] >= 0)
			close(orders[side]);
		processes[side] = orders[side] = -1;
	}
	if (shared)
		munmap(shared, sizeof(*shared));
	if (memory)
		munmap(memory, (size_t)memory_bytes);
	shared = NULL;
	memory = NULL;
}

/* Let both sides do the slice. Whether both did all of it. */
static bool run_both(void)
{
	char byte = 0;

	for (uint32_t side = 0; side < 2; side++)
		if (send(orders[side], &byte, 1, MSG_NOSIGNAL) != 1)
			return false;
	for (uint32_t side = 0; side < 2; side++) {
		ssize_t got;

		while ((got = read(orders[side], &byte, 1)) < 0 && errno == EINTR) {
		}
		if (got != 1)
			return false;
	}
	return true;
}

static enum slice_class class_of(double pingpong)
{
	unsigned class = 0;

	while (class < CLASSES - 1 && pingpong >= classes[class].below_ns)
		class ++;
	return (enum slice_class) class;
}

enum slice_result slice_run(struct slice *s)
{
	uint64_t bytes = 0;
	double difference;

	memset(shared, 0, sizeof(*shared));
	error_text[0] = '\0';
	if (s->geometry && (ivsh_geometry_size(s->geometry, &bytes) || bytes > memory_bytes ||
			       ivsh_region_format(memory, bytes, s->geometry, 1, true))) {
		snprintf(error_text, sizeof(error_text), "a region of the size cannot be made");
		return SLICE_FAILED;
	}
	shared->slice = *s;
	shared->bytes = bytes;
	if (!run_both()) {
		memcpy(error_text, shared->error, sizeof(shared->error));
		slice_end();
		return error_text[0] ? SLICE_FAILED : SLICE_LOST;
	}
	s->ns = shared->ns;
	s->pingpong = (shared->before + shared->after) / 2;
	s->class = class_of(shared->before);
	difference = shared->before - shared->after;
	if (difference < 0)
		difference = -difference;
	return s->class == class_of(shared->after) && difference <= AGREE * shared->before
		   ? SLICE_GOOD
		   : SLICE_DROPPED;
}
