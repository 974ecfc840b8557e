/* SPDX-License-Identifier: MIT */
/*
 * kill_test.c - processes that send each other numbers, and are killed at random times: what was
 * accepted arrives, in order, and nothing repeats without its mark. SPEC R6.3, R7.1, R7.9, R7.11.
 *
 * Nobody polls: every peer sleeps on an eventfd, which outlives it as it would in ivsh-server. Then
 * there is a mesh: all to all. With a server that is killed, too: test_kill.py. IVSH_WORLD=split in
 * the environment: the region is split, and each process can store into its own part alone.
 */
#include "tests/host/numbers.h"
#include "tests/lib/test.h"

#include <ivsh/channel.h>

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(20000000000)

static struct {
	uint32_t peers;
	uint64_t size;
	uint64_t
	    part; /* bytes of each part of a split region, which follow each other; 0: not split */
	uint8_t *memory;
	int doorbell[NUMBERS_PEERS_MAX];
	pid_t pid[NUMBERS_PEERS_MAX];
	uint32_t lives, kills;
	struct numbers *shared;
} all;

/* --- The doorbell: one eventfd for each peer ------------------------------------------------- */

static uint32_t notifications;

static uint64_t now_ns(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint32_t count(void *ctx)
{
	uint64_t value;

	if (read(*(int *)ctx, &value, sizeof(value)) == sizeof(value))
		notifications += (uint32_t)value;
	return notifications;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct pollfd ready = {.fd = *(int *)ctx, .events = POLLIN};
	uint64_t now = now_ns(NULL);
	struct timespec left = {0};

	if (count(ctx) != seen || now >= deadline_ns)
		return;
	left.tv_sec = (time_t)((deadline_ns - now) / 1000000000);
	left.tv_nsec = (long)((deadline_ns - now) % 1000000000);
	ppoll(&ready, 1, &left, NULL);
}

static void notify(void *ctx, uint32_t peer, uint32_t vector)
{
	const uint64_t one = 1;

	(void)ctx;
	(void)vector;
	if (peer < all.peers && write(all.doorbell[peer], &one, sizeof(one)) != sizeof(one))
		return;
}

/* --- Those who watch --------------------------------------------------------------------- */

static void doze(uint64_t ns)
{
	const struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	nanosleep(&t, NULL);
}

/* This process stores into its own part alone. */
static void parts_take(struct ivsh_mem *mem)
{
	static struct ivsh_mem_part parts[NUMBERS_PEERS_MAX];

	if (mprotect(all.memory, all.size, PROT_READ) != 0)
		abort();
	for (uint32_t i = 0; i < all.peers; i++)
		parts[i] = (struct ivsh_mem_part){all.memory + IVSH_WIRE_COMMON_SIZE + i * all.part,
		    all.part, IVSH_SELF_NONE, i == mem->self, IVSH_SELF_NONE};
	if (mprotect(parts[mem->self].base, all.part, PROT_READ | PROT_WRITE) != 0)
		abort();
	mem->size = IVSH_WIRE_COMMON_SIZE;
	mem->parts = parts;
	mem->part_count = all.peers;
	mem->split = ivsh_attach_split;
}

static void begin(uint32_t slot)
{
	all.lives++;
	fflush(stdout);
	all.pid[slot] = fork();
	if (all.pid[slot] == 0) {
		struct ivsh_mem mem = {.base = all.memory,
		    .size = all.size,
		    .self = slot,
		    .doorbell = {.ctx = &all.doorbell[slot],
			.vectors = 1,
			.notify = notify,
			.count = count,
			.now_ns = now_ns,
			.sleep = sleep_until}};

		if (all.part != 0)
			parts_take(&mem);
		numbers_run(all.shared, &mem);
	}
}

/* kill -9, at whatever instruction it is. */
static void end(uint32_t slot)
{
	int status;

	if (all.pid[slot] <= 0)
		return;
	kill(all.pid[slot], SIGKILL);
	waitpid(all.pid[slot], &status, 0);
	/* One that had ended before has printed the reason. */
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		test_fail(__FILE__, __LINE__, all.shared->wrong, status, 0);
	all.pid[slot] = 0;
	all.kills++;
}

static bool well(void)
{
	return all.shared->wrong[0] == '\0';
}

/* All that was accepted has arrived: how many. */
static uint64_t settle(void)
{
	uint64_t end_ns = now_ns(NULL) + PATIENCE_NS, sum = 0;

	atomic_store(&all.shared->stop, 1);
	/* A call that is on its way ends. */
	doze(1000000);
	for (uint32_t i = 0; i < all.peers * all.peers; i++) {
		struct numbers_notes *notes = &all.shared->notes[i];
		uint32_t highest = atomic_load(&notes->tried);

		while (highest > 0 && !atomic_load(&notes->accepted[highest % NUMBERS_WINDOW]))
			highest--;
		while (well() && atomic_load(&notes->last) < highest) {
			if (now_ns(NULL) > end_ns) {
				test_fail(__FILE__, __LINE__, "accepted, and never came",
				    atomic_load(&notes->last), highest);
				return sum;
			}
			doze(200000);
		}
		sum += highest;
	}
	atomic_store(&all.shared->stop, 0);
	return sum;
}

static void *share(uint64_t size)
{
	void *at = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

static void split_open(const struct ivsh_geometry *geometry)
{
	CHECK_EQ(ivsh_part_size(geometry, &all.part), 0);
	all.size = IVSH_WIRE_COMMON_SIZE + all.peers * all.part;
	all.memory = share(all.size);
	CHECK_EQ(ivsh_split_format(all.memory, IVSH_WIRE_COMMON_SIZE, geometry, 1, false), 0);
	for (uint32_t i = 0; i < all.peers; i++)
		CHECK_EQ(ivsh_part_format(all.memory + IVSH_WIRE_COMMON_SIZE + i * all.part,
			     all.part, geometry, 1, i, false),
		    0);
}

static void world_open(uint32_t peers, uint32_t hot, uint32_t bulk)
{
	const char *world = getenv("IVSH_WORLD");
	const struct ivsh_geometry geometry = {peers, NUMBERS_DESCS, hot, bulk, 0};

	memset(&all, 0, sizeof(all));
	all.peers = peers;
	if (world && strcmp(world, "split") == 0) {
		split_open(&geometry);
	} else {
		CHECK_EQ(ivsh_geometry_size(&geometry, &all.size), 0);
		all.memory = share(all.size);
		CHECK_EQ(ivsh_region_format(all.memory, all.size, &geometry, 1, false), 0);
	}
	all.shared = share(numbers_size(peers));
	all.shared->peers = peers;
	all.shared->mesh = peers > 2;
	for (uint32_t i = 0; i < peers; i++) {
		all.doorbell[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		CHECK(all.doorbell[i] >= 0);
	}
	for (uint32_t i = 0; i < peers; i++)
		begin(i);
}

static uint32_t world_close(void)
{
	uint32_t again = 0;

	for (uint32_t i = 0; i < all.peers; i++)
		end(i);
	for (uint32_t i = 0; i < all.peers; i++)
		close(all.doorbell[i]);
	for (uint32_t i = 0; i < all.peers * all.peers; i++)
		again += atomic_load(&all.shared->notes[i].again);
	CHECK_EQ(strlen(all.shared->wrong), 0);
	munmap(all.memory, all.size);
	munmap(all.shared, numbers_size(all.peers));
	return again;
}

static uint32_t number(const char *name, uint32_t normal, uint32_t soak)
{
	const char *given = getenv(name);

	return given ? (uint32_t)atoi(given) : getenv("IVSH_SOAK") ? soak : normal;
}

/* Both stream to each other; the one, the other, or both are killed, KILL_ROUNDS times. */
static void matrix(void)
{
	uint32_t rounds = number("KILL_ROUNDS", 30, 300);
	uint64_t sum = 0;

	srand(1);
	world_open(2, 8192, 65536);
	for (uint32_t round = 0; round < rounds && well(); round++) {
		uint32_t who = 1 + (uint32_t)rand() % 3;

		doze((uint64_t)(rand() % 20000) * 1000);
		for (uint32_t i = 0; i < 2; i++)
			if (who >> i & 1)
				end(i);
		/* Now and then the other goes on alone for a while. */
		if (rand() % 2)
			doze((uint64_t)(rand() % 4000) * 1000);
		for (uint32_t i = 0; i < 2; i++)
			if (all.pid[i] == 0)
				begin(i);
		if (round % 10 == 9)
			sum = settle();
	}
	sum = settle();
	printf("matrix: %u rounds, %llu numbers, ", rounds, (unsigned long long)sum);
	CHECK(sum > rounds * 50);
	printf("%u came again, marked\n", world_close());
}

/* Sixteen, all to all, asleep; one is killed each second. MESH_SECONDS. */
static void mesh(void)
{
	uint32_t seconds = number("MESH_SECONDS", 20, 600);
	uint64_t sum, end_ns;

	srand(2);
	world_open(NUMBERS_PEERS_MAX, 4096, 4096);
	for (uint32_t second = 0; second < seconds && well(); second++) {
		uint32_t who = (uint32_t)rand() % NUMBERS_PEERS_MAX;

		doze(990000000);
		end(who);
		doze(10000000);
		begin(who);
		/* All that was sent until here has arrived. */
		if (second % 10 == 9)
			sum = settle();
	}
	sum = settle();
	/* Each survivor gets the event, but for those that were new themselves. */
	end_ns = now_ns(NULL) + PATIENCE_NS;
	while (atomic_load(&all.shared->restarts) < seconds * 10 && now_ns(NULL) < end_ns)
		doze(1000000);
	printf("mesh: %u kills, %llu numbers, %u restarts told, ", all.kills,
	    (unsigned long long)sum, atomic_load(&all.shared->restarts));
	CHECK(sum > (uint64_t)seconds * 1000);
	CHECK(atomic_load(&all.shared->restarts) >= seconds * 10);
	printf("%u came again, marked\n", world_close());
}

static const struct test tests[] = {
    {"kill matrix", matrix},
    {"mesh of 16", mesh},
};

int main(void)
{
	return test_main("kill", tests, sizeof(tests) / sizeof(tests[0]));
}
