/* SPDX-License-Identifier: MIT */
/*
 * state.c - the layout of the state, and what must not change.
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

static size_t state_take(size_t *end, size_t count, size_t size)
{
	size_t begin = (*end + STATE_ALIGN - 1) / STATE_ALIGN * STATE_ALIGN;

	*end = begin + count * size;
	return begin;
}

/* Place every table behind the head at (base), which may be NULL: answers the size of all. */
static size_t state_place(struct state *state, char *base, const struct state_shape *shape)
{
	size_t slots = shape->slots;
	size_t clients = shape->clients;
	size_t end = sizeof(struct state_head);
	size_t listener = state_take(&end, slots + 1, sizeof(*state->listener));
	size_t socket = state_take(&end, clients, sizeof(*state->socket));
	size_t doorbells = state_take(&end, slots * shape->vectors, sizeof(*state->doorbells));
	size_t slot = state_take(&end, slots, sizeof(*state->slot));
	size_t client = state_take(&end, clients, sizeof(*state->client));
	size_t batch = state_take(&end, 1, sizeof(*state->batch));
	size_t known = shape->classic ? clients * state_words(shape->slots) : 0;
	size_t knows = state_take(&end, known, sizeof(*state->knows));
	size_t sent_ids =
	    state_take(&end, shape->classic ? clients * IDS_WORDS : 0, sizeof(*state->sent_ids));

	if (!base)
		return end;
	state->head = (void *)base;
	state->listener = (void *)(base + listener);
	state->socket = (void *)(base + socket);
	state->doorbells = (void *)(base + doorbells);
	state->slot = (void *)(base + slot);
	state->client = (void *)(base + client);
	state->batch = (void *)(base + batch);
	state->knows = (void *)(base + knows);
	state->sent_ids = (void *)(base + sent_ids);
	return end;
}

static int state_base(struct state *state, const struct state_shape *shape)
{
	char *base;

	state->size = state_place(state, NULL, shape);
	base = mmap(NULL, state->size, PROT_READ | PROT_WRITE, MAP_SHARED, state->fd, 0);
	if (base == MAP_FAILED)
		return log_failure("state", "mmap: %s", strerror(errno));
	state_place(state, base, shape);
	return 0;
}

int state_create(struct state *state, const struct state_shape *shape)
{
	*state = (struct state){.fd = memfd_create("ivsh-state", MFD_ALLOW_SEALING)};
	if (state->fd < 0)
		return log_failure("state", "memfd_create: %s", strerror(errno));
	state->size = state_place(state, NULL, shape);
	if (ftruncate(state->fd, (off_t)state->size) ||
	    fcntl(state->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ||
	    state_base(state, shape)) {
		log_failure("state", "%zu bytes: %s", state->size, strerror(errno));
		state_close(state);
		return -1;
	}
	state->head->version = STATE_VERSION;
	state->head->slots = shape->slots;
	state->head->vectors = shape->vectors;
	state->head->clients = shape->clients;
	state->head->raw = shape->raw;
	state->head->classic = shape->classic;
	state->head->kind = shape->kind;
	state->head->size = shape->size;
	state->head->memory = state->head->control = -1;
	for (uint32_t i = 0; i <= shape->slots; i++)
		state->listener[i].fd = -1;
	for (uint32_t i = 0; i < state->head->clients; i++)
		state->socket[i].fd = -1;
	for (uint32_t i = 0; i < shape->slots; i++)
		state->slot[i].client = SLOTS_NONE;
	return 0;
}

static int state_fixed(const char *option, unsigned long long is, unsigned long long wanted)
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
	if (state_fixed("--slots", head.slots, shape->slots) ||
	    state_fixed("--vectors", head.vectors, shape->vectors) ||
	    state_fixed("--size", head.size, shape->size) ||
	    state_fixed("--raw", head.raw, shape->raw) ||
	    state_fixed("--classic", head.classic, shape->classic) ||
	    state_fixed("kind of memory", head.kind, shape->kind) ||
	    state_fixed("clients", head.clients, shape->clients))
		return -1;
	if ((size_t)st.st_size != state_place(state, NULL, shape))
		return log_failure("state", "has %lld bytes", (long long)st.st_size);
	return state_base(state, shape);
}

void state_close(struct state *state)
{
	if (state->head)
		munmap(state->head, state->size);
	if (state->fd >= 0)
		close(state->fd);
	*state = (struct state){.fd = -1};
}
