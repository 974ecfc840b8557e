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
};

static struct mapping page_mapping = {.protection = PROT_READ | PROT_WRITE};
static struct mapping slots_mapping = {.protection = PROT_READ};
static volatile sig_atomic_t is_lost;

/* Private memory of zeroes takes the place of (mapping). */
static void replace(const struct mapping *mapping)
{
	if (mapping->base && mmap(mapping->base, mapping->size, mapping->protection,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		_exit(1);
}

/*
 * Somebody truncated a named object, or a huge page is gone. The words that we write go to private
 * memory from here on: the server stays, for its sockets and eventfds are sound.
 */
static void on_sigbus(int signal)
{
	(void)signal;
	is_lost = 1;
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

struct ivsh_wire_server *mapping_open(int fd, uint64_t bytes, uint64_t page, uint32_t slots)
{
	struct sigaction action = {.sa_handler = on_sigbus};

	if (map(&page_mapping, fd, page > IVSH_WIRE_SLOTS_OFFSET ? page : IVSH_WIRE_SLOTS_OFFSET)) {
		log_failure("memory", "mmap: %s", strerror(errno));
		return NULL;
	}
	slots_open(fd, bytes, page, slots);
	sigaction(SIGBUS, &action, NULL);
	return (void *)((char *)page_mapping.base + IVSH_WIRE_SERVER_OFFSET);
}

const struct ivsh_wire_slot *mapping_slots(void)
{
	if (!slots_mapping.base)
		return NULL;
	return (const void *)((const char *)slots_mapping.base + IVSH_WIRE_SLOTS_OFFSET);
}

bool mapping_is_lost(void)
{
	return is_lost;
}
