/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - the first pages of the memory: header and server page.
 */
#include "server/mapping.h"
#include "process/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *mapping_head;
static size_t mapping_head_size;
static volatile sig_atomic_t mapping_lost;

/*
 * Somebody truncated a named object, or a huge page is gone. The words that we write go to private
 * memory from here on: the server stays, for its sockets and eventfds are sound.
 */
static void mapping_sigbus(int signal)
{
	(void)signal;
	mapping_lost = 1;
	if (mmap(mapping_head, mapping_head_size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		_exit(1);
}

struct ivsh_wire_server *mapping_open(int fd, uint64_t page)
{
	struct sigaction action = {.sa_handler = mapping_sigbus};

	mapping_head_size = (size_t)(page > IVSH_WIRE_SLOTS_OFFSET ? page : IVSH_WIRE_SLOTS_OFFSET);
	mapping_head = mmap(NULL, mapping_head_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapping_head == MAP_FAILED) {
		log_failure("memory", "mmap: %s", strerror(errno));
		return NULL;
	}
	sigaction(SIGBUS, &action, NULL);
	return (void *)((char *)mapping_head + IVSH_WIRE_SERVER_OFFSET);
}

bool mapping_is_lost(void)
{
	return mapping_lost;
}
