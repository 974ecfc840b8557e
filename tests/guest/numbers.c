/* SPDX-License-Identifier: MIT */
/*
 * numbers.c - a guest that sends numbers to its peers, and prints which were accepted and which
 * arrived: for tests/demos/test_kill.py, which kills it at any time.
 *
 * Command line: `stream` for ever, or `drain` until no message has arrived for a while; the number
 * of peers, from slot 0 on; milliseconds from one round of numbers to the next; milliseconds for
 * which every fifth message is kept before its release. The messages before it are released
 * meanwhile, but the sender does not see that yet: after a kill they all arrive again.
 *   S TO INCARNATION N          number N of this incarnation was accepted for slot TO
 *   R FROM INCARNATION N MARK   a number arrived, not yet released: a kill makes it come again
 *   L FROM                      the channel was reset: what came before may be lost
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"

#include <ivsh/ivsh.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "numbers";

#define PEERS_MAX 8u
#define DESCS_MAX IVSH_FIT_DESCS
#define QUIET_NS UINT64_C(1500000000)
#define HOLD_EVERY 5u
#define TURN 8u

/* The start of each message; the bytes behind it depend on (n). */
struct number {
	uint32_t incarnation, n;
};

static struct ivsh_set_device devices[PEERS_MAX];
static struct ivsh_mem_part parts[PEERS_MAX];
/* The device is set.common; without a split region it is all that there is. */
static struct ivsh_set set = {.devices = devices, .parts = parts, .room = PEERS_MAX};
static struct ivsh_region region;
static struct ivsh_chan chans[PEERS_MAX];
static struct ivsh_record records[PEERS_MAX][DESCS_MAX];
static uint32_t next[PEERS_MAX], lost[PEERS_MAX], peers;
static uint64_t hold_ns;

static void need(int error, const char *what)
{
	if (error == 0)
		return;
	printf("FAIL: %s: %s\n", what, ivsh_error_text(error));
	exit(1);
}

static void open_all(void)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = "numbers",
	    .nonce = arch_nonce(),
	    .timeout_ns = UINT64_C(5000000000)};
	struct ivsh_pci_windows windows;
	struct ivsh_mem mem;
	uint32_t function;

	arch_pci_windows(&windows);
	need(ivsh_pci_assign(arch_platform(), &windows), "assign");
	need(ivsh_device_find(arch_platform(), 0, &function), "find");
	need(ivsh_device_open(&set.common, arch_platform(), function), "open");
	need(ivsh_device_interrupts(&set.common, 2), "interrupts");
	if (ivsh_set_is_split(&set.common)) {
		need(ivsh_set_open(&set), "parts");
		ivsh_set_mem(&set, &mem);
	} else {
		ivsh_device_mem(&set.common, &mem);
	}
	need(ivsh_region_attach(&region, &mem, &attach), "attach");
	for (uint32_t peer = 0; peer < peers; peer++)
		if (peer != mem.self)
			need(ivsh_chan_open(&chans[peer], &region, peer, records[peer], DESCS_MAX),
			    "channel");
	printf("incarnation %u\n", (unsigned)region.incarnation);
}

static uint32_t size_of(uint32_t n)
{
	static const uint32_t sizes[] = {8, 40, 2000, 700, 64, 9};

	return sizes[n % (sizeof(sizes) / sizeof(sizes[0]))];
}

static bool send_one(uint32_t to)
{
	static uint8_t bytes[2048];
	struct number number = {region.incarnation, next[to]};
	int error;

	memset(bytes, (int)(number.n + 1), sizeof(bytes));
	memcpy(bytes, &number, sizeof(number));
	error = ivsh_chan_send(&chans[to], 1, bytes, size_of(number.n));
	if (error == IVSH_EAGAIN)
		return false;
	need(error, "send");
	printf("S %u %u %u\n", (unsigned)to, (unsigned)region.incarnation, (unsigned)next[to]++);
	return true;
}

/* Print a reset of the channel, where it stands. */
static void lost_print(struct ivsh_chan *chan)
{
	if (chan->lost == lost[chan->peer])
		return;
	lost[chan->peer] = chan->lost;
	printf("L %u\n", (unsigned)chan->peer);
}

static bool receive_one(void)
{
	struct ivsh_message message;
	struct number number;
	struct ivsh_chan *chan;
	int error = ivsh_region_next(&region, &chan, &message);

	if (error == IVSH_EAGAIN)
		return false;
	need(error, "next");
	lost_print(chan);
	memcpy(&number, message.data, sizeof(number));
	if (message.size != size_of(number.n))
		need(IVSH_EPROTO, "size");
	for (uint32_t i = sizeof(number); i < message.size; i++)
		if (((const uint8_t *)message.data)[i] != (uint8_t)(number.n + 1))
			need(IVSH_EPROTO, "a byte");
	printf("R %u %u %u %u\n", (unsigned)chan->peer, (unsigned)number.incarnation,
	    (unsigned)number.n, message.flags);
	for (uint64_t end_ns = arch_now_ns() + hold_ns;
	     number.n % HOLD_EVERY == 0 && arch_now_ns() < end_ns;)
		;
	need(ivsh_chan_release(chan), "release");
	return true;
}

int main(int argc, char **argv)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	bool stream = argc > 1 && strcmp(argv[1], "stream") == 0;
	uint64_t last_ns, next_ns = 0,
			  pace_ns = argc > 3 ? strtoul(argv[3], NULL, 10) * 1000000 : 0;

	hold_ns = argc > 4 ? strtoul(argv[4], NULL, 10) * 1000000 : 0;
	peers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2;
	if (peers < 2 || peers > PEERS_MAX)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 256);
	open_all();
	last_ns = arch_now_ns();
	while (stream || arch_now_ns() - last_ns < QUIET_NS) {
		bool due = stream && arch_now_ns() >= next_ns, work = false;
		uint32_t events;

		next_ns = due ? arch_now_ns() + pace_ns : next_ns;
		for (uint32_t peer = 0; peer < peers && due; peer++)
			if (peer != region.mem.self)
				work |= send_one(peer);
		/* A few at a time, so that sending has its turn. */
		for (uint32_t i = 0; i < TURN && receive_one(); i++) {
			work = true;
			last_ns = arch_now_ns();
		}
		for (uint32_t peer = 0; peer < peers && !work; peer++)
			if (peer != region.mem.self)
				lost_print(&chans[peer]);
		if (!work)
			need(ivsh_region_wait(
				 &region, &wait, pace_ns ? pace_ns : 100000000, &events),
			    "wait");
	}
	for (uint32_t peer = 0; peer < peers; peer++)
		if (peer != region.mem.self)
			ivsh_chan_close(&chans[peer]);
	ivsh_region_detach(&region);
	ivsh_set_close(&set);
	printf("over\n");
	return 0;
}
