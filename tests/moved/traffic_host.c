/* SPDX-License-Identifier: MIT */
/*
 * traffic_host.c - traffic.h as a process: socket=PATH of a server, file=PATH and slot=N, or
 * split=FOLDER and slot=N: a split region without a server.
 */
#include <ivsh/client.h>
#include "tests/moved/traffic.h"

#include <ivsh/error.h>
#include <ivsh/region.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_NS UINT64_C(2000000000)

#define PARTS_MAX 8u

static struct ivsh_client client;
static struct ivsh_mem_part parts[PARTS_MAX];
static uint32_t part_count;
static bool is_open;

/* Map part (slot) of the split region in (folder). False: there is none. */
static bool map_part(const char *folder, uint32_t slot, bool is_writable)
{
	struct stat status;
	char path[256];
	int file;
	void *base = MAP_FAILED;

	snprintf(path, sizeof(path), "%s/part-%u", folder, (unsigned)slot);
	file = open(path, (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (file < 0)
		return false;
	if (fstat(file, &status) == 0)
		base = mmap(NULL, (size_t)status.st_size,
		    is_writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0);
	close(file);
	if (base == MAP_FAILED)
		return false;
	parts[slot] = (struct ivsh_mem_part){.base = base,
	    .size = (uint64_t)status.st_size,
	    .slot = slot,
	    .is_writable = is_writable};
	return true;
}

static int open_split(const char *folder)
{
	const char *slot = traffic_option("slot");
	uint32_t own = slot ? (uint32_t)strtoul(slot, NULL, 10) : 0;
	char path[256];

	snprintf(path, sizeof(path), "%s/common", folder);
	if (ivsh_client_open_file(&client, path, own))
		return IVSH_ENODEV;
	while (part_count < PARTS_MAX && map_part(folder, part_count, part_count == own))
		part_count++;
	client.mem.parts = parts;
	client.mem.part_count = part_count;
	client.mem.split = ivsh_attach_split;
	return 0;
}

static int open_device(struct ivsh_mem *mem)
{
	const char *socket = traffic_option("socket"), *folder = traffic_option("split");
	int failed;

	if (!is_open) {
		failed = socket   ? ivsh_client_connect(&client, socket, CONNECT_NS)
			 : folder ? open_split(folder)
				  : ivsh_client_open_file(
					&client, traffic_option("file"), IVSH_SELF_NONE);
		if (failed) {
			printf("refused: %s\n", client.error);
			return IVSH_ENODEV;
		}
		is_open = true;
	}
	*mem = client.mem;
	return 0;
}

static void close_device(void)
{
	if (is_open)
		ivsh_client_close(&client);
	while (part_count != 0) {
		part_count--;
		munmap(parts[part_count].base, (size_t)parts[part_count].size);
	}
	is_open = false;
}

static int key(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	unsigned char byte;

	if (poll(&input, 1, 0) != 1)
		return -1;
	return read(STDIN_FILENO, &byte, 1) == 1 ? byte : 'q';
}

static bool leaving(void)
{
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void nap(uint64_t ns)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	poll(&input, 1, (int)(ns / 1000000));
}

static uint64_t seed(void)
{
	uint64_t number = 0;

	return getrandom(&number, sizeof(number), 0) == sizeof(number) ? number : now_ns();
}

static void *kept(uint32_t size)
{
	return calloc(1, size);
}

int main(int argc, char **argv)
{
	static const struct traffic_world world = {
	    .open = open_device,
	    .close = close_device,
	    .key = key,
	    .leaving = leaving,
	    .now_ns = now_ns,
	    .nap = nap,
	    .seed = seed,
	    .kept = kept,
	};

	if (!traffic_options(argc, argv) ||
	    (!traffic_option("socket") && !traffic_option("file") && !traffic_option("split")) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL)) {
		fprintf(stderr,
		    "traffic: socket=PATH, file=PATH or split=FOLDER, slot=N, peers=2 to 8\n");
		return 2;
	}
	return traffic_run(&world);
}
