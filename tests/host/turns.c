/* SPDX-License-Identifier: MIT */
/*
 * turns.c - what ivsh-bridge does between two sleeps, for tests/host/test_bridge_turns.py.
 *
 * LD_PRELOAD loads it into a bridge. Of each sleep of the bridge's loop, the poll(2) of its first
 * thread that waits for remote peers, too, it stores when that returned, into the file that
 * IVSH_TURNS names, and how often the thread has called epoll_wait(2) since then, which each look
 * at a remote peer does. A loop that polls again and again without a sleep, and finds nothing, has
 * not had a turn. The file is mapped before the bridge gives its rights up.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MOST (1u << 18)
#define OTHER 3u /* descriptors that the loop waits for besides remote peers', at least */

/* The test reads the same: struct.Struct("<QQ"). */
struct turn {
	uint64_t began_ns;
	uint64_t looks;
};

struct turns {
	uint64_t count; /* of them all. The last one is not over */
	uint64_t reserved;
	struct turn turn[MOST];
};

static struct turns *turns;
static pthread_t first;
static bool was_fruitless;
static int (*real_poll)(struct pollfd *, nfds_t, int);
static int (*real_wait)(int, struct epoll_event *, int, int);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("IVSH_TURNS");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *memory = MAP_FAILED;

	first = pthread_self();
	*(void **)&real_poll = dlsym(RTLD_NEXT, "poll");
	*(void **)&real_wait = dlsym(RTLD_NEXT, "epoll_wait");
	if (fd >= 0 && ftruncate(fd, sizeof(struct turns)) == 0)
		memory =
		    mmap(NULL, sizeof(struct turns), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory != MAP_FAILED)
		turns = memory;
	if (fd >= 0)
		close(fd);
}

static bool is_counted(void)
{
	return turns && pthread_equal(pthread_self(), first);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready = real_poll(fds, count, timeout);
	uint64_t at;
	struct timespec now;

	if (!is_counted() || count <= OTHER || turns->count == MOST)
		return ready;
	clock_gettime(CLOCK_MONOTONIC, &now);
	at = turns->count;
	if (was_fruitless && turns->turn[at - 1].looks == 0)
		at--;
	was_fruitless = ready == 0 && timeout == 0;
	turns->turn[at].began_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	__atomic_store_n(&turns->count, at + 1, __ATOMIC_RELEASE);
	return ready;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
	if (is_counted() && turns->count)
		turns->turn[turns->count - 1].looks++;
	return real_wait(fd, events, most, timeout);
}
