/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - the first pages of the memory: header and server page; and the slots, for reading.
 */
#include "server/mapping.h"
#include "process/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is mapped, and how. */
struct mapping {
	void *base; /* NULL: nothing */
	size_t size;
	int protection;
	volatile sig_atomic_t is_lost;
	bool is_told; /* to the caller of mapping_lost_part() */
};

static struct mapping page_mapping = {.protection = PROT_READ | PROT_WRITE};
static struct mapping slots_mapping = {.protection = PROT_READ};

/* Split: of each slot. No holder of a common memory can make it smaller; an owner can, its part. */
static struct mapping common_mapping[IVSH_WIRE_SLOTS_MAX];
static struct mapping part_mapping[IVSH_WIRE_SLOTS_MAX];
static struct ivsh_wire_server *copies[IVSH_WIRE_SLOTS_MAX];
static bool is_split;

/* Private memory of zeroes takes the place of (mapping). */
static void replace(struct mapping *mapping)
{
	if (mapping->base && mmap(mapping->base, mapping->size, mapping->protection,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		_exit(1);
	mapping->is_lost = 1;
}

static bool has(const struct mapping *mapping, const void *address)
{
	const char *base = mapping->base, *at = address;

	return base && at >= base && at < base + mapping->size;
}

/*
 * Somebody truncated a named object, or a huge page is gone. The words that we write go to private
 * memory from here on: the server stays, for its sockets and eventfds are sound. Of a split region
 * only the one memory is given up: the owner of a part takes nothing away but what that part says.
 */
static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	for (uint32_t i = 0; is_split && i < IVSH_WIRE_SLOTS_MAX; i++)
		if (has(&part_mapping[i], info->si_addr)) {
			replace(&part_mapping[i]);
			return;
		}
	replace(&page_mapping);
	replace(&slots_mapping);
}

static int map(struct mapping *mapping, int fd, uint64_t size)
{
	void *base = mmap(NULL, (size_t)size, mapping->protection, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return -1;
	mapping->size = (size_t)size;
	mapping->base = base;
	return 0;
}

/*
 * Without them the server serves as well, and nobody sees metrics in its status. Pages of huge
 * memory are mapped as a whole.
 */
static void slots_open(int fd, uint64_t bytes, uint64_t page, uint32_t slots)
{
	uint64_t size = IVSH_WIRE_SLOTS_OFFSET + slots * (uint64_t)sizeof(struct ivsh_wire_slot);

	size = (size + page - 1) / page * page;
	if (slots > IVSH_WIRE_SLOTS_MAX || size > bytes)
		return;
	if (map(&slots_mapping, fd, size))
		(void)log_failure("memory", "mmap of the slots: %s", strerror(errno));
}

static struct ivsh_wire_server *server_page(const struct mapping *mapping)
{
	return (void *)((char *)mapping->base + IVSH_WIRE_SERVER_OFFSET);
}

/* The common memories, in which clients see the server; and the slots, as slots_open(). */
static int split_open(const struct state *state)
{
	is_split = true;
	for (uint32_t i = 0; i < state->head->slots && i < IVSH_WIRE_SLOTS_MAX; i++) {
		const uint64_t slot_end =
		    IVSH_WIRE_PART_SLOT_OFFSET(i) + sizeof(struct ivsh_wire_slot);

		common_mapping[i].protection = PROT_READ | PROT_WRITE;
		part_mapping[i].protection = PROT_READ;
		if (map(&common_mapping[i], state->memory[i].common, IVSH_WIRE_COMMON_SIZE))
			return log_failure("common memory", "mmap: %s", strerror(errno));
		copies[i] = server_page(&common_mapping[i]);
		if (map(&part_mapping[i], state->memory[i].reader, slot_end))
			(void)log_failure("part", "mmap of slot %u: %s", i, strerror(errno));
	}
	return 0;
}

struct ivsh_wire_server *mapping_open(const struct state *state)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	const struct state_head *head = state->head;

	if (map(&page_mapping, head->memory,
		head->page > IVSH_WIRE_SLOTS_OFFSET ? head->page : IVSH_WIRE_SLOTS_OFFSET)) {
		log_failure("memory", "mmap: %s", strerror(errno));
		return NULL;
	}
	if (!head->split)
		slots_open(head->memory, head->size, head->page, head->slots);
	else if (split_open(state))
		return NULL;
	sigaction(SIGBUS, &action, NULL);
	return server_page(&page_mapping);
}

struct ivsh_wire_server *const *mapping_copies(void)
{
	return is_split ? copies : NULL;
}

const struct ivsh_wire_slot *mapping_slot(uint32_t slot)
{
	const struct ivsh_wire_slot *slots;

	if (is_split) {
		if (slot >= IVSH_WIRE_SLOTS_MAX || !part_mapping[slot].base)
			return NULL;
		return (const void *)((const char *)part_mapping[slot].base +
				      IVSH_WIRE_PART_SLOT_OFFSET(slot));
	}
	if (!slots_mapping.base)
		return NULL;
	slots = (const void *)((const char *)slots_mapping.base + IVSH_WIRE_SLOTS_OFFSET);
	return &slots[slot];
}

bool mapping_is_lost(void)
{
	return page_mapping.is_lost;
}

uint32_t mapping_lost_part(void)
{
	for (uint32_t i = 0; is_split && i < IVSH_WIRE_SLOTS_MAX; i++)
		if (part_mapping[i].is_lost && !part_mapping[i].is_told) {
			part_mapping[i].is_told = true;
			return i;
		}
	return SLOTS_NONE;
}
