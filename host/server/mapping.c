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

static void *pages;
static size_t pages_size;
static volatile sig_atomic_t is_lost;

/*
 * Somebody truncated a named object, or a huge page is gone. The words that we write go to private
 * memory from here on: the server stays, for its sockets and eventfds are sound.
 */
static void on_sigbus(int signal)
{
	(void)signal;
	is_lost = 1;
	if (mmap(pages, pages_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		-1, 0) == MAP_FAILED)
		_exit(1);
}

struct ivsh_wire_server *mapping_open(int fd, uint64_t page)
{
	struct sigaction action = {.sa_handler = on_sigbus};

	pages_size = (size_t)(page > IVSH_WIRE_SLOTS_OFFSET ? page : IVSH_WIRE_SLOTS_OFFSET);
	pages = mmap(NULL, pages_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED) {
		log_failure("memory", "mmap: %s", strerror(errno));
		return NULL;
	}
	sigaction(SIGBUS, &action, NULL);
	return (void *)((char *)pages + IVSH_WIRE_SERVER_OFFSET);
}

bool mapping_is_lost(void)
{
	return is_lost;
}
