/* SPDX-License-Identifier: MIT */
/*
 * state.c - the layout of the shared state, and what must not change.
 */
#include "wire/state.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_ALIGN 64u

uint32_t state_words(uint32_t slots)
{
	return (slots + 63) / 64;
}

static size_t take_space(size_t *end, size_t count, size_t size)
{
	size_t begin = (*end + STATE_ALIGN - 1) / STATE_ALIGN * STATE_ALIGN;

	*end = begin + count * size;
	return begin;
}

/* Set each table behind the head at (base), which may be NULL. Answers the size of all. */
static size_t lay_out(struct state *state, char *base, const struct state_shape *shape)
{
	size_t slots = shape->slots;
	size_t clients = shape->clients;
	size_t end = sizeof(struct state_head);
	size_t listener = take_space(&end, slots + 1, sizeof(*state->listener));
	size_t socket = take_space(&end, clients, sizeof(*state->socket));
	size_t doorbells = take_space(&end, slots * shape->vectors, sizeof(*state->doorbells));
	size_t memory = take_space(&end, shape->split ? slots : 0, sizeof(*state->memory));
	size_t slot = take_space(&end, slots, sizeof(*state->slot));
	size_t client = take_space(&end, clients, sizeof(*state->client));
	size_t batch = take_space(&end, 1, sizeof(*state->batch));
	size_t known = shape->classic ? clients * state_words(shape->slots) : 0;
	size_t knows = take_space(&end, known, sizeof(*state->knows));
	size_t sent_ids =
	    take_space(&end, shape->classic ? clients * IDS_WORDS : 0, sizeof(*state->sent_ids));

	if (!base)
		return end;
	state->head = (void *)base;
	state->listener = (void *)(base + listener);
	state->socket = (void *)(base + socket);
	state->doorbells = (void *)(base + doorbells);
	state->memory = (void *)(base + memory);
	state->slot = (void *)(base + slot);
	state->client = (void *)(base + client);
	state->batch = (void *)(base + batch);
	state->knows = (void *)(base + knows);
	state->sent_ids = (void *)(base + sent_ids);
	return end;
}

static int map(struct state *state, const struct state_shape *shape)
{
	char *base;

	state->size = lay_out(state, NULL, shape);
	base = mmap(NULL, state->size, PROT_READ | PROT_WRITE, MAP_SHARED, state->fd, 0);
	if (base == MAP_FAILED)
		return log_failure("state", "mmap: %s", strerror(errno));
	lay_out(state, base, shape);
	return 0;
}

int state_create(struct state *state, const struct state_shape *shape)
{
	*state = (struct state){.fd = memfd_create("ivsh-state", MFD_ALLOW_SEALING)};
	if (state->fd < 0)
		return log_failure("state", "memfd_create: %s", strerror(errno));
	state->size = lay_out(state, NULL, shape);
	if (ftruncate(state->fd, (off_t)state->size) ||
	    fcntl(state->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ||
	    map(state, shape)) {
		log_failure("state", "%zu bytes: %s", state->size, strerror(errno));
		state_close(state);
		return -1;
	}
	state->head->version = STATE_VERSION;
	state->head->slots = shape->slots;
	state->head->vectors = shape->vectors;
	state->head->clients = shape->clients;
	state->head->raw = shape->raw;
	state->head->split = shape->split;
	state->head->classic = shape->classic;
	state->head->kind = shape->kind;
	state->head->size = shape->size;
	state->head->memory = state->head->reader = state->head->control = -1;
	for (uint32_t i = 0; i <= shape->slots; i++)
		state->listener[i].fd = -1;
	for (uint32_t i = 0; i < state->head->clients; i++)
		state->socket[i].fd = -1;
	for (uint32_t i = 0; i < shape->slots; i++)
		state->slot[i].client = SLOTS_NONE;
	return 0;
}

static int check_fixed(const char *option, unsigned long long is, unsigned long long wanted)
{
	if (is == wanted)
		return 0;
	return log_failure(option,
	    "is %llu while the server runs, %llu is asked for: end the server and start it again",
	    is, wanted);
}

int state_map(struct state *state, int fd, const struct state_shape *shape)
{
	struct state_head head;
	struct stat st;

	*state = (struct state){.fd = fd};
	if (fstat(fd, &st) || pread(fd, &head, sizeof(head), 0) != sizeof(head))
		return log_failure("state", "cannot be read");
	if (head.version != STATE_VERSION)
		return log_failure("state",
		    "has version %u, this program knows %u: end the server and"
		    " start it again",
		    head.version, STATE_VERSION);
	if (check_fixed("--slots", head.slots, shape->slots) ||
	    check_fixed("--vectors", head.vectors, shape->vectors) ||
	    check_fixed("--size", head.size, shape->size) ||
	    check_fixed("--raw", head.raw, shape->raw) ||
	    check_fixed("--split", head.split, shape->split) ||
	    check_fixed("--classic", head.classic, shape->classic) ||
	    check_fixed("kind of memory", head.kind, shape->kind) ||
	    check_fixed("clients", head.clients, shape->clients))
		return -1;
	if ((size_t)st.st_size != lay_out(state, NULL, shape))
		return log_failure("state", "has %lld bytes", (long long)st.st_size);
	return map(state, shape);
}

void state_close(struct state *state)
{
	if (state->head)
		munmap(state->head, state->size);
	if (state->fd >= 0)
		close(state->fd);
	*state = (struct state){.fd = -1};
}
