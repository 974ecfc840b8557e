/* SPDX-License-Identifier: MIT */
/*
 * survivor.c - how soon a peer learns that another one was killed, with a server: for test_kill.py.
 *
 * usage: survivor SOCKET; it reads commands, one a line. `begin`: another process joins. `kill`:
 * that process is killed. After each the survivor sleeps until it has the peer event, and prints
 * how long that took, in microseconds, and what the peer is now: `gone` is what a server says,
 * `silent` what heartbeats show. SPEC R4.2, R5.10.
 */
#include <ivsh/client.h>

#include <ivsh/channel.h>
#include <ivsh/peers.h>
#include <ivsh/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_NS UINT64_C(60000000000)

static struct ivsh_client client;
static struct ivsh_region region;
static struct ivsh_peer seen[IVSH_WIRE_SLOTS_MAX];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void join(const char *path, uint64_t nonce)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = nonce,
	    .timeout_ns = LIMIT_NS};

	if (ivsh_client_connect(&client, path, LIMIT_NS)) {
		fprintf(stderr, "survivor: %s: %s\n", path, client.error);
		exit(1);
	}
	if (ivsh_region_attach(&region, &client.mem, &attach)) {
		fprintf(stderr, "survivor: attach\n");
		exit(1);
	}
}

static void print(uint32_t slot, uint64_t took_ns)
{
	struct ivsh_peer peer = seen[slot];
	const char *is = "another";

	if (ivsh_region_peer(&region, slot, &peer) == 0)
		is = peer.presence == IVSH_PEER_ATTACHED ? "attached"
		     : peer.presence == IVSH_PEER_GONE   ? "gone"
		     : peer.presence == IVSH_PEER_SILENT ? "silent"
							 : "another";
	printf("%llu %s\n", (unsigned long long)took_ns / 1000, is);
	fflush(stdout);
}

/* Sleep until there is an event of (kind), and print how long that took. Without one, exit. */
static void await(enum ivsh_peer_event_kind kind)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint64_t start = now_ns();
	struct ivsh_peer_event event;
	uint32_t events;

	while (now_ns() - start < LIMIT_NS) {
		while (ivsh_region_peer_event(&region, seen, IVSH_WIRE_SLOTS_MAX, &event) == 0)
			if (event.kind == kind) {
				print(event.slot, now_ns() - start);
				return;
			}
		ivsh_client_poll(&client);
		if (ivsh_region_wait(&region, &wait, 20000000, &events))
			break;
	}
	fprintf(stderr, "survivor: no event of kind %d after 60 s\n", (int)kind);
	exit(1);
}

/* Start a process that joins and sleeps. It dies with us. */
static pid_t begin(const char *path)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ivsh_client_close(&client); /* the parent's */
	join(path, now_ns() ^ (uint64_t)getpid() << 48);
	for (;;) {
		const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
		uint32_t events;

		if (ivsh_region_wait(&region, &wait, 100000000, &events))
			_exit(1);
	}
}

int main(int argc, char **argv)
{
	pid_t child = 0;
	char line[16];

	if (argc != 2)
		return 2;
	join(argv[1], now_ns());
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "begin\n") == 0) {
			child = begin(argv[1]);
			await(IVSH_PEER_EVENT_UP);
		} else {
			kill(child, SIGKILL);
			await(IVSH_PEER_EVENT_DOWN);
			waitpid(child, NULL, 0);
		}
	}
	ivsh_region_detach(&region);
	ivsh_client_close(&client);
	return 0;
}
