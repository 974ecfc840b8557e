/* SPDX-License-Identifier: MIT */
/*
 * hostile_peer.c - a peer that writes any value to any word that it may write.
 */
#include "tests/lib/hostile_peer.h"

#include "core/atomic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITES_MOST 65536u
#define CASE_SECONDS 20

/* No call is allowed that many, whatever the geometry. */
#define ACCESSES_MOST (1u << 24)

struct write {
	uint32_t access; /* before or after this one of the case */
	uint32_t size;   /* 1, 4 or 8 bytes */
	uint64_t offset;
	uint64_t value;
};

/* The state that a child leaves behind when it crashes. */
struct notes {
	uint64_t steps;
	uint32_t seed;
	uint32_t count;
	struct write writes[WRITES_MOST];
};

static struct notes *notes;
static const struct hostile_peer *peer;
static uint32_t access_number, call_number, peer_seed, case_seed;

/* A replay's writes, in order; NULL: it makes new ones. */
static const struct write *script;
static uint32_t script_count, script_next;

/* xorshift32: the state is never 0. */
static uint32_t draw(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

uint32_t hostile_random(void)
{
	return draw(&case_seed);
}

void hostile_set(const struct hostile_peer *to)
{
	peer = to;
}

void hostile_call(void)
{
	call_number = access_number;
}

uint32_t hostile_accesses(void)
{
	return access_number - call_number;
}

void hostile_step(void)
{
	notes->steps++;
}

_Noreturn void hostile_fail(const char *what, long long got)
{
	printf("hostile: %s: got %lld\n", what, got);
	fflush(stdout);
	_exit(1);
}

static void apply(const struct write *write)
{
	memcpy(peer->memory + write->offset, &write->value, write->size);
}

static bool may_write(uint64_t offset, uint32_t size)
{
	for (unsigned i = 0; i < peer->range_count; i++)
		if (offset >= peer->ranges[i].offset && size <= peer->ranges[i].size &&
		    offset - peer->ranges[i].offset <= peer->ranges[i].size - size)
			return true;
	return false;
}

/* Any value, or one near to the word's own, which goes deeper than noise. */
static uint64_t value_make(uint64_t offset, uint32_t size)
{
	uint64_t old = 0, any = (uint64_t)draw(&peer_seed) << 32 | draw(&peer_seed);
	uint32_t dice = draw(&peer_seed);

	memcpy(&old, peer->memory + offset, size);
	switch (dice % 9) {
	case 0:
		return any;
	case 1:
		return 0;
	case 2:
		return UINT64_MAX;
	case 3:
		return old ^ UINT64_C(1) << any % 64;
	case 4:
		return old + 1 + any % 64;
	case 5:
		return old - 1 - any % 64;
	case 6:
		return old +
		       ((any & 1) != 0 ? UINT64_C(1) << 48 : UINT64_C(0) - (UINT64_C(1) << 48));
	case 7:
		return any % 256;
	default:
		any = peer->guess ? peer->guess(offset, (uint32_t)any) : 0;
		return any ? any : old + 64;
	}
}

/* Half of the time the very word that is about to be read, or was just written. */
static void strike(uint64_t at, uint32_t size)
{
	struct write write = {.access = access_number, .offset = at, .size = size};

	if ((draw(&peer_seed) & 1) != 0 || !may_write(at, size)) {
		const struct hostile_range *range =
		    &peer->ranges[draw(&peer_seed) % peer->range_count];
		uint64_t part =
		    (draw(&peer_seed) & 3) != 0 && range->size > 512 ? 512 : range->size;

		write.size = range->size < 8 ? 1 : (draw(&peer_seed) & 1) != 0 ? 4 : 8;
		write.offset =
		    range->offset + (draw(&peer_seed) % (part / write.size)) * (uint64_t)write.size;
	}
	write.value = value_make(write.offset, write.size);
	apply(&write);
	if (notes->count < WRITES_MOST)
		notes->writes[notes->count++] = write;
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	access_number++;
	if (!peer)
		return;
	if (access_number - call_number > ACCESSES_MOST)
		hostile_fail("a loop without an end", access_number - call_number);
	if (peer->tempt && kind == HOOK_LOAD)
		peer->tempt(peer->offset(word), size);
	if (script) {
		while (script_next < script_count && script[script_next].access <= access_number)
			apply(&script[script_next++]);
		return;
	}
	if (peer->rate != 0 && draw(&peer_seed) % peer->rate == 0)
		strike(peer->offset(word), size);
}

static void case_run(void (*run)(void), uint32_t seed)
{
	notes->seed = seed;
	notes->count = 0;
	access_number = call_number = script_next = 0;
	peer = NULL;
	case_seed = seed * 2654435761u | 1;
	peer_seed = (seed * 2246822519u) ^ 0x9e3779b9u;
	peer_seed += peer_seed == 0;
	alarm(CASE_SECONDS);
	run();
	alarm(0);
	peer = NULL;
}

/* Whether the case still fails with these writes. Its output is of no interest any more. */
static bool fails(void (*run)(void), uint32_t seed, const struct write *writes, uint32_t count)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(0);
		script = writes;
		script_count = count;
		case_run(run, seed);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status != 0;
}

