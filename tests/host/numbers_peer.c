/* SPDX-License-Identifier: MIT */
/*
 * numbers_peer.c - a process that sends numbers through a server's memory: for test_kill.py.
 *
 * usage: numbers SOCKET NOTES; NOTES is a file, a struct numbers. The slot is the socket's.
 */
#include <ivsh/client.h>
#include "tests/host/numbers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 20
#define TRY_NS UINT64_C(1500000000) /* the server waits 1 s for the last incarnation to leave */

int main(int argc, char **argv)
{
	static struct ivsh_client client;
	struct numbers *numbers;
	struct stat st;
	int fd = argc == 3 ? open(argv[2], O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0 || fstat(fd, &st) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return 2;
	numbers = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (numbers == MAP_FAILED)
		return 2;
	/* After a server was killed in our handshake, the handshake may have to begin again. */
	for (int i = 0; ivsh_client_connect(&client, argv[1], TRY_NS); i++) {
		if (i == TRIES) {
			snprintf(numbers->wrong, sizeof(numbers->wrong), "%s", client.error);
			return 1;
		}
		atomic_fetch_add(&numbers->retries, 1);
		poll(NULL, 0, 20);
	}
	numbers_run(numbers, &client.mem);
}
