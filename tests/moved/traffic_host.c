/* SPDX-License-Identifier: MIT */
/*
 * traffic_host.c - traffic.h as a process: socket=PATH of a server, or file=PATH and slot=N.
 */
#include <ivsh/client.h>
#include "tests/moved/traffic.h"

#include <ivsh/error.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_NS UINT64_C(2000000000)

static struct ivsh_client client;
static bool is_open;

static int open_device(struct ivsh_mem *mem)
{
	const char *socket = traffic_option("socket"), *file = traffic_option("file");
	int failed;

	if (!is_open) {
		failed = socket ? ivsh_client_connect(&client, socket, CONNECT_NS)
				: ivsh_client_open_file(&client, file, IVSH_SELF_NONE);
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
	    (!traffic_option("socket") && !traffic_option("file")) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL)) {
		fprintf(stderr, "traffic: socket=PATH or file=PATH slot=N, peers=2 to 8\n");
		return 2;
	}
	return traffic_run(&world);
}