/* Leave out ever smaller parts, as long as it still fails. Answers how many writes are left. */
static uint32_t shrink(void (*run)(void), uint32_t seed, struct write *writes, uint32_t count)
{
	struct write *less = malloc(count * sizeof *less);
	uint32_t tries = 0, before = count;

	for (uint32_t part = (count + 1) / 2; less && part != 0 && tries < 2000;
	     part = (part + 1) / 2) {
		if (part == 1 && before == count)
			break;
		before = part == 1 ? count : before;
		for (uint32_t at = 0; at < count && tries < 2000; tries++) {
			uint32_t cut = part < count - at ? part : count - at;

			memcpy(less, writes, at * sizeof *less);
			memcpy(less + at, writes + at + cut, (count - at - cut) * sizeof *less);
			if (fails(run, seed, less, count - cut)) {
				count -= cut;
				memcpy(writes, less, count * sizeof *less);
			} else {
				at += cut;
			}
		}
	}
	free(less);
	return count;
}

static void notes_open(void)
{
	if (notes)
		return;
	notes =
	    mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (notes == MAP_FAILED)
		abort();
}

bool hostile_run(const char *name, void (*run)(void), uint32_t seed, uint64_t steps)
{
	struct write *writes;
	uint32_t count;
	int status = 0;
	pid_t child;

	notes_open();
	notes->steps = 0;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		while (notes->steps < steps)
			case_run(run, seed++);
		fflush(stdout);
		_exit(0);
	}
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
		return true;
	seed = notes->seed;
	count = notes->count;
	printf("hostile: %s: seed %u fails (status %#x) after %u writes; shrinking\n", name, seed,
	    (unsigned)status, count);
	fflush(stdout);
	writes = malloc((count + 1) * sizeof *writes);
	if (!writes)
		abort();
	memcpy(writes, notes->writes, count * sizeof *writes);
	if (fails(run, seed, writes, count))
		count = shrink(run, seed, writes, count);
	printf("hostile: replay with: --replay %s %u", name, seed);
	for (uint32_t i = 0; i < count; i++)
		printf(" %u:%llu:%u:%#llx", writes[i].access, (unsigned long long)writes[i].offset,
		    writes[i].size, (unsigned long long)writes[i].value);
	printf("\n");
	free(writes);
	return false;
}

void hostile_replay(void (*run)(void), char **words)
{
	static struct write writes[WRITES_MOST];
	uint32_t seed = (uint32_t)strtoul(*words++, NULL, 0);

	for (script_count = 0; *words && script_count < WRITES_MOST; words++) {
		struct write *write = &writes[script_count++];
		unsigned long long offset, value;

		if (sscanf(*words, "%u:%llu:%u:%llx", &write->access, &offset, &write->size,
			&value) != 4)
			abort();
		write->offset = offset;
		write->value = value;
	}
	script = writes;
	notes_open();
	case_run(run, seed);
}
